/**
 * Disjoint, aligned prefixes that cover the whole of an address space, each with a value: what a locality trie is
 * after all its leaves with the same value were merged. Sorted starts with a first-level index by the top 16 bits
 * take less memory than nodes, and a look-up touches one short stretch of it.
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
  readonly first6: Uint32Array;
  /** Starts of the IPv6 prefixes, ascending: four 32-bit words each, most significant first. */
  readonly start6: Uint32Array;
  readonly leaf6: Uint32Array;
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

/** The leaf for an IPv6 address, given as four unsigned 32-bit words. */
export function lookup6(table: PrefixTable, w0: number, w1: number, w2: number, w3: number): number {
  const a0 = w0 >>> 0;
  const a1 = w1 >>> 0;
  const a2 = w2 >>> 0;
  const a3 = w3 >>> 0;
  const top = a0 >>> 16;
  const { start6 } = table;
  let low = table.first6[top]!;
  let high = table.first6[top + 1]!;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    const at = middle * 4;
    const s0 = start6[at]!;
    let before = s0 < a0;
    if (s0 === a0) {
      const s1 = start6[at + 1]!;
      before = s1 < a1;
      if (s1 === a1) {
        const s2 = start6[at + 2]!;
        before = s2 < a2 || (s2 === a2 && start6[at + 3]! <= a3);
      }
    }
    if (before) low = middle;
    else high = middle - 1;
  }
  return table.leaf6[low]!;
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
