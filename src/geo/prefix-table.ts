import type { PrefixTable } from './lookup.ts';
import type { Ranges } from './ranges.ts';

/** Values of a prefix table have 24 bits; this one marks blocks that are looked up as IPv4. */
const EMBEDDED = 0xfffffe;

/** First and first-behind words 0 to 2 of the IPv6 forms that carry an IPv4 address (see `embeddedLength`). */
const EMBEDDED_BLOCKS: readonly (readonly [number, number, number, number, number, number])[] = [
  [0, 0, 0xffff, 0, 0, 0x10000],
  [0x64ff9b, 0, 0, 0x64ff9b, 0, 1],
  [0x20010000, 0, 0, 0x20010001, 0, 0],
  [0x20020000, 0, 0, 0x20030000, 0, 0],
];

/** Prefixes that there is room for at first: real maps have several 100,000. */
const ROOM = 2 ** 19;

/** Growing arrays of one family's prefixes; a start is `words` words. */
class Prefixes {
  starts: Uint32Array;
  leaves: Uint32Array;
  count = 0;
  readonly words: number;

  constructor(words: number, capacity: number) {
    this.words = words;
    this.starts = new Uint32Array(capacity * words);
    this.leaves = new Uint32Array(capacity);
  }

  next(): number {
    if (this.count === this.leaves.length) {
      const starts = new Uint32Array(this.starts.length * 2);
      starts.set(this.starts);
      this.starts = starts;
      const leaves = new Uint32Array(this.leaves.length * 2);
      leaves.set(this.leaves);
      this.leaves = leaves;
    }
    return this.count++;
  }
}

/**
 * Turns ranges of localities into the fewest aligned prefixes of one class each: every run of neighbours with one
 * class is cut into maximal blocks, so no two sibling prefixes have the same class and none overlap.
 * @param classOf class of each value of `ranges`; below 0xfffffe, or 0xffffff
 */
export function buildPrefixTable(ranges: Ranges, classOf: Uint32Array): PrefixTable {
  const v4 = prefixes4(ranges, classOf);
  const v6 = prefixes6(ranges, classOf);
  return {
    first4: firstLevel(v4),
    start4: share(v4.starts.subarray(0, v4.count)),
    leaf4: share(v4.leaves.subarray(0, v4.count)),
    first6: firstLevel(v6),
    start6: share(v6.starts.subarray(0, v6.count * 4)),
    leaf6: share(v6.leaves.subarray(0, v6.count)),
  };
}

function share(array: Uint32Array): Uint32Array {
  const copy = new Uint32Array(new SharedArrayBuffer(array.byteLength));
  copy.set(array);
  return copy;
}

/** For each value of the top 16 bits, the last prefix that starts at or before it; then the last of all. */
function firstLevel(prefixes: Prefixes): Uint32Array {
  const first = new Uint32Array(new SharedArrayBuffer(65537 * 4));
  const { starts, words, count } = prefixes;
  let at = 0;
  for (let top = 0; top < 65536; top++) {
    const limit = (top << 16) >>> 0;
    while (at + 1 < count && startsAtOrBefore(starts, (at + 1) * words, words, limit)) at++;
    first[top] = at;
  }
  first[65536] = count - 1;
  return first;
}

function startsAtOrBefore(starts: Uint32Array, at: number, words: number, limit: number): boolean {
  if (starts[at] !== limit) return starts[at]! < limit;
  for (let i = 1; i < words; i++) if (starts[at + i] !== 0) return false;
  return true;
}

/** Trailing zero bits of a word; 32 for 0. */
function trailingZeros(word: number): number {
  return word === 0 ? 32 : 31 - Math.clz32(word & -word);
}

function prefixes4({ start4, value4 }: Ranges, classOf: Uint32Array): Prefixes {
  const out = new Prefixes(1, ROOM);
  for (let i = 0; i < start4.length;) {
    const value = classOf[value4[i]!]!;
    let next = i + 1;
    while (next < start4.length && classOf[value4[next]!] === value) next++;
    const last = next === start4.length;
    let at = start4[i]!;
    const end = last ? 0 : start4[next]!;
    do {
      // `at` differs from the end first in bit d; a block of 2^d at most fits, if it is aligned.
      const d = last ? 32 : 31 - Math.clz32(at ^ end);
      const bits = Math.min(trailingZeros(at), d);
      const index = out.next();
      out.starts[index] = at;
      out.leaves[index] = value * 256 + 32 - bits;
      at = (at + 2 ** bits) >>> 0;
    } while (at !== end);
    i = next;
  }
  return out;
}

function prefixes6(ranges: Ranges, classOf: Uint32Array): Prefixes {
  const { starts, values } = cutEmbedded(ranges);
  const out = new Prefixes(4, ROOM);
  const count = values.length;
  const classAt = (i: number): number => (values[i] === CUT ? EMBEDDED : classOf[values[i]!]!);
  for (let i = 0; i < count;) {
    const value = classAt(i);
    let next = i + 1;
    while (next < count && classAt(next) === value) next++;
    const last = next === count;
    let [w0, w1, w2, w3] = [starts[i * 4]!, starts[i * 4 + 1]!, starts[i * 4 + 2]!, starts[i * 4 + 3]!];
    const end = next * 4;
    const [e0, e1, e2, e3] = last ? [0, 0, 0, 0] : [starts[end]!, starts[end + 1]!, starts[end + 2]!, starts[end + 3]!];
    do {
      const bits = Math.min(
        trailingZeros128(w0, w1, w2, w3),
        last ? 128 : highestBit(w0 ^ e0, w1 ^ e1, w2 ^ e2, w3 ^ e3),
      );
      const index = out.next();
      const at = index * 4;
      out.starts[at] = w0;
      out.starts[at + 1] = w1;
      out.starts[at + 2] = w2;
      out.starts[at + 3] = w3;
      out.leaves[index] = value * 256 + 128 - bits;
      // Adds 2^bits with carry; words are unsigned, so a sum of 0 has overflowed.
      if (bits < 32) w3 = (w3 + 2 ** bits) >>> 0;
      if (bits < 64 && (bits >= 32 || w3 === 0)) w2 = (w2 + (bits >= 32 ? 2 ** (bits - 32) : 1)) >>> 0;
      if (bits < 96 && (bits >= 64 || (w2 === 0 && (bits >= 32 || w3 === 0))))
        w1 = (w1 + (bits >= 64 ? 2 ** (bits - 64) : 1)) >>> 0;
      if (bits === 128) w0 = 0;
      else if (bits >= 96) w0 = (w0 + 2 ** (bits - 96)) >>> 0;
      else if (w1 === 0 && (bits >= 64 || (w2 === 0 && (bits >= 32 || w3 === 0)))) w0 = (w0 + 1) >>> 0;
    } while (w0 !== e0 || w1 !== e1 || w2 !== e2 || w3 !== e3);
    i = next;
  }
  return out;
}

function trailingZeros128(w0: number, w1: number, w2: number, w3: number): number {
  if (w3 !== 0) return trailingZeros(w3);
  if (w2 !== 0) return 32 + trailingZeros(w2);
  if (w1 !== 0) return 64 + trailingZeros(w1);
  return 96 + trailingZeros(w0);
}

/** The highest bit that is set, 0 being the lowest; 0 for none. */
function highestBit(w0: number, w1: number, w2: number, w3: number): number {
  if (w0 !== 0) return 127 - Math.clz32(w0);
  if (w1 !== 0) return 95 - Math.clz32(w1);
  if (w2 !== 0) return 63 - Math.clz32(w2);
  return w3 === 0 ? 0 : 31 - Math.clz32(w3);
}

/** In place of a value: a block that carries IPv4 addresses. */
const CUT = 0xffffffff;

interface CutRanges {
  readonly starts: Uint32Array;
  readonly values: Uint32Array;
}

/** Every map of a snapshot is made from the same ranges, so they are cut once. */
const cuts = new WeakMap<Ranges, CutRanges>();

/** The IPv6 ranges, with the forms that carry IPv4 addresses as ranges of their own. */
function cutEmbedded(ranges: Ranges): CutRanges {
  const before = cuts.get(ranges);
  if (before !== undefined) return before;
  const { start6, value6 } = ranges;
  const room = value6.length + EMBEDDED_BLOCKS.length * 2;
  const starts = new Uint32Array(room * 4);
  const values = new Uint32Array(room);
  let count = 0;
  const push = (w0: number, w1: number, w2: number, w3: number, value: number): void => {
    const top = count * 4 - 4;
    const same =
      count > 0 && starts[top] === w0 && starts[top + 1] === w1 && starts[top + 2] === w2 && starts[top + 3] === w3;
    const at = same ? top : count++ * 4;
    starts[at] = w0;
    starts[at + 1] = w1;
    starts[at + 2] = w2;
    starts[at + 3] = w3;
    values[at / 4] = value;
  };
  let block = 0;
  // Value of the range that goes on where a block ends.
  let around = 0;
  /** Writes the blocks that begin before an address. True if the address is inside of one. */
  const passBlocks = (w0: number, w1: number, w2: number, w3: number): boolean => {
    for (; block < EMBEDDED_BLOCKS.length; block++) {
      const [a0, a1, a2, b0, b1, b2] = EMBEDDED_BLOCKS[block]!;
      if (!isBefore(a0, a1, a2, 0, w0, w1, w2, w3)) return false;
      push(a0, a1, a2, 0, CUT);
      // A range that starts inside the block has no say there, but may reach beyond its end.
      if (isBefore(w0, w1, w2, w3, b0, b1, b2, 0)) return true;
      push(b0, b1, b2, 0, around);
    }
    return false;
  };
  for (let i = 0; i < value6.length; i++) {
    const at = i * 4;
    const inside =
      block < EMBEDDED_BLOCKS.length && passBlocks(start6[at]!, start6[at + 1]!, start6[at + 2]!, start6[at + 3]!);
    around = value6[i]!;
    if (!inside) push(start6[at]!, start6[at + 1]!, start6[at + 2]!, start6[at + 3]!, around);
  }
  passBlocks(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff);
  const cut = { starts: starts.subarray(0, count * 4), values: values.subarray(0, count) };
  cuts.set(ranges, cut);
  return cut;
}

function isBefore(
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  b0: number,
  b1: number,
  b2: number,
  b3: number,
): boolean {
  if (a0 !== b0) return a0 < b0;
  if (a1 !== b1) return a1 < b1;
  return a2 === b2 ? a3 < b3 : a2 < b2;
}
