import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
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
    expect(at(map, '1.3.0.0')).toBe('DE-BY|AS64500|64500 1.3.0.0/16');
    // A country that is none has coordinates all the same.
    expect(at(map, '1.4.0.0')).toBe('||0 1.4.0.0/16');
    expect(at(map, '1.5.0.0')).toBe('FR|AS1|1 1.5.0.0/16');
    expect(at(map, '1.6.0.0')).toBe('europe||0 1.6.0.0/16');
    expect(at(map, '1.7.0.0')).toBe('CN||0 1.7.0.0/16');
    expect(at(map, '2.0.0.0')).toBe('||0 2.0.0.0/7');
    expect(at(map, '2001:db8::')).toBe('CN-SH|AS4294967295|4294967295 2001:db8::/33');
    expect(at(map, '2001:db8:8000::')).toBe('JP|AS4294967295|4294967295 2001:db8:8000::/34');
    expect(at(map, 'ffff::')).toBe('FR||0 8000::/1');
    expect(at(map, '2002:102:304::1')).toBe('US-CA|telecom|4134 1.2.3.4/32');
  });

  it('give coordinates, one object for one place, which provinces and overlays take away', async () => {
    const point = (country: string, latitude: number, longitude: number): MmdbValue => ({
      country: { iso_code: country },
      location: { latitude, longitude },
    });
    const city: MmdbFile = {
      databaseType: 'City',
      networks: [
        ['1.0.0.0/16', point('RU', 43.1, 131.9)],
        ['1.1.0.0/16', point('RU', 43.2, 131.8)],
        ['1.2.0.0/16', point('RU', 55.75, 37.6)],
        ['1.3.0.0/16', { country: { iso_code: 'RU' } }],
        ['1.4.0.0/16', { location: { latitude: 51.5, longitude: -0.1 } }],
        ['1.5.0.0/16', point('DE', 50.1, 8.7)],
        ['1.6.0.0/16', point('DE', 52.5, 13.4)],
      ],
    };
    const { sources } = await load({ city, isp: { ...ISP, networks: [['9.0.0.0/8', { asn: 'AS64500' }]] } });
    const overlay = join(temporaryDirectory({ 'nets.csv': '1.5.0.0/16,DE,telecom\n1.6.0.0/16,DE-BY,\n' }), 'nets.csv');
    const { map } = await loadLocalityMap({ ...sources, overlays: [overlay] });
    const where = (text: string): unknown => locate(map!, parseAddress(text)!).locality;
    expect(where('1.0.0.1')).toMatchObject({ region: 'RU', coordinates: { latitude: 43.1, longitude: 131.9 } });
    expect(where('1.1.0.1')).toBe(where('1.0.0.1'));
    expect(where('1.2.0.1')).toMatchObject({ region: 'RU', coordinates: { latitude: 55.75, longitude: 37.6 } });
    expect(where('1.3.0.1')).toEqual({ region: 'RU', isp: '', asn: 0 });
    expect(where('1.4.0.1')).toEqual({ region: '', isp: '', asn: 0, coordinates: { latitude: 51.5, longitude: -0.1 } });
    // An overlay that says the same region knows no better where in it.
    expect(where('1.5.0.1')).toMatchObject({ isp: 'telecom', coordinates: { latitude: 50.1, longitude: 8.7 } });
    expect(where('1.6.0.1')).toEqual({ region: 'DE-BY', isp: '', asn: 0 });
  });

  it('of the type Country with coordinates leave them where the province is known', async () => {
    const country: MmdbFile = {
      databaseType: 'Country',
      networks: [['202.96.0.0/16', { country: { iso_code: 'CN' }, location: { latitude: 35, longitude: 105 } }]],
    };
    const { map } = await load({ country, isp: ISP });
    expect(locate(map, parseAddress('202.96.128.86')!).locality).toEqual({ region: 'CN-GD', isp: '', asn: 0 });
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
    expect(explained.region).toEqual({ source: sources.mmdb.country, detail: 'DE; country DE, network of /1' });
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
    const explained = await explainAddress(parseAddress('1.2.0.1')!, sources, map);
    expect(explained.region).toEqual({
      source: sources.mmdb.city,
      detail: 'Shenzhen, GD, CN, within 20 km; country CN, subdivision GD, network of /23',
    });
    expect(explained.isp).toEqual({
      source: sources.mmdb.isp,
      detail: expect.stringMatching(
        /^AS4134, carriers.csv line \d+: China Telecom; "China Telecom", network of \/16$/u,
      ),
    });
    const of = async (text: string): Promise<string[]> => {
      const { region, isp } = await explainAddress(parseAddress(text)!, sources, map);
      return [region.detail, isp.detail];
    };
    expect(await of('1.3.0.1')).toEqual([
      'Munich, BY, DE, within 20 km; country DE, subdivision BY, network of /16',
      'AS64500, no carrier; "Nobody", network of /16',
    ]);
    expect(await of('1.4.0.1')).toEqual(['XX, within 20 km; location, network of /16', 'no source knows it']);
    expect((await of('1.5.0.1'))[0]).toBe('registered_country FR, network of /16');
    expect((await of('1.6.0.1'))[0]).toBe('continent EU, network of /16');
  });
});

describe('mmdb files of another kind', () => {
  const asn = write({ ...ISP, databaseType: 'GeoLite2-ASN' });
  const city = write(CITY);
  const domain = write({ databaseType: 'GeoIP2-Domain', networks: [['1.0.0.0/8', { domain: 'example.org' }]] });
  const none = write({ databaseType: 'Empty', networks: [] });

  it.each([
    [
      'city',
      asn,
      'its type is `GeoLite2-ASN`, and none of its 6 records says where a network is; it has AS numbers: name it under geo.mmdb.asn, and a City or Country database under geo.mmdb.city',
    ],
    [
      'country',
      domain,
      'its type is `GeoIP2-Domain`, and none of its 1 records says where a network is; name a City or Country database under geo.mmdb.country',
    ],
    [
      'city',
      none,
      'its type is `Empty`, and none of its 0 records says where a network is; name a City or Country database under geo.mmdb.city',
    ],
    [
      'isp',
      city,
      'its type is `GeoLite2-City`, and none of its 11 records has an AS number; it says where networks are: name it under geo.mmdb.city, and an ISP or ASN database under geo.mmdb.isp',
    ],
    [
      'asn',
      domain,
      'its type is `GeoIP2-Domain`, and none of its 1 records has an AS number; name an ISP or ASN database under geo.mmdb.asn',
    ],
    [
      'city',
      Buffer.from('network,geoname_id\n1.0.0.0/24,2077456\n'.repeat(40)),
      'it is a text file; name the mmdb edition of the database: a CSV edition cannot be read',
    ],
    ['city', gzipSync(city), 'it is compressed with gzip; unpack it, and name the .mmdb file in it'],
    [
      'asn',
      Buffer.from('PK\u{3}\u{4}'.padEnd(500, '\0')),
      'it is a zip archive; unpack it, and name the .mmdb file in it',
    ],
    [
      'isp',
      Buffer.concat([Buffer.from('GeoLite2/\0'.padEnd(257, '\0')), Buffer.from('ustar\0'.padEnd(255, '\0'))]),
      'it is a tar archive; unpack it, and name the .mmdb file in it',
    ],
  ])('under geo.mmdb.%s are refused by name', async (setting, bytes, why) => {
    const sources = sourcesOf({ city, isp: write(ISP) });
    const mmdb =
      setting === 'country'
        ? { country: sources.mmdb.city!, isp: sources.mmdb.isp! }
        : setting === 'asn'
          ? { city: sources.mmdb.city!, asn: sources.mmdb.isp! }
          : sources.mmdb;
    const file = (mmdb as Record<string, string>)[setting]!;
    writeFileSync(file, bytes);
    const { map, problems } = await loadLocalityMap({ ...sources, mmdb });
    expect(map).toBeUndefined();
    expect(problems.map(formatProblem)).toEqual([`${file}: error: cannot be used: ${why}`]);
  });
});

describe('damaged mmdb files', () => {
  const city = write(CITY);

  it.each([
    ['empty', Buffer.alloc(0)],
    ['something else', Buffer.from('prefix\0region\0isp\n'.repeat(40))],
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
