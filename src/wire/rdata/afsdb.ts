import { name, u16, type RdataType } from './fields.ts';

/** RFC 1183 1. */
export const afsdb: RdataType = {
  code: 18,
  fields: [u16('subtype'), name('host name', { decompress: true, additional: true })],
  example: '1 afs.example.org.',
};
