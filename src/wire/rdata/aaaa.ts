import { Type } from '../codes.ts';
import { ipv6, type RdataType } from './fields.ts';

/** RFC 3596 2.2. */
export const aaaa: RdataType = { code: Type.AAAA, fields: [ipv6('IPv6 address')], example: '2001:db8::1' };
