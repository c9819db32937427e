import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { BUILT_IN, loadCarriers, loadRegions } from '../../src/geo/mod.ts';
import { readMmdb } from '../../src/geo/mmdb.ts';
import { readProvinces } from '../../src/geo/provinces.ts';
import { greatCircleKm } from '../../src/steering/plan/nearness.ts';
import { GEO_DATA } from '../support/localities.ts';

const regions = loadRegions(GEO_DATA);
const carriers = loadCarriers(GEO_DATA);

describe('carriers.csv', () => {
  const organisations = new Map<number, Set<string>>();

  beforeAll(() => {
    for (const file of [BUILT_IN.asn4(), BUILT_IN.asn6()]) {
      for (const [, asn, quoted, plain] of readFileSync(file, 'utf8').matchAll(
        /^\d+,\d+,(\d+),(?:"((?:[^"]|"")*)"|([^"\n]*))$/gmu,
      )) {
        let names = organisations.get(Number(asn));
        if (names === undefined) organisations.set(Number(asn), (names = new Set()));
        names.add(quoted === undefined ? plain! : quoted.replaceAll('""', '"'));
      }
    }
  });

  it('names AS numbers that the data have, and quotes the organisation that the data have', () => {
    expect(organisations.size).toBeGreaterThan(80_000);
    const lines = readFileSync(join(GEO_DATA, 'carriers.csv'), 'utf8').split('\n');
    const wrong = [...carriers.values()].filter(({ asn, line }) => {
      // Quotes are doubled, and doubled again where the whole is quoted.
      const quoted = lines[line - 1]!.replaceAll('"', '');
      const names = [...(organisations.get(asn) ?? [])];
      return !names.some((name) => quoted.includes(name.replaceAll('"', '')));
    });
    expect(wrong).toEqual([]);
  });

  it('has the countries of regions.csv', () => {
    expect([...carriers.values()].filter(({ country }) => regions.get(country) === undefined)).toEqual([]);
  });

  it.each([
    ['telecom', [4134, 4809, 4811, 4812, 4816, 23724]],
    ['unicom', [4808, 4837, 9929, 17621, 17622, 17623]],
    ['mobile', [9808, 24400, 24444, 24445, 24547, 56040, 56041, 56042, 56044, 56045, 56046, 56047, 56048]],
    ['cernet', [4538, 23910, 24350, 24353, 24355, 24357]],
    ['broadnet', [7641]],
    ['cstnet', [7497]],
    ['china-unicom-global', [10099]],
    ['china-mobile-international', [58453]],
  ])('has the large networks of %s in China', (carrier, asns) => {
    expect(asns.map((asn) => carriers.get(asn)?.carrier)).toEqual(asns.map(() => carrier));
  });

  it.each([
    ['comcast', 7922],
    ['deutsche-telekom', 3320],
    ['bt', 2856],
    ['orange', 3215],
    ['ntt', 4713],
    ['kt', 4766],
    ['jio', 55836],
    ['telstra', 1221],
    ['rostelecom', 12389],
  ])('has %s of the world', (carrier, asn) => {
    expect(carriers.get(asn)?.carrier).toBe(carrier);
  });
});

describe('regions.csv', () => {
  it('is a tree under the world', () => {
    const codes = regions.codes();
    expect(new Set(codes).size).toBe(codes.length);
    for (const code of codes) expect(regions.path(code).at(-1)!.code, code).toBe('world');
    expect(codes.filter((code) => regions.get(code)!.parent === undefined)).toEqual(['world']);
  });

  it('has countries in continents, and subdivisions in their countries', () => {
    const parents = new Map<string, string>();
    for (const code of regions.codes().filter((each) => /^[A-Z]{2}/u.test(each))) {
      parents.set(code, regions.get(code)!.parent!);
    }
    const continents = ['africa', 'antarctica', 'asia', 'europe', 'north-america', 'oceania', 'south-america'];
    for (const [code, parent] of parents) {
      if (code.length === 2) expect(continents, code).toContain(parent);
      else expect(parent, code).toMatch(new RegExp(`^${code.slice(0, 2)}(?:-|$)`, 'u'));
    }
    expect([...parents.keys()].filter((code) => code.length === 2).length).toBeGreaterThanOrEqual(249);
  });

  it('has every country of the country data', () => {
    const { records } = readMmdb(BUILT_IN.country(), (record) => (record as { country_code: string }).country_code);
    const codes = new Set(records.filter((code) => /^[A-Z]{2}$/u.test(code)));
    expect(codes.size).toBeGreaterThan(230);
    // Regions of registries, and the user-assigned code for none.
    const notCountries = new Set(['EU', 'AP', 'ZZ']);
    expect([...codes].filter((code) => regions.get(code) === undefined && !notCountries.has(code))).toEqual([]);
  });

  it("has China's 31 provinces, and the province data name no others and miss none", () => {
    const inChina = regions.codes().filter((code) => code.startsWith('CN-'));
    expect(inChina).toHaveLength(31);
    expect(readProvinces(BUILT_IN.province()).codes.toSorted()).toEqual(inChina.toSorted());
  });

  it('has subdivisions of almost all countries, near to them', () => {
    const subdivisions = [...regions.regions()].filter(({ code }) => code.charAt(2) === '-');
    expect(subdivisions.length).toBeGreaterThan(4900);
    expect(new Set(subdivisions.map(({ code }) => code.slice(0, 2))).size).toBeGreaterThan(195);
    for (const { code, name, latitude, longitude } of subdivisions) {
      expect(code).toMatch(/^[A-Z]{2}-[A-Z0-9]{1,3}$/u);
      expect(name, code).toMatch(/^[\p{L}’‘]/u);
      const [country] = regions.path(code).filter((region) => region.code.length === 2);
      // Overseas parts and the far ends of large countries.
      expect(greatCircleKm({ latitude, longitude }, country!), code).toBeLessThan(8500);
    }
    const centre = (code: string): number[] => [regions.get(code)!.latitude, regions.get(code)!.longitude];
    expect([centre('CA-BC'), centre('GB-LND'), centre('JP-13'), centre('BR-SP'), centre('AU-NSW')]).toEqual([
      [49.6, -122.5],
      [51.5, -0.1],
      [35.7, 139.6],
      [-23.1, -47.2],
      [-33.6, 151.1],
    ]);
  });
});
