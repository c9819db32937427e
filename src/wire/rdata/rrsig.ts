import { Type } from '../codes.ts';
import { algorithm, instant, typeCode } from './dnssec-fields.ts';
import { base64, name, seconds, u16, u8, type RdataType } from './fields.ts';

/** RFC 4034 3; the signer's name is never compressed (3.1.7), and in lower case in the canonical form (RFC 6840 5.1). */
export const rrsig: RdataType = {
  code: Type.RRSIG,
  fields: [
    typeCode('type covered'),
    algorithm(),
    u8('number of labels'),
    seconds('original TTL'),
    instant('expiration time'),
    instant('inception time'),
    u16('key tag'),
    name("signer's name", { lower: true }),
    base64('base 64 signature'),
  ],
  example: 'A 13 3 3600 20260201000000 20260101000000 12345 example.org. c2lnbmF0dXJl',
};
