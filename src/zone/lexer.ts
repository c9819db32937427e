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

const NUL = 0;
const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;
const OPEN = 40;
const CLOSE = 41;
const SEMICOLON = 59;
const BACKSLASH = 92;

interface Fault {
  readonly message: string;
  readonly remedy: string;
}

const CLOSED_BEFORE_OPENED: Fault = {
  message: 'a closing parenthesis without an opening one',
  remedy: 'take it away, or open it before',
};
const OPEN_QUOTE: Fault = { message: 'a quote that is not closed on its line', remedy: 'close it with "' };
const ZERO: Fault = { message: 'an octet of value 0', remedy: 'write \\000 for it, or take it away' };
const HIDING_COMMENT: Fault = {
  message: 'a carriage return in a comment, which would hide what follows it',
  remedy: 'end lines with a line feed, or with a carriage return and a line feed',
};
/** What some editors put before UTF-8. */
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** Splits the octets of a master file (RFC 1035 5.1) into entries, in one pass. */
export class Lexer {
  readonly #octets: Buffer;
  #at = 0;
  #line = 1;
  #lineStart = 0;
  #depth = 0;
  #openLine = 0;
  #openColumn = 0;
  /** Where the token before ended. */
  #end = -1;

  constructor(octets: Buffer) {
    this.#octets = octets;
    // It is no part of the first name.
    if (octets.subarray(0, 3).equals(BYTE_ORDER_MARK)) this.#at = this.#lineStart = BYTE_ORDER_MARK.length;
  }

  /** Where the next entry begins. */
  get at(): number {
    return this.#at;
  }

  /** The line there, from 1. */
  get line(): number {
    return this.#line;
  }

  /** Goes on at the start of a line. */
  skipTo(at: number, line: number): void {
    this.#at = this.#lineStart = at;
    this.#line = line;
  }

  /** The next entry that has tokens or a fault; undefined at the end of the file. */
  next(): Entry | undefined {
    const octets = this.#octets;
    const tokens: PlacedToken[] = [];
    let blankOwner = false;
    let fault: Entry['fault'];
    while (this.#at < octets.length) {
      const code = octets[this.#at]!;
      // A carriage return alone ends a line as well, as BIND, NSD and Knot read it.
      if (code === LF || (code === CR && octets[this.#at + 1] !== LF)) {
        this.#newline();
        if (this.#depth === 0 && (tokens.length > 0 || fault !== undefined)) return entry(tokens, blankOwner, fault);
        if (this.#depth === 0) blankOwner = false;
      } else if (code === SPACE || code === TAB || code === CR) {
        if (this.#at === this.#lineStart && tokens.length === 0 && this.#depth === 0) blankOwner = true;
        this.#at++;
      } else if (code === SEMICOLON) {
        const hides = this.#comment();
        if (hides >= 0) fault ??= { ...HIDING_COMMENT, line: this.#line, column: hides - this.#lineStart + 1 };
      } else if (code === OPEN) {
        if (this.#depth++ === 0) {
          this.#openLine = this.#line;
          this.#openColumn = this.#column();
        }
        this.#at++;
      } else if (code === CLOSE) {
        if (this.#depth === 0) fault ??= this.#fault(CLOSED_BEFORE_OPENED);
        else this.#depth--;
        this.#at++;
      } else {
        const token = code === QUOTE ? this.#quoted() : this.#word();
        if ('text' in token) tokens.push(token);
        else {
          fault ??= this.#fault(token);
          this.#skipLine();
        }
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

  #fault(fault: Fault): NonNullable<Entry['fault']> {
    return { ...fault, line: this.#line, column: this.#column() };
  }

  #skipLine(): void {
    const end = this.#octets.indexOf(LF, this.#at);
    this.#at = end < 0 ? this.#octets.length : end;
  }

  /** Skips a comment, which ends at a line feed. Where a line ends otherwise in it, which hides the next; else -1. */
  #comment(): number {
    const start = this.#at;
    this.#skipLine();
    for (let i = start; i < this.#at; i++) {
      if (this.#octets[i] !== CR) continue;
      const next = this.#octets[i + 1];
      if (i + 1 < this.#at && next !== CR) return i;
    }
    return -1;
  }

  /** A character-string in quotes. */
  #quoted(): PlacedToken | Fault {
    const start = this.#at + 1;
    const octets = this.#octets;
    for (let i = start; i < octets.length; i++) {
      const code = octets[i]!;
      if (code === BACKSLASH) i++;
      else if (code === QUOTE) return this.#token(start, i, i + 1, true);
      else if (code === LF) break;
      else if (code === NUL) return ZERO;
    }
    return OPEN_QUOTE;
  }

  /** The token from `start` to `end`; reading goes on at `next`. */
  #token(start: number, end: number, next: number, quoted: boolean): PlacedToken {
    const glued = this.#at === this.#end;
    const text = this.#octets.toString('latin1', start, end);
    const token = { text, quoted, glued, line: this.#line, column: this.#column() };
    // Escaped line breaks inside of quotes.
    for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) {
      this.#line++;
      this.#lineStart = start + i + 1;
    }
    this.#at = this.#end = next;
    return token;
  }

  /** A word: up to white space, a comment, a parenthesis, or a quote, which begins the next one. */
  #word(): PlacedToken | Fault {
    const octets = this.#octets;
    const start = this.#at;
    let i = start;
    for (; i < octets.length; i++) {
      const code = octets[i]!;
      if (code <= SPACE) {
        if (code === NUL) return ZERO;
        if (code === SPACE || code === TAB || code === LF || code === CR) break;
      }
      if (code === SEMICOLON || code === OPEN || code === CLOSE || code === QUOTE) break;
      // An escaped line break would join lines, which no other server does.
      if (code === BACKSLASH && !this.#lineBreakAt(i + 1)) i++;
    }
    const end = Math.min(i, octets.length);
    return this.#token(start, end, end, false);
  }

  #lineBreakAt(at: number): boolean {
    const code = this.#octets[at];
    return code === LF || code === CR;
  }
}

function entry(tokens: PlacedToken[], blankOwner: boolean, fault: Entry['fault']): Entry {
  const line = tokens[0]?.line ?? fault?.line ?? 1;
  return { line, blankOwner, tokens, ...(fault === undefined ? {} : { fault }) };
}
