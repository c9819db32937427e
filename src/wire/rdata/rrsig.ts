import { Type } from '../codes.ts';
import { algorithm, instant, typeCode } from './dnssec-fields.ts';
import { base64, name, seconds, u16, u8, type Field, type NameUse, type RdataType } from './fields.ts';

function fields(signer: Partial<NameUse>): readonly Field[] {
  return [
    typeCode('type covered'),
    algorithm(),
    u8('number of labels'),
    seconds('original TTL'),
    instant('expiration time'),
    instant('inception time'),
    u16('key tag'),
    name("signer's name", signer),
    base64('base 64 signature'),
  ];
}

/** RFC 4034 3; the signer's name is never compressed (3.1.7), and in lower case in the canonical form (RFC 6840 5.1). */
export const rrsig: RdataType = {
  code: Type.RRSIG,
  fields: fields({ lower: true }),
  example: 'A 13 3 3600 20260201000000 20260101000000 12345 example.org. c2lnbmF0dXJl',
};

/** RFC 2535 4; now of messages alone (RFC 2931), where RFC 3597 4 lets the name be compressed. */
export const sig: RdataType = {
  code: 24,
  fields: fields({ decompress: true }),
  example: 'A 5 3 3600 20260201000000 20260101000000 12345 example.org. c2lnbmF0dXJl',
};
