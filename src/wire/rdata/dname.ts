import { Type } from '../codes.ts';
import { name, type RdataType } from './fields.ts';

/** RFC 6672 2.1: never compressed when written; senders of the older RFC 2672 may have done it. */
export const dname: RdataType = {
  code: Type.DNAME,
  fields: [name('target name', { decompress: true })],
  example: 'example.net.',
};
