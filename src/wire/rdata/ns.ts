import { Type } from '../codes.ts';
import { name, type RdataType } from './fields.ts';

/** RFC 1035 3.3.11. */
export const ns: RdataType = {
  code: Type.NS,
  fields: [name('name server', { compress: true, additional: true })],
  example: 'ns1.example.org.',
};
