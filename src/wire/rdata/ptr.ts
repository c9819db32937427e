import { Type } from '../codes.ts';
import { name, type RdataType } from './fields.ts';

/** RFC 1035 3.3.12. */
export const ptr: RdataType = {
  code: Type.PTR,
  fields: [name('host name', { compress: true })],
  example: 'host.example.org.',
};
