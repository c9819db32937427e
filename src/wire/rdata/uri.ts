import { octetsFromText, quote } from '../presentation.ts';
import { u16, type Field, type RdataType } from './fields.ts';

const target: Field = {
  label: 'URI',
  parse(words, out) {
    const octets = octetsFromText(words.string().text);
    if (!octets.ok) return { message: octets.error };
    if (octets.value.length === 0) return { message: 'the URI is empty' };
    out.bytes(octets.value);
    return undefined;
  },
  measure: (_, at, end) => (end > at ? end - at : -1),
  print: (bytes, at, end) => quote(bytes.subarray(at, end)),
};

/** RFC 7553 4. */
export const uri: RdataType = {
  code: 256,
  fields: [u16('priority'), u16('weight'), target],
  example: '10 1 "https://www.example.org/"',
};
