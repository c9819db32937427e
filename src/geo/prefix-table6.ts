import { highestBit, lowBits, ones, trailingZeros128, trailingZeros64 } from './bits.ts';
import { CUT } from './embedded-blocks.ts';
import {
  INDEX_MOST_BITS,
  INDEX_MOST_SLOTS,
  indexNode,
  LONG,
  type PrefixTable,
  ENTRY_WORDS as WORDS,
} from './lookup.ts';
import { STEP, type Runs } from './runs.ts';

/** Values of a prefix table have 24 bits; this one marks blocks that are looked up as IPv4. */
const EMBEDDED = 0xfffffe;

/** The most entries that one slot of the index leads to; a look-up steps through them one by one. */
const MAX_STEPS = 12;

/**
 * Finds the next runs, in about as many ranges as make a step, and counts the prefixes that they will be cut into.
 * @returns whether there are more
 */
export function findRuns6(
  start6: Uint32Array,
  value6: Uint32Array,
  classOf: Uint32Array,
  runs: Runs,
  sizes: Sizes6,
): boolean {
  const { starts } = runs;
  const ranges = value6.length;
  let { count } = runs;
  let i = starts[count]!;
  const limit = Math.min(ranges, i + STEP);
  while (i < limit) {
    const first = i;
    const value = classAt(value6, classOf, i);
    do i++;
    while (i < ranges && classAt(value6, classOf, i) === value);
    sizes.add(start6, first * 4, i * 4);
    starts[++count] = i;
  }
  runs.count = count;
  return i < ranges;
}

/** Cuts the runs of one step, from `from` on. */
export function cutRuns6(
  out: Prefixes6,
  start6: Uint32Array,
  value6: Uint32Array,
  classOf: Uint32Array,
  { starts, count }: Runs,
  from: number,
): void {
  const limit = Math.min(count, from + STEP);
  for (let run = from; run < limit; run++) {
    const begin = starts[run]!;
    cut6(out, start6, begin * 4, starts[run + 1]! * 4, classAt(value6, classOf, begin));
  }
}

function classAt(values: Uint32Array, classOf: Uint32Array, i: number): number {
  const value = values[i]!;
  return value === CUT ? EMBEDDED : classOf[value]!;
}

/**
 * Counts the prefixes that runs will be cut into, so that arrays are allocated at their final size: most of the time
 * goes into touching new memory.
 */
export class Sizes6 {
  /** Prefixes that start where a /64 does. */
  entries = 0;
  /** Prefixes that start inside a /64. */
  inside = 0;
  /** Number of /64s that such prefixes are in. */
  groups = 0;
  #w0 = -1;
  #w1 = -1;

  /** Whether a table has as many prefixes. */
  areOf({ entry6, long6 }: PrefixTable): boolean {
    return entry6.length === this.entries * WORDS && long6.length === (this.inside + this.groups) * WORDS;
  }

  /** Counts one run, from one start in an array to another; the one behind the last is the end of the space, 2^128. */
  add(from: Uint32Array, first: number, behind: number): void {
    const last = behind === from.length;
    const w2 = from[first + 2]! | 0;
    const w3 = from[first + 3]! | 0;
    const e2 = last ? 0 : from[behind + 2]! | 0;
    const e3 = last ? 0 : from[behind + 3]! | 0;
    if ((w2 | w3 | e2 | e3) === 0) {
      this.entries += count64(from, first, behind);
      return;
    }
    const w0 = from[first]!;
    const w1 = from[first + 1]!;
    const total = count128(from, first, behind);
    const startsInside = (w2 | w3) !== 0;
    let inside = 0;
    if (!last && from[behind] === w0 && from[behind + 1] === w1) inside = startsInside ? total : total - 1;
    else {
      // Upwards to the end of its /64; then, inside the /64 of the end, all but the first.
      if (startsInside) inside = 65 - ones(w2) - ones(w3) - trailingZeros128(0, 0, w2, w3);
      inside += Math.max(0, ones(e2) + ones(e3) - 1);
    }
    this.inside += inside;
    this.entries += total - inside;
    // A /64 with boundaries inside has a run that starts there: the one after the first boundary.
    if (startsInside && (w0 !== this.#w0 || w1 !== this.#w1)) {
      this.groups++;
      this.#w0 = w0;
      this.#w1 = w1;
    }
  }
}

/** How many prefixes `cut64` makes; see `count4`. */
function count64(from: Uint32Array, first: number, behind: number): number {
  const w0 = from[first]! | 0;
  const w1 = from[first + 1]! | 0;
  const last = behind === from.length;
  const e0 = last ? 0 : from[behind]! | 0;
  const e1 = last ? 0 : from[behind + 1]! | 0;
  const d = last ? 64 : highestBit(0, 0, w0 ^ e0, w1 ^ e1);
  const m0 = lowBits(d - 32);
  const m1 = lowBits(d);
  const low = ones(w0 & m0) + ones(w1 & m1);
  const up = low === 0 ? 1 : d + 1 - low - trailingZeros64(w0, w1);
  return up + ones(e0 & m0) + ones(e1 & m1);
}

/** How many prefixes `cut128` makes; see `count4`. */
function count128(from: Uint32Array, first: number, behind: number): number {
  const w0 = from[first]! | 0;
  const w1 = from[first + 1]! | 0;
  const w2 = from[first + 2]! | 0;
  const w3 = from[first + 3]! | 0;
  const last = behind === from.length;
  const e0 = last ? 0 : from[behind]! | 0;
  const e1 = last ? 0 : from[behind + 1]! | 0;
  const e2 = last ? 0 : from[behind + 2]! | 0;
  const e3 = last ? 0 : from[behind + 3]! | 0;
  const d = last ? 128 : highestBit(w0 ^ e0, w1 ^ e1, w2 ^ e2, w3 ^ e3);
  const m0 = lowBits(d - 96);
  const m1 = lowBits(d - 64);
  const m2 = lowBits(d - 32);
  const m3 = lowBits(d);
  const low = ones(w0 & m0) + ones(w1 & m1) + ones(w2 & m2) + ones(w3 & m3);
  const up = low === 0 ? 1 : d + 1 - low - trailingZeros128(w0, w1, w2, w3);
  return up + ones(e0 & m0) + ones(e1 & m1) + ones(e2 & m2) + ones(e3 & m3);
}

/** IPv6 prefixes while they are written, in ascending order. The arrays lie in shared memory without room to spare. */
export class Prefixes6 {
  readonly entry6: Uint32Array;
  readonly group6: Uint32Array;
  readonly long6: Uint32Array;
  #entry = 0;
  #group = 0;
  #long = 0;

  constructor({ entries, inside, groups }: Sizes6) {
    this.entry6 = shared(entries * WORDS);
    this.group6 = shared(groups + 1);
    // The first prefix of each of these /64s is here as well.
    this.long6 = shared((inside + groups) * WORDS);
    this.group6[groups] = inside + groups;
  }

  /** A prefix that starts where a /64 does. */
  pushEntry(w0: number, w1: number, leaf: number): void {
    const at = this.#entry++ * WORDS;
    this.entry6[at] = w0;
    this.entry6[at + 1] = w1;
    this.entry6[at + 2] = leaf;
  }

  push(w0: number, w1: number, w2: number, w3: number, leaf: number): void {
    if ((w2 | w3) === 0) {
      this.pushEntry(w0, w1, leaf);
      return;
    }
    // The entry before is for the start of the same /64, since prefixes leave no gaps.
    const leafAt = this.#entry * WORDS - 1;
    const before = this.entry6[leafAt]!;
    if ((before & 255) !== LONG) {
      this.entry6[leafAt] = (this.#group << 8) | LONG;
      this.group6[this.#group++] = this.#long;
      this.#pushLong(0, 0, before);
    }
    this.#pushLong(w2, w3, leaf);
  }

  #pushLong(w2: number, w3: number, leaf: number): void {
    const at = this.#long++ * WORDS;
    this.long6[at] = w2;
    this.long6[at + 1] = w3;
    this.long6[at + 2] = leaf;
  }
}

function shared(words: number): Uint32Array {
  return new Uint32Array(new SharedArrayBuffer(words * 4));
}

/** Cuts a run, from one start in an array to another, into prefixes; the one behind the last is the end of the space. */
function cut6(out: Prefixes6, from: Uint32Array, first: number, behind: number, value: number): void {
  const low = from[first + 2]! | from[first + 3]!;
  if (behind < from.length && (low | from[behind + 2]! | from[behind + 3]!) !== 0)
    cut128(out, from, first, behind, value);
  else if (low !== 0) cut128(out, from, first, behind, value);
  else cut64(out, from, first, behind, value);
}

/** Like `cut4`, for a run that begins and ends where a /64 does, as almost all do. */
function cut64(out: Prefixes6, from: Uint32Array, first: number, behind: number, value: number): void {
  let w0 = from[first]! | 0;
  let w1 = from[first + 1]! | 0;
  const last = behind === from.length;
  const e0 = last ? 0 : from[behind]! | 0;
  const e1 = last ? 0 : from[behind + 1]! | 0;
  do {
    const d = last ? 64 : highestBit(0, 0, w0 ^ e0, w1 ^ e1);
    const bits = Math.min(trailingZeros64(w0, w1), d);
    out.pushEntry(w0, w1, (value << 8) | (64 - bits));
    let carry = 1 << (bits & 31);
    if (bits < 32) {
      w1 = (w1 + carry) | 0;
      carry = w1 === 0 ? 1 : 0;
    }
    // A block of 2^64 is all there is.
    w0 = bits === 64 ? 0 : (w0 + carry) | 0;
  } while (w0 !== e0 || w1 !== e1);
}

/** Like `cut4`. */
function cut128(out: Prefixes6, from: Uint32Array, first: number, behind: number, value: number): void {
  let w0 = from[first]! | 0;
  let w1 = from[first + 1]! | 0;
  let w2 = from[first + 2]! | 0;
  let w3 = from[first + 3]! | 0;
  const last = behind === from.length;
  const e0 = last ? 0 : from[behind]! | 0;
  const e1 = last ? 0 : from[behind + 1]! | 0;
  const e2 = last ? 0 : from[behind + 2]! | 0;
  const e3 = last ? 0 : from[behind + 3]! | 0;
  do {
    const d = last ? 128 : highestBit(w0 ^ e0, w1 ^ e1, w2 ^ e2, w3 ^ e3);
    const bits = Math.min(trailingZeros128(w0, w1, w2, w3), d);
    out.push(w0, w1, w2, w3, (value << 8) | (128 - bits));
    // Adds 2^bits. What is below is 0, so only a word that the sum makes 0 carries.
    let carry = 1 << (bits & 31);
    if (bits < 32) {
      w3 = (w3 + carry) | 0;
      carry = w3 === 0 ? 1 : 0;
    }
    if (bits < 64) {
      w2 = (w2 + carry) | 0;
      carry = carry !== 0 && w2 === 0 ? 1 : 0;
    }
    if (bits < 96) {
      w1 = (w1 + carry) | 0;
      carry = carry !== 0 && w1 === 0 ? 1 : 0;
    }
    // A block of 2^128 is all there is.
    w0 = bits === 128 ? 0 : (w0 + carry) | 0;
  } while (w0 !== e0 || w1 !== e1 || w2 !== e2 || w3 !== e3);
}

/** Builds the radix tree over the entries: see `lookup6`. */
export class Index6 {
  readonly #entries: Uint32Array;
  readonly #mostSlots: number;
  #slots: Int32Array;
  #length = 0;

  /** @param mostSlots 65536 or more; where there are too few, look-ups take more steps */
  constructor(entries: Uint32Array, mostSlots = INDEX_MOST_SLOTS) {
    this.#entries = entries;
    this.#mostSlots = mostSlots;
    this.#slots = new Int32Array(65536 + entries.length / WORDS);
  }

  build(): Int32Array {
    this.#node(0, this.#entries.length / WORDS - 1, 0, 0, 16);
    const index = new Int32Array(new SharedArrayBuffer(this.#length * 4));
    index.set(this.#slots.subarray(0, this.#length));
    return index;
  }

  #take(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#slots.length) {
      const wider = new Int32Array(Math.max(this.#length, this.#slots.length * 2));
      wider.set(this.#slots);
      this.#slots = wider;
    }
    return at;
  }

  /**
   * Writes a node for entries that are alike in the bits before, and the nodes below it.
   * @param word which word of the address it looks at
   * @param skip bits of that word that were looked at before
   * @param bits how many it looks at
   * @returns where its slots are
   */
  #node(first: number, last: number, word: 0 | 1, skip: number, bits: number): number {
    const entries = this.#entries;
    const base = this.#take(1 << bits);
    const shift = 32 - bits;
    const end = base + (1 << bits);
    let slots = this.#slots;
    let slot = base;
    // The first entry is where the first slot begins, since prefixes leave no gaps and none reaches into a slot.
    for (let i = first; i <= last;) {
      const digit = (entries[i * WORDS + word]! << skip) >>> shift;
      let next = i + 1;
      while (next <= last && (entries[next * WORDS + word]! << skip) >>> shift === digit) next++;
      for (const at = base + digit; slot < at; slot++) slots[slot] = i - 1;
      if (next - i > MAX_STEPS) {
        const child = this.#child(i, next - 1, word, skip + bits);
        // Nodes below may have moved them.
        slots = this.#slots;
        slots[slot++] = child;
      } else slots[slot++] = i;
      i = next;
    }
    for (; slot < end; slot++) slots[slot] = last;
    return base;
  }

  #child(first: number, last: number, word: 0 | 1, skip: number): number {
    if (skip === 32) return this.#child(first, last, 1, 0);
    // At most one slot for two entries; bits are even, since a node has them in pairs.
    let bits = 2;
    const most = Math.min(INDEX_MOST_BITS, 32 - skip);
    while (bits + 2 <= most && 2 << (bits + 2) <= last - first + 1) bits += 2;
    // Without room a look-up has to step over more entries.
    if (this.#length + (1 << bits) > this.#mostSlots) return first;
    return indexNode(word, skip, bits, this.#node(first, last, word, skip, bits));
  }
}
