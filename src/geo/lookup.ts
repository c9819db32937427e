/**
 * Disjoint, aligned prefixes that cover the whole of an address space, each with a value: what a locality trie is
 * after all its leaves with the same value were merged. For IPv4, sorted starts with a first-level index by the top 16
 * bits take less memory than nodes, and a look-up touches one short stretch of it. IPv6 prefixes crowd in few places,
 * so their index is as deep as they are dense.
 *
 * All arrays may lie in shared memory; they are never written after they were built.
 */
export interface PrefixTable {
  /** For IPv4: 65537 entries; prefixes with index first4[t] .. first4[t+1] start within top-16-bits t, or cover it. */
  readonly first4: Uint32Array;
  /** Starts of the IPv4 prefixes, ascending. */
  readonly start4: Uint32Array;
  /** Leaf of each IPv4 prefix: value * 256 + prefix length. */
  readonly leaf4: Uint32Array;
  /** Radix tree over the first 64 bits of IPv6 addresses: see `lookup6`. */
  readonly index6: Int32Array;
  /** IPv6 prefixes that start where a /64 does, ascending: words 0 and 1 of the start, and the leaf. */
  readonly entry6: Uint32Array;
  /** A group is a /64 with longer prefixes in it: where in `long6` each begins, counted in prefixes; then their end. */
  readonly group6: Uint32Array;
  /** Prefixes of the groups, ascending in each: words 2 and 3 of the start, and the leaf. */
  readonly long6: Uint32Array;
}

/** The value of a leaf: a locality, or a class of localities. */
export function leafValue(leaf: number): number {
  return leaf >>> 8;
}

/** The prefix length of a leaf: the shortest true ECS scope, 0 to 128. */
export function leafLength(leaf: number): number {
  return leaf & 255;
}

/** The leaf for an IPv4 address (unsigned 32-bit). */
export function lookup4(table: PrefixTable, address: number): number {
  // Numbers from 2^31 on may come as doubles; from here on they are words.
  const word = address >>> 0;
  const top = word >>> 16;
  const { start4 } = table;
  // first4[t] is the index of the last prefix that starts at or before t.0.0; so the answer is in [low, high].
  let low = table.first4[top]!;
  let high = table.first4[top + 1]!;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (start4[middle]! <= word) low = middle;
    else high = middle - 1;
  }
  return table.leaf4[low]!;
}

/** Words of an IPv6 prefix in `entry6` and `long6`. */
export const ENTRY_WORDS = 3;

/** In place of a prefix length: the leaf of an entry has the number of a group. */
export const LONG = 255;

/** The most bits that one node of the index looks at. */
export const INDEX_MOST_BITS = 16;

/** Nodes count their place in slots of four, with 22 bits. */
export const INDEX_MOST_SLOTS = 4 * 2 ** 22;

/**
 * A slot of the index that leads to a node: negative. From the top: 1 bit that is set, 1 bit for the word of the address
 * that the node looks at, 5 for the bits of it to skip, 3 for the bits to look at (in pairs, less one), 22 for its place.
 */
export function indexNode(word: 0 | 1, skip: number, bits: number, place: number): number {
  return (1 << 31) | (word << 30) | (skip << 25) | ((bits / 2 - 1) << 22) | (place / 4);
}

/**
 * The leaf for an IPv6 address, given as four unsigned 32-bit words.
 *
 * The index begins with 65536 slots for the first 16 bits. A slot leads to a node with slots for the next few bits, or,
 * where few entries are left, has the number of the first of them. Most addresses take three or four slots and two
 * steps from entry to entry; a binary search over all entries would miss caches in most of its steps.
 */
export function lookup6(table: PrefixTable, w0: number, w1: number, w2: number, w3: number): number {
  const a0 = w0 >>> 0;
  const a1 = w1 >>> 0;
  const { index6, entry6 } = table;
  let slot = index6[a0 >>> 16]!;
  while (slot < 0) {
    const word = (slot & 0x40000000) === 0 ? a0 : a1;
    const digit = (word << ((slot >>> 25) & 31)) >>> (30 - ((slot >>> 21) & 14));
    slot = index6[(slot & 0x3fffff) * 4 + digit]!;
  }
  let at = slot * ENTRY_WORDS;
  for (const last = entry6.length - ENTRY_WORDS; at < last; at += ENTRY_WORDS) {
    const s0 = entry6[at + ENTRY_WORDS]!;
    if (s0 > a0 || (s0 === a0 && entry6[at + ENTRY_WORDS + 1]! > a1)) break;
  }
  const leaf = entry6[at + 2]!;
  return (leaf & 255) === LONG ? lookupLong(table, leaf >>> 8, w2 >>> 0, w3 >>> 0) : leaf;
}

/** The leaf inside a /64 that has prefixes longer than that. */
function lookupLong({ group6, long6 }: PrefixTable, group: number, a2: number, a3: number): number {
  let low = group6[group]!;
  let high = group6[group + 1]! - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    const s2 = long6[middle * ENTRY_WORDS]!;
    if (s2 < a2 || (s2 === a2 && long6[middle * ENTRY_WORDS + 1]! <= a3)) low = middle;
    else high = middle - 1;
  }
  return long6[low * ENTRY_WORDS + 2]!;
}

/** Every IPv6 prefix of a table, ascending: the four words of its start, and its leaf. */
export function* prefixesOf6({
  entry6,
  group6,
  long6,
}: PrefixTable): Generator<[number, number, number, number, number]> {
  for (let at = 0; at < entry6.length; at += ENTRY_WORDS) {
    const [w0, w1, leaf] = [entry6[at]!, entry6[at + 1]!, entry6[at + 2]!];
    if ((leaf & 255) !== LONG) {
      yield [w0, w1, 0, 0, leaf];
      continue;
    }
    const group = leaf >>> 8;
    for (let i = group6[group]! * ENTRY_WORDS; i < group6[group + 1]! * ENTRY_WORDS; i += ENTRY_WORDS)
      yield [w0, w1, long6[i]!, long6[i + 1]!, long6[i + 2]!];
  }
}

/** `embeddedLength` of an address that carries none. */
export const NOT_EMBEDDED = 0xffffffff;

/**
 * Bits before the IPv4 address that an IPv6 address carries: 96 for IPv4-mapped (RFC 4291 2.5.5.2), NAT64 (RFC 6052)
 * and Teredo (RFC 4380 4), 16 for 6to4 (RFC 3056 2); else `NOT_EMBEDDED`. Such clients are where the IPv4 address is.
 */
export function embeddedLength(w0: number, w1: number, w2: number): number {
  if (w0 >>> 16 === 0x2002) return 16;
  if (w0 === 0x20010000) return 96;
  if (w1 !== 0) return NOT_EMBEDDED;
  if (w0 === 0) return w2 === 0xffff ? 96 : NOT_EMBEDDED;
  return w0 === 0x64ff9b && w2 === 0 ? 96 : NOT_EMBEDDED;
}

/** The IPv4 address inside, unsigned; only where `embeddedLength` found one. Teredo inverts the bits. */
export function embeddedIpv4(w0: number, w1: number, w2: number, w3: number): number {
  if (w0 >>> 16 === 0x2002) return ((w0 << 16) | (w1 >>> 16)) >>> 0;
  return w0 === 0x20010000 ? ~w3 >>> 0 : w3;
}
