import { algorithm, typeBitmap } from './dnssec-fields.ts';
import { base64, hex, u16, u32, u8, type Field, type RdataType } from './fields.ts';

/** RFC 4398 2.1. */
const CERTIFICATE_TYPES: Readonly<Record<string, number>> = {
  PKIX: 1,
  SPKI: 2,
  PGP: 3,
  IPKIX: 4,
  ISPKI: 5,
  IPGP: 6,
  ACPKIX: 7,
  IACPKIX: 8,
  URI: 253,
  OID: 254,
};

/** By number or mnemonic; printed as a number. */
const certificateType: Field = {
  ...u16('certificate type'),
  parse(words, out) {
    const { text } = words.next();
    const value = /^[0-9]{1,5}$/u.test(text) ? Number(text) : (CERTIFICATE_TYPES[text.toUpperCase()] ?? 0x10000);
    if (value > 0xffff) {
      return { message: `"${text}" is no certificate type`, remedy: 'write a number from 0 to 65535, or as in PKIX' };
    }
    out.u16(value);
    return undefined;
  },
};

/** CERT, RFC 4398 2. */
export const cert: RdataType = {
  code: 37,
  fields: [certificateType, u16('key tag'), algorithm(), base64('base 64 certificate')],
  example: '1 0 0 MIIB',
};

/** DHCID, RFC 4701 3. */
export const dhcid: RdataType = {
  code: 49,
  fields: [base64('base 64 identifier')],
  example: 'AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=',
};

/** HHIT and BRID, RFC 9886 5.1 and 5.2: a CBOR object. */
export const hhit: RdataType = { code: 67, fields: [base64('base 64 object')], example: 'gQA=' };
export const brid: RdataType = { code: 68, fields: [base64('base 64 object')], example: 'oQAA' };

/** OPENPGPKEY, RFC 7929 2. */
export const openpgpkey: RdataType = { code: 61, fields: [base64('base 64 key')], example: 'mQINBFit' };

/** CSYNC, RFC 7477 2.1. */
export const csync: RdataType = {
  code: 62,
  fields: [u32('SOA serial'), u16('flags field'), typeBitmap({ mayBeEmpty: true })],
  example: '66 3 A NS AAAA',
};

/** Octets of a digest by hash algorithm (RFC 8976 5.3). */
const DIGESTS: Readonly<Record<number, number>> = { 1: 48, 2: 64 };

/** ZONEMD, RFC 8976 2: a digest has 12 octets at least (2.2.4). */
export const zonemd: RdataType = {
  code: 63,
  fields: [u32('SOA serial'), u8('scheme'), u8('hash algorithm'), hex('hexadecimal digest', 12)],
  example:
    '2018031500 1 1 FEBE3D4CE2EC2FFA4BA99D46CD69D6D29711E55217057BEE7EB1A7B641A47BA7FED2DD5B97AE499FAFA4F22C6BD647DE',
  check(rdata) {
    const octets = DIGESTS[rdata[5]!];
    if (octets === undefined || rdata.length === 6 + octets) return undefined;
    return `a digest of algorithm ${rdata[5]} has ${octets} octets, not ${rdata.length - 6}`;
  },
};

/** EID of draft-ietf-nimrod-dns, obsolete. */
export const eid: RdataType = { code: 31, fields: [hex('hexadecimal identifier')], example: 'E32C6F78163A9348' };

/** NIMLOC of draft-ietf-nimrod-dns, obsolete. */
export const nimloc: RdataType = { code: 32, fields: [hex('hexadecimal locator')], example: '75234159EAC457800920' };

/** SINK of draft-eastlake-kitchen-sink, obsolete. */
export const sink: RdataType = {
  code: 40,
  fields: [u8('meaning'), u8('coding'), u8('subcoding'), base64('base 64 data', 0)],
  example: '1 0 0 AQPA',
};
