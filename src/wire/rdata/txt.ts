import { Type } from '../codes.ts';
import { strings, type RdataType } from './fields.ts';

/** RFC 1035 3.3.14. */
export const txt: RdataType = { code: Type.TXT, fields: [strings('text')], example: '"any text" "more of it"' };

/** RFC 7208 3.1: given up in favour of TXT, and still found in zones. */
export const spf: RdataType = { code: 99, fields: [strings('text')], example: '"v=spf1 -all"' };

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
