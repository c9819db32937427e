import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LiveWriter } from '../../src/snapshot/live-writer.ts';

/** A row's weights as a thread reads them that has this table. */
function read({ current, weights }: LiveWriter['table'], row: number, size: number): number[] {
  return [...weights.subarray(current[row], current[row]! + size)];
}

test('every row has the weights that it was given last, however often memory grows', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ row: fc.nat(40), weight: fc.integer({ min: -3, max: 9 }), pass: fc.nat(3000) }), {
        maxLength: 300,
      }),
      (changes) => {
        let now = 0;
        const writer = new LiveWriter(1, 1, () => now);
        const wanted = new Map<number, number[]>();
        for (const { row, weight, pass } of changes) {
          now += pass;
          const size = 1 + (row % 5);
          const weights = Array.from({ length: size }, (_, i) => weight + i);
          if (wanted.has(row)) writer.set(row, weights);
          else writer.add(row, weights);
          wanted.set(row, weights);
        }
        for (const [row, weights] of wanted) expect(read(writer.table, row, weights.length)).toEqual(weights);
      },
    ),
    { numRuns: 300 },
  );
});

test('a block that an answer may be reading is left alone for a while', () => {
  let now = 0;
  const writer = new LiveWriter(1, 100, () => now);
  writer.add(0, [1, 2, 3]);
  const { weights, current } = writer.table;
  const block = current[0]!;
  writer.set(0, [4, 5, 6]);
  now = 9000;
  writer.set(0, [7, 8, 9]);
  expect([...weights.subarray(block, block + 3)]).toEqual([1, 2, 3]);
  now = 10_001;
  writer.set(0, [10, 11, 12]);
  expect(writer.table.weights).toBe(weights);
  expect(current[0]).toBe(block);
});

test('who has the memory from before growth is told to take the new one, and sees what was', () => {
  const writer = new LiveWriter(4, 4);
  writer.add(0, [1, 2]);
  const before = writer.table;
  expect(writer.grown()).toBe(false);
  writer.set(0, [3, 4]);
  expect(read(before, 0, 2)).toEqual([3, 4]);
  writer.set(0, [5, 6]);
  expect(writer.grown()).toBe(true);
  expect(writer.grown()).toBe(false);
  expect(read(before, 0, 2)).toEqual([3, 4]);
  expect(read(writer.table, 0, 2)).toEqual([5, 6]);
});

test('equal weights are not written', () => {
  const writer = new LiveWriter();
  writer.add(0, [1, 2]);
  const block = writer.table.current[0];
  writer.set(0, [1, 2]);
  expect(writer.table.current[0]).toBe(block);
});
