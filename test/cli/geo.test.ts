import { execFile } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeFiles } from '../support/directory.ts';
import { writeMmdb, type MmdbValue } from '../support/mmdb-writer.ts';

const EDGEWARD = fileURLToPath(new URL('../../src/edgeward.ts', import.meta.url));

/** What a command prints on both streams, and its exit code. */
function run(...args: readonly string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [EDGEWARD, ...args], (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), text: out + err });
    });
  });
}

const RESOURCES = `apiVersion: edgeward.dev/v1alpha1
kind: Zone
metadata: { name: example }
spec:
  origin: example.org
  records: [{ name: '@', type: NS, data: ns1 }, { name: ns1, type: A, data: 192.0.2.53 }]
---
{ apiVersion: edgeward.dev/v1alpha1, kind: Site, metadata: { name: frankfurt }, spec: { region: DE } }
---
{ apiVersion: edgeward.dev/v1alpha1, kind: Site, metadata: { name: tokyo }, spec: { region: JP } }
---
{ apiVersion: edgeward.dev/v1alpha1, kind: Site, metadata: { name: virginia }, spec: { region: US-VA } }
---
{ apiVersion: edgeward.dev/v1alpha1, kind: Site, metadata: { name: seattle }, spec: { region: US-WA } }
---
apiVersion: edgeward.dev/v1alpha1
kind: DomainExport
metadata: { name: w }
spec:
  hosts: [w.example.org]
  endpoints:
    - { address: 203.0.113.1, site: frankfurt }
    - { address: 203.0.113.2, site: tokyo }
    - { address: 203.0.113.3, site: virginia }
    - { address: 203.0.113.4, site: seattle }
`;

const NETWORKS: readonly (readonly [string, MmdbValue])[] = [
  ['198.51.100.0/26', { continent: { code: 'EU' } }],
  ['198.51.100.64/26', { continent: { code: 'EU' }, registered_country: { iso_code: 'US' } }],
  ['198.51.100.128/26', { country: { iso_code: 'RU' }, location: { latitude: 43.1, longitude: 131.9 } }],
  [
    '198.51.100.192/26',
    {
      country: { iso_code: 'CA' },
      subdivisions: [{ iso_code: 'BC' }],
      location: { latitude: 49.2, longitude: -123.1 },
    },
  ],
];

const directory = mkdtempSync(join(tmpdir(), 'edgeward-geo-'));
afterAll(() => rmSync(directory, { recursive: true }));

function configure(geo: string): void {
  writeFileSync(join(directory, 'edgeward.yaml'), `metrics: off\ngeo: { cacheDirectory: cache, ${geo} }\n`);
}

beforeAll(() => {
  writeFiles(directory, { 'all.yaml': RESOURCES, 'own.csv': '203.0.113.0/24,JP,my-isp\n' });
  writeFileSync(join(directory, 'city.mmdb'), writeMmdb(NETWORKS, { databaseType: 'GeoLite2-City' }));
  const asn = writeMmdb([['198.51.100.0/24', { asn: 'AS64500' }]], { databaseType: 'ASN' });
  writeFileSync(join(directory, 'asn.mmdb'), asn);
  configure('mmdb: { city: city.mmdb, asn: asn.mmdb }');
});

test('geo lookup says where an address is, and by which field', async () => {
  const addresses = ['198.51.100.1', '198.51.100.65', '198.51.100.129', '198.51.100.193'];
  const { code, text } = await run('geo', 'lookup', '-c', directory, ...addresses);
  expect(code).toBe(0);
  const lines = text.split('\n').filter((line) => /^ {2}(?:region|place| {8}from \/)/u.test(line));
  expect(lines.map((line) => line.replace(`from ${directory}/`, 'from ').trim())).toEqual([
    'region  europe (Europe, World)',
    'from city.mmdb: continent EU, network of /26',
    'from asn.mmdb: AS64500, no carrier; network of /24',
    'region  europe (Europe, World)',
    'from city.mmdb: continent EU, network of /26',
    'from asn.mmdb: AS64500, no carrier; network of /24',
    'region  RU (Russia, Europe, World)',
    'place   43.1 N, 131.9 E',
    'from city.mmdb: country RU, network of /26',
    'from asn.mmdb: AS64500, no carrier; network of /24',
    'region  CA-BC (British Columbia, Canada, North America, World)',
    'place   49.2 N, 123.1 W',
    'from city.mmdb: country CA, subdivision BC, network of /26',
    'from asn.mmdb: AS64500, no carrier; network of /24',
  ]);
});

test.each([
  ['198.51.100.1', 'frankfurt', '190 km', 25],
  ['198.51.100.65', 'frankfurt', '190 km', 25],
  ['198.51.100.129', 'tokyo', '994 km', 26],
  ['198.51.100.193', 'seattle', '229 km', 26],
])('explain: a client at %s goes to %s, %s away, for all of /%i', async (client, site, km, scope) => {
  const { text } = await run('explain', '-c', directory, '--client', client, 'w.example.org');
  expect(text).toContain(`ECS scope /${scope}`);
  expect(text).toMatch(new RegExp(`${site} +kept +${km}, `, 'u'));
  expect(text).toMatch(new RegExp(`${site} +100 %`, 'u'));
});

test('check knows carriers of overlays, and says which rules never apply', async () => {
  const rules = [
    '{ name: bc, clients: { regions: [CA-BC], isps: [my-isp] }, only: [seattle] }',
    '{ name: on, clients: { regions: [CA-ON, CA], isps: [nobody] }, only: [seattle] }',
  ];
  appendFileSync(join(directory, 'all.yaml'), `  policy:\n    rules: [${rules.join(', ')}]\n`);
  const unreached =
    'DomainExport default/w: warning: rule on names `CA-ON`, where the geo data has no network: it never applies there; use a City database or an overlay that has it, or name the country';
  const complaints = async (): Promise<string[]> => {
    const { code, text } = await run('check', directory);
    expect(code).toBe(0);
    return text
      .split('\n')
      .filter((line) => line.includes('warning'))
      .map((line) => line.replace(`${directory}/`, '').replace(/^all\.yaml:\d+:\d+/u, 'all.yaml'));
  };
  const noCarrier = (name: string, index: number): string =>
    `all.yaml: warning: spec.policy.rules[${index}].clients.isps[0]: no carrier \`${name}\`; use a name of geo-data/carriers.csv, or an AS number as in \`AS3320\``;
  expect(await complaints()).toEqual([noCarrier('my-isp', 0), noCarrier('nobody', 1), unreached]);
  configure('overlays: [own.csv], mmdb: { city: city.mmdb, asn: asn.mmdb }');
  expect(await complaints()).toEqual([noCarrier('nobody', 1), unreached]);
});
