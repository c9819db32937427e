import { octetsFromText, quote } from '../presentation.ts';
import { u16, type Field, type RdataType } from './fields.ts';

const target: Field = {
  label: 'URI',
  parse(words, out) {
    const octets = octetsFromText(words.string().text);
    if (!octets.ok) return { message: octets.error };
    out.bytes(octets.value);
    return undefined;
  },
  measure: (_, at, end) => end - at,
  print: (bytes, at, end) => quote(bytes.subarray(at, end)),
};

/** RFC 7553 4. */
export const uri: RdataType = {
  code: 256,
  fields: [u16('priority'), u16('weight'), target],
  example: '10 1 "https://www.example.org/"',
  // RFC 7553 4.4 forbids it, and BIND, NSD and Knot allow it.
  warn: (rdata) => (rdata.length > 4 ? undefined : { message: 'the URI is empty', remedy: 'write one' }),
};
