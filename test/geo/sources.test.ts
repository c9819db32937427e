import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { explainAddress, locate } from '../../src/geo/explain.ts';
import { BUILT_IN, loadCarriers, loadLocalityMap, loadRegions, type GeoSources } from '../../src/geo/mod.ts';
import type { LocalityMap } from '../../src/geo/ranges.ts';
import { parseAddress } from '../../src/lib/address.ts';
import { formatProblem } from '../../src/lib/problem.ts';
import { writeMmdb } from '../support/mmdb-writer.ts';

const directory = mkdtempSync(join(tmpdir(), 'edgeward-geo-'));
afterAll(() => rmSync(directory, { recursive: true }));

const BASE: GeoSources = {
  dataDirectory: fileURLToPath(new URL('../../geo-data', import.meta.url)),
  overlays: [],
  mmdb: {},
  cacheDirectory: join(directory, 'cache'),
};
const file = (name: string, content: string | Buffer): string => {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
};
/** `region isp AS<number> prefix length`. */
const at = (map: LocalityMap, address: string): string => {
  const { locality, prefix } = locate(map, parseAddress(address)!);
  return `${locality.region} ${locality.isp} AS${locality.asn} /${prefix.length}`;
};

const built = await loadLocalityMap(BASE);

test.each([
  ['202.96.128.86', /^CN-GD telecom AS4134 /u],
  ['221.130.33.60', /^CN-BJ mobile AS56048 /u],
  ['123.123.123.123', /^CN-BJ unicom AS4808 /u],
  ['101.6.6.6', /^CN-BJ cernet AS4538 /u],
  ['240e::1', /^CN telecom AS4134 /u],
  ['2408:8000::1', /^CN unicom AS4837 /u],
  ['2409:8000::1', /^CN mobile AS56048 /u],
  ['217.80.1.1', /^DE deutsche-telekom AS3320 /u],
  ['::ffff:202.96.128.86', /^CN-GD telecom AS4134 /u],
  ['2002:ca60:8056::1', /^CN-GD telecom AS4134 /u],
  ['64:ff9b::202.96.128.86', /^CN-GD telecom AS4134 /u],
])('the built-in data knows %s', (address, expected) => {
  expect(built.problems).toEqual([]);
  expect(at(built.map!, address)).toMatch(expected);
});

test('the cache gives what was built; a damaged one is built anew, and said', async () => {
  const again = await loadLocalityMap(BASE);
  expect(again.fromCache).toBe(true);
  expect(again.map!.localities).toEqual(built.map!.localities);
  for (const name of ['start4', 'value4', 'start6', 'value6'] as const) {
    expect(Buffer.compare(Buffer.from(again.map!.ranges[name]), Buffer.from(built.map!.ranges[name]))).toBe(0);
  }
  const [name] = readdirSync(BASE.cacheDirectory!);
  const path = join(BASE.cacheDirectory!, name!);
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1] = bytes[bytes.length >> 1]! ^ 1;
  writeFileSync(path, bytes);
  const rebuilt = await loadLocalityMap(BASE);
  expect(rebuilt.fromCache).toBe(false);
  expect(rebuilt.problems.map(({ severity, message }) => `${severity}: ${message}`)).toEqual([
    'warning: the cached geo data is damaged: its checksum is wrong',
  ]);
  expect(rebuilt.map!.localities).toEqual(built.map!.localities);
});

test('every carrier is an AS number of the data, whose organisation is quoted as its source', () => {
  const organisations = new Map<string, string>();
  for (const path of [BUILT_IN.asn4(), BUILT_IN.asn6()]) {
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      const match = /^\d+,\d+,(?<asn>\d+),(?:"(?<quoted>.*)"|(?<plain>.*))$/u.exec(line.trim());
      if (match !== null) organisations.set(match.groups!['asn']!, match.groups!['quoted'] ?? match.groups!['plain']!);
    }
  }
  const carriers = loadCarriers(BASE.dataDirectory);
  expect(carriers.size).toBeGreaterThan(200);
  const rows = readFileSync(join(BASE.dataDirectory, 'carriers.csv'), 'utf8').split('\n');
  for (const { asn, line } of carriers.values()) {
    const organisation = organisations.get(String(asn));
    expect(organisation, `AS${asn}`).toBeDefined();
    // Quotes are doubled in both tables, and once more inside the quoted source.
    expect(rows[line - 1]!.replaceAll('"', '')).toContain(organisation!.replaceAll('"', ''));
  }
});

test('regions: every country of the data, every province of China, one tree', async () => {
  const regions = loadRegions(BASE.dataDirectory);
  const unknown = new Set(
    built
      .map!.localities.map(({ region }) => region)
      .filter((region) => region !== '' && regions.get(region) === undefined),
  );
  expect([...unknown]).toEqual([]);
  expect(regions.codes().filter((code) => code.startsWith('CN-'))).toHaveLength(31);
  for (const code of regions.codes()) expect(regions.path(code).at(-1)!.code).toBe('world');
});

test('overlays: the longer prefix, then the later line; an empty field leaves what is below', async () => {
  const overlay = file(
    'nets.csv',
    'prefix,region,isp\n# ours\n217.80.0.0/16,CN,\n217.80.1.0/24,,AS4808\n"217.80.2.0/24","DE",unicom\n217.80.2.0/24,FR,unicom\n2001:db8::/32,BR,vivo\n',
  );
  const { map, problems } = await loadLocalityMap({ ...BASE, overlays: [overlay] });
  expect(problems.map(formatProblem)).toEqual([]);
  expect(at(map!, '217.80.9.1')).toBe('CN deutsche-telekom AS3320 /21');
  expect(at(map!, '217.80.1.1')).toBe('CN unicom AS4808 /24');
  expect(at(map!, '217.80.2.1')).toBe('FR unicom AS0 /24');
  expect(at(map!, '2001:db8::1')).toBe('BR vivo AS0 /32');
  expect(at(map!, '202.96.128.86')).toBe(at(built.map!, '202.96.128.86'));
  const explained = await explainAddress(parseAddress('217.80.1.1')!, { ...BASE, overlays: [overlay] }, map!);
  expect(explained.region).toEqual({ source: overlay, detail: 'line 3, 217.80.0.0/16' });
  expect(explained.isp).toEqual({ source: overlay, detail: 'line 4, 217.80.1.0/24' });
});

test('overlays: a mistake refuses the file, and says how to mend it', async () => {
  const overlay = file(
    'bad.csv',
    '10.0.0.1/8,DE,\n10.0.0.0/8,XX,\n10.0.0.0/8,DE,Big Corp\n::ffff:10.0.0.0/104,DE,\n10.0.0.0/8,DE,a,b\n',
  );
  const { map, problems } = await loadLocalityMap({ ...BASE, overlays: [overlay] });
  expect(map).toBeUndefined();
  expect(problems.map((problem) => formatProblem(problem).replace(overlay, 'bad.csv'))).toEqual([
    'bad.csv:1: error: "10.0.0.1/8" is not a prefix; write an address and a length, with no bits set beyond it, as in `203.0.113.0/24`',
    'bad.csv:2: error: "XX" is not a region; write a code of geo-data/regions.csv, as in `CN-GD` or `DE`',
    'bad.csv:3: error: "Big Corp" is not an ISP; write a carrier\'s name in lower case or an AS number, as in `telecom` or `AS3320`',
    'bad.csv:4: error: ::ffff:10.0.0.0/104 is a form of IPv4 addresses; write the IPv4 prefix: it counts for every form',
    'bad.csv:5: error: 4 fields; write prefix,region,isp as in `203.0.113.0/24,CN-GD,telecom`',
  ]);
});

test.each([24, 28, 32] as const)('MaxMind files in place of the built-in data (%i-bit records)', async (recordSize) => {
  const city = file(
    `city-${recordSize}.mmdb`,
    writeMmdb(
      [
        [
          '192.0.2.0/24',
          {
            country: { iso_code: 'US', names: { en: 'United States' } },
            subdivisions: [{ iso_code: 'CA', names: { en: 'California' } }],
          },
        ],
        ['198.51.100.0/24', { registered_country: { iso_code: 'CN' } }],
        ['2001:db8::/32', { country: { iso_code: 'DE' } }],
      ],
      { databaseType: 'GeoLite2-City', recordSize },
    ),
  );
  const asn = file(
    `asn-${recordSize}.mmdb`,
    writeMmdb(
      [
        ['192.0.2.0/25', { autonomous_system_number: 7922, autonomous_system_organization: 'Comcast' }],
        ['2001:db8::/33', { autonomous_system_number: 64500 }],
      ],
      { databaseType: 'GeoLite2-ASN', recordSize },
    ),
  );
  const sources = { ...BASE, mmdb: { city, asn } };
  const { map, problems } = await loadLocalityMap(sources);
  expect(problems).toEqual([]);
  expect(at(map!, '192.0.2.1')).toBe('US-CA comcast AS7922 /25');
  expect(at(map!, '192.0.2.200')).toBe('US-CA  AS0 /25');
  expect(at(map!, '198.51.100.1')).toBe('CN  AS0 /24');
  expect(at(map!, '2001:db8::1')).toBe('DE AS64500 AS64500 /33');
  expect(at(map!, '2001:db8:8000::1')).toBe('DE  AS0 /33');
  const explained = await explainAddress(parseAddress('192.0.2.1')!, sources, map!);
  expect(explained.region).toEqual({ source: city, detail: 'California, United States (192.0.2.0/24)' });
  // A damaged file gives a problem and no map, so that what is in use stays; nothing is thrown.
  const whole = readFileSync(city);
  for (let length = 0; length < whole.length; length += 37) {
    writeFileSync(city, whole);
    truncateSync(city, length);
    const damaged = await loadLocalityMap({ ...sources, cacheDirectory: undefined });
    if (damaged.map === undefined) expect(damaged.problems.map(({ severity }) => severity)).toEqual(['error']);
    else expect(at(damaged.map, '192.0.2.1')).toBe('US-CA comcast AS7922 /25');
  }
});

test('a missing file is a problem, not an exception', async () => {
  const { map, problems } = await loadLocalityMap({ ...BASE, overlays: [join(directory, 'nowhere.csv')] });
  expect(map).toBeUndefined();
  expect(problems[0]).toMatchObject({ severity: 'error', file: join(directory, 'nowhere.csv') });
});
