/**
 * A small writer of MaxMind DB files (format 2.0), enough for fixtures and benchmarks: no such writer exists on npm.
 * Where prefixes nest, the longer one holds.
 */
import { addressWords, parsePrefix, type Prefix } from '../../src/lib/address.ts';

/** What a record may hold. Whole numbers from 0 to 2^32-1 are written as uint32, other numbers as doubles. */
export type MmdbValue = string | number | boolean | readonly MmdbValue[] | { readonly [key: string]: MmdbValue };

export interface MmdbOptions {
  readonly databaseType: string;
  /** 6 by default; IPv4 prefixes then lie at ::/96, as everywhere. */
  readonly ipVersion?: 4 | 6;
  /** Bits of a record in the search tree; 24 by default. */
  readonly recordSize?: 24 | 28 | 32;
}

/** Nodes of the search tree while it is built: a side is another node, a record's number, or nothing. */
interface Node {
  readonly sides: [Node | number | undefined, Node | number | undefined];
  index: number;
}

/** @param records prefix as text and its record; @throws Error for what is not a prefix */
export function writeMmdb(records: Iterable<readonly [string, MmdbValue]>, options: MmdbOptions): Buffer {
  const { ipVersion = 6, recordSize = 24 } = options;
  const encoded = new Map<string, number>();
  const data: Buffer[] = [];
  let dataLength = 0;
  const root: Node = { sides: [undefined, undefined], index: 0 };
  const parsed = Array.from(records, ([text, value]) => {
    const prefix = parsePrefix(text);
    if (prefix === undefined || (ipVersion === 4 && prefix.family === 6))
      throw new Error(`${text} is no prefix for it`);
    return { bits: bitsOf(prefix, ipVersion), value };
  });
  for (const { bits, value } of parsed.sort((a, b) => a.bits.length - b.bits.length)) {
    const bytes = encodeValue(value);
    const key = bytes.toString('latin1');
    let position = encoded.get(key);
    if (position === undefined) {
      position = dataLength;
      encoded.set(key, position);
      data.push(bytes);
      dataLength += bytes.length;
    }
    insert(root, bits, position);
  }
  const nodes = numberNodes(root);
  const tree = Buffer.alloc((nodes.length * recordSize) / 4);
  for (const node of nodes) {
    const [left, right] = node.sides.map((side) => {
      if (side === undefined) return nodes.length;
      return typeof side === 'number' ? nodes.length + 16 + side : side.index;
    }) as [number, number];
    writeNode(tree, node.index, recordSize, left, right);
  }
  const metadata = encodeValue({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_700_000_000,
    database_type: options.databaseType,
    description: { en: 'fixture' },
    ip_version: ipVersion,
    languages: ['en'],
    node_count: nodes.length,
    record_size: recordSize,
  });
  return Buffer.concat([tree, Buffer.alloc(16), ...data, Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'), metadata]);
}

/** The bits of a prefix from the root of the tree on. */
function bitsOf(prefix: Prefix, ipVersion: 4 | 6): number[] {
  const own = Array.from(
    { length: prefix.length },
    (_, bit) => (addressWords(prefix)[bit >>> 5]! >>> (31 - (bit & 31))) & 1,
  );
  return prefix.family === 4 && ipVersion === 6 ? [...Array.from({ length: 96 }, () => 0), ...own] : own;
}

function insert(root: Node, bits: readonly number[], record: number): void {
  let node = root;
  for (const [depth, bit] of bits.entries()) {
    if (depth === bits.length - 1) {
      node.sides[bit] = record;
      return;
    }
    const side = node.sides[bit];
    // A wider prefix that was there before goes on holding on both sides of the new node.
    node.sides[bit] = typeof side === 'object' ? side : { sides: [side, side], index: 0 };
    node = node.sides[bit];
  }
  root.sides.fill(record);
}

function numberNodes(root: Node): Node[] {
  const nodes = [root];
  for (const node of nodes) {
    for (const side of node.sides) {
      if (typeof side === 'object') {
        side.index = nodes.push(side) - 1;
      }
    }
  }
  return nodes;
}

function writeNode(tree: Buffer, index: number, recordSize: number, left: number, right: number): void {
  const at = (index * recordSize) / 4;
  if (recordSize === 32) {
    tree.writeUInt32BE(left, at);
    tree.writeUInt32BE(right, at + 4);
    return;
  }
  tree.writeUIntBE(left & 0xffffff, at, 3);
  tree.writeUIntBE(right & 0xffffff, at + (recordSize === 28 ? 4 : 3), 3);
  if (recordSize === 28) tree[at + 3] = ((left >>> 24) << 4) | (right >>> 24);
}

const TYPE = { string: 2, double: 3, map: 7, uint32: 6, array: 11, boolean: 14 } as const;

function encodeValue(value: MmdbValue): Buffer {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    return Buffer.concat([control(TYPE.string, bytes.length), bytes]);
  }
  if (typeof value === 'boolean') return control(TYPE.boolean, value ? 1 : 0);
  if (typeof value === 'number') {
    if (Number.isInteger(value) && value >= 0 && value <= 0xffffffff) {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return Buffer.concat([control(TYPE.uint32, 4), bytes]);
    }
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    return Buffer.concat([control(TYPE.double, 8), bytes]);
  }
  if (Array.isArray(value)) return Buffer.concat([control(TYPE.array, value.length), ...value.map(encodeValue)]);
  const entries = Object.entries(value);
  return Buffer.concat([
    control(TYPE.map, entries.length),
    ...entries.flatMap(([key, each]) => [encodeValue(key), encodeValue(each)]),
  ]);
}

/** A control byte, the extended type and the size (MaxMind DB format specification, "Data Field Format"). */
function control(type: number, size: number): Buffer {
  if (size > 284) throw new Error('longer values are not written');
  const inFirst = size < 29 ? size : 29;
  const bytes = type > 7 ? [inFirst, type - 7] : [(type << 5) | inFirst];
  if (size >= 29) bytes.push(size - 29);
  return Buffer.from(bytes);
}
