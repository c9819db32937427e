import { beforeAll, describe, expect, it } from 'vitest';
import { locate } from '../../src/geo/locate.ts';
import type { LocalityMap } from '../../src/geo/ranges.ts';
import { formatPrefix, parseAddress } from '../../src/lib/address.ts';
import { loadRegions } from '../../src/geo/mod.ts';
import { builtInLocalities, GEO_DATA } from '../support/localities.ts';

let map: LocalityMap;
beforeAll(async () => {
  map = await builtInLocalities();
}, 60_000);

describe('the data that come with Edgeward', () => {
  it.each([
    ['202.96.128.86', 'CN-GD', 'telecom', 4134],
    ['221.130.33.60', 'CN-BJ', 'mobile', 56048],
    ['123.123.123.123', 'CN-BJ', 'unicom', 4808],
    ['101.6.6.6', 'CN-BJ', 'cernet', 4538],
    ['240e::1', 'CN', 'telecom', 4134],
    ['2408:8000::1', 'CN', 'unicom', 4837],
    ['2409:8000::1', 'CN', 'mobile', 56048],
    ['217.80.1.1', 'DE', 'deutsche-telekom', 3320],
    ['8.8.8.8', 'US', 'AS15169', 15169],
    ['10.1.2.3', '', '', 0],
    ['fe80::1', '', '', 0],
  ])('place %s in %s with %s', (text, region, isp, asn) => {
    expect(locate(map, parseAddress(text)!).locality).toEqual({ region, isp, asn });
  });

  it.each([
    ['::ffff:202.96.128.86', 96],
    ['64:ff9b::202.96.128.86', 96],
    ['2002:ca60:8056::1', 16],
    // Teredo inverts the bits of the client's address.
    ['2001:0:4136:e378:8000:63bf:359f:7fa9', 96],
  ])('place %s where the IPv4 address inside is', (text, offset) => {
    const inside = locate(map, parseAddress('202.96.128.86')!);
    const found = locate(map, parseAddress(text)!);
    expect(found.locality).toEqual(inside.locality);
    expect(found.prefix).toEqual(inside.prefix);
    expect(found.offset).toBe(offset);
  });

  it('explain IPv6 by prefixes that reach into no form with an IPv4 address', () => {
    // ::1 is known to nobody, nor is anything near it; but ::ffff:0:0/96 is not ::/80.
    expect(formatPrefix(locate(map, parseAddress('::1')!).prefix)).toBe('::/81');
  });

  it('name regions of regions.csv alone', () => {
    const regions = loadRegions(GEO_DATA);
    const named = new Set(map.localities.map(({ region }) => region));
    expect(named.size).toBeGreaterThan(260);
    expect([...named].filter((code) => code !== '' && regions.get(code) === undefined)).toEqual([]);
  });

  it('are sound ranges: from 0 on, ascending, neighbours differ', () => {
    const { start4, value4, start6, value6 } = map.ranges;
    expect(start4.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect([start4[0], ...start6.subarray(0, 4)]).toEqual([0, 0, 0, 0, 0]);
    let wrong = 0;
    for (let i = 1; i < start4.length; i++) if (start4[i]! <= start4[i - 1]! || value4[i] === value4[i - 1]) wrong++;
    for (let i = 1; i < value6.length; i++) {
      let w = 0;
      while (w < 3 && start6[i * 4 + w] === start6[i * 4 - 4 + w]) w++;
      if (start6[i * 4 + w]! <= start6[i * 4 - 4 + w]! || value6[i] === value6[i - 1]) wrong++;
    }
    expect(wrong).toBe(0);
    expect(value4.length).toBeGreaterThan(500_000);
    expect(value4.every((value) => value < map.localities.length)).toBe(true);
    expect(value6.every((value) => value < map.localities.length)).toBe(true);
  });
});
