import type { Ranges } from './ranges.ts';

/** First and first-behind words 0 to 2 of the IPv6 forms that carry an IPv4 address (see `embeddedLength`). */
const EMBEDDED_BLOCKS: readonly (readonly [number, number, number, number, number, number])[] = [
  [0, 0, 0xffff, 0, 0, 0x10000],
  [0x64ff9b, 0, 0, 0x64ff9b, 0, 1],
  [0x20010000, 0, 0, 0x20010001, 0, 0],
  [0x20020000, 0, 0, 0x20030000, 0, 0],
];

/** In place of a value: a block that carries IPv4 addresses. */
export const CUT = 0xffffffff;

export interface CutRanges {
  readonly starts: Uint32Array;
  readonly values: Uint32Array;
}

/** Every map of a snapshot is made from the same ranges, so they are cut once. */
const cuts = new WeakMap<Ranges, CutRanges>();

/** The IPv6 ranges, with the forms that carry IPv4 addresses as ranges of their own. */
export function cutEmbedded(ranges: Ranges): CutRanges {
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
