import { typeFromText, typeToText } from '../types.ts';
import { name, type Field, type RdataType } from './fields.ts';

/** One bit for each type up to 127, the highest of an octet first; type 0 would mean another form (RFC 2535 5.2). */
const types: Field = {
  label: 'list of one or more types',
  parse(words, out) {
    const bits = new Uint8Array(16);
    while (!words.done) {
      const { text } = words.next();
      // BIND prints numbers alone for types without a name.
      const type = /^[0-9]{1,3}$/u.test(text) ? Number(text) : (typeFromText(text) ?? 0);
      if (type < 1 || type > 127)
        return { message: `"${text}" is no record type of 1 to 127`, remedy: 'write as in A MX' };
      bits[type >>> 3]! |= 0x80 >>> (type & 7);
    }
    out.bytes(bits.subarray(0, bits.findLastIndex((octet) => octet !== 0) + 1));
    return undefined;
  },
  measure(bytes, at, end) {
    const length = end - at;
    return length >= 1 && length <= 16 && bytes[at]! < 0x80 && bytes[end - 1] !== 0 ? length : -1;
  },
  print(bytes, at, end) {
    const names: string[] = [];
    for (let type = 1; type < (end - at) * 8; type++) {
      if ((bytes[at + (type >>> 3)]! & (0x80 >>> (type & 7))) !== 0) names.push(typeToText(type));
    }
    return names.join(' ');
  },
};

/** RFC 2535 5, given up in favour of NSEC. */
export const nxt: RdataType = {
  code: 30,
  fields: [name('next name', { decompress: true }), types],
  example: 'host.example.org. A MX SIG NXT',
};
