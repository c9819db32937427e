import { describe, expect, it } from 'vitest';
import { buildPrefixTable, prefixTableSteps } from '../../src/geo/mod.ts';
import type { LocalityMap } from '../../src/geo/ranges.ts';
import { PartitionMaps, type Partition } from '../../src/snapshot/partition-maps.ts';
import { classifyLocalities } from '../../src/steering/plan/locality-classes.ts';
import { Random } from '../support/random.ts';

const REGIONS = ['', 'DE', 'FR', 'CN', 'US'];
const NEVER = (): boolean => false;

/** Many ranges, so that a map takes several steps; regions 3 and 4 are never side by side. */
function makeGeo(ranges: number): LocalityMap {
  const random = new Random(3);
  const start4 = Uint32Array.from({ length: ranges }, (_, i) => i * 4096);
  const value4 = new Uint32Array(ranges);
  for (let i = 1; i < ranges; i++) {
    const before = value4[i - 1]!;
    do value4[i] = random.below(REGIONS.length);
    while ([before, 7 - before].includes(value4[i]!));
  }
  const localities = REGIONS.map((region) => ({ region, isp: '', asn: 0 }));
  return { localities, ranges: { start4, value4, start6: new Uint32Array(4), value6: new Uint32Array(1) } };
}

const geo = makeGeo(400_000);
const classes = classifyLocalities(geo.localities, new Set());
const parts = (...partOf: number[]): [Uint16Array, number] => [Uint16Array.from(partOf), Math.max(...partOf) + 1];
const COARSE = parts(0, 1, 1, 2, 3);
const FUTILE = parts(0, 1, 2, 3, 3);

describe('PartitionMaps', () => {
  it('builds in slices what it builds at once', () => {
    const atOnce = new PartitionMaps(geo, classes);
    const partition = atOnce.partitionOf(...COARSE);
    expect(atOnce.refine(new Map([[partition, 1]]), NEVER)).toEqual({
      built: partition,
      changed: true,
      unfinished: false,
    });
    const sliced = new PartitionMaps(geo, classes);
    const own = sliced.partitionOf(...COARSE);
    const users = new Map([[own, 1]]);
    let slices = 0;
    for (let done = sliced.refine(users, () => true); done.built === undefined; slices++) {
      expect(done).toEqual({ built: undefined, changed: false, unfinished: true });
      expect(sliced.all).toHaveLength(1);
      done = sliced.refine(users, () => true);
    }
    expect(slices).toBeGreaterThan(5);
    expect(sliced.all).toEqual(atOnce.all);
    expect(sliced.numberOf(own)).toBe(1);
    expect(sliced.refine(users, () => true)).toEqual({ built: undefined, changed: false, unfinished: false });
  });

  it('takes no map for what would merge nothing, and does not look at it again', () => {
    const maps = new PartitionMaps(geo, classes);
    const futile = maps.partitionOf(...FUTILE);
    const users = new Map([[futile, 5]]);
    expect(maps.refine(users, NEVER)).toEqual({ built: undefined, changed: false, unfinished: false });
    let asked = 0;
    maps.refine(users, () => ++asked < 0);
    expect(asked).toBe(0);
    expect(maps.all).toHaveLength(1);
  });

  it('leaves a map that nothing wants any more unfinished', () => {
    const maps = new PartitionMaps(geo, classes);
    const first = maps.partitionOf(...COARSE);
    expect(maps.refine(new Map([[first, 2]]), () => true).unfinished).toBe(true);
    const second = maps.partitionOf(...parts(0, 0, 1, 2, 3));
    const users = new Map<Partition, number>([
      [first, 0],
      [second, 2],
    ]);
    expect(maps.refine(users, NEVER).built).toBe(second);
    expect(maps.numberOf(first)).toBeUndefined();
  });

  it('builds nothing for one export of a thousand, or for none', () => {
    const maps = new PartitionMaps(geo, classes);
    const rare = maps.partitionOf(...COARSE);
    const finest = maps.partitionOf(...parts(0, 1, 2, 3, 4));
    const refine = (most: number): Partition | undefined =>
      maps.refine(
        new Map([
          [rare, 1],
          [finest, most],
        ]),
        NEVER,
      ).built;
    expect(maps.refine(new Map([[rare, 0]]), NEVER).built).toBeUndefined();
    expect(refine(999)).toBeUndefined();
    expect(refine(200)).toBe(rare);
  });

  it('knows partitions by their content', () => {
    const maps = new PartitionMaps(geo, classes);
    const partition = maps.partitionOf(...COARSE);
    expect(maps.partitionOf(...COARSE)).toBe(partition);
    expect(maps.partitionOf(...FUTILE)).not.toBe(partition);
    maps.refine(new Map([[partition, 1]]), NEVER);
    expect(maps.partitionOf(...COARSE)).toBe(partition);
  });
});

describe('prefix tables in steps', () => {
  it('are none when nothing is merged', () => {
    const finer = buildPrefixTable(geo.ranges, Uint32Array.of(0, 1, 2, 3, 4));
    const run = (classOf: Uint32Array): unknown => {
      const steps = prefixTableSteps(geo.ranges, classOf, finer);
      for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
    };
    expect(run(Uint32Array.of(0, 1, 2, 3, 3))).toBeUndefined();
    const merged = Uint32Array.of(0, 1, 1, 2, 3);
    expect(run(merged)).toEqual(buildPrefixTable(geo.ranges, merged));
  });
});
