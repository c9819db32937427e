import { highestBit, lowBits, ones, trailingZeros } from './bits.ts';
import { cutEmbedded } from './embedded-blocks.ts';
import type { PrefixTable } from './lookup.ts';
import { cutRuns6, findRuns6, Index6, Prefixes6, Sizes6 } from './prefix-table6.ts';
import type { Ranges } from './ranges.ts';
import { newRuns, STEP, type Runs } from './runs.ts';

/** IPv4 prefixes while they are written. The arrays lie in shared memory and have no room to spare. */
class Prefixes4 {
  readonly starts: Uint32Array;
  readonly leaves: Uint32Array;
  /** Prefixes written so far. */
  count = 0;

  constructor(total: number) {
    this.starts = new Uint32Array(new SharedArrayBuffer(total * 4));
    this.leaves = new Uint32Array(new SharedArrayBuffer(total * 4));
  }
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
  const sizes6 = new Sizes6();
  while (findRuns6(start6, value6, classOf, runs6, sizes6)) yield;
  if (finer?.leaf4.length === runs4.prefixes && sizes6.areOf(finer)) return undefined;
  const v4 = new Prefixes4(runs4.prefixes);
  for (let run = 0; run < runs4.count; run += STEP) {
    cutRuns4(v4, start4, value4, classOf, runs4, run);
    yield;
  }
  const v6 = new Prefixes6(sizes6);
  for (let run = 0; run < runs6.count; run += STEP) {
    cutRuns6(v6, start6, value6, classOf, runs6, run);
    yield;
  }
  const { entry6, group6, long6 } = v6;
  const index6 = new Index6(entry6).build();
  yield;
  return { first4: firstLevel(v4), start4: v4.starts, leaf4: v4.leaves, index6, entry6, group6, long6 };
}

/** For each value of the top 16 bits, the last prefix that starts at or before it; then the last of all. */
function firstLevel({ starts, count }: Prefixes4): Uint32Array {
  const first = new Uint32Array(new SharedArrayBuffer(65537 * 4));
  let top = 0;
  for (let i = 1; i < count; i++) {
    // Prefixes within the same top 16 bits as the one before them change nothing.
    const word = starts[i]!;
    if (word >>> 16 < top) continue;
    const behind = (word >>> 16) + ((word & 0xffff) === 0 ? 0 : 1);
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
  out: Prefixes4,
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
function cut4(out: Prefixes4, first: number, end: number, value: number): void {
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
