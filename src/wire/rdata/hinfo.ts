import { Type } from '../codes.ts';
import { string, type RdataType } from './fields.ts';

/** RFC 1035 3.3.2; also the answer to ANY of RFC 8482 4.2. */
export const hinfo: RdataType = { code: Type.HINFO, fields: [string('CPU'), string('OS')], example: '"RFC8482" ""' };
