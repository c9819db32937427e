import { Type } from '../codes.ts';
import { algorithm } from './dnssec-fields.ts';
import { hex, u16, u8, type RdataType } from './fields.ts';

/** Octets of a digest: RFC 4034 5.1.4 (SHA-1), RFC 4509 2.1 (SHA-256), RFC 5933 (GOST), RFC 6605 2 (SHA-384). */
const OCTETS: Readonly<Record<number, number>> = { 1: 20, 2: 32, 3: 32, 4: 48 };

const fields = [u16('key tag'), algorithm(), u8('digest type'), hex('hexadecimal digest')];
const example = '20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D';

function check(rdata: Uint8Array): string | undefined {
  const octets = OCTETS[rdata[3]!];
  if (octets === undefined || rdata.length === 4 + octets) return undefined;
  return `a digest of type ${rdata[3]} has ${octets} octets, not ${rdata.length - 4}`;
}

/** RFC 4034 5. */
export const ds: RdataType = { code: Type.DS, fields, example, check };

/** RFC 7344 3.1; `0 0 0 00` asks the parent to remove the DS (RFC 8078 4). */
export const cds: RdataType = { code: 59, fields, example, check };

/** TA of draft-weiler-dnssec-dlv-iana. */
export const ta: RdataType = { code: 32768, fields, example, check };

/** RFC 4431 2, obsolete. */
export const dlv: RdataType = { code: 32769, fields, example, check };
