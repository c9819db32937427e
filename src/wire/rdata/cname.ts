import { Type } from '../codes.ts';
import { name, type RdataType } from './fields.ts';

/** RFC 1035 3.3.1. */
export const cname: RdataType = {
  code: Type.CNAME,
  fields: [name('canonical name', { compress: true })],
  example: 'www.example.org.',
};
