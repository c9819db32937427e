import { LOWER } from '../wire/name.ts';
import { HASH_START, hashEnd, hashStep } from '../wire/name-hash.ts';
import { Name, NONE, type Snapshot, type ZoneTables } from './snapshot.ts';

/** What `find` found, reused by one thread. */
export class Found {
  /** Index of the tables that the rest is about; they hold for as long as the snapshot. */
  tables = 0;
  /** Place of the name's node, or of its longest ancestor's that exists in a zone; NONE outside all zones. */
  node = NONE;
  /** True if `node` is the name itself. */
  exact = false;
  /** Labels of the name that are not part of `node`'s name. */
  below = 0;
  /** Place of the longest suffix of the name that is in the tables, existing or not. */
  name = 0;
  /** Labels of the name that are not part of `name`. */
  nameBelow = 0;
  readonly hashes = new Int32Array(128);
}

/**
 * Looks a name up.
 * @param b octets that hold the name, uncompressed
 * @param labelAt offset of each label's length octet in `b`
 * @param labels how many labels, without the root
 * @param end offset of the root's zero octet
 */
export function find(
  snapshot: Snapshot,
  b: Uint8Array,
  labelAt: Uint16Array,
  labels: number,
  end: number,
  found: Found,
): void {
  const { hashes } = found;
  let hash = HASH_START;
  let from = end;
  for (let i = labels - 1; i >= 0; i--) {
    const start = labelAt[i]!;
    for (let p = from - 1; p >= start; p--) hash = hashStep(hash, LOWER[b[p]!]!);
    hashes[i] = hash;
    from = start;
  }
  const { tables, directory } = snapshot;
  found.node = NONE;
  if (tables.length === 1 || directory.root !== NONE) {
    found.tables = tables.length === 1 ? 0 : directory.root;
    findIn(tables[found.tables]!, b, labelAt, labels, end, found);
    return;
  }
  // From the top down: zones within a served zone are in its tables.
  const { slots, hashes: hashOf } = directory;
  const mask = slots.length - 1;
  for (let i = labels - 1; i >= 0; i--) {
    const wanted = hashEnd(hashes[i]!);
    for (let slot = wanted & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      if (hashOf[slot] !== wanted) continue;
      // Another name may have the hash.
      found.tables = slots[slot]! - 1;
      findIn(tables[found.tables]!, b, labelAt, labels, end, found);
      if (found.node !== NONE) return;
    }
  }
}

function findIn(
  tables: ZoneTables,
  b: Uint8Array,
  labelAt: Uint16Array,
  labels: number,
  end: number,
  found: Found,
): void {
  const { words } = tables;
  const { hashes } = found;
  found.name = 0;
  found.nameBelow = labels;
  let seen = false;
  for (let i = 0; i <= labels; i++) {
    const name = i === labels ? 0 : probe(tables, b, labelAt[i]!, end, hashEnd(hashes[i]!));
    if (name === NONE) continue;
    if (!seen) {
      seen = true;
      found.name = name;
      found.nameBelow = i;
    }
    const node = words[name + Name.NODE]!;
    if (node !== NONE) {
      found.node = node;
      found.exact = i === 0;
      found.below = i;
      return;
    }
  }
  found.node = NONE;
  found.exact = false;
  found.below = labels;
}

function probe({ slots, bytes }: ZoneTables, b: Uint8Array, start: number, end: number, hash: number): number {
  const mask = slots.length - 2;
  for (let slot = (hash * 2) & mask; ; slot = (slot + 2) & mask) {
    const entry = slots[slot + 1]!;
    if (entry === 0) return NONE;
    if (slots[slot] !== hash) continue;
    const base = (entry - 1 + Name.WIRE) * 4 - start;
    let p = start;
    for (; p <= end; p++) {
      const octet = b[p]!;
      const ours = bytes[base + p]!;
      if (ours !== octet && LOWER[ours] !== LOWER[octet]) break;
    }
    if (p > end) return entry - 1;
  }
}
