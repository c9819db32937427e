import { CUT, cutEmbedded } from './embedded-blocks.ts';
import type { PrefixTable } from './lookup.ts';
import type { Ranges } from './ranges.ts';

/** Values of a prefix table have 24 bits; this one marks blocks that are looked up as IPv4. */
const EMBEDDED = 0xfffffe;

/** Prefixes of one family; a start is `words` words. The arrays lie in shared memory and have no room to spare. */
class Prefixes {
  readonly words: number;
  readonly starts: Uint32Array;
  readonly leaves: Uint32Array;
  /** Those that were written so far. */
  count = 0;

  constructor(words: number, total: number) {
    this.words = words;
    this.starts = new Uint32Array(new SharedArrayBuffer(total * words * 4));
    this.leaves = new Uint32Array(new SharedArrayBuffer(total * 4));
  }
}

/** So many ranges, or runs of them, make a step: a few milliseconds. */
const STEP = 1 << 16;

/** Runs of neighbours with one class, while they are found and cut. */
interface Runs {
  /** Where runs start, as an index into the ranges; behind them where the last one ends. */
  readonly starts: Uint32Array;
  count: number;
  /** Prefixes that they make. */
  prefixes: number;
}

/**
 * Turns ranges of localities into the fewest aligned prefixes of one class each: every run of neighbours with one
 * class is cut into maximal blocks, so no two sibling prefixes have the same class and none overlap. The prefixes are
 * counted first: most of the time goes into touching new memory, so nothing is written but the result.
 * @param classOf class of each value of `ranges`; below 0xfffffe, or 0xffffff
 */
export function buildPrefixTable(ranges: Ranges, classOf: Uint32Array): PrefixTable {
  const steps = prefixTableSteps(ranges, classOf);
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value!;
}

/**
 * The same in steps of a few milliseconds each.
 * @param finer a table of the same ranges with finer classes: when it has no more prefixes, the result is undefined
 */
export function* prefixTableSteps(
  ranges: Ranges,
  classOf: Uint32Array,
  finer?: PrefixTable,
): Generator<void, PrefixTable | undefined, void> {
  const { start4, value4 } = ranges;
  const { starts: start6, values: value6 } = cutEmbedded(ranges);
  yield;
  const runs4 = newRuns(value4.length);
  while (findRuns4(start4, value4, classOf, runs4)) yield;
  const runs6 = newRuns(value6.length);
  while (findRuns6(start6, value6, classOf, runs6)) yield;
  if (finer?.leaf4.length === runs4.prefixes && finer.leaf6.length === runs6.prefixes) return undefined;
  const v4 = new Prefixes(1, runs4.prefixes);
  for (let run = 0; run < runs4.count; run += STEP) {
    cutRuns4(v4, start4, value4, classOf, runs4, run);
    yield;
  }
  const v6 = new Prefixes(4, runs6.prefixes);
  for (let run = 0; run < runs6.count; run += STEP) {
    cutRuns6(v6, start6, value6, classOf, runs6, run);
    yield;
  }
  return {
    first4: firstLevel(v4),
    start4: v4.starts,
    leaf4: v4.leaves,
    first6: firstLevel(v6),
    start6: v6.starts,
    leaf6: v6.leaves,
  };
}

function newRuns(ranges: number): Runs {
  return { starts: new Uint32Array(ranges + 1), count: 0, prefixes: 0 };
}

/** For each value of the top 16 bits, the last prefix that starts at or before it; then the last of all. */
function firstLevel({ starts, words, count }: Prefixes): Uint32Array {
  const first = new Uint32Array(new SharedArrayBuffer(65537 * 4));
  let top = 0;
  for (let i = 1; i < count; i++) {
    // Prefixes within the same top 16 bits as the one before them change nothing.
    const at = i * words;
    const word = starts[at]!;
    if (word >>> 16 < top) continue;
    const exact = (word & 0xffff) === 0 && (words === 1 || (starts[at + 1]! | starts[at + 2]! | starts[at + 3]!) === 0);
    const behind = (word >>> 16) + (exact ? 0 : 1);
    while (top < behind) first[top++] = i - 1;
  }
  first.fill(count - 1, top);
  return first;
}

/** Finds the next runs, in about as many ranges as make a step. @returns whether there are more */
function findRuns4(start4: Uint32Array, value4: Uint32Array, classOf: Uint32Array, runs: Runs): boolean {
  const { starts } = runs;
  const ranges = value4.length;
  let { count, prefixes } = runs;
  let i = starts[count]!;
  const limit = Math.min(ranges, i + STEP);
  let first = i === 0 ? 0 : start4[i]! | 0;
  while (i < limit) {
    const value = classOf[value4[i]!]!;
    do i++;
    while (i < ranges && classOf[value4[i]!] === value);
    // The end of the space is 2^32, which is 0 here.
    const end = i < ranges ? start4[i]! | 0 : 0;
    prefixes += count4(first, end);
    first = end;
    starts[++count] = i;
  }
  runs.count = count;
  runs.prefixes = prefixes;
  return i < ranges;
}

/** Cuts the runs of one step, from `from` on. */
function cutRuns4(
  out: Prefixes,
  start4: Uint32Array,
  value4: Uint32Array,
  classOf: Uint32Array,
  { starts, count }: Runs,
  from: number,
): void {
  const limit = Math.min(count, from + STEP);
  for (let run = from; run < limit; run++) {
    const begin = starts[run]!;
    const behind = starts[run + 1]!;
    const end = behind < value4.length ? start4[behind]! | 0 : 0;
    cut4(out, start4[begin]! | 0, end, classOf[value4[begin]!]!);
  }
}

/** How many prefixes `cut4` makes. */
function count4(first: number, end: number): number {
  const d = end === 0 ? 32 : highestBit(0, 0, 0, first ^ end);
  const low = first & lowBits(d);
  // Upwards from the first to the next multiple of 2^d there is one for every bit of the distance, from there one for
  // every bit of the end.
  return (low === 0 ? 1 : d + 1 - ones(low) - trailingZeros(low)) + ones(end & lowBits(d));
}

/** Cuts one run of addresses into prefixes. */
function cut4(out: Prefixes, first: number, end: number, value: number): void {
  const { starts, leaves } = out;
  let { count } = out;
  let at = first;
  do {
    // `at` differs from the end first in bit d; a block of 2^d at most fits, if it is aligned.
    const d = end === 0 ? 32 : 31 - Math.clz32(at ^ end);
    const bits = Math.min(trailingZeros(at), d);
    starts[count] = at;
    leaves[count++] = (value << 8) | (32 - bits);
    // A shift by 32 would be one by 0, where the block is all there is.
    at = bits === 32 ? 0 : (at + (1 << bits)) | 0;
  } while (at !== end);
  out.count = count;
}

/** Like `findRuns4`. */
function findRuns6(start6: Uint32Array, value6: Uint32Array, classOf: Uint32Array, runs: Runs): boolean {
  const { starts } = runs;
  const ranges = value6.length;
  let { count, prefixes } = runs;
  let i = starts[count]!;
  const limit = Math.min(ranges, i + STEP);
  while (i < limit) {
    const first = i;
    const value = classAt(value6, classOf, i);
    do i++;
    while (i < ranges && classAt(value6, classOf, i) === value);
    prefixes += count6(start6, first * 4, i * 4);
    starts[++count] = i;
  }
  runs.count = count;
  runs.prefixes = prefixes;
  return i < ranges;
}

function cutRuns6(
  out: Prefixes,
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

/** How many prefixes `cut6` makes; see `count4`. */
function count6(from: Uint32Array, first: number, behind: number): number {
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

/** Like `cut4`, from one start in an array to another; the one behind the last is the end of the space, 2^128. */
function cut6(out: Prefixes, from: Uint32Array, first: number, behind: number, value: number): void {
  const { starts, leaves } = out;
  let { count } = out;
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
    const at = count * 4;
    starts[at] = w0;
    starts[at + 1] = w1;
    starts[at + 2] = w2;
    starts[at + 3] = w3;
    leaves[count++] = (value << 8) | (128 - bits);
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
  out.count = count;
}

/** Trailing zero bits of a word; 32 for 0. */
function trailingZeros(word: number): number {
  return word === 0 ? 32 : 31 - Math.clz32(word & -word);
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

/** A mask of the low `count` bits of a word: none for 0 and less, all for 32 and more. */
function lowBits(count: number): number {
  if (count <= 0) return 0;
  return count >= 32 ? -1 : (1 << count) - 1;
}

/** How many bits of a word are set. */
function ones(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  n = (n + (n >>> 4)) & 0x0f0f0f0f;
  return Math.imul(n, 0x01010101) >>> 24;
}
