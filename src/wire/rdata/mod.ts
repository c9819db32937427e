import { err, ok, type Result } from '../../lib/result.ts';
import { ByteWriter } from '../byte-writer.ts';
import { readName } from '../compression.ts';
import { LOWER, type WireName } from '../name.ts';
import { octetsFromHex, octetsToHex, type Token } from '../presentation.ts';
import { isDataType, typeToText } from '../types.ts';
import { Words, type Fault, type Field, type RdataType } from './fields.ts';
import { TYPES } from './registry.ts';

export { isDataType, typeFromText, typeToText } from '../types.ts';

/** Octets of record data that a message can hold (RDLENGTH, RFC 1035 4.1.3). */
const MAX_RDATA = 65535;

/** Why text is no record data. `message` and `remedy` are clauses without a full stop. */
export interface RdataError {
  readonly message: string;
  readonly remedy?: string;
  /** Index of the token that is at fault; absent when one is missing. */
  readonly token?: number;
}

/** Where a domain name stands in uncompressed record data. */
export interface NameField {
  readonly offset: number;
  readonly length: number;
  /** May be compressed when written: only in types of RFC 1035 (RFC 3597 4). */
  readonly compress: boolean;
  /** Its addresses go to the additional section (NS, MX, SRV and the like). */
  readonly additional: boolean;
}

/**
 * Record data in wire form, names uncompressed, from its presentation form. Every type may be written as
 * `\# LENGTH HEX` (RFC 3597 5), which is checked against the type's own rules when they are known.
 */
export function rdataFromText(
  type: number,
  tokens: readonly Token[],
  origin: WireName,
): Result<Uint8Array, RdataError> {
  const format = TYPES.get(type);
  if (!isDataType(type)) return err({ message: `${typeToText(type)} is not a type of data that a zone can hold` });
  if (tokens[0]?.text === '\\#' && !tokens[0].quoted) return genericFromText(type, tokens);
  if (format === undefined) {
    const message = `the data of ${typeToText(type)} has no text form here`;
    return err({ message, remedy: 'write it as \\# LENGTH HEX (RFC 3597), as in \\# 4 C0000201', token: 0 });
  }
  const words = new Words(tokens, origin);
  const out = new ByteWriter();
  for (const field of format.fields) {
    if (words.done && field.optional !== true) return err(wants(format));
    const fault = field.parse(words, out);
    // What is wrong with a word's quotes comes before what is wrong with its text.
    if (words.fault !== undefined) return err(words.fault);
    if (fault !== undefined) return err({ ...fault, token: Math.max(0, words.at - 1) });
  }
  if (!words.done) {
    const { text } = words.string();
    return err(words.fault ?? { message: `too much: "${text}"`, remedy: wants(format).message, token: words.at - 1 });
  }
  return checked(type, out.toBytes());
}

function checked(type: number, rdata: Uint8Array): Result<Uint8Array, RdataError> {
  const problem = rdata.length > MAX_RDATA ? `over ${MAX_RDATA} octets` : rdataProblem(type, rdata);
  if (problem === undefined) return ok(rdata);
  const example = TYPES.get(type)?.example;
  return err({ message: problem, ...(example === undefined ? {} : { remedy: `write it as in \`${example}\`` }) });
}

function wants(format: RdataType): Fault {
  const parts = format.fields.map((field) =>
    /^[aeio]/iu.test(field.label) ? `an ${field.label}` : `a ${field.label}`,
  );
  const last = parts.pop()!;
  const list = parts.length === 0 ? last : `${parts.join(', ')} and ${last}`;
  return { message: `${typeToText(format.code)} wants ${list}, as in \`${format.example}\`` };
}

function genericFromText(type: number, tokens: readonly Token[]): Result<Uint8Array, RdataError> {
  const remedy = 'write \\# LENGTH HEX, as in \\# 4 C0000201';
  const [, length, ...rest] = tokens;
  if (length === undefined) return err({ message: 'the length after \\# is missing', remedy });
  const quoted = tokens.findIndex((token) => token.quoted || token.glued);
  if (quoted >= 0) return err({ message: 'quotes in what follows \\#', remedy, token: quoted });
  if (!/^[0-9]{1,5}$/u.test(length.text)) return err({ message: `"${length.text}" is no length`, remedy, token: 1 });
  const rdata = octetsFromHex(rest.map((token) => token.text).join(''));
  if (rdata === undefined) return err({ message: 'what follows the length is not hexadecimal', remedy, token: 2 });
  if (rdata.length !== Number(length.text)) {
    return err({ message: `the length says ${length.text} octets, and ${rdata.length} follow`, remedy, token: 1 });
  }
  return checked(type, rdata);
}

/** What is likely a mistake in record data that is right, such as an SPF text that nobody can read. */
export function rdataWarning(type: number, rdata: Uint8Array): RdataError | undefined {
  return TYPES.get(type)?.warn?.(rdata);
}

/**
 * The presentation form: absolute names; `\# LENGTH HEX` for unknown types, for octets that do not validate, and for
 * those that the type's own text cannot say.
 */
export function rdataToText(type: number, rdata: Uint8Array): string {
  const format = TYPES.get(type);
  if (format === undefined || rdataProblem(type, rdata) !== undefined) return genericText(rdata);
  const texts: (string | undefined)[] = [];
  eachField(format, rdata, (field, at, end) => texts.push(field.print(rdata, at, end)));
  return texts.includes(undefined) ? genericText(rdata) : texts.filter((text) => text !== '').join(' ');
}

function genericText(rdata: Uint8Array): string {
  return rdata.length === 0 ? '\\# 0' : `\\# ${rdata.length} ${octetsToHex(rdata)}`;
}

/** What is wrong with uncompressed record data; undefined when nothing is, and for types that are not known. */
export function rdataProblem(type: number, rdata: Uint8Array): string | undefined {
  const format = TYPES.get(type);
  if (format === undefined) return undefined;
  const problem = eachField(format, rdata, () => undefined);
  return problem ?? format.check?.(rdata);
}

/** Walks the fields in order; says what is wrong at the first that is malformed. */
function eachField(
  format: RdataType,
  rdata: Uint8Array,
  visit: (field: Field, at: number, end: number) => void,
): string | undefined {
  let at = 0;
  for (const field of format.fields) {
    const length = field.measure(rdata, at, rdata.length);
    if (length < 0) return `the ${field.label} is malformed or cut short`;
    visit(field, at, at + length);
    at += length;
  }
  return at === rdata.length ? undefined : `${rdata.length - at} octets too many`;
}

/** By type: 1 for those that may have names in their data. */
const NAMED = new Uint8Array(65_536);
for (const { code, fields } of TYPES.values()) if (fields.some(({ name }) => name !== undefined)) NAMED[code] = 1;

/** Whether record data of a type may have domain names in it. */
export function hasNames(type: number): boolean {
  return NAMED[type] === 1;
}

/** Where domain names stand in uncompressed record data; empty for unknown types. */
export function namesIn(type: number, rdata: Uint8Array): readonly NameField[] {
  const format = TYPES.get(type);
  const names: NameField[] = [];
  if (format === undefined || !hasNames(type)) return names;
  const problem = eachField(format, rdata, (field, offset, end) => {
    if (field.name === undefined || end === offset) return;
    const { compress, additional } = field.name;
    names.push({ offset, length: end - offset, compress, additional });
  });
  return problem === undefined ? names : [];
}

/**
 * Uncompressed record data out of a message. Names are decompressed in the types of RFC 1035 and those that
 * RFC 3597 4 lists; elsewhere a pointer is malformed. Undefined when the data does not have the fields of its type; what
 * those say is left to `rdataProblem`.
 */
export function rdataFromWire(
  type: number,
  message: Uint8Array,
  offset: number,
  length: number,
): Uint8Array | undefined {
  const end = offset + length;
  if (offset < 0 || length < 0 || end > message.length) return undefined;
  const format = TYPES.get(type);
  if (format === undefined) return message.slice(offset, end);
  const out = new ByteWriter();
  let at = offset;
  for (const field of format.fields) {
    if (field.name?.decompress === true && !(field.optional === true && at === end)) {
      const read = readName(message, at);
      if (read === undefined || read.next > end) return undefined;
      out.bytes(read.name);
      at = read.next;
      continue;
    }
    const size = field.measure(message, at, end);
    if (size < 0) return undefined;
    out.bytes(message.subarray(at, at + size));
    at += size;
  }
  if (at !== end) return undefined;
  return out.toBytes();
}

/** The canonical form (RFC 4034 6.2): names in lower case in the types listed there. Two records with equal forms are duplicates. */
export function rdataCanonical(type: number, rdata: Uint8Array): Uint8Array {
  const format = TYPES.get(type);
  if (format?.fields.some((field) => field.name?.lower) !== true) return rdata;
  const canonical = rdata.slice();
  eachField(format, rdata, (field, at, end) => {
    if (field.name?.lower !== true) return;
    for (let i = at; i < end; i++) canonical[i] = LOWER[rdata[i]!]!;
  });
  return canonical;
}
