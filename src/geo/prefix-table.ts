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
  const out = new Prefixes(1, 1024);
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
  const { starts, classes } = cutEmbedded(ranges, classOf);
  const out = new Prefixes(4, 1024);
  const at = new Uint32Array(4);
  const end = new Uint32Array(4);
  const count = classes.length;
  for (let i = 0; i < count;) {
    const value = classes[i]!;
    let next = i + 1;
    while (next < count && classes[next] === value) next++;
    const last = next === count;
    for (let w = 0; w < 4; w++) {
      at[w] = starts[i * 4 + w]!;
      end[w] = last ? 0 : starts[next * 4 + w]!;
    }
    do {
      const bits = Math.min(trailingZeros128(at), last ? 128 : highestDifference(at, end));
      const index = out.next();
      out.starts.set(at, index * 4);
      out.leaves[index] = value * 256 + 128 - bits;
      addPowerOfTwo(at, bits);
    } while (at[0] !== end[0] || at[1] !== end[1] || at[2] !== end[2] || at[3] !== end[3]);
    i = next;
  }
  return out;
}

function trailingZeros128(words: Uint32Array): number {
  for (let w = 3; w >= 0; w--) if (words[w] !== 0) return (3 - w) * 32 + trailingZeros(words[w]!);
  return 128;
}

/** The highest bit in which two different addresses differ; 0 is the lowest. */
function highestDifference(a: Uint32Array, b: Uint32Array): number {
  for (let w = 0; w < 4; w++) {
    const difference = (a[w]! ^ b[w]!) >>> 0;
    if (difference !== 0) return (3 - w) * 32 + 31 - Math.clz32(difference);
  }
  return 0;
}

/** Adds 2^bits, modulo 2^128. */
function addPowerOfTwo(words: Uint32Array, bits: number): void {
  if (bits === 128) return words.fill(0) && undefined;
  let w = 3 - (bits >> 5);
  let carry = 2 ** (bits & 31);
  for (; w >= 0 && carry > 0; w--) {
    const sum = words[w]! + carry;
    words[w] = sum;
    carry = sum > 0xffffffff ? 1 : 0;
  }
}

/** The ranges' classes, with the forms that carry IPv4 addresses as ranges of their own. */
function cutEmbedded({ start6, value6 }: Ranges, classOf: Uint32Array): { starts: Uint32Array; classes: Uint32Array } {
  const starts: number[] = [];
  const classes: number[] = [];
  const push = (w0: number, w1: number, w2: number, w3: number, value: number): void => {
    const top = starts.length - 4;
    if (top >= 0 && starts[top] === w0 && starts[top + 1] === w1 && starts[top + 2] === w2 && starts[top + 3] === w3) {
      classes[classes.length - 1] = value;
      return;
    }
    starts.push(w0, w1, w2, w3);
    classes.push(value);
  };
  let block = 0;
  // Class of the range that goes on where a block ends.
  let around = 0;
  const passBlocksBefore = (w0: number, w1: number, w2: number, w3: number): boolean => {
    for (; block < EMBEDDED_BLOCKS.length; block++) {
      const [a0, a1, a2, b0, b1, b2] = EMBEDDED_BLOCKS[block]!;
      if (!before(a0, a1, a2, 0, w0, w1, w2, w3)) return false;
      push(a0, a1, a2, 0, EMBEDDED);
      // A range that starts inside the block has no say there, but may reach beyond its end.
      if (before(w0, w1, w2, w3, b0, b1, b2, 0)) return true;
      push(b0, b1, b2, 0, around);
    }
    return false;
  };
  for (let i = 0; i < value6.length; i++) {
    const at = i * 4;
    const [w0, w1, w2, w3] = [start6[at]!, start6[at + 1]!, start6[at + 2]!, start6[at + 3]!];
    const inside = passBlocksBefore(w0, w1, w2, w3);
    around = classOf[value6[i]!]!;
    if (!inside) push(w0, w1, w2, w3, around);
  }
  passBlocksBefore(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff);
  return { starts: Uint32Array.from(starts), classes: Uint32Array.from(classes) };
}

function before(
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
