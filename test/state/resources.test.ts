import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { formatProblem } from '../../src/lib/problem.ts';
import type { ConfigurationSource, Loaded } from '../../src/state/loaded.ts';
import { openResources } from '../../src/state/resources.ts';
import { openZones } from '../../src/state/zone-folder.ts';
import { fileStore } from '../../src/store/files.ts';
import { nameToText } from '../../src/wire/name.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { carriers, ENDPOINTS, exported, override, regions, WORLD, zone } from './world.ts';

const QUICK = { quietMs: 20, latestMs: 200, pollMs: 100 };
const SOA = '@ 60 IN SOA ns.dns.test. root.dns.test. 1 60 60 60 60\n@ 60 IN NS ns.dns.test.\n';

/** Follows a source; `next` waits for what comes after the changes that were made since the last one. */
function following(source: ConfigurationSource): { loads: Loaded[]; next: () => Promise<Loaded> } {
  const loads: Loaded[] = [];
  let wake = (): void => {};
  const close = source.follow((loaded) => {
    loads.push(loaded);
    wake();
  });
  onTestFinished(close);
  let read = 1;
  const next = async (): Promise<Loaded> => {
    const deadline = AbortSignal.timeout(5000);
    while (loads.length <= read) {
      await new Promise<void>((resolve, reject) => {
        wake = resolve;
        deadline.addEventListener('abort', () => reject(new Error('no change was seen')), { once: true });
      });
    }
    read = loads.length;
    return loads.at(-1)!;
  };
  return { loads, next };
}

function openWorld(directory: string, now?: () => number): ConfigurationSource {
  const store = fileStore(directory, { watching: QUICK });
  return openResources(store, { directory, regions, carriers, ...(now === undefined ? {} : { now }) });
}

const exportNames = ({ configuration }: Loaded): string[] | undefined => configuration?.exports.map((exp) => exp.name);

test('what is there is told at once, and again after a file was replaced as editors do it', async () => {
  const directory = temporaryDirectory(WORLD);
  const { loads, next } = following(openWorld(directory));
  expect(loads.map(exportNames)).toEqual([['app']]);
  writeFileSync(join(directory, '.app.yaml.swp'), exported('renamed', `hosts: [app.example.org]\n${ENDPOINTS}`));
  renameSync(join(directory, '.app.yaml.swp'), join(directory, 'app.yaml'));
  expect(exportNames(await next())).toEqual(['renamed']);
});

test('a broken file is told of, and the others are served', async () => {
  const directory = temporaryDirectory(WORLD);
  const { next } = following(openWorld(directory));
  writeFileSync(join(directory, 'b.yaml'), 'kind: [');
  const broken = await next();
  expect(exportNames(broken)).toEqual(['app']);
  expect(broken.problems.map(formatProblem)).toEqual([
    expect.stringMatching(/^.*\/b\.yaml:1:\d+: error: not valid YAML: flow sequence in block collection/u),
  ]);
  writeFileSync(join(directory, 'b.yaml'), exported('b', `hosts: [b.example.org]\n${ENDPOINTS}`));
  expect(exportNames(await next())).toEqual(['app', 'b']);
  // What it held stays while it is broken, and goes with it.
  writeFileSync(join(directory, 'b.yaml'), 'kind: [');
  const again = await next();
  expect(exportNames(again)).toEqual(['app', 'b']);
  expect(again.stale).toEqual(['DomainExport default/b']);
  unlinkSync(join(directory, 'b.yaml'));
  expect(exportNames(await next())).toEqual(['app']);
});

test('a mounted ConfigMap, whose link is swapped', async () => {
  const directory = temporaryDirectory();
  const publish = (version: string, name: string): void => {
    const files = { ...WORLD, 'app.yaml': exported(name, `hosts: [app.example.org]\n${ENDPOINTS}`) };
    mkdirSync(join(directory, version));
    for (const [path, text] of Object.entries(files)) writeFileSync(join(directory, version, path), text);
    symlinkSync(version, join(directory, '..data_tmp'));
    renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
  };
  publish('..one', 'one');
  for (const path of Object.keys(WORLD)) symlinkSync(join('..data', path), join(directory, path));
  const { loads, next } = following(openWorld(directory));
  expect(loads.map(exportNames)).toEqual([['one']]);
  publish('..two', 'two');
  expect(exportNames(await next())).toEqual(['two']);
  publish('..three', 'three');
  expect(exportNames(await next())).toEqual(['three']);
});

test('a directory that is deleted and comes back', async () => {
  const parent = temporaryDirectory();
  const directory = join(parent, 'config');
  const fill = (): void => {
    mkdirSync(directory);
    for (const [path, text] of Object.entries(WORLD)) writeFileSync(join(directory, path), text);
  };
  fill();
  const { next } = following(openWorld(directory));
  rmSync(directory, { recursive: true });
  const gone = await next();
  expect(gone.configuration).toBeUndefined();
  expect(gone.problems.map(formatProblem)).toEqual([
    `${directory}: error: no such directory; name the directory that holds the resources`,
  ]);
  fill();
  expect(exportNames(await next())).toEqual(['app']);
});

test('a directory below that is replaced by another one', async () => {
  const directory = temporaryDirectory(WORLD);
  const replace = (name: string): void => {
    mkdirSync(join(directory, '.new'));
    writeFileSync(join(directory, '.new', 'b.yaml'), exported(name, `hosts: [b.example.org]\n${ENDPOINTS}`));
    rmSync(join(directory, 'more'), { recursive: true, force: true });
    renameSync(join(directory, '.new'), join(directory, 'more'));
  };
  const { next } = following(openWorld(directory));
  replace('one');
  expect(exportNames(await next())).toEqual(['app', 'one']);
  replace('two');
  expect(exportNames(await next())).toEqual(['app', 'two']);
  writeFileSync(join(directory, 'more', 'b.yaml'), exported('three', `hosts: [b.example.org]\n${ENDPOINTS}`));
  expect(exportNames(await next())).toEqual(['app', 'three']);
});

test('master files and matrices are watched', async () => {
  const directory = temporaryDirectory({
    ...WORLD,
    'b.yaml': zone('b', 'origin: b.test\nfile: zones/b.zone'),
    'zones/b.zone': SOA,
    'app.yaml': exported('app', `hosts: [app.example.org]\n${ENDPOINTS}\npolicy: { matrix: m.csv }`),
    'm.csv': 'DE,,mainz,5\n',
  });
  const { next } = following(openWorld(directory));
  writeFileSync(join(directory, 'zones', 'b.zone'), `${SOA}www 60 IN A 192.0.2.7\n`);
  const names = (await next()).configuration?.zones.flatMap(({ nodes }) => [...nodes.values()].map(({ name }) => name));
  expect(names?.map((name) => nameToText(name))).toContain('www.b.test.');
  writeFileSync(join(directory, 'm.csv'), 'DE,,mainz,6\n');
  expect((await next()).configuration?.exports[0]?.policy.matrix[0]?.ms).toBe(6);
});

test('an override ends by itself', async () => {
  const directory = temporaryDirectory({
    ...WORLD,
    'o.yaml': override('o', 'export: app\nweight: 7\nexpires: 2026-11-23T12:00:00Z'),
  });
  const start = Date.now();
  const { loads, next } = following(
    openWorld(directory, () => Date.parse('2026-11-23T11:59:59.8Z') + Date.now() - start),
  );
  const weight = ({ configuration }: Loaded): number | undefined => configuration?.exports[0]?.endpoints[0]?.weight;
  expect(loads.map(weight)).toEqual([7]);
  expect(weight(await next())).toBe(1);
});

test('an override ends in time although the clock was set meanwhile', async () => {
  vi.useFakeTimers();
  try {
    const directory = temporaryDirectory({
      ...WORLD,
      'o.yaml': override('o', 'export: app\nweight: 7\nexpires: 2026-11-23T12:00:00Z'),
    });
    let clock = 0;
    const { loads } = following(openWorld(directory, () => clock));
    const weight = ({ configuration }: Loaded): number | undefined => configuration?.exports[0]?.endpoints[0]?.weight;
    expect(loads.map(weight)).toEqual([7]);
    clock = Date.parse('2026-11-23T12:00:01Z');
    await vi.advanceTimersByTimeAsync(60_001);
    expect(loads.map(weight)).toEqual([7, 1]);
  } finally {
    vi.useRealTimers();
  }
});

test('a folder of master files', async () => {
  const directory = temporaryDirectory({
    'example.org.zone': SOA,
    'example.net.db': SOA,
    'README.md': 'not a zone',
    'parts/example.com.zone': 'for $INCLUDE only',
  });
  const source = openZones(directory, { watching: QUICK });
  const { loads, next } = following(source);
  const names = ({ configuration }: Loaded): string[] | undefined =>
    configuration?.zones.map(({ origin }) => nameToText(origin));
  expect(loads.map(names)).toEqual([['example.net.', 'example.org.']]);
  writeFileSync(join(directory, 'a.test.zone'), SOA);
  expect(names(await next())).toEqual(['a.test.', 'example.net.', 'example.org.']);
  writeFileSync(join(directory, 'EXAMPLE.org.db'), SOA);
  writeFileSync(join(directory, 'a..b.zone'), SOA);
  const broken = await next();
  expect(names(broken)).toEqual(['a.test.', 'example.net.', 'example.org.']);
  expect(broken.problems.map((problem) => formatProblem(problem).replaceAll(`${directory}/`, ''))).toEqual([
    'EXAMPLE.org.db: error: its zone is in example.org.zone already; remove one of the two',
    'a..b.zone: error: an empty label in "a..b"; name the file after its zone: `example.org.zone`',
  ]);
});

test('a folder with a zone that was signed beforehand: an error, or a warning where it is allowed', () => {
  const signed = `${SOA}@ 60 RRSIG SOA 13 2 60 20360101000000 20260101000000 46938 example.org. 2ULEx1pf\n`;
  const directory = temporaryDirectory({ 'example.org.zone': signed, 'example.net.zone': SOA });
  const refused = openZones(directory).load();
  expect(refused.refused).toEqual(['example.org.']);
  expect(refused.problems).toMatchObject([{ severity: 'error', file: join(directory, 'example.org.zone') }]);
  const allowed = openZones(directory, { watching: QUICK, allowed: { unsigned: true } }).load();
  expect(allowed.configuration?.zones).toHaveLength(2);
  expect(allowed.problems).toMatchObject([{ severity: 'warning', file: join(directory, 'example.org.zone') }]);
});

test('a zone that was signed beforehand is allowed by its Zone alone, and again refused without', () => {
  const directory = temporaryDirectory({
    ...WORLD,
    'b.yaml': zone('b', 'origin: b.test\nfile: b.zone\nallowUnsigned: true'),
    'c.yaml': zone('c', 'origin: c.test\nfile: b.zone'),
    'b.zone': `${SOA}@ 60 NSEC @ SOA NS NSEC\n`,
  });
  const source = openWorld(directory);
  const told = (): string[] =>
    source.load().problems.map(({ severity, file }) => `${severity} ${file?.replace(`${directory}/`, '')}`);
  expect(told()).toEqual(['warning b.zone', 'error b.zone']);
  writeFileSync(join(directory, 'c.yaml'), zone('c', 'origin: c.test\nfile: b.zone\nallowUnsigned: true'));
  expect(told()).toEqual(['warning b.zone', 'warning b.zone']);
  writeFileSync(join(directory, 'b.yaml'), zone('b', 'origin: b.test\nfile: b.zone\nallowUnsigned: false'));
  expect(told()).toEqual(['error b.zone', 'warning b.zone']);
});

test('a folder without master files, and none at all', () => {
  const directory = temporaryDirectory({ 'example.org.txt': SOA });
  const say = (path: string): string[] => openZones(path).load().problems.map(formatProblem);
  expect(say(directory)).toEqual([
    `${directory}: error: no zones in this folder; name master files after their zones: \`example.org.zone\`, \`example.org.db\`, \`db.example.org\` or \`example.org\``,
  ]);
  expect(say(join(directory, 'x'))).toEqual([
    `${directory}/x: error: cannot be read: there is no such file or directory (ENOENT); check the path`,
  ]);
});

test('zones whose files did not change are the same objects; a changed include is seen', () => {
  const directory = temporaryDirectory({
    ...WORLD,
    'b.yaml': zone('b', 'origin: b.test\nfile: b.zone'),
    'b.zone': `${SOA}$INCLUDE part\n`,
    part: 'www 60 IN A 192.0.2.7\n',
  });
  const source = openWorld(directory);
  const read = () => source.load().configuration?.zones.find(({ origin }) => nameToText(origin) === 'b.test.');
  const names = (data: ReturnType<typeof read>): string[] =>
    [...data!.nodes.values()].map(({ name }) => nameToText(name));
  const first = read();
  expect(names(first)).toEqual(['b.test.', 'www.b.test.']);
  writeFileSync(join(directory, 'app.yaml'), exported('other', `hosts: [other.example.org]\n${ENDPOINTS}`));
  expect(read()).toBe(first);
  writeFileSync(join(directory, 'part'), 'mail 60 IN A 192.0.2.7\n');
  expect(names(read())).toEqual(['b.test.', 'mail.b.test.']);
  unlinkSync(join(directory, 'part'));
  expect(names(read())).toEqual(['b.test.', 'mail.b.test.']);
  writeFileSync(join(directory, 'b.yaml'), zone('b', 'origin: b.test\nfile: b.zone\ndefaultTtl: 5'));
  writeFileSync(join(directory, 'part'), 'www A 192.0.2.7\n');
  expect(names(read())).toEqual(['b.test.', 'www.b.test.']);
});

test('the same problems are told again as long as they are there', () => {
  const directory = temporaryDirectory({
    ...WORLD,
    'b.yaml': zone('b', 'origin: b.test\nfile: b.zone'),
    'b.zone': '@ A x',
  });
  const source = openWorld(directory);
  const first = source.load().problems.map(formatProblem);
  expect(first).toEqual([expect.stringContaining('b.zone:1:')]);
  expect(source.load().problems.map(formatProblem)).toEqual(first);
});
