import { err, ok, type Result } from '../lib/result.ts';

/**
 * A word of a master file after tokenising (RFC 1035 5.1), escapes still in it. Quotes around the whole word are
 * taken off and `quoted` says that they were there; quotes that open inside a word stay in it with all that they
 * enclose, as in `alpn="h2,h3"` (RFC 9460 2.1).
 */
export interface Token {
  readonly text: string;
  readonly quoted: boolean;
}

/** Splits the data of one record, without parentheses and line breaks; `;` begins a comment. */
export function tokensFromText(text: string): Result<Token[], string> {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at]!;
    if (/\s/u.test(char)) {
      at++;
      continue;
    }
    if (char === ';') break;
    if (char === '"') {
      const end = closingQuote(text, at);
      if (end < 0) return err('a quote that is not closed');
      tokens.push({ text: text.slice(at + 1, end), quoted: true });
      at = end + 1;
      continue;
    }
    const start = at;
    while (at < text.length && !/[\s;]/u.test(text[at]!)) {
      if (text[at] === '"') {
        at = closingQuote(text, at);
        if (at < 0) return err('a quote that is not closed');
      } else if (text[at] === '\\') at++;
      at++;
    }
    tokens.push({ text: text.slice(start, at), quoted: false });
  }
  return ok(tokens);
}

function closingQuote(text: string, open: number): number {
  for (let i = open + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '"') return i;
  }
  return -1;
}

/** Octets of a word: `\DDD` and `\X` resolved (RFC 1035 5.1), anything beyond ASCII as UTF-8. */
export function octetsFromText(text: string): Result<Uint8Array, string> {
  if (!text.includes('\\')) return ok(new Uint8Array(Buffer.from(text, 'utf8')));
  const parts: number[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '\\') {
      const char = String.fromCodePoint(text.codePointAt(i)!);
      parts.push(...Buffer.from(char, 'utf8'));
      i += char.length - 1;
      continue;
    }
    const digits = /^[0-9]{3}/u.exec(text.slice(i + 1, i + 4))?.[0];
    if (digits !== undefined) {
      if (Number(digits) > 255) return err(`the escape \\${digits} is over 255`);
      parts.push(Number(digits));
      i += 3;
      continue;
    }
    const next = text[i + 1];
    if (next === undefined || (next >= '0' && next <= '9')) return err('a broken escape: write \\DDD or \\X');
    const char = String.fromCodePoint(text.codePointAt(i + 1)!);
    parts.push(...Buffer.from(char, 'utf8'));
    i += char.length;
  }
  return ok(Uint8Array.from(parts));
}

/** Octets for use inside quotes: `"` and `\` with a backslash, what is not printable ASCII as `\DDD`. */
export function octetsToText(octets: Uint8Array): string {
  let text = '';
  for (const code of octets) {
    if (code === 34 || code === 92) text += `\\${String.fromCharCode(code)}`;
    else if (code < 32 || code >= 127) text += `\\${String(code).padStart(3, '0')}`;
    else text += String.fromCharCode(code);
  }
  return text;
}

export function quote(octets: Uint8Array): string {
  return `"${octetsToText(octets)}"`;
}

/** Whole octets of hexadecimal digits in any case; undefined for anything else. */
export function octetsFromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/u.test(text)) return undefined;
  return new Uint8Array(Buffer.from(text, 'hex'));
}

export function octetsToHex(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('hex').toUpperCase();
}

/** Base 64 of RFC 4648 4; padding may be left out, but nothing foreign may be in it. */
export function octetsFromBase64(text: string): Uint8Array | undefined {
  const bare = text.replace(/={0,2}$/u, '');
  const padded = bare.length !== text.length;
  if (!/^[A-Za-z0-9+/]*$/u.test(bare) || bare.length % 4 === 1) return undefined;
  if (padded && text.length % 4 !== 0) return undefined;
  return new Uint8Array(Buffer.from(bare, 'base64'));
}

export function octetsToBase64(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('base64');
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { w: 604800, d: 86400, h: 3600, m: 60, s: 1 };

/** Seconds of `3600`, or with units `1h30m` (w d h m s, each once at most and the largest first is not asked). */
export function secondsFromText(text: string): number | undefined {
  if (/^[0-9]+$/u.test(text)) return inU32(Number(text));
  if (!/^(?:[0-9]+[wdhms])+$/iu.test(text)) return undefined;
  let seconds = 0;
  for (const [, count, unit] of text.toLowerCase().matchAll(/([0-9]+)([wdhms])/gu)) {
    seconds += Number(count) * UNIT_SECONDS[unit!]!;
  }
  return inU32(seconds);
}

function inU32(value: number): number | undefined {
  return value <= 0xffffffff ? value : undefined;
}
