import { Type } from '../codes.ts';
import { name, u16, type RdataType } from './fields.ts';

/** RFC 1035 3.3.9. */
export const mx: RdataType = {
  code: Type.MX,
  fields: [u16('preference'), name('host name', { compress: true, additional: true })],
  example: '10 mail.example.org.',
};
