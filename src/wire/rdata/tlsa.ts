import { Type } from '../codes.ts';
import { hex, u8, type RdataType } from './fields.ts';

const fields = [u8('certificate usage'), u8('selector'), u8('matching type'), hex('hexadecimal association')];
const example = '3 1 1 0B9FA5A59EED715C26C1020C711B4F6EC42D58B0015E14337A39DAD301C5AFC3';

/** RFC 6698 2.1. */
export const tlsa: RdataType = { code: Type.TLSA, fields, example };

/** RFC 8162 2. */
export const smimea: RdataType = { code: 53, fields, example };
