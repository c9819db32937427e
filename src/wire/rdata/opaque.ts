import { algorithm, typeBitmap } from './dnssec-fields.ts';
import { base64, hex, u16, u32, u8, type RdataType } from './fields.ts';

/** CERT, RFC 4398 2. */
export const cert: RdataType = {
  code: 37,
  fields: [u16('certificate type'), u16('key tag'), algorithm(), base64('base 64 certificate')],
  example: '1 0 0 MIIB',
};

/** DHCID, RFC 4701 3. */
export const dhcid: RdataType = {
  code: 49,
  fields: [base64('base 64 identifier', 3)],
  example: 'AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=',
};

/** OPENPGPKEY, RFC 7929 2. */
export const openpgpkey: RdataType = { code: 61, fields: [base64('base 64 key')], example: 'mQINBFit' };

/** CSYNC, RFC 7477 2.1. */
export const csync: RdataType = {
  code: 62,
  fields: [u32('SOA serial'), u16('flags field'), typeBitmap({ mayBeEmpty: true })],
  example: '66 3 A NS AAAA',
};

/** ZONEMD, RFC 8976 2: a digest has 12 octets at least (2.2.4). */
export const zonemd: RdataType = {
  code: 63,
  fields: [u32('SOA serial'), u8('scheme'), u8('hash algorithm'), hex('hexadecimal digest', 12)],
  example:
    '2018031500 1 1 FEBE3D4CE2EC2FFA4BA99D46CD69D6D29711E55217057BEE7EB1A7B641A47BA7FED2DD5B97AE499FAFA4F22C6BD647DE',
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
