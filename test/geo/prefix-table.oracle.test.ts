import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildPrefixTable, prefixTableSteps } from '../../src/geo/prefix-table.ts';
import { Index6 } from '../../src/geo/prefix-table6.ts';
import {
  embeddedLength,
  leafLength,
  leafValue,
  lookup4,
  lookup6,
  NOT_EMBEDDED,
  prefixesOf6,
  type PrefixTable,
} from '../../src/geo/lookup.ts';
import type { Ranges } from '../../src/geo/ranges.ts';
import { markPrivate } from '../../src/geo/special-purpose.ts';

const MAX4 = 2 ** 32;
const MAX6 = 1n << 128n;

const words = (address: bigint): [number, number, number, number] => [
  Number(address >> 96n),
  Number((address >> 64n) & 0xffffffffn),
  Number((address >> 32n) & 0xffffffffn),
  Number(address & 0xffffffffn),
];

/** Ranges from starts (0 is added) with small values, so that neighbours often have one class. */
function ranges(starts4: number[], starts6: bigint[], values: number[]): Ranges {
  const s4 = [...new Set([0, ...starts4])].sort((a, b) => a - b);
  const s6 = [...new Set([0n, ...starts6])].sort((a, b) => (a < b ? -1 : 1));
  return {
    start4: Uint32Array.from(s4),
    value4: Uint32Array.from(s4, (_, i) => values[i % values.length]!),
    start6: Uint32Array.from(s6.flatMap(words)),
    value6: Uint32Array.from(s6, (_, i) => values[(i * 7) % values.length]!),
  };
}

function naive(starts: bigint[], values: Uint32Array, address: bigint): number {
  let i = 0;
  while (i + 1 < starts.length && starts[i + 1]! <= address) i++;
  return values[i]!;
}

const starts6Of = ({ start6 }: Ranges): bigint[] =>
  Array.from({ length: start6.length / 4 }, (_, i) =>
    [0, 1, 2, 3].reduce((sum, w) => (sum << 32n) | BigInt(start6[i * 4 + w]!), 0n),
  );

// Boundaries at every length, and close to each other, matter more than random ones.
const address4 = fc.tuple(fc.nat(MAX4 - 1), fc.nat(32)).map(([a, n]) => Math.floor(a / 2 ** n) * 2 ** n);
const address6 = fc
  .tuple(
    fc.bigInt({ min: 0n, max: MAX6 - 1n }),
    fc.nat(128),
    fc.constantFrom(0n, 0x2001n << 112n, 0xffffn << 32n, 0x64ff9bn << 96n),
  )
  .map(([a, n, near]) => (((a >> BigInt(n)) << BigInt(n)) & ((1n << 100n) - 1n)) | near);
const worlds = fc.tuple(
  fc.array(address4, { maxLength: 30 }),
  fc.array(address6, { maxLength: 30 }),
  fc.array(fc.nat(3), { minLength: 1, maxLength: 9 }),
);

/** Prefixes as [start, length, value]. */
function prefixes(table: PrefixTable, family: 4 | 6): [bigint, number, number][] {
  const all: [bigint, number][] =
    family === 4
      ? Array.from(table.start4, (start, i) => [BigInt(start), table.leaf4[i]!])
      : Array.from(prefixesOf6(table), ([w0, w1, w2, w3, leaf]) => [
          [w0, w1, w2, w3].reduce((sum, word) => (sum << 32n) | BigInt(word), 0n),
          leaf,
        ]);
  return all.map(([start, leaf]) => [start, leafLength(leaf), leafValue(leaf)]);
}

function checkCover(table: PrefixTable, family: 4 | 6): void {
  const bits = family === 4 ? 32 : 128;
  let at = 0n;
  let before: [bigint, number, number] | undefined;
  for (const prefix of prefixes(table, family)) {
    const [start, length, value] = prefix;
    expect(start).toBe(at);
    const size = 1n << BigInt(bits - length);
    expect(start % size).toBe(0n);
    // Two halves of one prefix never have one value: they would be that prefix.
    const sibling = before !== undefined && before[1] === length && (before[0] ^ start) === size;
    if (sibling) expect(before![2]).not.toBe(value);
    before = prefix;
    at += size;
  }
  expect(at).toBe(1n << BigInt(bits));
}

test('a prefix table says what the ranges say, with the fewest prefixes, over all of the space', () => {
  fc.assert(
    fc.property(
      worlds,
      fc.array(address4, { minLength: 5 }),
      fc.array(address6, { minLength: 5 }),
      ([s4, s6, values], a4, a6) => {
        const world = ranges(s4, s6, values);
        const classOf = Uint32Array.of(1, 1, 5, 9);
        const table = buildPrefixTable(world, classOf);
        checkCover(table, 4);
        checkCover(table, 6);
        const edges4 = [...world.start4].flatMap((s) => [s, (s + MAX4 - 1) % MAX4]);
        for (const a of [...a4, ...edges4]) {
          const leaf = lookup4(table, a);
          expect(leafValue(leaf)).toBe(classOf[naive([...world.start4].map(BigInt), world.value4, BigInt(a))]);
        }
        const edges6 = starts6Of(world).flatMap((s) => [s, (s + MAX6 - 1n) % MAX6]);
        for (const a of [...a6, ...edges6]) {
          const w = words(a);
          const value = leafValue(lookup6(table, ...w));
          const embedded = embeddedLength(w[0], w[1], w[2]) !== NOT_EMBEDDED;
          if (embedded) expect(value).toBe(0xfffffe);
          else expect(value).toBe(classOf[naive(starts6Of(world), world.value6, a)]);
        }
      },
    ),
    { numRuns: 120 },
  );
});

test('a table with no fewer prefixes than one with finer classes is not built', () => {
  const last = (steps: Generator<void, PrefixTable | undefined, void>): PrefixTable | undefined => {
    for (;;) {
      const { done, value } = steps.next();
      if (done === true) return value;
    }
  };
  fc.assert(
    fc.property(worlds, ([s4, s6, values]) => {
      const world = ranges(s4, s6, values);
      const fine = buildPrefixTable(world, Uint32Array.of(0, 1, 2, 3));
      // Other numbers for the same classes.
      expect(last(prefixTableSteps(world, Uint32Array.of(3, 2, 1, 0), fine))).toBeUndefined();
      const coarse = last(prefixTableSteps(world, Uint32Array.of(0, 0, 0, 0), fine));
      const wanted = buildPrefixTable(world, Uint32Array.of(0, 0, 0, 0));
      const count = (table: PrefixTable): number => prefixes(table, 4).length + prefixes(table, 6).length;
      if (count(wanted) < count(fine)) expect(coarse).toEqual(wanted);
      else expect(coarse).toBeUndefined();
    }),
    { numRuns: 100 },
  );
});

/** Starts that crowd: in one /16, one /32, one /48, one /64, and in the last of each, since those are indexed deeply. */
const crowds = fc
  .array(
    fc.tuple(
      fc.constantFrom(0x26n << 120n, 0x2a01n << 112n, 0x2a014f8n << 96n, 0x2a014f80ffffn << 80n, MAX6 - (1n << 100n)),
      fc.constantFrom(112n, 96n, 80n, 64n, 60n, 1n),
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 977 }),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((all) =>
    all.flatMap(([base, shift, count, step]) =>
      Array.from({ length: count }, (_, i) => (base + (BigInt(i * step) << shift)) % MAX6),
    ),
  );

/** A value that an IPv6 address has in ranges, by a binary search over BigInts. */
function valueIn(starts: readonly bigint[], values: Uint32Array, address: bigint): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (starts[middle]! <= address) low = middle;
    else high = middle - 1;
  }
  return values[low]!;
}

test.each([
  ['room for the whole index', undefined],
  ['room for few nodes', 65536 + 64],
  ['no room for a node', 65536],
])('a crowded table says what the ranges say, with %s', (_, mostSlots) => {
  fc.assert(
    fc.property(crowds, fc.array(address6, { minLength: 5 }), (crowd, others) => {
      const world = ranges([], crowd, [0, 1, 2, 3]);
      const classOf = Uint32Array.of(7, 1, 5, 9);
      const built = buildPrefixTable(world, classOf);
      const table = { ...built, index6: new Index6(built.entry6, mostSlots).build() };
      checkCover(table, 6);
      if (mostSlots !== undefined) expect(table.index6.length).toBeLessThanOrEqual(mostSlots);
      const starts = starts6Of(world);
      for (const a of [...others, ...starts.flatMap((s) => [s, s + 1n, (s + MAX6 - 1n) % MAX6]), MAX6 - 1n]) {
        const w = words(a % MAX6);
        if (embeddedLength(w[0], w[1], w[2]) !== NOT_EMBEDDED) continue;
        const leaf = lookup6(table, ...w);
        expect(leafValue(leaf)).toBe(classOf[valueIn(starts, world.value6, a % MAX6)]);
        // All of the prefix that the leaf is for has the value: its first and its last address do.
        const size = 1n << BigInt(128 - leafLength(leaf));
        const first = (a % MAX6) - ((a % MAX6) % size);
        expect(classOf[valueIn(starts, world.value6, first)]).toBe(leafValue(leaf));
        expect(classOf[valueIn(starts, world.value6, first + size - 1n)]).toBe(leafValue(leaf));
      }
    }),
    { numRuns: 40 },
  );
});

test('private addresses that nobody has placed are marked, all others stay', () => {
  const is4 = (a: number): boolean =>
    [
      [0x0a000000, 8],
      [0x64400000, 10],
      [0x7f000000, 8],
      [0xa9fe0000, 16],
      [0xac100000, 12],
      [0xc0a80000, 16],
    ].some(([block, length]) => Math.floor(a / 2 ** (32 - length!)) === Math.floor(block! / 2 ** (32 - length!)));
  const is6 = (a: bigint): boolean => a < 2n || a >> 121n === 0x7en || a >> 118n === 0x3fan;
  const near4 = fc.tuple(
    fc.constantFrom(0x0a000000, 0x0b000000, 0x64400000, 0x64800000, 0x7f000000, 0xc0a80000, 0xc0a90000),
    fc.integer({ min: -2, max: 2 }),
  );
  const near6 = fc.tuple(
    fc.constantFrom(2n, 0xfcn << 120n, 0xfen << 120n, 0xfe80n << 112n, 0xfec0n << 112n),
    fc.integer({ min: -2, max: 2 }),
  );
  fc.assert(
    fc.property(worlds, fc.array(near4), fc.array(near6), ([s4, s6, values], n4, n6) => {
      const a4 = n4.map(([a, d]) => a + d);
      const a6 = n6.map(([a, d]) => (a + BigInt(d) + MAX6) % MAX6);
      const world = ranges([...s4, ...a4.slice(0, 3)], [...s6, ...a6.slice(0, 3)], values);
      const marked = markPrivate(world, 77);
      for (const a of [...a4, ...world.start4]) {
        const before = naive([...world.start4].map(BigInt), world.value4, BigInt(a));
        const now = naive([...marked.start4].map(BigInt), marked.value4, BigInt(a));
        expect(now).toBe(before === 0 && is4(a) ? 77 : before);
      }
      for (const a of [...a6, ...starts6Of(world)]) {
        const before = naive(starts6Of(world), world.value6, a);
        const now = naive(starts6Of(marked), marked.value6, a);
        expect(now).toBe(before === 0 && is6(a) ? 77 : before);
      }
    }),
    { numRuns: 120 },
  );
});
