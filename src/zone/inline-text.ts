import { err, ok, type Result } from '../lib/result.ts';
import { Type } from '../wire/codes.ts';
import { octetsFromText, octetsToText, tokensFromText, type Token, type TokenFault } from '../wire/presentation.ts';

/** Types whose strings are one text to those who read them: TXT, and the SPF of RFC 7208 3.1. */
const TEXTS = new Set<number>([Type.TXT, 99]);

/** Octets that one character-string holds (RFC 1035 3.3). */
const MAX_STRING = 255;

const LINE_BREAK: TokenFault = {
  message: 'a line break in the text',
  remedy: 'write the text on one line, or on several after `>-`, which joins them; several records are a list',
};
const MIXED: TokenFault = {
  message: 'text both inside and outside of quotes',
  remedy: String.raw`put all of it in quotes or none of it; a quote that belongs to the text is written \"`,
};
const BACKSLASH: TokenFault = {
  message: 'a backslash that escapes nothing',
  remedy: String.raw`write \\ for a backslash that belongs to the text`,
};

/** Whether `textTokens` reads the data of a type, and not `tokensFromText`. */
export function isText(type: number): boolean {
  return TEXTS.has(type);
}

/**
 * The strings of a TXT record that a resource has in one field. Without quotes the whole field is one text, blanks and
 * `;` included: as several strings `v=spf1 -all` would be read as `v=spf1-all` (RFC 7208 3.3). In quotes it is as in a
 * master file. A string over 255 octets is divided: readers join it.
 * @param text one character for each octet
 */
export function textTokens(text: string): Result<Token[], TokenFault> {
  const tokens = isMasterText(text) ? tokensFromText(text) : wholeText(text);
  if (!tokens.ok || isGeneric(tokens.value)) return tokens;
  if (tokens.value.some((token) => !token.quoted)) return err(MIXED);
  return ok(tokens.value.flatMap(divided));
}

/** It begins as a master file would have it: with a quote, or in the form of RFC 3597. */
function isMasterText(text: string): boolean {
  return /^[\s(]*"|^\s*\\#\s/u.test(text);
}

function isGeneric([first]: readonly Token[]): boolean {
  return first !== undefined && !first.quoted && first.text === String.raw`\#`;
}

function wholeText(text: string): Result<Token[], TokenFault> {
  // YAML's `|` and `>` leave a line break at the end.
  const written = text.replace(/[\r\n]+$/u, '');
  if (/[\r\n]/u.test(written)) return err(LINE_BREAK);
  const rest = written.replaceAll(/\\(?:[0-9]{3}|[\\";])/gu, '');
  if (rest.includes('"')) return err(MIXED);
  // A master file's `C:\dir` is `C:dir`.
  if (rest.includes('\\')) return err(BACKSLASH);
  return ok(written === '' ? [] : [{ text: written, quoted: true, glued: false }]);
}

function divided(token: Token): Token[] {
  const octets = octetsFromText(token.text);
  if (!octets.ok || octets.value.length <= MAX_STRING) return [token];
  const parts: Token[] = [];
  for (let at = 0; at < octets.value.length; at += MAX_STRING) {
    parts.push({ text: octetsToText(octets.value.subarray(at, at + MAX_STRING)), quoted: true, glued: false });
  }
  return parts;
}
