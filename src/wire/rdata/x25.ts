import { string, type Field, type RdataType } from './fields.ts';

/** RFC 1183 3.1: digits that begin with the four of a DNIC. */
export const x25: RdataType = {
  code: 19,
  fields: [string('PSDN address')],
  example: '"311061700956"',
  check(rdata) {
    const digits = Buffer.from(rdata.subarray(1)).toString('latin1');
    return /^[0-9]{4,}$/u.test(digits) ? undefined : 'a PSDN address has four digits or more, and nothing else';
  },
};

const subaddress: Field = { ...string('subaddress'), optional: true };

/** RFC 1183 3.2. */
export const isdn: RdataType = {
  code: 20,
  fields: [
    string('ISDN address'),
    {
      ...subaddress,
      parse: (words, out) => (words.done ? undefined : subaddress.parse(words, out)),
      measure: (bytes, at, end) => (at === end ? 0 : subaddress.measure(bytes, at, end)),
      print: (bytes, at, end) => (at === end ? '' : subaddress.print(bytes, at, end)),
    },
  ],
  example: '"150862028003217" "004"',
};
