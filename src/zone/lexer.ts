import type { Token } from '../wire/presentation.ts';

/** A token and where it begins. */
export interface PlacedToken extends Token {
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

/** One entry of a master file: a record or a directive, over as many lines as its parentheses span. */
export interface Entry {
  /** Line of the first token. */
  readonly line: number;
  /** It begins with white space at the start of a line: the owner is the last one. */
  readonly blankOwner: boolean;
  readonly tokens: readonly PlacedToken[];
  /** Why the entry cannot be read; the tokens are those before. */
  readonly fault?: {
    readonly message: string;
    readonly remedy: string;
    readonly line: number;
    readonly column: number;
  };
}

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;
const OPEN = 40;
const CLOSE = 41;
const SEMICOLON = 59;
const BACKSLASH = 92;

/** Splits a master file (RFC 1035 5.1) into entries, in one pass over its characters. */
export class Lexer {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;
  #depth = 0;
  #openLine = 0;
  #openColumn = 0;

  constructor(text: string) {
    this.#text = text;
    // A byte order mark is no part of the first name.
    if (text.charCodeAt(0) === 0xfeff) this.#at = this.#lineStart = 1;
  }

  /** The next entry that has tokens or a fault; undefined at the end of the file. */
  next(): Entry | undefined {
    const text = this.#text;
    const tokens: PlacedToken[] = [];
    let blankOwner = false;
    let fault: Entry['fault'];
    while (this.#at < text.length) {
      const code = text.charCodeAt(this.#at);
      if (code === LF) {
        this.#newline();
        if (this.#depth === 0 && (tokens.length > 0 || fault !== undefined)) return entry(tokens, blankOwner, fault);
        if (this.#depth === 0) blankOwner = false;
      } else if (code === SPACE || code === TAB || code === CR) {
        if (this.#at === this.#lineStart && tokens.length === 0 && this.#depth === 0) blankOwner = true;
        this.#at++;
      } else if (code === SEMICOLON) {
        const end = text.indexOf('\n', this.#at);
        this.#at = end < 0 ? text.length : end;
      } else if (code === OPEN) {
        if (this.#depth++ === 0) {
          this.#openLine = this.#line;
          this.#openColumn = this.#column();
        }
        this.#at++;
      } else if (code === CLOSE) {
        if (this.#depth === 0)
          fault ??= this.#fault('a closing parenthesis without an opening one', 'take it away, or open it before');
        else this.#depth--;
        this.#at++;
      } else {
        const token = code === QUOTE ? this.#quoted() : this.#word();
        if (token === undefined) {
          fault ??= this.#fault('a quote that is not closed on its line', 'close it with "');
          const end = text.indexOf('\n', this.#at);
          this.#at = end < 0 ? text.length : end;
        } else tokens.push(token);
      }
    }
    if (this.#depth > 0) {
      this.#depth = 0;
      const message = 'a parenthesis that is not closed before the end of the file';
      fault ??= { message, remedy: 'close it with )', line: this.#openLine, column: this.#openColumn };
    }
    return tokens.length > 0 || fault !== undefined ? entry(tokens, blankOwner, fault) : undefined;
  }

  #newline(): void {
    this.#at++;
    this.#line++;
    this.#lineStart = this.#at;
  }

  #column(): number {
    return this.#at - this.#lineStart + 1;
  }

  #fault(message: string, remedy: string): NonNullable<Entry['fault']> {
    return { message, remedy, line: this.#line, column: this.#column() };
  }

  /** A character-string in quotes; undefined when it is not closed. */
  #quoted(): PlacedToken | undefined {
    const end = this.#closing(this.#at);
    if (end < 0) return undefined;
    return this.#token(this.#at + 1, end, end + 1, true);
  }

  /** The token from `start` to `end`; reading goes on at `next`. */
  #token(start: number, end: number, next: number, quoted: boolean): PlacedToken {
    const token = { text: this.#text.slice(start, end), quoted, line: this.#line, column: this.#column() };
    // Escaped line breaks inside of quotes.
    for (let i = token.text.indexOf('\n'); i >= 0; i = token.text.indexOf('\n', i + 1)) {
      this.#line++;
      this.#lineStart = start + i + 1;
    }
    this.#at = next;
    return token;
  }

  /** The quote that closes the one at `open`, or -1 when the line ends before. */
  #closing(open: number): number {
    const text = this.#text;
    for (let i = open + 1; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code === BACKSLASH) i++;
      else if (code === QUOTE) return i;
      else if (code === LF) return -1;
    }
    return -1;
  }

  /** A word; quotes inside it belong to it with all that they enclose (RFC 9460 2.1). */
  #word(): PlacedToken | undefined {
    const text = this.#text;
    const start = this.#at;
    let i = start;
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code <= SPACE && (code === SPACE || code === TAB || code === LF || code === CR)) break;
      if (code === SEMICOLON || code === OPEN || code === CLOSE) break;
      if (code === BACKSLASH) {
        // An escaped line break would join lines, which no other server does.
        if (!this.#lineBreakAt(i + 1)) i++;
      } else if (code === QUOTE) {
        i = this.#closing(i);
        if (i < 0) return undefined;
      }
    }
    const end = Math.min(i, text.length);
    return this.#token(start, end, end, false);
  }

  #lineBreakAt(at: number): boolean {
    const code = this.#text.charCodeAt(at);
    return code === LF || (code === CR && this.#text.charCodeAt(at + 1) === LF);
  }
}

function entry(tokens: PlacedToken[], blankOwner: boolean, fault: Entry['fault']): Entry {
  const line = tokens[0]?.line ?? fault?.line ?? 1;
  return { line, blankOwner, tokens, ...(fault === undefined ? {} : { fault }) };
}
