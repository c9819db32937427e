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
  /** What `value` of a claim stands for. */
  readonly records: readonly T[];
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
  const reader = new Reader<Response>(buffer);
  const { nodeCount, recordSize, ipVersion, nodeByteSize, searchTreeSize } = reader.metadata;
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
  return { v4, v6, records };
}

function readChild(buffer: Buffer, at: number, recordSize: number, bit: number): number {
  if (recordSize === 24) return buffer.readUIntBE(at + bit * 3, 3);
  if (recordSize === 32) return buffer.readUInt32BE(at + bit * 4);
  const middle = buffer[at + 3]!;
  if (bit === 0) return ((middle & 0xf0) << 20) | buffer.readUIntBE(at, 3);
  return ((middle & 0x0f) << 24) | buffer.readUIntBE(at + 4, 3);
}
