import type { Ranges } from '../geo/ranges.ts';

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
  const start4 = [...ranges.start4];
  const value4 = [...ranges.value4];
  for (const [from, behind] of PRIVATE4) {
    split4(start4, value4, behind);
    for (let i = split4(start4, value4, from); i < start4.length && start4[i]! < behind; i++) {
      if (value4[i] === 0) value4[i] = mark;
    }
  }
  const start6: Words[] = [];
  for (let i = 0; i < ranges.start6.length; i += 4) {
    start6.push([ranges.start6[i]!, ranges.start6[i + 1]!, ranges.start6[i + 2]!, ranges.start6[i + 3]!]);
  }
  const value6 = [...ranges.value6];
  for (const [from, behind] of PRIVATE6) {
    split6(start6, value6, behind);
    for (let i = split6(start6, value6, from); i < start6.length && compare(start6[i]!, behind) < 0; i++) {
      if (value6[i] === 0) value6[i] = mark;
    }
  }
  return {
    start4: Uint32Array.from(start4),
    value4: Uint32Array.from(value4),
    start6: Uint32Array.from(start6.flat()),
    value6: Uint32Array.from(value6),
  };
}

/** Makes a range start at `at`. @returns its index. */
function split4(starts: number[], values: number[], at: number): number {
  return split(starts, values, at, (a, b) => a - b);
}

function split6(starts: Words[], values: number[], at: Words): number {
  return split(starts, values, at, compare);
}

function split<T>(starts: T[], values: number[], at: T, order: (a: T, b: T) => number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (order(starts[middle]!, at) <= 0) low = middle;
    else high = middle - 1;
  }
  if (order(starts[low]!, at) === 0) return low;
  starts.splice(low + 1, 0, at);
  values.splice(low + 1, 0, values[low]!);
  return low + 1;
}

function compare(a: Words, b: Words): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2] || a[3] - b[3];
}
