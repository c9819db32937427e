import { Type } from '../codes.ts';
import { name, u16, type RdataType } from './fields.ts';

/** RFC 2782: its target is never compressed, but RFC 3597 4 has receivers read one that is. */
export const srv: RdataType = {
  code: Type.SRV,
  fields: [u16('priority'), u16('weight'), u16('port'), name('host name', { decompress: true, additional: true })],
  example: '10 60 5060 sip.example.org.',
};
