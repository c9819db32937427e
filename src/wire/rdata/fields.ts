import type { Result } from '../../lib/result.ts';
import { ipv4FromText, ipv4ToText, ipv6FromText, ipv6ToText } from '../../lib/address.ts';
import type { ByteWriter } from '../byte-writer.ts';
import { measureName } from '../compression.ts';
import { nameFromText, nameToText, type WireName } from '../name.ts';
import {
  octetsFromBase64,
  octetsFromHex,
  octetsFromText,
  octetsToBase64,
  octetsToHex,
  quote,
  secondsFromText,
  type Token,
} from '../presentation.ts';

/** What is wrong with a word, and what would be right. */
export interface Fault {
  readonly message: string;
  readonly remedy?: string;
}

/** The words of one record's data, taken one after the other. */
export class Words {
  readonly tokens: readonly Token[];
  /** What relative names are completed with. */
  readonly origin: WireName;
  /** Index of the next word. */
  at = 0;
  /** The first word whose quotes do not belong there, and its index. */
  fault: (Fault & { readonly token: number }) | undefined;

  constructor(tokens: readonly Token[], origin: WireName) {
    this.tokens = tokens;
    this.origin = origin;
  }

  get done(): boolean {
    return this.at >= this.tokens.length;
  }

  /** A word of a number, a name and the like, which has no quotes. Only after `done` was false. */
  next(): Token {
    const token = this.string();
    if (token.quoted) {
      this.fault ??= { message: `"${token.text}" is in quotes`, remedy: 'write it without them', token: this.at - 1 };
    }
    return token;
  }

  /** A character-string, in quotes or not. Only after `done` was false. */
  string(): Token {
    const token = this.listed();
    if (token.glued) {
      const message = `"${token.text}" follows what is before it without a blank`;
      const remedy = 'put a blank between the two, or write \\" for a quote that belongs to the text';
      this.fault ??= { message, remedy, token: this.at - 1 };
    }
    return token;
  }

  /** One of a list of character-strings, where a quote may begin the next one without a blank, as in BIND and NSD. */
  listed(): Token {
    return this.tokens[this.at++]!;
  }

  /** All that are left as one text: base 64 and hexadecimal digits may be split by blanks. */
  joined(): string {
    let text = '';
    while (!this.done) text += this.next().text;
    return text;
  }
}

/** How a domain name in record data may be treated. */
export interface NameUse {
  /** May be written compressed: only in the types of RFC 1035 (RFC 3597 4). */
  readonly compress: boolean;
  /** May be compressed in what others send: those and the types that RFC 3597 4 lists. */
  readonly decompress: boolean;
  /** Its addresses go to the additional section. */
  readonly additional: boolean;
  /** In lower case in the canonical form (RFC 4034 6.2 with RFC 6840 5.1). */
  readonly lower: boolean;
}

/** One part of record data: how it is read from words, measured and printed. */
export interface Field {
  /** What it is to an operator, without an article: `preference`. */
  readonly label: string;
  /** There need not be a word for it. */
  readonly optional?: boolean;
  /** Takes its words and appends its octets. Called with at least one word left unless `optional`. */
  parse(words: Words, out: ByteWriter): Fault | undefined;
  /** Its octets from `at`; -1 when it is malformed or runs over `end`. */
  measure(bytes: Uint8Array, at: number, end: number): number;
  /** The text of its octets, `at` to `end`, which `measure` found good; undefined when no text says them. */
  print(bytes: Uint8Array, at: number, end: number): string | undefined;
  readonly name?: NameUse;
}

/** A record type: its parts in wire order, and what holds between them. */
export interface RdataType {
  readonly code: number;
  readonly fields: readonly Field[];
  /** Record data that is right, for messages. */
  readonly example: string;
  /** What is wrong between well-formed fields; undefined when nothing is. */
  check?(rdata: Uint8Array): string | undefined;
  /** What is likely a mistake in data that is right; undefined when nothing is. */
  warn?(rdata: Uint8Array): Fault | undefined;
}

function integer(label: string, octets: 1 | 2 | 4): Field {
  const max = 2 ** (octets * 8) - 1;
  return {
    label,
    parse(words, out) {
      const { text } = words.next();
      const value = /^[0-9]{1,10}$/u.test(text) ? Number(text) : Infinity;
      if (value > max) return { message: `"${text}" is no ${label}`, remedy: `write a number from 0 to ${max}` };
      if (octets === 1) out.u8(value);
      else if (octets === 2) out.u16(value);
      else out.u32(value);
      return undefined;
    },
    measure: (_, at, end) => (at + octets <= end ? octets : -1),
    print: (bytes, at) => String(readUint(bytes, at, octets)),
  };
}

/** An unsigned number of `octets` octets (6 at most) in network order. */
export function readUint(bytes: Uint8Array, at: number, octets: number): number {
  let value = 0;
  for (let i = 0; i < octets; i++) value = value * 256 + bytes[at + i]!;
  return value;
}

export function u8(label: string): Field {
  return integer(label, 1);
}

export function u16(label: string): Field {
  return integer(label, 2);
}

export function u32(label: string): Field {
  return integer(label, 4);
}

/** 32 bits of seconds; read with units too (`1h30m`), printed as a number. */
export function seconds(label: string): Field {
  return {
    ...u32(label),
    parse(words, out) {
      const { text } = words.next();
      const value = secondsFromText(text);
      if (value === undefined) {
        return { message: `"${text}" is no ${label}`, remedy: 'write seconds, or with units as in 1h30m' };
      }
      out.u32(value);
      return undefined;
    },
  };
}

/** A domain name; absolute in print, in text relative to the origin. By default nothing is allowed that RFC 3597 forbids. */
export function name(label: string, use: Partial<NameUse> & { readonly mayBeAbsent?: boolean } = {}): Field {
  const compress = use.compress ?? false;
  const decompress = use.decompress ?? compress;
  const optional = use.mayBeAbsent ?? false;
  return {
    label,
    optional,
    name: { compress, decompress, additional: use.additional ?? false, lower: use.lower ?? decompress },
    parse(words, out) {
      if (optional && words.done) return undefined;
      const parsed = nameFromText(words.next().text, words.origin);
      if (!parsed.ok)
        return { message: `the ${label} is ${parsed.error}`, remedy: 'write a name as in host.example.org.' };
      out.bytes(parsed.value);
      return undefined;
    },
    measure: optional ? (bytes, at, end) => (at === end ? 0 : measureName(bytes, at, end)) : measureName,
    print: (bytes, at, end) => (at === end ? '' : nameToText(bytes, at)),
  };
}

export function ipv4(label: string): Field {
  return {
    label,
    parse(words, out) {
      const { text } = words.next();
      const octets = ipv4FromText(text);
      if (octets === undefined) {
        const remedy = ipv6FromText(text) === undefined ? 'write it as in 192.0.2.1' : 'it is IPv6: use AAAA';
        return { message: `"${text}" is no IPv4 address`, remedy };
      }
      out.bytes(octets);
      return undefined;
    },
    measure: (_, at, end) => (at + 4 <= end ? 4 : -1),
    print: (bytes, at) => ipv4ToText(bytes, at),
  };
}

export function ipv6(label: string): Field {
  return {
    label,
    parse(words, out) {
      const { text } = words.next();
      const octets = ipv6FromText(text);
      if (octets === undefined) {
        const remedy = ipv4FromText(text) === undefined ? 'write it as in 2001:db8::1' : 'it is IPv4: use A';
        return { message: `"${text}" is no IPv6 address`, remedy };
      }
      out.bytes(octets);
      return undefined;
    },
    measure: (_, at, end) => (at + 16 <= end ? 16 : -1),
    print: (bytes, at) => ipv6ToText(bytes, at),
  };
}

function appendString(token: Token, out: ByteWriter): Fault | undefined {
  const octets = octetsFromText(token.text);
  if (!octets.ok) return { message: octets.error };
  if (octets.value.length > 255) {
    return {
      message: `a string of ${octets.value.length} octets, and one holds 255 at most`,
      remedy: 'split it into several quoted strings, as in "first part" "second part"',
    };
  }
  out.u8(octets.value.length);
  out.bytes(octets.value);
  return undefined;
}

function measureString(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return -1;
  const length = bytes[at]! + 1;
  return at + length <= end ? length : -1;
}

/** A `<character-string>` (RFC 1035 3.3): 0 to 255 octets; printed in quotes. */
export function string(label: string): Field {
  return {
    label,
    parse: (words, out) => appendString(words.string(), out),
    measure: measureString,
    print: (bytes, at, end) => quote(bytes.subarray(at + 1, end)),
  };
}

/** One or more character-strings to the end. */
export function strings(label: string): Field {
  return {
    label,
    parse(words, out) {
      while (!words.done) {
        const fault = appendString(words.listed(), out);
        if (fault !== undefined) return fault;
      }
      return undefined;
    },
    measure(bytes, at, end) {
      let position = at;
      do {
        const length = measureString(bytes, position, end);
        if (length < 0) return -1;
        position += length;
      } while (position < end);
      return position - at;
    },
    print(bytes, at, end) {
      const texts: string[] = [];
      for (let position = at; position < end; position += bytes[position]! + 1) {
        texts.push(quote(bytes.subarray(position + 1, position + 1 + bytes[position]!)));
      }
      return texts.join(' ');
    },
  };
}

/** Octets to the end, at least `min`, from one encoding in any number of words. */
function rest(
  label: string,
  min: number,
  read: (text: string) => Result<Uint8Array, Fault>,
  write: (octets: Uint8Array) => string,
): Field {
  return {
    label,
    optional: min === 0,
    parse(words, out) {
      const octets = read(words.joined());
      if (!octets.ok) return octets.error;
      if (octets.value.length < min) return { message: `the ${label} is shorter than ${min} octets` };
      out.bytes(octets.value);
      return undefined;
    },
    measure: (_, at, end) => (end - at >= min ? end - at : -1),
    print: (bytes, at, end) => write(bytes.subarray(at, end)),
  };
}

/** Hexadecimal digits to the end; blanks between them are allowed. */
export function hex(label: string, min = 1): Field {
  const read = (text: string): Result<Uint8Array, Fault> => {
    const value = octetsFromHex(text);
    if (value !== undefined) return { ok: true, value };
    return {
      ok: false,
      error: { message: `the ${label} is not hexadecimal`, remedy: 'write two digits 0-9 A-F an octet' },
    };
  };
  return rest(label, min, read, octetsToHex);
}

/** Base 64 to the end; blanks in it are allowed. */
export function base64(label: string, min = 1): Field {
  const read = (text: string): Result<Uint8Array, Fault> => {
    const value = octetsFromBase64(text);
    if (value !== undefined) return { ok: true, value };
    return {
      ok: false,
      error: { message: `the ${label} is not base 64`, remedy: 'write A-Z a-z 0-9 + / with = at the end' },
    };
  };
  return rest(label, min, read, octetsToBase64);
}
