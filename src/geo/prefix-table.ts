import { highestBit, lowBits, ones, trailingZeros } from './bits.ts';
import type { PrefixTable } from './lookup.ts';
import { prefixes6 } from './prefix-table6.ts';
import type { Ranges } from './ranges.ts';

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
  const v4 = prefixes4(ranges, classOf);
  return { first4: firstLevel(v4), start4: v4.starts, leaf4: v4.leaves, ...prefixes6(ranges, classOf) };
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

function prefixes4({ start4, value4 }: Ranges, classOf: Uint32Array): Prefixes4 {
  const count = value4.length;
  // Where runs of one class start, as an index into the ranges.
  const runs = new Uint32Array(count + 1);
  let run = 0;
  let total = 0;
  for (let i = 0, first = 0; i < count; run++) {
    const value = classOf[value4[i]!]!;
    do i++;
    while (i < count && classOf[value4[i]!] === value);
    const end = i < count ? start4[i]! | 0 : 0;
    total += count4(first, end);
    first = end;
    runs[run + 1] = i;
  }
  const out = new Prefixes4(total);
  for (let i = 0; i < run; i++) {
    const behind = runs[i + 1]!;
    // The end of the space is 2^32, which is 0 here.
    const end = behind < count ? start4[behind]! | 0 : 0;
    cut4(out, start4[runs[i]!]! | 0, end, classOf[value4[runs[i]!]!]!);
  }
  return out;
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
