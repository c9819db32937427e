import { expect, test } from 'vitest';
import { loadRegions } from '../../src/geo/mod.ts';
import { NOWHERE, type LocalityMap } from '../../src/geo/ranges.ts';
import { describeUnreached, unreachedRegions } from '../../src/geo/reach.ts';
import type { MatrixEntry, ResolvedExport } from '../../src/model/resolved.ts';
import { GEO_DATA } from '../support/localities.ts';

const regions = loadRegions(GEO_DATA);
const map: LocalityMap = {
  ...NOWHERE,
  localities: ['', 'CA-BC', 'GB-LND', 'DE'].map((region) => ({ region, isp: '', asn: 0 })),
};

function exportOf(name: string, rules: readonly string[][], matrix: readonly MatrixEntry[] = []): ResolvedExport {
  const policy = {
    rules: rules.map((codes, i) => ({ name: `r${i}`, regions: codes, isps: [], only: undefined, deny: [] })),
    failover: [],
    objective: { latency: 1, cost: 0 },
    ispPenaltyMs: 30,
    toleranceMs: 5,
    matrix,
    maxAnswers: 1,
    ttl: 20,
    spread: { ipv4: 16, ipv6: 32 },
  };
  return { tenant: 't', name, hosts: [], endpoints: [], policy };
}

test('rules that name a subdivision without networks are told; countries and wider regions are not', () => {
  const rules = [['CA-BC', 'CA-ON', 'GB-ENG', 'FR', 'europe'], ['world'], [], ['DE-BY']];
  expect(unreachedRegions([exportOf('a', rules)], map, regions)).toEqual([
    { export: 't/a', where: 'rule r0', regions: ['CA-ON'] },
    { export: 't/a', where: 'rule r3', regions: ['DE-BY'] },
  ]);
});

test('the built-in data has the provinces of China alone', () => {
  expect(unreachedRegions([exportOf('a', [['CN-GD', 'US-CA', 'DE']])], undefined, regions)).toEqual([
    { export: 't/a', where: 'rule r0', regions: ['US-CA'] },
  ]);
});

test('a matrix that many share is told of once, in one sentence', () => {
  const matrix = ['US-CA', 'US-CA', '', 'DE', 'US-NY', 'US-TX', 'US-WA', 'US-FL', 'US-IL', 'US-OH'].map((region) => ({
    region,
    isp: '',
    site: 's',
    ms: 1,
  }));
  const found = unreachedRegions([exportOf('a', [], matrix), exportOf('b', [], matrix)], map, regions);
  expect(found.map(describeUnreached)).toEqual([
    {
      message:
        'matrix names `US-CA`, `US-NY`, `US-TX`, `US-WA`, `US-FL` and 2 more, where the geo data has no network: it never applies there',
      remedy: 'use a City database or an overlay that has it, or name the country',
    },
  ]);
});
