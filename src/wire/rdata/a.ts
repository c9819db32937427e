import { Type } from '../codes.ts';
import { ipv4, type RdataType } from './fields.ts';

/** RFC 1035 3.4.1. */
export const a: RdataType = { code: Type.A, fields: [ipv4('IPv4 address')], example: '192.0.2.1' };
