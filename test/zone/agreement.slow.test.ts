import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { octetText } from '../../src/wire/presentation.ts';
import { printZone } from '../../src/zone/mod.ts';
import { STRICTNESS, zoneWith } from '../support/strictness.ts';
import { verdict, ZONE_FILES, ZONES } from '../support/zone-verdict.ts';

const CHECKER = 'named-checkzone';
const missing = spawnSync(CHECKER, ['-v']).error !== undefined;
if (missing && process.env['CI'] === undefined)
  console.log(`${CHECKER} is not installed (Debian: bind9-utils): skipped`);

test.skipIf(missing && process.env['CI'] === undefined)('BIND accepts and refuses the same zones as we do', () => {
  const differ = ZONE_FILES.flatMap(({ path, origin, text }) => {
    // Its $INCLUDEs are relative to where it runs.
    const bind = spawnSync(CHECKER, [origin, path], { cwd: ZONES, encoding: 'utf8' });
    const { ok, problems } = verdict(text, origin);
    return (bind.status === 0) === ok ? [] : `${path}: ours ${problems.join(' | ')}; BIND: ${bind.stdout}`;
  });
  expect(differ).toEqual([]);
  expect(ZONE_FILES.length).toBeGreaterThanOrEqual(40);
});

const folder = mkdtempSync(join(tmpdir(), 'edgeward-agreement-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A zone's records as BIND prints them; the octets that it read, not their number in the file. */
function asBindReads(text: string, origin: string): string[] {
  const file = join(folder, 'zone');
  const dump = join(folder, 'dump');
  writeFileSync(file, text, 'latin1');
  const options = ['-q', '-k', 'ignore', '-i', 'none', '-n', 'ignore', '-s', 'full', '-D', '-o', dump];
  const { status, stdout } = spawnSync(CHECKER, [...options, origin, file], { cwd: ZONES, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${text}\n${stdout}`);
  const lines = spawnSync('sort', [dump], { encoding: 'utf8', env: { LC_ALL: 'C' } }).stdout.split('\n');
  return lines.map((line) => line.replaceAll(/\s+/gu, ' '));
}

test.skipIf(missing && process.env['CI'] === undefined)(
  'BIND reads the same records as we do',
  { timeout: 120_000 },
  () => {
    const rows = STRICTNESS.filter(({ peers, ours }) => peers.includes('B') && ours !== 'refuses');
    const zones = [
      ...ZONE_FILES.filter(({ good }) => good),
      ...rows.map(({ lines }) => ({ path: lines, origin: 'example.org.', text: octetText(zoneWith(lines)) })),
    ];
    const differ = zones.flatMap(({ path, origin, text }) => {
      const source = asBindReads(text, origin);
      // BIND 9.18 does not know this key by name.
      const print = printZone(verdict(text, origin).zone).replaceAll(' ohttp', ' key8');
      const printed = asBindReads(print, origin);
      const missed = source.filter((line) => !printed.includes(line));
      const added = printed.filter((line) => !source.includes(line));
      return missed.length + added.length === 0 ? [] : [{ path, missed, added }];
    });
    expect(differ).toEqual([]);
  },
);
