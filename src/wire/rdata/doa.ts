import { base64, string, u32, u8, type Field, type RdataType } from './fields.ts';

const base = base64('base 64 data', 0);

/** `-` when there is none. */
const data: Field = {
  ...base,
  optional: false,
  parse(words, out) {
    if (words.tokens[words.at]!.text !== '-') return base.parse(words, out);
    words.next();
    return undefined;
  },
  print: (bytes, at, end) => (at === end ? '-' : base.print(bytes, at, end)),
};

/** draft-durand-doa-over-dns 3. */
export const doa: RdataType = {
  code: 259,
  fields: [u32('enterprise number'), u32('type'), u8('location'), string('media type'), data],
  example: '0 1 2 "" aHR0cHM6Ly93d3cuZXhhbXBsZS5vcmcv',
};
