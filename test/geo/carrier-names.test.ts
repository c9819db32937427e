import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { carrierNames } from '../../src/geo/carrier-names.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { GEO_DATA } from '../support/localities.ts';

const OVERLAY = [
  '\uFEFFprefix,region,isp',
  '# 10.9.0.0/16,DE,commented',
  '10.0.0.0/8,DE,my-isp',
  '10.1.0.0/16,,"quoted" ',
  '10.2.0.0/16,CN-GD, spaced\r',
  '10.3.0.0/16,europe',
  '10.4.0.0/16,DE,',
  '10.5.0.0/16,,AS64500',
  '10.6.0.0/16,,Not A Name',
  '10.7.0.0/16,,last',
].join('\n');

test('are those of the table and those that overlays define', () => {
  const directory = temporaryDirectory({ 'a.csv': OVERLAY, 'b.csv': '192.0.2.0/24,,other\n' });
  const overlays = ['a.csv', 'b.csv', 'none.csv'].map((name) => join(directory, name));
  const names = carrierNames({ dataDirectory: GEO_DATA, overlays });
  const wanted = ['telecom', 'my-isp', 'quoted', 'spaced', 'last', 'other'];
  const unknown = ['commented', 'europe', 'AS64500', 'Not A Name', 'isp', 'DE', ''];
  expect(wanted.filter((name) => !names.has(name))).toEqual([]);
  expect(unknown.filter((name) => names.has(name))).toEqual([]);
  expect([...names]).toEqual(expect.arrayContaining(wanted));
  expect(carrierNames({ dataDirectory: GEO_DATA, overlays: [] }).has('my-isp')).toBe(false);
});

test('follow an overlay that changes, comes or goes', async () => {
  const directory = temporaryDirectory({ 'a.csv': '10.0.0.0/8,,first\n' });
  const [a, b] = [join(directory, 'a.csv'), join(directory, 'b.csv')];
  const names = carrierNames({ dataDirectory: GEO_DATA, overlays: [a, b] });
  const known = async (): Promise<string[]> => {
    await setImmediate();
    return ['first', 'third', 'newer'].filter((name) => names.has(name));
  };
  expect(await known()).toEqual(['first']);
  writeFileSync(a, '10.0.0.0/8,,newer\n');
  utimesSync(a, 1000, 1000);
  expect(await known()).toEqual(['newer']);
  writeFileSync(b, '10.0.0.0/8,,third\n');
  expect(await known()).toEqual(['third', 'newer']);
  rmSync(a);
  expect(await known()).toEqual(['third']);
});

test('are read from half a million lines at once', () => {
  const lines = Array.from(
    { length: 563_000 },
    (_, i) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255},CN-GD,isp-${i % 50}`,
  );
  const directory = temporaryDirectory({ 'a.csv': `${lines.join('\n')}\n` });
  const before = process.cpuUsage();
  const names = carrierNames({ dataDirectory: GEO_DATA, overlays: [join(directory, 'a.csv')] });
  for (let i = 0; i < 10_000; i++) expect(names.has(`isp-${i % 50}`)).toBe(true);
  const { user, system } = process.cpuUsage(before);
  // 0.2 s, where all of it takes ten times as long.
  expect((user + system) / 1e6).toBeLessThan(3);
});
