import { Type } from '../wire/codes.ts';
import { isAtOrBelow, LOWER, MAX_LABEL, MAX_NAME, type WireName } from '../wire/name.ts';
import { HASH_START, hashLabels, hashName } from '../wire/name-hash.ts';
import { rdataWarning } from '../wire/rdata/mod.ts';
import type { ZoneBuilder } from './builder.ts';

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;
const DOT = 46;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const SEMICOLON = 59;
const AT = 64;
const BACKSLASH = 92;

const MAX_TTL = 0x7fffffff;
const MAX_DATA = 4096;
const MAX_STRING = 255;

/** Not a plain line: nothing of it was taken. */
const NOT_PLAIN = -1;

/** Octets of names that mean themselves wherever they stand: letters, digits, and what names often have beside them. */
const IN_NAME = tableOf('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_*/');
const HEX = hexDigits();

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const octet of Buffer.from(characters)) table[octet] = 1;
  return table;
}

/** Values of hexadecimal digits; 255 for what is none. */
function hexDigits(): Uint8Array {
  const table = new Uint8Array(256).fill(255);
  for (let value = 0; value < 16; value++) {
    const digit = value.toString(16);
    table[digit.charCodeAt(0)] = value;
    table[digit.toUpperCase().charCodeAt(0)] = value;
  }
  return table;
}

/** A type's letters as a number, in upper case. */
function letters(text: string): number {
  return Buffer.from(text).reduce((sum, letter) => sum * 256 + letter, 0);
}
const A = letters('A');
const NS = letters('NS');
const MX = letters('MX');
const PTR = letters('PTR');
const SRV = letters('SRV');
const TXT = letters('TXT');
const AAAA = letters('AAAA');
const CNAME = letters('CNAME');

/** The owner of the line that is being read, and its record's data; reading a line calls nothing that reads another. */
const next = new Uint8Array(MAX_NAME);
const data = new Uint8Array(MAX_DATA);

/** What the records of a master file have in common with those before them. */
export interface Ttls {
  /** Of $TTL. Seconds. */
  default: number | undefined;
  /** The last that was stated. Seconds. */
  last: number | undefined;
  /** It was said that a record takes the last one. */
  said: boolean;
}

/**
 * Reads the lines that make up nearly all of a large master file: one record of a usual type, with no escapes, no
 * parentheses and nothing wrong, straight from the octets of the file into the zone. It gives the same zone as `Lexer`
 * and `Parser` do, which read all others, at a fraction of the time.
 */
export class PlainLines {
  readonly #builder: ZoneBuilder;
  readonly #zone: WireName;
  readonly #ttls: Ttls;
  #origin!: WireName;
  #originHash = 0;
  #originInside = false;
  readonly #owner = new Uint8Array(MAX_NAME);
  #ownerLength = 0;
  #ownerHash = 0;
  #dataLength = 0;
  /** Where the name that was read last ends in what it was written to, and whether it had its final dot. */
  #nameEnd = 0;
  #isAbsolute = false;

  constructor(builder: ZoneBuilder, zone: WireName, ttls: Ttls) {
    this.#builder = builder;
    this.#zone = zone;
    this.#ttls = ttls;
    this.origin = zone;
  }

  /** What names without a final dot are relative to. */
  set origin(origin: WireName) {
    this.#origin = origin;
    this.#originHash = hashName(origin, 0, origin.length);
    this.#originInside = isAtOrBelow(origin, this.#zone);
  }

  get origin(): WireName {
    return this.#origin;
  }

  /** The owner of lines that begin with a blank; undefined when there was none, or one that cannot be read. */
  get owner(): WireName | undefined {
    return this.#ownerLength === 0 ? undefined : this.#owner.slice(0, this.#ownerLength);
  }

  set owner(owner: WireName | undefined) {
    this.#ownerLength = owner?.length ?? 0;
    if (owner === undefined) return;
    this.#owner.set(owner);
    this.#ownerHash = hashName(owner, 0, owner.length);
  }

  /**
   * Reads one line.
   * @param at where it begins
   * @returns where the next one begins, or -1 when it is not plain
   */
  read(b: Uint8Array, at: number, line: number, file: number): number {
    const first = b[at];
    let p = at;
    let length = this.#ownerLength;
    let hash = this.#ownerHash;
    const hasOwner = first !== SPACE && first !== TAB;
    if (hasOwner) {
      const end = endOfLine(b, at);
      // Empty, or a comment.
      if (end !== NOT_PLAIN) return end;
      if (first === AT) {
        next.set(this.#origin);
        length = this.#origin.length;
        hash = this.#originHash;
        if (!this.#originInside) return NOT_PLAIN;
        p++;
      } else {
        p = this.#name(b, at, next, 0);
        if (p === NOT_PLAIN) return NOT_PLAIN;
        length = this.#nameEnd;
        if (this.#isAbsolute) {
          if (!endsIn(next, length, this.#zone)) return NOT_PLAIN;
          hash = hashLabels(next, 0, length - 1, HASH_START);
        } else {
          if (!this.#originInside) return NOT_PLAIN;
          hash = hashLabels(next, 0, length - this.#origin.length, this.#originHash);
        }
      }
      if (b[p] !== SPACE && b[p] !== TAB) return NOT_PLAIN;
      p = skipBlanks(b, p);
    } else {
      p = skipBlanks(b, at);
      const end = endOfLine(b, p);
      if (end !== NOT_PLAIN) return end;
      if (length === 0 || !endsIn(this.#owner, length, this.#zone)) return NOT_PLAIN;
    }
    // TTL and class, in either order.
    let ttl = -1;
    for (let hasClass = false; ;) {
      const c = b[p]!;
      if (c >= ZERO && c <= NINE && ttl < 0) {
        ttl = 0;
        let digit = c;
        for (; digit >= ZERO && digit <= NINE; digit = b[++p]!) {
          ttl = ttl * 10 + digit - ZERO;
          if (ttl > MAX_TTL) return NOT_PLAIN;
        }
        if (digit !== SPACE && digit !== TAB) return NOT_PLAIN;
      } else if (isInternet(b, p) && !hasClass) {
        hasClass = true;
        p += 2;
      } else break;
      p = skipBlanks(b, p);
    }
    const stated = ttl >= 0;
    if (!stated) {
      const { default: usual, last, said } = this.#ttls;
      if (usual !== undefined) ttl = usual;
      else if (said && last !== undefined) ttl = last;
      else return NOT_PLAIN;
    }
    let word = 0;
    let size = 0;
    for (; size < 6 && b[p] !== SPACE && b[p] !== TAB; size++) word = word * 256 + (b[p++]! & 0xdf);
    p = skipBlanks(b, p);
    const type = typeOf(word);
    if (type === 0) return NOT_PLAIN;
    p = this.#rdata(type, b, p);
    if (p === NOT_PLAIN) return NOT_PLAIN;
    p = endOfLine(b, skipBlanks(b, p));
    if (p === NOT_PLAIN) return NOT_PLAIN;
    if (hasOwner) {
      for (let i = 0; i < length; i++) this.#owner[i] = next[i]!;
      this.#ownerLength = length;
      this.#ownerHash = hash;
    }
    if (stated) this.#ttls.last = ttl;
    this.#builder.addAt(this.#owner, 0, length, hash, type, ttl, data, 0, this.#dataLength, line, file);
    return p;
  }

  /** Record data, into `data`. @returns where it ends */
  #rdata(type: number, b: Uint8Array, at: number): number {
    switch (type) {
      case Type.A:
        this.#dataLength = 4;
        return ipv4(b, at, data);
      case Type.AAAA:
        this.#dataLength = 16;
        return ipv6(b, at, data);
      case Type.MX:
        return this.#numbersAndName(b, at, 1);
      case Type.SRV:
        return this.#numbersAndName(b, at, 3);
      case Type.TXT:
        return this.#strings(b, at);
      default:
        return this.#numbersAndName(b, at, 0);
    }
  }

  /** 16-bit numbers, each followed by blanks, and a name. */
  #numbersAndName(b: Uint8Array, at: number, count: number): number {
    let p = at;
    let to = 0;
    for (let i = 0; i < count; i++) {
      let value = 0;
      const from = p;
      for (let c = b[p]!; c >= ZERO && c <= NINE; c = b[++p]!) value = value * 10 + c - ZERO;
      if (p === from || p - from > 5 || value > 0xffff) return NOT_PLAIN;
      if (b[p] !== SPACE && b[p] !== TAB) return NOT_PLAIN;
      data[to++] = value >>> 8;
      data[to++] = value & 255;
      p = skipBlanks(b, p);
    }
    if (b[p] === AT) {
      data.set(this.#origin, to);
      this.#dataLength = to + this.#origin.length;
      return p + 1;
    }
    p = this.#name(b, p, data, to);
    this.#dataLength = this.#nameEnd;
    return p;
  }

  /** Character-strings in quotes, with blanks between them. */
  #strings(b: Uint8Array, at: number): number {
    let p = at;
    let to = 0;
    while (b[p] === QUOTE) {
      const size = to++;
      let c = b[++p];
      for (; c !== QUOTE; c = b[++p]) {
        // A line feed or the end of the file as well.
        if (c === undefined || (c < SPACE && c !== TAB) || c === BACKSLASH || to === MAX_DATA) return NOT_PLAIN;
        data[to++] = c;
      }
      const length = to - size - 1;
      if (length > MAX_STRING || to + 1 > MAX_DATA) return NOT_PLAIN;
      data[size] = length;
      const after = skipBlanks(b, ++p);
      if (after === p && b[p] === QUOTE) return NOT_PLAIN;
      p = after;
    }
    if (to === 0 || rdataWarning(Type.TXT, data.subarray(0, to)) !== undefined) return NOT_PLAIN;
    this.#dataLength = to;
    return p;
  }

  /** A name, made absolute, to `out` from `to`. @returns where its text ends */
  #name(b: Uint8Array, at: number, out: Uint8Array, to: number): number {
    let p = at;
    let labelAt = to;
    let o = to + 1;
    const limit = to + MAX_NAME;
    if (b[p] === DOT) {
      // The root, or what is no name.
      out[to] = 0;
      this.#nameEnd = to + 1;
      this.#isAbsolute = true;
      return p + 1;
    }
    for (;;) {
      let c = b[p]!;
      while (IN_NAME[c] === 1) {
        if (o === limit) return NOT_PLAIN;
        out[o++] = c;
        c = b[++p]!;
      }
      const length = o - labelAt - 1;
      if (length === 0 || length > MAX_LABEL || o >= limit) return NOT_PLAIN;
      out[labelAt] = length;
      labelAt = o++;
      if (c !== DOT) break;
      if (IN_NAME[b[++p]!] === 1) continue;
      out[labelAt] = 0;
      this.#nameEnd = o;
      this.#isAbsolute = true;
      return p;
    }
    const origin = this.#origin;
    if (labelAt + origin.length > limit) return NOT_PLAIN;
    for (let i = 0; i < origin.length; i++) out[labelAt + i] = origin[i]!;
    this.#nameEnd = labelAt + origin.length;
    this.#isAbsolute = false;
    return p;
  }
}

function typeOf(word: number): number {
  switch (word) {
    case A:
      return Type.A;
    case AAAA:
      return Type.AAAA;
    case NS:
      return Type.NS;
    case MX:
      return Type.MX;
    case PTR:
      return Type.PTR;
    case SRV:
      return Type.SRV;
    case TXT:
      return Type.TXT;
    case CNAME:
      return Type.CNAME;
    default:
      return 0;
  }
}

/** `IN` and a blank. */
function isInternet(b: Uint8Array, at: number): boolean {
  return (b[at]! | 0x20) === 0x69 && (b[at + 1]! | 0x20) === 0x6e && (b[at + 2] === SPACE || b[at + 2] === TAB);
}

function skipBlanks(b: Uint8Array, at: number): number {
  let p = at;
  while (b[p] === SPACE || b[p] === TAB) p++;
  return p;
}

/** Where the next line begins, if nothing but perhaps a comment is left of this one. */
function endOfLine(b: Uint8Array, at: number): number {
  let p = at;
  if (b[p] === SEMICOLON) while (p < b.length && b[p] !== LF && b[p] !== CR) p++;
  if (p >= b.length) return b.length;
  if (b[p] === LF) return p + 1;
  return b[p] === CR && b[p + 1] === LF ? p + 2 : NOT_PLAIN;
}

/** Whether a name is at or below a zone. */
function endsIn(name: Uint8Array, length: number, zone: WireName): boolean {
  let at = 0;
  while (length - at > zone.length) at += name[at]! + 1;
  if (length - at !== zone.length) return false;
  for (let i = 0; i < zone.length; i++) if (LOWER[name[at + i]!] !== LOWER[zone[i]!]) return false;
  return true;
}

function ipv4(b: Uint8Array, at: number, out: Uint8Array): number {
  let p = at;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && b[p++] !== DOT) return NOT_PLAIN;
    let value = b[p]! - ZERO;
    if (!(value >= 0 && value <= 9)) return NOT_PLAIN;
    const leads = value === 0;
    for (let c = b[++p]!; c >= ZERO && c <= NINE; c = b[++p]!) {
      value = value * 10 + c - ZERO;
      if (leads || value > 255) return NOT_PLAIN;
    }
    out[part] = value;
  }
  return p;
}

function ipv6(b: Uint8Array, at: number, out: Uint8Array): number {
  let p = at;
  let to = 0;
  /** Where the zeros of `::` belong. */
  let gap = -1;
  if (b[p] === COLON) {
    if (b[p + 1] !== COLON) return NOT_PLAIN;
    gap = 0;
    p += 2;
  }
  for (;;) {
    let value = 0;
    const from = p;
    for (let digit = HEX[b[p]!]!; digit < 16 && p - from < 5; digit = HEX[b[++p]!]!) value = value * 16 + digit;
    if (p === from) break;
    if (p - from > 4 || to === 16) return NOT_PLAIN;
    out[to++] = value >>> 8;
    out[to++] = value & 255;
    if (b[p] !== COLON) break;
    if (b[++p] !== COLON) {
      // A colon at the end.
      if (HEX[b[p]!] === 255) return NOT_PLAIN;
      continue;
    }
    if (gap >= 0) return NOT_PLAIN;
    gap = to;
    p++;
  }
  if (gap < 0) return to === 16 ? p : NOT_PLAIN;
  const zeros = 16 - to;
  if (zeros < 4) return NOT_PLAIN;
  out.copyWithin(gap + zeros, gap, to);
  out.fill(0, gap, gap + zeros);
  return p;
}
