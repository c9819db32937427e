import { err, ok, type Result } from '../lib/result.ts';

/**
 * A domain name in uncompressed wire form (RFC 1035 3.1): length-prefixed labels and the root's zero octet;
 * 1 to 255 octets, labels of 1 to 63, letters' case as written.
 */
export type WireName = Uint8Array;

export const ROOT: WireName = new Uint8Array(1);
export const MAX_NAME = 255;
export const MAX_LABEL = 63;

/** ASCII lower case of each octet; all others map to themselves (RFC 4343). */
export const LOWER: Uint8Array = Uint8Array.from({ length: 256 }, (_, c) => (c >= 65 && c <= 90 ? c + 32 : c));

/** What `nameFromText` writes to; it calls nothing that could call it again. */
const textScratch = new Uint8Array(MAX_NAME + 2);

/**
 * Reads the presentation form (RFC 1035 5.1: `\.`, `\\`, `\DDD`). A name without a final dot is relative to
 * `origin`; `@` alone is the origin. Without an origin a missing final dot is forgiven.
 */
export function nameFromText(text: string, origin?: WireName): Result<WireName, string> {
  if (text === '@' && origin !== undefined) return ok(origin);
  if (text === '.') return ok(ROOT);
  if (text === '') return err('an empty name');
  const out = textScratch;
  let length = 0;
  let labelAt = 0;
  let at = 1;
  let absolute = false;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    let limit = 127;
    if (code === 46) {
      if (length === 0) return err(`an empty label in "${text}"`);
      out[labelAt] = length;
      labelAt = at++;
      length = 0;
      absolute = i === text.length - 1;
      if (at > MAX_NAME + 1) return err(`"${text}" is longer than 255 octets`);
      continue;
    }
    if (code === 92) {
      const escape = /^(?:[0-9]{3}|[^0-9])/u.exec(text.slice(i + 1, i + 4))?.[0];
      if (escape === undefined) return err(`a broken escape in "${text}": write \\DDD or \\X`);
      const byNumber = escape.length === 3;
      code = byNumber ? Number(escape) : escape.charCodeAt(0);
      if (byNumber && code > 255) return err(`the escape \\${escape} in "${text}" is over 255`);
      if (byNumber) limit = 255;
      i += escape.length;
    } else if ((code <= 41 || code === 59) && isSpecial(code)) {
      return err(`${described(code)} without an escape in "${text}"`);
    }
    if (code > limit) return err(`"${text}" is not ASCII: ${NOT_ASCII}`);
    if (++length > MAX_LABEL) return err(`a label of more than 63 octets in "${text}"`);
    if (at >= MAX_NAME) return err(`"${text}" is longer than 255 octets`);
    out[at++] = code;
  }
  if (absolute || origin === undefined) {
    if (!absolute) {
      out[labelAt] = length;
      out[at++] = 0;
    } else {
      out[labelAt] = 0;
      at = labelAt + 1;
    }
    return at > MAX_NAME ? err(`"${text}" is longer than 255 octets`) : ok(out.slice(0, at));
  }
  out[labelAt] = length;
  if (at + origin.length > MAX_NAME) return err(`"${text}" with its origin is longer than 255 octets`);
  const whole = new Uint8Array(at + origin.length);
  whole.set(out.subarray(0, at));
  whole.set(origin, at);
  return ok(whole);
}

const NOT_ASCII = 'write a host name in Punycode (xn--), octets that are meant as they are as \\DDD';

/** What ends a word in a master file or is not printable: in a name it is nearly always a slip of the pen. */
function isSpecial(code: number): boolean {
  return code <= 32 || code === 34 || code === 40 || code === 41 || code === 59;
}

function described(code: number): string {
  if (code === 32) return 'a blank';
  return code < 32 ? 'a control character' : `a \`${String.fromCharCode(code)}\``;
}

/** The presentation form, absolute with its final dot; what is not a plain character is escaped. */
export function nameToText(name: Uint8Array, offset = 0): string {
  let at = offset;
  if (name[at] === 0) return '.';
  let text = '';
  for (let length = name[at]!; length !== 0 && length <= MAX_LABEL; length = name[at]!) {
    for (let i = 1; i <= length; i++) {
      const code = name[at + i]!;
      const char = String.fromCharCode(code);
      if ('."()@;$\\'.includes(char)) text += `\\${char}`;
      else if (code <= 32 || code >= 127) text += `\\${String(code).padStart(3, '0')}`;
      else text += char;
    }
    text += '.';
    at += length + 1;
  }
  return text;
}

const keyScratch = Buffer.alloc(MAX_NAME);

/** A key for maps: the wire octets in lower case, one UTF-16 unit each. Suffixes of keys are keys. */
export function nameKey(name: WireName): string {
  // Built at once: a string that grew by concatenation costs several times as much when it is hashed.
  for (let i = 0; i < name.length; i++) keyScratch[i] = LOWER[name[i]!]!;
  return keyScratch.toString('latin1', 0, name.length);
}

/** Labels without the root: 0 for the root itself. */
export function labelCount(name: WireName): number {
  let count = 0;
  for (let at = 0; name[at]! !== 0; at += name[at]! + 1) count++;
  return count;
}

/** The name without its first label (a view, not a copy); the root's parent is the root. */
export function parentOf(name: WireName): WireName {
  return name[0] === 0 ? name : name.subarray(name[0]! + 1);
}

/** Equality without regard to ASCII case (RFC 4343). */
export function nameEquals(a: WireName, b: WireName): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (LOWER[a[i]!] !== LOWER[b[i]!]) return false;
  return true;
}

/** True if `name` is `ancestor` or below it. */
export function isAtOrBelow(name: WireName, ancestor: WireName): boolean {
  const start = name.length - ancestor.length;
  let at = 0;
  while (at < start) at += name[at]! + 1;
  if (at !== start) return false;
  for (let i = 0; i < ancestor.length; i++) if (LOWER[name[start + i]!] !== LOWER[ancestor[i]!]) return false;
  return true;
}
