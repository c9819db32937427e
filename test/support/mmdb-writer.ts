/**
 * Writes MaxMind DB files (specification 2.0), for fixtures and for peers in benchmarks that read nothing else: no such
 * writer exists on npm. A record that is given for several prefixes is stored once; nothing inside of records is shared.
 */
import { parsePrefix } from '../../src/lib/address.ts';

/** An unsigned integer of a width of its own; other integers are written as uint32. */
export class Uint {
  readonly bits: 16 | 32 | 64 | 128;
  readonly value: bigint;

  constructor(bits: 16 | 32 | 64 | 128, value: bigint | number) {
    this.bits = bits;
    this.value = BigInt(value);
  }
}

/** Integers are uint32 (int32 when negative), other numbers doubles. */
export type MmdbValue =
  | string
  | number
  | boolean
  | Uint
  | Uint8Array
  | readonly MmdbValue[]
  | { readonly [key: string]: MmdbValue };

export interface MmdbOptions {
  /** `GeoLite2-City` and the like: readers go by it. */
  readonly databaseType: string;
  /** 6 by default; IPv4 prefixes then lie at ::/96, as everywhere. */
  readonly ipVersion?: 4 | 6;
  /** Bits of a record in the search tree; 24 by default. */
  readonly recordSize?: 24 | 28 | 32;
  /** IPv6 prefixes at which the IPv4 networks are found as well, as in published files (2002::/16 and others). */
  readonly aliases?: readonly string[];
}

const NO_DATA = -1;
/** Data are numbers from here downwards, nodes are numbers from 0 upwards. */
const FIRST_DATA = -2;
const SEPARATOR = Buffer.alloc(16);
const MARKER = Buffer.from('\u{AB}\u{CD}\u{EF}MaxMind.com', 'latin1');

/**
 * The octets of a file.
 * @param records prefix as text and its record; where prefixes nest, the longer one holds, and of two alike the later
 * @throws Error for what is not a prefix, and when there is more than its record size can point to
 */
export function writeMmdb(
  records: Iterable<readonly [string, MmdbValue]>,
  { databaseType, ipVersion = 6, recordSize = 24, aliases = [] }: MmdbOptions,
): Buffer {
  const tree = new Tree();
  const data: Buffer[] = [];
  const offsets: number[] = [];
  const known = new Map<MmdbValue, number>();
  let size = 0;
  const networks = Array.from(records, ([text, record]) => ({ ...place(text, ipVersion), record }));
  for (const { bytes, length, record } of networks.sort((a, b) => a.length - b.length)) {
    let child = known.get(record);
    if (child === undefined) {
      const encoded = encode(record);
      child = FIRST_DATA - data.length;
      known.set(record, child);
      data.push(encoded);
      offsets.push(size);
      size += encoded.length;
    }
    tree.set(bytes, length, child);
  }
  const ipv4 = aliases.length === 0 ? NO_DATA : tree.get(new Uint8Array(16), 96);
  for (const text of aliases) {
    const { bytes, length } = place(text, 6);
    tree.set(bytes, length, ipv4);
  }
  const count = tree.nodes.length / 2;
  const pointers = tree.nodes.map((child) => {
    if (child === NO_DATA) return count;
    return child >= 0 ? child : count + SEPARATOR.length + offsets[FIRST_DATA - child]!;
  });
  if (pointers.some((pointer) => pointer >= 2 ** recordSize)) throw new Error(`${recordSize} bits are too few`);
  const metadata = encode({
    binary_format_major_version: new Uint(16, 2),
    binary_format_minor_version: new Uint(16, 0),
    build_epoch: new Uint(64, 1_700_000_000),
    database_type: databaseType,
    description: { en: databaseType },
    ip_version: new Uint(16, ipVersion),
    languages: ['en'],
    node_count: count,
    record_size: new Uint(16, recordSize),
  });
  return Buffer.concat([encodeNodes(pointers, recordSize), SEPARATOR, ...data, MARKER, metadata]);
}

/** Where a prefix lies in a tree. */
function place(text: string, ipVersion: 4 | 6): { bytes: Uint8Array; length: number } {
  const prefix = parsePrefix(text);
  if (prefix === undefined || (ipVersion === 4 && prefix.family === 6)) throw new Error(`${text} is no prefix for it`);
  const { family, bytes, length } = prefix;
  return family === ipVersion
    ? { bytes, length }
    : { bytes: Buffer.concat([Buffer.alloc(12), bytes]), length: length + 96 };
}

/** Two children for each node: a node, NO_DATA, or data. */
class Tree {
  readonly nodes: number[] = [NO_DATA, NO_DATA];

  set(bytes: Uint8Array, length: number, child: number): void {
    if (length === 0) {
      this.nodes.splice(0, 2, child, child);
      return;
    }
    let node = 0;
    for (let depth = 0; depth < length - 1; depth++) {
      const at = node * 2 + bit(bytes, depth);
      const next = this.nodes[at]!;
      // What was said of the whole now stands in both halves.
      node = next >= 0 ? next : (this.nodes[at] = this.nodes.push(next, next) / 2 - 1);
    }
    this.nodes[node * 2 + bit(bytes, length - 1)] = child;
  }

  get(bytes: Uint8Array, length: number): number {
    let node = 0;
    for (let depth = 0; depth < length && node >= 0; depth++) node = this.nodes[node * 2 + bit(bytes, depth)]!;
    return node;
  }
}

function bit(bytes: Uint8Array, index: number): number {
  return (bytes[index >> 3]! >> (7 - (index & 7))) & 1;
}

function encodeNodes(pointers: readonly number[], recordSize: number): Buffer {
  const bytes = recordSize / 4;
  const out = Buffer.alloc((pointers.length / 2) * bytes);
  for (let i = 0; i < pointers.length; i += 2) {
    const at = (i / 2) * bytes;
    const left = pointers[i]!;
    const right = pointers[i + 1]!;
    if (recordSize === 28) {
      out.writeUIntBE(left & 0xffffff, at, 3);
      out[at + 3] = ((left >>> 24) << 4) | (right >>> 24);
      out.writeUIntBE(right & 0xffffff, at + 4, 3);
    } else {
      out.writeUIntBE(left, at, bytes / 2);
      out.writeUIntBE(right, at + bytes / 2, bytes / 2);
    }
  }
  return out;
}

const UINT_TYPES = { 16: 5, 32: 6, 64: 9, 128: 10 } as const;

function encode(value: MmdbValue): Buffer {
  if (typeof value === 'string') {
    const text = Buffer.from(value);
    return Buffer.concat([control(2, text.length), text]);
  }
  if (typeof value === 'boolean') return control(14, value ? 1 : 0);
  if (typeof value === 'number') return encodeNumber(value);
  if (value instanceof Uint) return encodeUint(value);
  if (value instanceof Uint8Array) return Buffer.concat([control(4, value.length), value]);
  if (isArray(value)) return Buffer.concat([control(11, value.length), ...value.map(encode)]);
  const entries = Object.entries(value);
  return Buffer.concat([control(7, entries.length), ...entries.flatMap(([key, each]) => [encode(key), encode(each)])]);
}

function isArray(value: MmdbValue): value is readonly MmdbValue[] {
  return Array.isArray(value);
}

function encodeNumber(value: number): Buffer {
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 32) return encodeUint(new Uint(32, value));
  const negative = Number.isInteger(value) && value >= -(2 ** 31) && value < 0;
  const bytes = Buffer.alloc(negative ? 4 : 8);
  if (negative) bytes.writeInt32BE(value);
  else bytes.writeDoubleBE(value);
  return Buffer.concat([control(negative ? 8 : 3, bytes.length), bytes]);
}

/** Without leading zero octets, so that 0 has none at all. */
function encodeUint({ bits, value }: Uint): Buffer {
  const hex = value === 0n ? '' : value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([control(UINT_TYPES[bits], bytes.length), bytes]);
}

/** Control octets: type (from 8 on in an octet of its own) and size. */
function control(type: number, size: number): Buffer {
  const [short, more] =
    size < 29
      ? [size, []]
      : size < 285
        ? [29, [size - 29]]
        : size < 65_821
          ? [30, [(size - 285) >> 8, (size - 285) & 255]]
          : [31, [(size - 65_821) >> 16, ((size - 65_821) >> 8) & 255, (size - 65_821) & 255]];
  return Buffer.from(type < 8 ? [(type << 5) | short, ...more] : [short, type - 7, ...more]);
}
