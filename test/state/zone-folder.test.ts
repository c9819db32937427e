import { rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatProblem } from '../../src/lib/problem.ts';
import { acceptIds, AcceptedChanges, readHeld } from '../../src/state/accepted.ts';
import type { Loaded } from '../../src/state/loaded.ts';
import { openZones } from '../../src/state/zone-folder.ts';
import { nameToText } from '../../src/wire/name.ts';
import { isUnavailable } from '../../src/zone/mod.ts';
import { temporaryDirectory } from '../support/directory.ts';

const zone = (serial: number, ...records: readonly string[]): string =>
  ['@ 60 SOA ns.dns.test. root.dns.test. ', serial, ' 1 60 60 60\n@ 60 NS ns.dns.test.\n', ...records].join('');
const hosts = (count: number): string[] => Array.from({ length: count }, (_, i) => `h${i} 60 A 192.0.2.${i}\n`);

/** The zones that are served, with how many names each has; those that answer SERVFAIL with 0. */
const served = ({ configuration }: Loaded): Record<string, number> | undefined =>
  configuration &&
  Object.fromEntries(
    configuration.zones.map((data) => [nameToText(data.origin), isUnavailable(data) ? 0 : data.nodes.size]),
  );

test('an invalid file keeps the last valid version of its zone, and all others go on changing', () => {
  const directory = temporaryDirectory({ 'a.test.zone': zone(1), 'b.test.zone': zone(1) });
  const source = openZones(directory);
  expect(served(source.load())).toEqual({ 'a.test.': 1, 'b.test.': 1 });
  writeFileSync(join(directory, 'a.test.zone'), zone(2, 'www A 192.0.2.300\n'));
  writeFileSync(join(directory, 'b.test.zone'), zone(2, ...hosts(2)));
  const loaded = source.load();
  expect(served(loaded)).toEqual({ 'a.test.': 1, 'b.test.': 3 });
  expect([loaded.stale, loaded.refused]).toEqual([['a.test.'], []]);
  expect(loaded.problems.map(({ message }) => message)).toEqual(['"192.0.2.300" is no IPv4 address']);
  writeFileSync(join(directory, 'a.test.zone'), zone(3, ...hosts(1)));
  expect(served(source.load())).toEqual({ 'a.test.': 2, 'b.test.': 3 });
});

test('an invalid file is SERVFAIL when it never was valid, an empty or unreadable one too', () => {
  const directory = temporaryDirectory({ 'a.test.zone': zone(1, 'x'), 'b.test.zone': zone(1), 'c.test.zone': '' });
  const loaded = openZones(directory).load();
  expect(served(loaded)).toEqual({ 'a.test.': 0, 'b.test.': 1, 'c.test.': 0 });
  expect(loaded.refused).toEqual(['a.test.', 'c.test.']);
  expect(openZones(temporaryDirectory({ 'a.test.zone': 'x' })).load().configuration).toBeUndefined();
});

test('files are named as people name them; those that are left out are told of', () => {
  const directory = temporaryDirectory({
    'db.a.test': zone(1),
    'b.test': zone(1),
    'c.test.ZONE': zone(1, '$INCLUDE common.soa\n'),
    'common.soa': 'www 60 A 192.0.2.1 ; not the SOA of common.soa\n',
    'included.test': zone(1),
    'd.test.db': '$INCLUDE included.test\n',
    'readme.md': zone(1),
    'e.test.zone~': zone(1),
    'pictures.org': 'no master file',
  });
  const loaded = openZones(directory).load();
  expect(served(loaded)).toEqual({ 'a.test.': 1, 'b.test.': 1, 'c.test.': 2, 'd.test.': 1 });
  expect(loaded.leftOut?.map((path) => path.slice(directory.length + 1))).toEqual([
    'common.soa',
    'e.test.zone~',
    'included.test',
    'pictures.org',
    'readme.md',
  ]);
});

test('of two files with one zone the one that is served stays', () => {
  const directory = temporaryDirectory({ 'z.test.zone': zone(1, ...hosts(1)) });
  const source = openZones(directory);
  source.load();
  writeFileSync(join(directory, 'db.z.test'), zone(9));
  const loaded = source.load();
  expect(served(loaded)).toEqual({ 'z.test.': 2 });
  expect(loaded.problems.map(formatProblem)).toEqual([
    `${directory}/db.z.test: error: its zone is in ${directory}/z.test.zone already; remove one of the two`,
  ]);
});

test('many files that vanish, and a zone that shrinks without a newer serial, are held until they are accepted', () => {
  const names = ['a', 'b', 'c', 'd'];
  const directory = temporaryDirectory(
    Object.fromEntries(names.map((name) => [`${name}.test.zone`, zone(1, ...hosts(8))])),
  );
  const state = temporaryDirectory();
  const open = () => openZones(directory, { accepted: new AcceptedChanges(state) });
  const source = openZones(directory, { accepted: new AcceptedChanges(state) });
  const whole = served(source.load());
  truncateSync(join(directory, 'a.test.zone'), zone(1, ...hosts(3)).length);
  const shrunk = source.load();
  expect(served(shrunk)).toEqual(whole);
  expect(shrunk.held).toMatchObject([{ what: 'Zone a.test.', lost: 0.5, limit: 0.3 }]);
  expect(shrunk.problems.map(formatProblem)).toEqual([
    expect.stringMatching(/^Zone a\.test\.: error: a change that takes away 50 % of it at once is held/u),
  ]);
  // Somebody who means it raises the serial.
  writeFileSync(join(directory, 'a.test.zone'), zone(2, ...hosts(3)));
  expect(served(source.load())).toEqual({ ...whole, 'a.test.': 4 });
  unlinkSync(join(directory, 'a.test.zone'));
  const { 'a.test.': _, ...three } = whole!;
  expect(served(source.load())).toEqual(three);
  for (const name of ['b', 'c', 'd']) rmSync(join(directory, `${name}.test.zone`));
  const gone = source.load();
  expect(served(gone)).toEqual(three);
  expect(gone.held).toMatchObject([{ what: 'the zones', lost: 1 }]);
  expect(readHeld(state).map(({ id }) => id)).toEqual([gone.held![0]!.id]);
  // An empty folder is served by nobody who starts with it.
  expect(open().load().configuration).toBeUndefined();
});

test('what is accepted while the server runs is served', async () => {
  const directory = temporaryDirectory(
    Object.fromEntries(['a', 'b', 'c'].map((name) => [`${name}.test.zone`, zone(1)])),
  );
  const state = temporaryDirectory();
  const accepted = new AcceptedChanges(state);
  const source = openZones(directory, { accepted, watching: { quietMs: 20, latestMs: 100, pollMs: 100 } });
  const loads: Loaded[] = [];
  const close = source.follow((loaded) => loads.push(loaded));
  const unwatch = accepted.watch(() => source.again());
  const until = async (condition: () => boolean): Promise<void> => {
    for (let i = 0; i < 200 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 25));
    expect(condition()).toBe(true);
  };
  for (const name of ['a', 'b']) rmSync(join(directory, `${name}.test.zone`));
  await until(() => readHeld(state).length === 1);
  expect(Object.keys(served(loads.at(-1)!)!)).toHaveLength(3);
  acceptIds(state, [readHeld(state)[0]!.id]);
  await until(() => readHeld(state).length === 0);
  expect(served(loads.at(-1)!)).toEqual({ 'c.test.': 1 });
  close();
  unwatch();
});
