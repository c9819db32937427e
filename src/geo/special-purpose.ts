import type { Ranges } from './ranges.ts';

type Words = readonly [number, number, number, number];

/** First and first-behind address of the blocks that mean something else in every network (RFC 6890). */
const PRIVATE4: readonly (readonly [number, number])[] = [
  [0x0a000000, 0x0b000000], // 10.0.0.0/8
  [0x64400000, 0x64800000], // 100.64.0.0/10
  [0x7f000000, 0x80000000], // 127.0.0.0/8
  [0xa9fe0000, 0xa9ff0000], // 169.254.0.0/16
  [0xac100000, 0xac200000], // 172.16.0.0/12
  [0xc0a80000, 0xc0a90000], // 192.168.0.0/16
];
const PRIVATE6: readonly (readonly [Words, Words])[] = [
  [
    [0, 0, 0, 0],
    [0, 0, 0, 2],
  ], // ::/127: unspecified and loopback
  [
    [0xfc000000, 0, 0, 0],
    [0xfe000000, 0, 0, 0],
  ], // fc00::/7
  [
    [0xfe800000, 0, 0, 0],
    [0xfec00000, 0, 0, 0],
  ], // fe80::/10
];

/** Gives the value `mark` to private addresses whose value is 0: those that nobody has placed. */
export function markPrivate(ranges: Ranges, mark: number): Ranges {
  const v4 = splitAt(
    ranges.start4,
    ranges.value4,
    1,
    PRIVATE4.map(([first, behind]) => [[first], [behind]]),
    mark,
  );
  const v6 = splitAt(ranges.start6, ranges.value6, 4, PRIVATE6, mark);
  return { start4: v4.starts, value4: v4.values, start6: v6.starts, value6: v6.values };
}

/** Makes ranges start and end where blocks do, and gives those inside a block whose value is 0 the value `mark`. */
function splitAt(
  starts: Uint32Array,
  values: Uint32Array,
  words: number,
  blocks: readonly (readonly [readonly number[], readonly number[]])[],
  mark: number,
): { starts: Uint32Array; values: Uint32Array } {
  const outStarts = new Uint32Array(starts.length + blocks.length * 2 * words);
  const outValues = new Uint32Array(values.length + blocks.length * 2);
  let out = 0;
  let from = 0;
  /** Copies the ranges that start before an address, and makes one start there. */
  const copyTo = (address: readonly number[]): void => {
    const to = indexAtOrAfter(starts, words, address);
    outStarts.set(starts.subarray(from * words, to * words), out * words);
    outValues.set(values.subarray(from, to), out);
    out += to - from;
    from = to;
    if (to < values.length && compareAt(starts, to * words, address) === 0) return;
    outStarts.set(address, out * words);
    outValues[out] = outValues[out - 1]!;
    out++;
  };
  for (const [first, behind] of blocks) {
    copyTo(first);
    const begin = out;
    const split = from >= values.length || compareAt(starts, from * words, first) !== 0;
    copyTo(behind);
    // The range that was split off at the block's start stands just before `begin`.
    for (let i = split ? begin - 1 : begin; i < out; i++) {
      if (compareAt(outStarts, i * words, behind) < 0 && outValues[i] === 0) outValues[i] = mark;
    }
  }
  outStarts.set(starts.subarray(from * words), out * words);
  outValues.set(values.subarray(from), out);
  out += values.length - from;
  return { starts: outStarts.subarray(0, out * words), values: outValues.subarray(0, out) };
}

/** The first range that starts at an address or after it. */
function indexAtOrAfter(starts: Uint32Array, words: number, address: readonly number[]): number {
  let low = 0;
  let high = starts.length / words;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareAt(starts, middle * words, address) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compareAt(starts: Uint32Array, at: number, address: readonly number[]): number {
  for (let i = 0; i < address.length; i++) {
    const difference = starts[at + i]! - address[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
