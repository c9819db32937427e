import { name, u16, type RdataType } from './fields.ts';

/** RFC 2163 4. */
export const px: RdataType = {
  code: 26,
  fields: [
    u16('preference'),
    name('RFC 822 domain', { decompress: true }),
    name('X.400 domain as a name', { decompress: true }),
  ],
  example: '10 net2.it. prmd-net2.admd-p400.c-it.',
};
