import { Type } from '../codes.ts';
import { strings, type Fault, type RdataType } from './fields.ts';

/** Versions of texts that say nothing without what follows after a semicolon. */
const VERSION_ALONE = /^v=(?:DKIM1|DMARC1|STSv1|TLSRPTv1|BIMI1)$/u;

/** Texts that a missing pair of quotes has spoilt: divided at blanks, or cut at a semicolon. */
function warn(rdata: Uint8Array): Fault | undefined {
  const length = rdata[0]!;
  // Nearly all texts end here: zones have many.
  if (length > 12 || rdata[1] !== 0x76 || rdata[2] !== 0x3d) return undefined;
  const first = Buffer.from(rdata.subarray(1, 1 + length)).toString('latin1');
  const remedy = 'put the whole text in quotes';
  const last = rdata.length === 1 + length;
  if (last && VERSION_ALONE.test(first)) {
    return { message: `nothing follows "${first}"; a semicolon outside of quotes begins a comment`, remedy };
  }
  if (first !== 'v=spf1' || last || rdata[1 + length] === 0 || rdata[2 + length] === 0x20) return undefined;
  const message = 'v=spf1 is a string of its own, which readers join to the next without a blank (RFC 7208 3.3)';
  return { message, remedy };
}

/** RFC 1035 3.3.14. */
export const txt: RdataType = { code: Type.TXT, fields: [strings('text')], example: '"any text" "more of it"', warn };

/** RFC 7208 3.1: given up in favour of TXT, and still found in zones. */
export const spf: RdataType = { code: 99, fields: [strings('text')], example: '"v=spf1 -all"', warn };

/** RFC 9606 5, of the form of TXT. */
export const resinfo: RdataType = { code: 261, fields: [strings('text')], example: 'qnamemin exterr=15-17' };

/** WALLET, of the form of TXT. */
export const wallet: RdataType = {
  code: 262,
  fields: [strings('text')],
  example: '"BTC" "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"',
};

/** NINFO of draft-reid-dnsext-zs, of the form of TXT. */
export const ninfo: RdataType = { code: 56, fields: [strings('text')], example: '"status=up"' };

/** AVC, of the form of TXT. */
export const avc: RdataType = { code: 258, fields: [strings('text')], example: '"app-name:WOLFGANG"' };
