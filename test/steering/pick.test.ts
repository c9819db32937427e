import { describe, expect, test } from 'vitest';
import { Picker, prefixKey } from '../../src/steering/pick.ts';
import { liveWeight, NO_PLAN } from '../../src/steering/table.ts';

const SEEDS = Int32Array.from({ length: 100 }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 0);
const PREFIXES = 100_000;

/** Neighbouring prefixes, as clients have them: their keys differ in few bits. */
const KEYS = {
  'IPv4 /24': (i: number) => prefixKey(((i << 8) + 0x01000000) >>> 0, 0, 0, 0, 24),
  'IPv4 /16 and longer': (i: number) => prefixKey((i << 12) >>> 0, 0, 0, 0, 20),
  'IPv6 /48': (i: number) => prefixKey(0x20010db8 + (i >>> 16), (i << 16) >>> 0, 0, 0, 48),
  'IPv6 /56': (i: number) => prefixKey(0x240e0000, (i << 8) >>> 0, 0, 0, 56),
} as const;

/** One plan of all endpoints. */
function plan(size: number): Int32Array {
  return Int32Array.from([size, NO_PLAN, ...Array.from({ length: size }, (_, i) => i)]);
}

function picks(weights: readonly number[], key: (i: number) => number): Int32Array {
  const picker = new Picker(1);
  const plans = plan(weights.length);
  const live = Float64Array.from(weights);
  return Int32Array.from({ length: PREFIXES }, (_, i) => {
    picker.gather(plans, 0, live, 0);
    picker.byKey(SEEDS, 0, key(i), 1);
    return picker.picked[0]!;
  });
}

for (const [name, key] of Object.entries(KEYS)) {
  for (const weights of [
    [1, 1],
    [1, 2, 3, 4],
    [10, 1, 1],
    [5, 5, 5, 5],
  ]) {
    test(`shares of ${weights.join(':')} hold within 2 % over 10^5 prefixes: ${name}`, () => {
      const counts = [0, 0, 0, 0];
      for (const endpoint of picks(weights, key)) counts[endpoint]!++;
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const [i, weight] of weights.entries())
        expect(Math.abs(counts[i]! / PREFIXES - weight / total)).toBeLessThan(0.02);
    });
  }

  test(`a changed weight moves only the clients that it must: ${name}`, () => {
    const before = picks([1, 2, 3, 4], key);
    const more = picks([1, 2, 6, 4], key);
    const gone = picks([1, 2, 0, 4], key);
    let moved = 0;
    for (let i = 0; i < PREFIXES; i++) {
      // More weight draws clients to it from others, and moves none between the others.
      if (before[i] !== more[i]) expect(more[i]).toBe(2);
      if (before[i] !== more[i]) moved++;
      // An endpoint that leaves moves its own clients alone.
      if (before[i] !== gone[i]) expect(before[i]).toBe(2);
    }
    // From 3/10 to 6/13 of the clients: no more than the difference had to move.
    expect(Math.abs(moved / PREFIXES - (6 / 13 - 3 / 10))).toBeLessThan(0.02);
  });
}

test('weights beyond what scores can tell apart still pick from their own plan', () => {
  const picker = new Picker(1);
  const plans = Int32Array.from([1, NO_PLAN, 0, 2, NO_PLAN, 2, 3]);
  for (let key = 0; key < 1000; key++) {
    expect(picker.gather(plans, 3, Float64Array.from([1, 1, 1e-310, 1e-310]), 0)).toBe(2);
    expect(picker.byKey(SEEDS, 0, key, 2)).toBe(2);
    expect([...picker.picked.subarray(0, 2)].sort((a, b) => a - b)).toEqual([2, 3]);
  }
});

test('several picks are distinct, the first of them the single pick', () => {
  const picker = new Picker(1);
  const weights = Float64Array.from([1, 2, 3, 4]);
  const pick = (key: number, most: number): number[] => {
    picker.gather(plan(4), 0, weights, 0);
    return [...picker.picked.subarray(0, picker.byKey(SEEDS, 0, key, most))];
  };
  for (let i = 0; i < 2000; i++) {
    const key = KEYS['IPv4 /24'](i);
    const three = pick(key, 3);
    expect(new Set(three).size).toBe(3);
    expect(pick(key, 1)).toEqual(three.slice(0, 1));
    expect(pick(key, 9).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3]);
  }
});

test('random picks have their shares within 2 %, and are distinct', () => {
  const picker = new Picker(42);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < PREFIXES; i++) {
    picker.gather(plan(4), 0, Float64Array.from([1, 2, 3, 4]), 0);
    expect(picker.atRandom(2)).toBe(2);
    if (picker.picked[0] === picker.picked[1]) throw new Error('picked twice');
    counts[picker.picked[0]!]!++;
  }
  for (const [i, count] of counts.entries()) expect(Math.abs(count / PREFIXES - (i + 1) / 10)).toBeLessThan(0.02);
});

describe('gather', () => {
  const up = (weight: number): number => liveWeight({ weight, up: true });
  const down = (weight: number): number => liveWeight({ weight, up: false });
  // Endpoints 0 and 1; 2 stands in for them, and 3 for that one.
  const plans = Int32Array.from([2, 4, 0, 1, 1, 7, 2, 1, NO_PLAN, 3]);
  const gathered = (weights: readonly number[], place = 0, block = 0): { endpoints: number[]; failOpen: boolean } => {
    const picker = new Picker(1);
    const count = picker.gather(plans, place, Float64Array.from(weights), block);
    expect(picker.byKey(SEEDS, 0, 7, 32)).toBe(count);
    return { endpoints: [...picker.picked.subarray(0, count)].sort((a, b) => a - b), failOpen: picker.failOpen };
  };

  test.each<[string, number[], number[], boolean]>([
    ['all up', [up(1), up(2), up(1), up(1)], [0, 1], false],
    ['one down', [down(1), up(2), up(1), up(1)], [1], false],
    ['one drained', [up(1), up(0), up(1), up(1)], [0], false],
    ['both down: what stands in', [down(1), down(2), up(1), up(1)], [2], false],
    ['that is down as well', [down(1), down(2), down(1), up(1)], [3], false],
    ['drained and down: what stands in', [up(0), down(2), up(1), up(1)], [2], false],
    ['all drained: the nearest of them', [up(0), up(0), up(0), up(0)], [0, 1], false],
    ['nothing else is up: the drained one', [down(1), down(1), up(0), down(1)], [2], false],
    ['all down: as if all were up', [down(1), down(2), down(1), down(1)], [0, 1], true],
    ['all down, one of them drained', [down(0), down(2), down(1), down(1)], [1], true],
    ['all down and drained', [down(0), down(0), down(0), down(0)], [0, 1], true],
  ])('%s', (_, weights, endpoints, failOpen) => {
    expect(gathered(weights)).toEqual({ endpoints, failOpen });
    expect(gathered([9, 9, 9, ...weights], 0, 3)).toEqual({ endpoints, failOpen });
  });

  test('a circle of stand-ins ends', () => {
    const circle = Int32Array.from([1, 3, 0, 1, 0, 1]);
    const picker = new Picker(1);
    expect(picker.gather(circle, 0, Float64Array.from([-1, -1]), 0)).toBe(1);
    expect(picker.failOpen).toBe(true);
  });
});
