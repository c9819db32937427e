import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Reader } from 'mmdb-lib';
import { describe, expect, it } from 'vitest';
import { explainAddress } from '../../src/geo/explain.ts';
import { locate } from '../../src/geo/locate.ts';
import { readMmdb } from '../../src/geo/mmdb.ts';
import { loadLocalityMap, type GeoSources } from '../../src/geo/mod.ts';
import type { LocalityMap } from '../../src/geo/ranges.ts';
import { formatPrefix, parseAddress } from '../../src/lib/address.ts';
import { formatProblem } from '../../src/lib/problem.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { GEO_DATA } from '../support/localities.ts';
import { Uint, writeMmdb, type MmdbOptions, type MmdbValue } from '../support/mmdb-writer.ts';
import { Random } from '../support/random.ts';

interface MmdbFile extends MmdbOptions {
  readonly networks: readonly (readonly [string, MmdbValue])[];
}

const write = ({ networks, ...options }: MmdbFile): Buffer => writeMmdb(networks, options);

const place = (country: string, subdivision?: string, city?: string): MmdbValue => ({
  ...(city === undefined ? {} : { city: { geoname_id: 1, names: { en: city } } }),
  country: { iso_code: country, names: { en: country } },
  location: { latitude: -23.5, longitude: 113.25, accuracy_radius: new Uint(16, 20) },
  ...(subdivision === undefined ? {} : { subdivisions: [{ iso_code: subdivision, names: { en: subdivision } }] }),
});

const CITY: MmdbFile = {
  databaseType: 'GeoLite2-City',
  ipVersion: 6,
  recordSize: 28,
  networks: [
    ['1.0.0.0/8', place('CN')],
    ['1.2.0.0/16', place('CN', 'GD', 'Shenzhen')],
    ['1.3.0.0/16', place('DE', 'BY', 'Munich')],
    ['1.4.0.0/16', place('XX')],
    ['1.5.0.0/16', { registered_country: { iso_code: 'FR' } }],
    ['1.6.0.0/16', { continent: { code: 'EU' } }],
    ['1.2.3.4/32', place('US', 'CA')],
    ['2001:db8::/32', place('CN', 'SH')],
    ['2001:db8:8000::/33', place('JP')],
    ['2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128', place('US')],
    ['8000::/1', place('FR')],
  ],
  aliases: ['2002::/16', '::ffff:0:0/96'],
};

const ISP: MmdbFile = {
  databaseType: 'GeoIP2-ISP',
  ipVersion: 6,
  recordSize: 24,
  networks: [
    ['1.2.0.0/16', { autonomous_system_number: 4134, isp: 'China Telecom', organization: 'China Telecom' }],
    ['1.3.0.0/16', { autonomous_system_number: 64500, isp: 'Nobody' }],
    ['1.4.0.0/16', { isp: 'No number' }],
    ['1.5.0.0/16', { autonomous_system_number: 'AS1' }],
    ['1.6.0.0/16', { autonomous_system_number: -1 }],
    ['2001:db8::/32', { autonomous_system_number: 4294967295 }],
  ],
};

async function load(files: Record<string, MmdbFile | Buffer>): Promise<{ sources: GeoSources; map: LocalityMap }> {
  const sources = sourcesOf(files);
  const { map, problems } = await loadLocalityMap(sources);
  expect(problems).toEqual([]);
  return { sources, map: map! };
}

function sourcesOf(files: Record<string, MmdbFile | Buffer>): GeoSources {
  const directory = temporaryDirectory();
  const mmdb: Record<string, string> = {};
  for (const [kind, file] of Object.entries(files)) {
    mmdb[kind] = join(directory, `${kind}.mmdb`);
    writeFileSync(mmdb[kind], Buffer.isBuffer(file) ? file : write(file));
  }
  return { dataDirectory: GEO_DATA, overlays: [], mmdb, cacheDirectory: undefined };
}

function at(map: LocalityMap, text: string): string {
  const { locality, prefix } = locate(map, parseAddress(text)!);
  return `${locality.region}|${locality.isp}|${locality.asn} ${formatPrefix(prefix)}`;
}

describe('mmdb files', () => {
  it.each([24, 28, 32] as const)('with records of %i bits hold nested values of every type', (recordSize) => {
    const record: MmdbValue = {
      map: { inner: { deep: ['a', ['b', {}], true, false] } },
      text: 'ü'.repeat(200),
      long: 'x'.repeat(70_000),
      uints: [0, 255, 4294967295, new Uint(16, 65535), new Uint(64, 2n ** 63n), new Uint(128, 2n ** 127n)],
      others: [-1, -(2 ** 31), 1.5, 2 ** 40],
      bytes: Uint8Array.of(1, 2, 3),
      list: Array.from({ length: 300 }, (_, i) => i),
    };
    const reader = new Reader(writeMmdb([['10.0.0.0/8', record]], { databaseType: 'Test', ipVersion: 4, recordSize }));
    expect(reader.getWithPrefixLength('10.1.2.3')).toEqual([
      {
        ...(record as object),
        bytes: Buffer.of(1, 2, 3),
        uints: [0, 255, 4294967295, 65535, 2n ** 63n, 2n ** 127n].map((value) =>
          typeof value === 'bigint' ? expect.toSatisfy((read) => BigInt(read as string) === value) : value,
        ),
      },
      8,
    ]);
    expect(reader.get('11.0.0.0')).toBeNull();
  });

  it.each([24, 28, 32] as const)('with records of %i bits are walked whole', (recordSize) => {
    const path = join(temporaryDirectory(), 'city.mmdb');
    const { aliases: _, ...plain } = CITY;
    writeFileSync(path, write({ ...plain, recordSize }));
    const { v4, v6, records } = readMmdb(path, (record) => record);
    const reader = new Reader(write({ ...CITY, recordSize }));
    expect(records).toHaveLength(11);
    // 1.0.0.0/8 less five /16, one of them with a hole, and the rest.
    expect(v4.length).toBeGreaterThan(20);
    for (const { first, last, value } of v4) {
      for (const each of [first, last]) {
        const text = `${each >>> 24}.${(each >>> 16) & 255}.${(each >>> 8) & 255}.${each & 255}`;
        expect(reader.get(text)).toEqual(records[value]);
      }
    }
    expect(v6.at(-1)).toEqual({ first: 1n << 127n, last: (1n << 128n) - 1n, value: 10 });
    expect(v6.every(({ first }, i) => i === 0 || first > v6[i - 1]!.last)).toBe(true);
  });

  it('of the type City give regions, as far inside as the tree of regions goes', async () => {
    const { map } = await load({ city: CITY, isp: ISP });
    expect(at(map, '1.2.0.0')).toBe('CN-GD|telecom|4134 1.2.0.0/23');
    expect(at(map, '1.2.3.4')).toBe('US-CA|telecom|4134 1.2.3.4/32');
    expect(at(map, '1.3.0.0')).toBe('DE|AS64500|64500 1.3.0.0/16');
    expect(at(map, '1.4.0.0')).toBe('||0 1.4.0.0/16');
    expect(at(map, '1.5.0.0')).toBe('FR||0 1.5.0.0/16');
    expect(at(map, '1.6.0.0')).toBe('||0 1.6.0.0/16');
    expect(at(map, '1.7.0.0')).toBe('CN||0 1.7.0.0/16');
    expect(at(map, '2.0.0.0')).toBe('||0 2.0.0.0/7');
    expect(at(map, '2001:db8::')).toBe('CN-SH|AS4294967295|4294967295 2001:db8::/33');
    expect(at(map, '2001:db8:8000::')).toBe('JP|AS4294967295|4294967295 2001:db8:8000::/34');
    expect(at(map, 'ffff::')).toBe('FR||0 8000::/1');
    expect(at(map, '2002:102:304::1')).toBe('US-CA|telecom|4134 1.2.3.4/32');
  });

  it('of the types Country and ASN, also for IPv4 alone, are laid over nothing but themselves', async () => {
    const country: MmdbFile = {
      databaseType: 'GeoLite2-Country',
      ipVersion: 4,
      recordSize: 24,
      networks: [
        ['0.0.0.0/1', place('DE')],
        ['202.96.0.0/16', { country_code: 'CN' }],
      ],
    };
    const asn: MmdbFile = {
      databaseType: 'GeoLite2-ASN',
      ipVersion: 4,
      recordSize: 32,
      networks: [['202.96.128.0/17', { autonomous_system_number: 4134 }]],
    };
    const { map, sources } = await load({ country, asn });
    expect(at(map, '8.8.8.8')).toBe('DE||0 0.0.0.0/1');
    // Provinces refine whichever country data is used.
    expect(at(map, '202.96.128.86')).toMatch(/^CN-GD\|telecom\|4134 /u);
    expect(at(map, '240e::1')).toBe('||0 2400::/6');
    const explained = await explainAddress(parseAddress('8.8.8.8')!, sources, map);
    expect(explained.region).toEqual({ source: sources.mmdb.country, detail: 'network of /1' });
    expect(explained.isp).toEqual({ source: 'none', detail: 'no source knows it' });
  });

  it('keep IPv6 networks that have the record of all of IPv4', async () => {
    const everywhere = place('DE');
    const networks = [
      ['::/1', everywhere],
      ['a000::/3', everywhere],
    ] as const;
    const { map } = await load({ city: { ...CITY, networks, aliases: [] }, isp: ISP });
    expect(at(map, '9.9.9.9')).toMatch(/^DE\|/u);
    expect(at(map, 'a000::')).toBe('DE||0 a000::/3');
    expect(at(map, '8000::')).toBe('||0 8000::/3');
  });

  it('are explained by what they say, whatever their type', async () => {
    const { map, sources } = await load({ city: CITY, isp: ISP });
    const typed = await explainAddress(parseAddress('1.2.0.1')!, sources, map);
    expect(typed.region).toEqual({ source: sources.mmdb.city, detail: 'Shenzhen, GD, CN (1.2.0.0/23)' });
    expect(typed.isp).toEqual({
      source: sources.mmdb.isp,
      detail: expect.stringMatching(
        /^AS4134, carriers.csv line \d+: China Telecom; ISP "China Telecom" \(1.2.0.0\/16\)$/u,
      ),
    });
    const own = await load({
      city: { ...CITY, databaseType: 'Own places' },
      isp: { ...ISP, databaseType: 'Own networks' },
    });
    const untyped = await explainAddress(parseAddress('1.3.0.1')!, own.sources, own.map);
    expect(untyped.region.detail).toBe('network of /16');
    expect(untyped.isp.detail).toBe('AS64500, no carrier; network of /16');
  });
});

describe('damaged mmdb files', () => {
  const city = write(CITY);

  it.each([
    ['empty', Buffer.alloc(0)],
    ['something else', Buffer.from('prefix,region,isp\n'.repeat(40))],
    ['half of one', city.subarray(0, city.length / 2)],
    [
      'a tree longer than the file',
      Buffer.concat([city.subarray(0, 40), city.subarray(city.lastIndexOf('\u{AB}', undefined, 'latin1'))]),
    ],
  ])('that are %s give no map and say so', async (_, bytes) => {
    const sources = sourcesOf({ city: bytes, isp: ISP });
    const { map, problems } = await loadLocalityMap(sources);
    expect(map).toBeUndefined();
    expect(problems.map(formatProblem)).toEqual([
      expect.stringMatching(
        /city.mmdb: error: cannot be used: .+; the data from before stays in use; replace the file by a whole one$/u,
      ),
    ]);
  });

  it('never throw: cut anywhere they are refused, with flipped bits refused or read', async () => {
    const random = new Random(3);
    const sources = sourcesOf({ city: city.subarray(0, 1), isp: ISP });
    const outcomes = { map: 0, problem: 0 };
    const attempt = async (bytes: Buffer): Promise<boolean> => {
      writeFileSync(sources.mmdb.city!, bytes);
      const { map, problems } = await loadLocalityMap(sources);
      expect(problems.length === 0).toBe(map !== undefined);
      outcomes[map === undefined ? 'problem' : 'map']++;
      return map !== undefined;
    };
    for (let i = 0; i < 40; i++) expect(await attempt(city.subarray(0, random.below(city.length - 160)))).toBe(false);
    for (let i = 0; i < 160; i++) {
      const bytes = Buffer.from(city);
      for (let flips = random.below(4); flips >= 0; flips--) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
      await attempt(bytes);
    }
    expect(outcomes.map).toBeGreaterThan(15);
    expect(outcomes.problem).toBeGreaterThan(50);
  });
});
