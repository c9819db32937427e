import { Type } from '../codes.ts';
import { hex, u8, type RdataType } from './fields.ts';

/** RFC 4255 3.1: a SHA-1, and RFC 6594 3.2: a SHA-256 of the key. */
const OCTETS: Readonly<Record<number, number>> = { 1: 20, 2: 32 };

export const sshfp: RdataType = {
  code: Type.SSHFP,
  fields: [u8('key algorithm'), u8('fingerprint type'), hex('hexadecimal fingerprint')],
  example: '4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF123456789',
  check(rdata) {
    const octets = OCTETS[rdata[1]!];
    if (octets === undefined || rdata.length === 2 + octets) return undefined;
    return `a fingerprint of type ${rdata[1]} has ${octets} octets, not ${rdata.length - 2}`;
  },
};
