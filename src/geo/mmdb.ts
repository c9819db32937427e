import { readFileSync } from 'node:fs';
import { Reader, type Response } from 'mmdb-lib';
import type { Claim } from './space.ts';

/**
 * Every network of an mmdb file with its record, by a walk over the whole tree (MaxMind DB specification 2.0). Records
 * are decoded once each, since many networks share one.
 */
export interface MmdbNetworks<T> {
  readonly v4: Claim<number>[];
  readonly v6: Claim<bigint>[];
  /** By `value` of a claim. */
  readonly records: readonly T[];
  /** The database type in its metadata: `GeoLite2-City`. */
  readonly type: string;
  /** Number of records, those of no interest included. */
  readonly seen: number;
}

/** A file that is not damaged, but no database of the wanted kind. */
export class UnsuitableFile extends Error {
  /** The operator's next step. */
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(message);
    this.remedy = remedy;
  }
}

/** Before the metadata, which are in the last 128 KiB of a file. */
const MARKER = Buffer.from('\u{AB}\u{CD}\u{EF}MaxMind.com', 'latin1');
const METADATA_SIZE = 128 * 1024;

/** Beginnings of files that hold an mmdb file, or are in its place. */
const OTHER_FILES: readonly (readonly [begin: Buffer, offset: number, what: string])[] = [
  [Buffer.of(0x1f, 0x8b), 0, 'it is compressed with gzip'],
  [Buffer.from('PK\x03\x04', 'latin1'), 0, 'it is a zip archive'],
  [Buffer.from('BZh', 'latin1'), 0, 'it is compressed with bzip2'],
  [Buffer.of(0xfd, 0x37, 0x7a, 0x58, 0x5a), 0, 'it is compressed with xz'],
  [Buffer.of(0x28, 0xb5, 0x2f, 0xfd), 0, 'it is compressed with zstd'],
  [Buffer.from('ustar', 'latin1'), 257, 'it is a tar archive'],
];

/** @throws Error when a file cannot be an mmdb file, with the reason */
function checkKind(buffer: Buffer): void {
  if (buffer.length === 0) throw new Error('it is empty');
  if (buffer.subarray(Math.max(0, buffer.length - METADATA_SIZE)).includes(MARKER)) return;
  const other = OTHER_FILES.find(([begin, offset]) => buffer.subarray(offset, offset + begin.length).equals(begin));
  if (other !== undefined) throw new UnsuitableFile(other[2], 'unpack it, and name the .mmdb file in it');
  // Texts have no octet 0; the search tree of an mmdb file begins with several.
  if (!buffer.subarray(0, 4096).includes(0))
    throw new UnsuitableFile(
      'it is a text file',
      'name the mmdb edition of the database: a CSV edition cannot be read',
    );
  throw new Error('it has no metadata, so it is cut short or no mmdb file');
}

/** Deeper than any file nests, so that a damaged tree cannot make the walk endless. */
const MAX_NETWORKS = 20_000_000;

/**
 * Reads a whole mmdb file.
 * @param pick what of a record is of interest; undefined for none
 * @throws Error with the reason when the file is not a sound mmdb
 */
export function readMmdb<T>(path: string, pick: (record: unknown) => T | undefined): MmdbNetworks<T> {
  const buffer = readFileSync(path);
  checkKind(buffer);
  const reader = new Reader<Response>(buffer);
  const { nodeCount, recordSize, ipVersion, nodeByteSize, searchTreeSize, databaseType } = reader.metadata;
  const nodeBytes = (recordSize * 2) / 8;
  if (
    ![24, 28, 32].includes(recordSize) ||
    ![4, 6].includes(ipVersion) ||
    nodeByteSize !== nodeBytes ||
    !Number.isInteger(nodeCount) ||
    nodeCount < 1 ||
    searchTreeSize > buffer.length
  ) {
    throw new Error('its search tree does not fit its metadata');
  }
  const child = (node: number, bit: number): number => readChild(buffer, node * nodeBytes, recordSize, bit);
  // The reader decodes a record by an address in it; its own way from a pointer to a record is not public.
  const decode = (reader as unknown as { resolveDataPointer(pointer: number): unknown }).resolveDataPointer.bind(
    reader,
  );
  const records: T[] = [];
  const byPointer = new Map<number, number>();
  const valueOf = (pointer: number): number => {
    const known = byPointer.get(pointer);
    if (known !== undefined) return known;
    const picked = pick(decode(pointer));
    const value = picked === undefined ? -1 : records.push(picked) - 1;
    byPointer.set(pointer, value);
    return value;
  };
  const v4: Claim<number>[] = [];
  const v6: Claim<bigint>[] = [];
  let start4 = 0;
  if (ipVersion === 6) for (let i = 0; i < 96 && start4 < nodeCount; i++) start4 = child(start4, 0);
  let seen = 0;
  const count = (): void => {
    if (++seen > MAX_NETWORKS) throw new Error('its search tree is endless');
  };
  const walk4 = (node: number, first: number, depth: number): void => {
    count();
    if (node < nodeCount) {
      if (depth === 32) throw new Error('its search tree is too deep');
      const half = 2 ** (31 - depth);
      walk4(child(node, 0), first, depth + 1);
      walk4(child(node, 1), first + half, depth + 1);
    } else if (node > nodeCount) {
      const value = valueOf(node);
      if (value >= 0) v4.push({ first, last: first + 2 ** (32 - depth) - 1, value });
    }
  };
  const walk6 = (node: number, first: bigint, depth: number): void => {
    count();
    // The IPv4 addresses stand in ::/96, and again wherever the file has aliased them to.
    if (node === start4 && node < nodeCount && depth > 0) return;
    if (node < nodeCount) {
      if (depth === 128) throw new Error('its search tree is too deep');
      walk6(child(node, 0), first, depth + 1);
      walk6(child(node, 1), first | (1n << BigInt(127 - depth)), depth + 1);
    } else if (node > nodeCount) {
      const value = valueOf(node);
      if (value >= 0) v6.push({ first, last: first + (1n << BigInt(128 - depth)) - 1n, value });
    }
  };
  walk4(start4, 0, 0);
  if (ipVersion === 6) walk6(0, 0n, 0);
  return { v4, v6, records, type: databaseType, seen: byPointer.size };
}

function readChild(buffer: Buffer, at: number, recordSize: number, bit: number): number {
  if (recordSize === 24) return buffer.readUIntBE(at + bit * 3, 3);
  if (recordSize === 32) return buffer.readUInt32BE(at + bit * 4);
  const middle = buffer[at + 3]!;
  if (bit === 0) return ((middle & 0xf0) << 20) | buffer.readUIntBE(at, 3);
  return ((middle & 0x0f) << 24) | buffer.readUIntBE(at + 4, 3);
}
