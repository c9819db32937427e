import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatProblem } from '../../src/lib/problem.ts';
import type { Loaded } from '../../src/state/loaded.ts';
import { openResources } from '../../src/state/resources.ts';
import { fileStore } from '../../src/store/files.ts';
import { nameToText } from '../../src/wire/name.ts';
import { isUnavailable } from '../../src/zone/mod.ts';
import { temporaryDirectory, type Files } from '../support/directory.ts';
import { carriers, ENDPOINTS, exported, override, regions, site, WORLD, zone } from './world.ts';

/** A directory whose files can be changed, and what is made of it. */
function world(files: Files) {
  const directory = temporaryDirectory(files);
  const accepted = new Set<string>();
  const store = fileStore(directory, { accepts: (id) => accepted.has(id) });
  const source = openResources(store, { directory, regions, carriers });
  const put = (changed: Files): Loaded => {
    for (const [path, text] of Object.entries(changed)) writeFileSync(join(directory, path), text);
    return source.load();
  };
  const remove = (path: string): Loaded => {
    unlinkSync(join(directory, path));
    return source.load();
  };
  const problems = (loaded: Loaded): string[] =>
    loaded.problems.map((problem) => formatProblem(problem).replaceAll(`${directory}/`, ''));
  return { put, remove, problems, load: () => source.load(), accepted };
}

/** Exports by name, each with its addresses and their weights; and what answers SERVFAIL. */
function served({ configuration }: Loaded) {
  const exports = configuration!.exports.map(({ name, endpoints }) => [
    name,
    endpoints.map(({ address, weight }) => `${address} ${weight}`).join(', '),
  ]);
  const zones = configuration!.zones.filter(isUnavailable).map(({ origin }) => nameToText(origin));
  return { ...Object.fromEntries(exports), unavailable: [...zones, ...(configuration!.unavailable ?? [])] };
}

const B = exported('b', `hosts: [b.example.org]\n${ENDPOINTS}`);
const [ONE, TWO] = ['192.0.2.1 1', '192.0.2.2 1'];
const BOTH = `${ONE}, ${TWO}`;

test('an export that becomes invalid keeps what it was, and others go on changing', () => {
  const { load, put, problems } = world({ ...WORLD, 'b.yaml': B });
  load();
  for (const invalid of [
    exported('app', `hosts: [app.example.org]\n${ENDPOINTS.replace('mainz', 'manz')}`),
    exported('app', 'hosts: 7'),
    'kind: [',
    'kind: DomainExport',
  ]) {
    const loaded = put({ 'app.yaml': invalid, 'b.yaml': B.replace('192.0.2.2', '192.0.2.3') });
    expect(served(loaded)).toEqual({ app: BOTH, b: '192.0.2.1 1, 192.0.2.3 1', unavailable: [] });
    expect(loaded.stale).toEqual(['DomainExport default/app']);
    expect(problems(loaded)[0]).toMatch(/^app\.yaml:\d+:\d+: error: /u);
    expect(served(put({ 'app.yaml': WORLD['app.yaml']!, 'b.yaml': B }))).toEqual({
      app: BOTH,
      b: BOTH,
      unavailable: [],
    });
  }
});

test('what never was valid answers SERVFAIL, and nothing else does', () => {
  const bad = exported('b', `hosts: [b.example.org, app.example.org, '*.w.example.org']\n${ENDPOINTS}`);
  const { load } = world({
    ...WORLD,
    'b.yaml': bad.replace('mainz', 'manz'),
    'c.yaml': zone('c', 'origin: c.test\nfile: c.zone'),
    'd.yaml': zone('d', 'origin: d.test\nrecords: 7'),
  });
  const loaded = load();
  expect(served(loaded)).toEqual({
    app: BOTH,
    unavailable: ['c.test.', 'd.test.', 'b.example.org.', '*.w.example.org.'],
  });
  expect(loaded.refused).toEqual(['Zone d', 'Zone c', 'DomainExport default/b']);
});

test('an invalid site leaves out its endpoints alone when it never was valid, else it stays as it was', () => {
  const invalid = { 'mainz.yaml': site('mainz', 'region: XX') };
  expect(served(world({ ...WORLD, ...invalid }).load())).toEqual({ app: ONE, unavailable: [] });
  const { load, put } = world(WORLD);
  load();
  expect(served(put(invalid))).toEqual({ app: BOTH, unavailable: [] });
});

test('an export stays as it was when what it names is gone', () => {
  const { load, put, remove } = world({ ...WORLD, 'b.yaml': B });
  load();
  expect(served(remove('mainz.yaml'))).toEqual({ app: BOTH, b: BOTH, unavailable: [] });
  expect(
    served(put({ 'c.yaml': exported('c', `hosts: [c.example.org]\n${ENDPOINTS.replace(/\n.*mainz.*/u, '')}`) })),
  ).toEqual({ app: BOTH, b: BOTH, c: ONE, unavailable: [] });
  // A zone that goes takes its hosts with it.
  const gone = put({
    'zone.yaml': zone('example', "origin: other.org\nrecords: [{ name: '@', type: NS, data: ns.x.test. }]"),
  });
  expect(gone.configuration?.exports.map(({ hosts }) => hosts)).toEqual([[], [], []]);
});

test('an override that becomes invalid stays in force', () => {
  const drain = override('drain', 'export: app\nsites: [mainz]\nweight: 0');
  const { load, put, remove } = world({ ...WORLD, 'o.yaml': drain });
  expect(served(load())).toEqual({ app: `${ONE}, 192.0.2.2 0`, unavailable: [] });
  for (const invalid of [drain.replace('mainz', 'manz'), drain.replace('0', 'x'), 'kind: [']) {
    expect(served(put({ 'o.yaml': invalid }))).toEqual({ app: `${ONE}, 192.0.2.2 0`, unavailable: [] });
  }
  expect(served(remove('o.yaml'))).toEqual({ app: BOTH, unavailable: [] });
});

test('a host and a name stay with who has them', () => {
  const { load, put, problems } = world({ 'm.yaml': WORLD['app.yaml']!, ...WORLD, 'app.yaml': B });
  load();
  const loaded = put({
    'a.yaml': exported('a', `hosts: [app.example.org]\n${ENDPOINTS.replace('192.0.2.1', '192.0.2.9')}`),
    'b.yaml': exported('app', `hosts: [x.example.org]\n${ENDPOINTS.replace('192.0.2.1', '192.0.2.8')}`),
  });
  expect(served(loaded)).toEqual({ app: BOTH, b: BOTH, unavailable: [] });
  expect(problems(loaded)).toEqual([
    'b.yaml:3:12: error: metadata.name: there is a DomainExport `app` already (m.yaml:3); rename or remove one of the two',
    'a.yaml:5:11: error: spec.hosts[0]: app.example.org is a host of DomainExport default/app already (m.yaml:5); remove it from one of the two',
  ]);
});

test('a file that is cut short, or holds nothing any more, is held until it is accepted', () => {
  const all = `${WORLD['app.yaml']}---\n${B}`;
  const { load, put, accepted, problems } = world({ ...WORLD, 'app.yaml': all });
  load();
  const whole = { app: BOTH, b: BOTH, unavailable: [] };
  for (const cut of [WORLD['app.yaml']!, '', '# nothing\n', all.slice(0, all.indexOf('  - { address: 192.0.2.2'))]) {
    const loaded = put({ 'app.yaml': cut });
    expect(served(loaded)).toEqual(whole);
    expect(loaded.held).toMatchObject([{ what: expect.stringMatching(/app\.yaml$/u), limit: 0 }]);
    expect(problems(loaded)).toEqual([
      expect.stringMatching(/^app\.yaml: error: a change that takes away \d+ % of it/u),
    ]);
  }
  // A break in the middle of a line is not valid, which keeps all as well.
  expect(served(put({ 'app.yaml': all.slice(0, -20) }))).toEqual(whole);
  const cut = put({ 'app.yaml': WORLD['app.yaml']! });
  accepted.add(cut.held![0]!.id);
  expect(served(load())).toEqual({ app: BOTH, unavailable: [] });
  // A change that is not a cut is taken at once.
  expect(served(put({ 'app.yaml': B }))).toEqual({ b: BOTH, unavailable: [] });
});

test('a directory with nothing to serve says so', () => {
  const { load, problems } = world({ 'canton.yaml': WORLD['canton.yaml']! });
  expect(load().configuration).toBeUndefined();
  expect(problems(load())).toEqual([
    expect.stringMatching(/: error: there is no Zone: nothing can be served; write one/u),
  ]);
});

test('a record may name the host of an export, which has addresses; not one that has none', () => {
  const records = ['NS', 'MX', 'SRV'].map((type) => {
    const data = { NS: 'app', MX: '10 app', SRV: '0 0 443 any.w' }[type]!;
    return `  - { name: '${type === 'SRV' ? '_x._tcp' : '@'}', type: ${type}, data: ${data} }`;
  });
  const zoneText = zone('example', `origin: example.org\nrecords:\n${records.join('\n')}`);
  const app = exported('app', `hosts: [app.example.org, '*.w.example.org']\n${ENDPOINTS}`);
  const files = { ...WORLD, 'zone.yaml': zoneText, 'app.yaml': app };
  expect(world(files).problems(world(files).load())).toEqual([]);
  const { 'app.yaml': _, ...without } = files;
  const { load, problems } = world(without);
  expect(problems(load()).map((text) => text.replace(/^.*?: (?=error|warning)/u, ''))).toEqual([
    'error: spec.records[0]: example.org. NS: app.example.org. has no address; add an A or AAAA record for app.example.org.',
    'warning: spec.records[1]: example.org. MX: app.example.org. has no address; add an A or AAAA record for app.example.org.',
    'warning: spec.records[2]: _x._tcp.example.org. SRV: any.w.example.org. has no address; add an A or AAAA record for any.w.example.org.',
  ]);
});
