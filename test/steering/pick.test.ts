import { expect, test } from 'vitest';
import { pickByKey, pickRandom, prefixKey } from '../../src/steering/pick.ts';
import { buildPlanTable } from '../../src/steering/plan/table-build.ts';
import type { PlanTable } from '../../src/steering/table.ts';

const NAMES = ['t/e/192.0.2.1', 't/e/192.0.2.2', 't/e/192.0.2.3', 't/e/192.0.2.4'];
const PREFIXES = 100_000;

function table(weights: readonly number[]): PlanTable {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const entries = weights
    .map((weight, endpoint) => ({ endpoint, share: weight / total }))
    .filter(({ share }) => share > 0);
  return buildPlanTable([{ plan: { entries, failOpen: false }, firstEndpoint: 0 }], NAMES);
}

/** Neighbouring prefixes, as clients have them: their keys differ in few bits. */
const KEYS = {
  'IPv4 /24': (i: number) => prefixKey(((i << 8) + 0x01000000) >>> 0, 0, 0, 0, 24),
  'IPv4 /16 and longer': (i: number) => prefixKey((i << 12) >>> 0, 0, 0, 0, 20),
  'IPv6 /48': (i: number) => prefixKey(0x20010db8 + (i >>> 16), (i << 16) >>> 0, 0, 0, 48),
  'IPv6 /56': (i: number) => prefixKey(0x240e0000, (i << 8) >>> 0, 0, 0, 56),
} as const;

function picks(plans: PlanTable, key: (i: number) => number): Uint32Array {
  const out = new Uint32Array(4);
  return Uint32Array.from({ length: PREFIXES }, (_, i) => {
    pickByKey(plans, 0, key(i), 1, out);
    return out[0]!;
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
      for (const endpoint of picks(table(weights), key)) counts[endpoint]!++;
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const [i, weight] of weights.entries())
        expect(Math.abs(counts[i]! / PREFIXES - weight / total)).toBeLessThan(0.02);
    });
  }

  test(`a changed weight moves only the clients that it must: ${name}`, () => {
    const before = picks(table([1, 2, 3, 4]), key);
    const more = picks(table([1, 2, 6, 4]), key);
    const gone = picks(table([1, 2, 0, 4]), key);
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

test('shares beyond what scores can tell apart still pick from their own plan', () => {
  const plans = buildPlanTable(
    [
      { plan: { entries: [{ endpoint: 0, share: 1 }], failOpen: false }, firstEndpoint: 0 },
      { plan: { entries: [0, 1].map((endpoint) => ({ endpoint, share: 1e-310 })), failOpen: false }, firstEndpoint: 2 },
    ],
    NAMES,
  );
  const out = new Uint32Array(4);
  for (let key = 0; key < 1000; key++) {
    expect(pickByKey(plans, 1, key, 2, out)).toBe(2);
    expect([...out.subarray(0, 2)].sort((a, b) => a - b)).toEqual([2, 3]);
  }
});

test('several picks are distinct, the first of them the single pick', () => {
  const plans = table([1, 2, 3, 4]);
  const out = new Uint32Array(4);
  const one = new Uint32Array(4);
  for (let i = 0; i < 2000; i++) {
    const key = KEYS['IPv4 /24'](i);
    expect(pickByKey(plans, 0, key, 3, out)).toBe(3);
    expect(new Set(out.subarray(0, 3)).size).toBe(3);
    pickByKey(plans, 0, key, 1, one);
    expect(one[0]).toBe(out[0]);
    expect(pickByKey(plans, 0, key, 9, out)).toBe(4);
  }
});

test('random picks have their shares within 2 %, and are distinct', () => {
  const plans = table([1, 2, 3, 4]);
  const state = Uint32Array.of(42);
  const out = new Uint32Array(4);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < PREFIXES; i++) {
    expect(pickRandom(plans, 0, state, 2, out)).toBe(2);
    if (out[0] === out[1]) throw new Error('picked twice');
    counts[out[0]!]!++;
  }
  for (const [i, count] of counts.entries()) expect(Math.abs(count / PREFIXES - (i + 1) / 10)).toBeLessThan(0.02);
});
