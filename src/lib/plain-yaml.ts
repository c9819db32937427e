/**
 * Reads the YAML that people write most: block maps and lists, flow maps and lists on one line, plain and quoted text
 * on one line, comments. Anchors, tags, text of several lines, escapes and mistakes are left to a whole parser, which
 * takes ten times as long: `undefined` says so. A test compares the two for any text.
 */

/** Tabs, other controls, a byte order mark, ends of lines that are none in YAML, and what is outside the first plane. */
const UNFAMILIAR = /[^\n\r\u0020-\u007e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]|\r(?!\n)/u;

/**
 * The value of one document.
 * @param text without directives, and without the line `---` before the document
 * @returns undefined when a whole parser must say what it is; null is never returned
 */
export function readPlainDocument(text: string): unknown {
  return UNFAMILIAR.test(text) ? undefined : new Reader(text).read();
}

const SPACE = 0x20;
const HASH = 0x23;
const COMMA = 0x2c;
const DASH = 0x2d;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;
const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const BACKSLASH = 0x5c;
const RETURN = 0x0d;

const KEY = /[A-Za-z_][A-Za-z0-9_./-]{0,199}(?=:(?:[ \n]|\r\n|$))/y;
/** The first character of plain text; a sign or dot is looked at again. */
const FIRST = /[A-Za-z0-9_./+(=$^\u00c0-\u024f\u3040-\u9fff-]/u;
const WORDS: ReadonlyMap<string, null | boolean> = new Map([
  ['null', null],
  ['Null', null],
  ['NULL', null],
  ['true', true],
  ['True', true],
  ['TRUE', true],
  ['false', false],
  ['False', false],
  ['FALSE', false],
]);

/** Collections inside one another; deeper ones are unusual. */
const DEEPEST = 40;

/** Short texts are many and alike: one of each is kept. */
const LONGEST_SHARED = 24;

class Reader {
  readonly #text: string;
  readonly #shared = new Map<string, string>();
  /** Where the line begins; its text without spaces around; where the next line begins. */
  #line = 0;
  #start = 0;
  #end = 0;
  #next = 0;
  /** Spaces before the line's text. */
  #indent = 0;
  #done = false;
  /** Inside a line. */
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): unknown {
    this.#advance();
    if (this.#done) return undefined;
    const value = this.#block(this.#indent, 0);
    return this.#done ? value : undefined;
  }

  /** Goes to the next line that has more than a comment. */
  #advance(): void {
    const text = this.#text;
    const { length } = text;
    while (this.#next < length) {
      const line = this.#next;
      let end = text.indexOf('\n', line);
      if (end < 0) end = length;
      this.#next = end + 1;
      let start = line;
      while (text.charCodeAt(start) === SPACE) start++;
      if (end > start && text.charCodeAt(end - 1) === RETURN) end--;
      if (start >= end || text.charCodeAt(start) === HASH) continue;
      while (text.charCodeAt(end - 1) === SPACE) end--;
      this.#line = line;
      this.#start = start;
      this.#end = end;
      this.#indent = start - line;
      return;
    }
    this.#done = true;
  }

  #isItem(): boolean {
    const text = this.#text;
    const at = this.#start;
    return text.charCodeAt(at) === DASH && (at + 1 === this.#end || text.charCodeAt(at + 1) === SPACE);
  }

  /** A collection whose first line this is; afterwards this is the line behind it. */
  #block(indent: number, depth: number): unknown {
    if (depth > DEEPEST) return undefined;
    return this.#isItem() ? this.#list(indent, depth) : this.#map(indent, depth);
  }

  #map(indent: number, depth: number): unknown {
    const map: Record<string, unknown> = {};
    do {
      const key = this.#key(this.#start);
      if (key === undefined || Object.hasOwn(map, key)) return undefined;
      const value = this.#valueOf(indent, depth);
      if (value === undefined) return undefined;
      map[key] = value;
    } while (!this.#done && this.#indent === indent && !this.#isItem());
    return !this.#done && this.#indent > indent ? undefined : map;
  }

  /** A key with its colon, at a place in the line; `#at` is behind them. */
  #key(start: number): string | undefined {
    KEY.lastIndex = start;
    const key = KEY.exec(this.#text)?.[0];
    if (key === undefined || WORDS.has(key) || key === '__proto__') return undefined;
    this.#at = start + key.length + 1;
    return key;
  }

  /** What stands behind a key: on its line, or in the lines that follow. */
  #valueOf(indent: number, depth: number): unknown {
    this.#skipSpaces();
    if (this.#at < this.#end && this.#text.charCodeAt(this.#at) !== HASH) return this.#inline(depth);
    this.#advance();
    if (this.#done) return null;
    if (this.#indent > indent) return this.#block(this.#indent, depth + 1);
    return this.#indent === indent && this.#isItem() ? this.#list(indent, depth + 1) : null;
  }

  #list(indent: number, depth: number): unknown {
    const list: unknown[] = [];
    do {
      this.#at = this.#start + 1;
      this.#skipSpaces();
      this.#start = this.#at;
      // An item that begins on the next line, or is a list itself.
      if (this.#at >= this.#end || this.#text.charCodeAt(this.#at) === HASH || this.#isItem()) return undefined;
      KEY.lastIndex = this.#at;
      const value = KEY.test(this.#text) ? this.#map(this.#at - this.#line, depth + 1) : this.#inline(depth);
      if (value === undefined) return undefined;
      list.push(value);
    } while (!this.#done && this.#indent === indent && this.#isItem());
    return !this.#done && this.#indent > indent ? undefined : list;
  }

  /** The rest of the line as one value; afterwards this is the next line. */
  #inline(depth: number): unknown {
    const text = this.#text;
    const first = text.charCodeAt(this.#at);
    let value: unknown;
    if (first === OPEN_LIST || first === OPEN_MAP || first === QUOTE || first === DOUBLE_QUOTE) {
      value = this.#flow(depth);
      if (value === undefined) return undefined;
      const behind = this.#at;
      this.#skipSpaces();
      const isComment = this.#at > behind && text.charCodeAt(this.#at) === HASH;
      if (this.#at < this.#end && !isComment) return undefined;
    } else {
      let line = text.slice(this.#at, this.#end);
      const comment = line.indexOf(' #');
      if (comment >= 0) line = line.slice(0, comment).trimEnd();
      if (line.includes(': ') || line.endsWith(':')) return undefined;
      value = this.#plain(line);
    }
    this.#advance();
    return value;
  }

  #skipSpaces(): void {
    while (this.#at < this.#end && this.#text.charCodeAt(this.#at) === SPACE) this.#at++;
  }

  /** A value inside brackets or braces, or such a collection; `#at` is behind it. */
  #flow(depth: number): unknown {
    if (depth > DEEPEST) return undefined;
    const first = this.#text.charCodeAt(this.#at);
    if (first === OPEN_LIST) return this.#flowList(depth);
    if (first === OPEN_MAP) return this.#flowMap(depth);
    return first === QUOTE || first === DOUBLE_QUOTE ? this.#quoted(first) : this.#flowPlain();
  }

  #flowList(depth: number): unknown {
    const list: unknown[] = [];
    this.#at++;
    this.#skipSpaces();
    if (this.#is(CLOSE_LIST)) return list;
    for (;;) {
      const value = this.#flow(depth + 1);
      if (value === undefined) return undefined;
      list.push(value);
      this.#skipSpaces();
      if (this.#is(CLOSE_LIST)) return list;
      if (!this.#is(COMMA)) return undefined;
      this.#skipSpaces();
    }
  }

  #flowMap(depth: number): unknown {
    const map: Record<string, unknown> = {};
    this.#at++;
    this.#skipSpaces();
    if (this.#is(CLOSE_MAP)) return map;
    for (;;) {
      const key = this.#key(this.#at);
      if (key === undefined || Object.hasOwn(map, key)) return undefined;
      this.#skipSpaces();
      const value = this.#flow(depth + 1);
      if (value === undefined) return undefined;
      map[key] = value;
      this.#skipSpaces();
      if (this.#is(CLOSE_MAP)) return map;
      if (!this.#is(COMMA)) return undefined;
      this.#skipSpaces();
    }
  }

  /** Goes behind a character if it is the next one of the line. */
  #is(character: number): boolean {
    if (this.#at >= this.#end || this.#text.charCodeAt(this.#at) !== character) return false;
    this.#at++;
    return true;
  }

  #quoted(quote: number): string | undefined {
    const text = this.#text;
    const start = this.#at + 1;
    for (let at = start; at < this.#end; at++) {
      const character = text.charCodeAt(at);
      if (character === BACKSLASH && quote === DOUBLE_QUOTE) return undefined;
      if (character !== quote) continue;
      // Two of them are one that is quoted.
      if (quote === QUOTE && text.charCodeAt(at + 1) === QUOTE) return undefined;
      this.#at = at + 1;
      return this.#share(text.slice(start, at));
    }
    return undefined;
  }

  #flowPlain(): unknown {
    const text = this.#text;
    const start = this.#at;
    let at = start;
    for (; at < this.#end; at++) {
      const character = text.charCodeAt(at);
      if (character === COMMA || character === CLOSE_LIST || character === CLOSE_MAP) break;
      if (character === OPEN_LIST || character === OPEN_MAP) return undefined;
      if (character === HASH && text.charCodeAt(at - 1) === SPACE) return undefined;
      if (character === COLON && (at + 1 >= this.#end || ' ,[]{}'.includes(text[at + 1]!))) return undefined;
    }
    if (at >= this.#end) return undefined;
    this.#at = at;
    return this.#plain(text.slice(start, at).trimEnd());
  }

  /** Plain text by the core schema (YAML 1.2.2, 10.3.2). */
  #plain(text: string): unknown {
    if (!FIRST.test(text[0] ?? '')) return undefined;
    const first = text.charCodeAt(0);
    // Letters come behind the digits, signs and the dot before.
    if (first <= 0x39) {
      if (first === DASH && !/^-[A-Za-z0-9.]/u.test(text)) return undefined;
      return numberOf(text) ?? this.#share(text);
    }
    const word = WORDS.get(text);
    return word === undefined ? this.#share(text) : word;
  }

  #share(text: string): string {
    if (text.length > LONGEST_SHARED) return text;
    const known = this.#shared.get(text);
    if (known === undefined) this.#shared.set(text, text);
    return known ?? text;
  }
}

function numberOf(text: string): number | undefined {
  if (/^[-+]?[0-9]+$/u.test(text)) return Number.parseInt(text, 10);
  if (/^0o[0-7]+$/u.test(text)) return Number.parseInt(text.slice(2), 8);
  if (/^0x[0-9a-fA-F]+$/u.test(text)) return Number.parseInt(text.slice(2), 16);
  if (/^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/u.test(text)) return Number.parseFloat(text);
  if (/^[-+]?\.(?:inf|Inf|INF)$/u.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  return /^\.(?:nan|NaN|NAN)$/u.test(text) ? Number.NaN : undefined;
}
