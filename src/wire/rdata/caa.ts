import { Type } from '../codes.ts';
import { octetsFromText, quote } from '../presentation.ts';
import { u8, type Fault, type Field, type RdataType } from './fields.ts';

const TAG = /^[0-9A-Za-z]{1,255}$/u;

const tag: Field = {
  label: 'tag',
  parse(words, out) {
    const { text } = words.string();
    if (!TAG.test(text)) return { message: `"${text}" is no tag`, remedy: 'write issue, issuewild or iodef' };
    out.u8(text.length);
    out.bytes(Buffer.from(text, 'latin1'));
    return undefined;
  },
  measure(bytes, at, end) {
    const length = at < end ? bytes[at]! + 1 : 0;
    if (length < 2 || at + length > end) return -1;
    return TAG.test(Buffer.from(bytes.subarray(at + 1, at + length)).toString('latin1')) ? length : -1;
  },
  print: (bytes, at, end) => Buffer.from(bytes.subarray(at + 1, end)).toString('latin1'),
};

/** To the end, without a length; quotes are asked for by the RFC and missing in many zones. */
const value: Field = {
  label: 'value',
  parse(words, out) {
    const octets = octetsFromText(words.string().text);
    if (!octets.ok) return { message: octets.error };
    out.bytes(octets.value);
    return undefined;
  },
  measure: (_, at, end) => end - at,
  print: (bytes, at, end) => quote(bytes.subarray(at, end)),
};

const ISSUE = /^issue(?:wild|mail|vmc)?$/iu;
const ISSUER = /^[0-9a-z](?:-*[0-9a-z])*(?:\.[0-9a-z](?:-*[0-9a-z])*)*$/iu;
const PARAMETER = /^[0-9a-z](?:-*[0-9a-z])*\s*=\s*[!-:<-~]*$/iu;

/** RFC 8659 4.2: an issuer's domain name or none, then parameters after semicolons. */
function isIssueValue(text: string): boolean {
  const [issuer = '', ...parameters] = text.split(';').map((part) => part.trim());
  if (issuer !== '' && !ISSUER.test(issuer)) return false;
  return parameters.every((parameter) => parameter === '' || PARAMETER.test(parameter));
}

/** RFC 8659 4.2: a CA reads a value that is malformed as naming nobody, and issues nothing. */
function warn(rdata: Uint8Array): Fault | undefined {
  const text = Buffer.from(rdata).toString('latin1');
  const valueAt = 2 + rdata[1]!;
  if (!ISSUE.test(text.slice(2, valueAt)) || isIssueValue(text.slice(valueAt))) return undefined;
  const message = `${quote(rdata.subarray(valueAt))} names no issuer, so no CA may issue (RFC 8659 4.2)`;
  return { message, remedy: 'write it as in "ca.example.net; account=230123", or ";" for nobody' };
}

/** RFC 8659 4.1. */
export const caa: RdataType = {
  code: Type.CAA,
  fields: [u8('flags octet'), tag, value],
  example: '0 issue "ca.example.net"',
  warn,
};
