import { isUtf8 } from 'node:buffer';
import { err, ok, type Result } from '../lib/result.ts';

/**
 * A word of a master file after tokenising (RFC 1035 5.1), escapes still in it; one character for each octet.
 * A quote ends a word and begins another one, as in BIND and NSD: `a"b"` is `a` and, glued to it, `b`.
 */
export interface Token {
  readonly text: string;
  /** It stood in quotes, which are taken off. */
  readonly quoted: boolean;
  /** Nothing stood between it and the token before. Only character-strings and SVCB parameters may be written so. */
  readonly glued: boolean;
}

/** Why words cannot be read: clauses without a full stop. */
export interface TokenFault {
  readonly message: string;
  readonly remedy: string;
}

const COMMENT = {
  message: 'a `;` outside of quotes, where it would begin a comment and cut the record',
  remedy: 'put the value with the `;` in quotes, or remove the comment',
};
const LINE_BREAK = {
  message: 'a line break outside of parentheses, where a record ends',
  remedy: 'write one record on one line; in YAML, several records are a list',
};
const OPEN_QUOTE = {
  message: 'a quote that is not closed on its line',
  remedy: 'close it with ", or write \\" for a quote in text',
};
const PARENTHESIS = {
  message: 'a parenthesis without its partner',
  remedy: 'write both or none; in text, put it in quotes',
};

const END_OF_WORD = /[ \t\r\n;()"]/u;

/**
 * Splits the data of one record that stands alone: what would end or cut it in a master file, a comment or a line
 * break, is a fault. Parentheses group lines, as in a master file.
 * @param text one character for each octet: see `octetText`
 */
export function tokensFromText(text: string): Result<Token[], TokenFault> {
  const tokens: Token[] = [];
  let depth = 0;
  let end = -1;
  for (let at = 0; at < text.length;) {
    const char = text[at]!;
    const glued = at === end;
    if (char === ' ' || char === '\t') at++;
    else if (char === '\r' || char === '\n') {
      if (depth === 0 && text.slice(at).trim() !== '') return err(LINE_BREAK);
      at++;
    } else if (char === ';') return err(COMMENT);
    else if (char === '(') {
      depth++;
      at++;
    } else if (char === ')') {
      if (depth-- === 0) return err(PARENTHESIS);
      at++;
    } else if (char === '"') {
      const close = closingQuote(text, at);
      if (close < 0) return err(OPEN_QUOTE);
      tokens.push({ text: text.slice(at + 1, close), quoted: true, glued });
      end = at = close + 1;
    } else {
      const start = at;
      // An escaped line break joins no lines.
      for (; at < text.length && !END_OF_WORD.test(text[at]!); at++) {
        if (text[at] === '\\' && !/[\r\n]/u.test(text[at + 1] ?? '')) at++;
      }
      end = at = Math.min(at, text.length);
      tokens.push({ text: text.slice(start, at), quoted: false, glued });
    }
  }
  return depth === 0 ? ok(tokens) : err(PARENTHESIS);
}

function closingQuote(text: string, open: number): number {
  for (let i = open + 1; i < text.length; i++) {
    if (text[i] === '\n') return -1;
    if (text[i] === '\\') i++;
    else if (text[i] === '"') return i;
  }
  return -1;
}

/** The octets of UTF-8 text, one character for each: the form that master files are read in. */
export function octetText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** The text whose UTF-8 octets these are, one character for each; undefined when they are not UTF-8. */
export function textOfOctets(octets: string): string | undefined {
  const bytes = Buffer.from(octets, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

/** A message that quotes octets, one character for each, for people: UTF-8 as text, what is not as `\DDD`. */
export function readable(message: string): string {
  const text = textOfOctets(message) ?? message.replaceAll(/[\u0080-\u00ff]/gu, escaped);
  // Control characters would change the terminal that shows them.
  return text.replaceAll(/\p{Cc}/gu, escaped);
}

function escaped(char: string): string {
  return `\\${String(char.charCodeAt(0)).padStart(3, '0')}`;
}

/** Octets of a word, one character for each: `\DDD` and `\X` resolved (RFC 1035 5.1). */
export function octetsFromText(text: string): Result<Uint8Array, string> {
  if (!text.includes('\\')) return ok(new Uint8Array(Buffer.from(text, 'latin1')));
  const octets: number[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '\\') {
      octets.push(text.charCodeAt(i));
      continue;
    }
    const digits = /^[0-9]{3}/u.exec(text.slice(i + 1, i + 4))?.[0];
    if (digits !== undefined) {
      if (Number(digits) > 255) return err(`the escape \\${digits} is over 255`);
      octets.push(Number(digits));
      i += 3;
      continue;
    }
    const next = text[++i];
    if (next === undefined || (next >= '0' && next <= '9')) return err('a broken escape: write \\DDD or \\X');
    octets.push(next.charCodeAt(0));
  }
  return ok(Uint8Array.from(octets));
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

/** Base 64 of RFC 4648 4, whole and canonical: what is cut at its end is not taken for less. */
export function octetsFromBase64(text: string): Uint8Array | undefined {
  const octets = Buffer.from(text, 'base64');
  return octets.toString('base64') === text ? new Uint8Array(octets) : undefined;
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
