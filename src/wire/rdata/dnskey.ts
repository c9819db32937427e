import { Type } from '../codes.ts';
import { algorithm } from './dnssec-fields.ts';
import { base64, u16, u8, type RdataType } from './fields.ts';

const fields = [u16('flags field'), u8('protocol'), algorithm(), base64('base 64 public key')];
const example = '257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==';

/** RFC 4034 2. */
export const dnskey: RdataType = { code: Type.DNSKEY, fields, example };

/** RFC 7344 3.2; `0 3 0 AA==` asks the parent to remove the DS (RFC 8078 4). */
export const cdnskey: RdataType = { code: 60, fields, example };
