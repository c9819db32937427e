import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

/**
 * Which folders of `src` may import from which, types included. The order is that of the floors: each imports only from
 * floors above it in this list, so no arrow goes in a circle. The files of `src` itself put the parts together: they
 * may import anything, and nothing imports them.
 */
const ROWS: Readonly<Record<string, string>> = {
  lib: '',
  wire: 'lib',
  model: 'lib',
  kube: 'lib',
  observe: 'lib',
  zone: 'lib wire',
  geo: 'lib model',
  config: 'lib model',
  steering: 'lib model',
  store: 'lib model kube',
  controllers: 'lib model kube',
  sources: 'lib model kube',
  resolve: 'lib model wire zone',
  state: 'lib model wire zone resolve',
  snapshot: 'lib model wire zone geo steering resolve',
  replication: 'lib snapshot',
  server: 'lib wire geo steering snapshot observe',
  control: 'lib model wire zone geo kube store controllers sources resolve state snapshot replication',
  cli: 'lib model wire zone geo config steering store resolve state snapshot server observe',
  processes: 'lib config snapshot replication server observe control cli',
};

const ALLOWED = new Map(Object.entries(ROWS).map(([room, row]) => [room, row === '' ? [] : row.split(' ')]));

/** What answers queries knows nothing of how plans are made: of these folders it may import these files alone. */
const AT_QUERY_TIME: Readonly<Record<string, readonly string[]>> = {
  geo: ['lookup.ts'],
  steering: ['pick.ts', 'table.ts'],
};

/** The room of a file: its folder, or '' for the files of `src` itself. */
function roomOf(file: string): string {
  const [, folder = '', ...rest] = file.split('/');
  return rest.length === 0 ? '' : folder;
}

interface Import {
  readonly from: string;
  readonly to: string;
}

/** All imports of files of the project, static, dynamic and of types, and the starts of threads. */
const IMPORTS = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .flatMap((name): Import[] => {
    const from = join('src', name);
    const text = readFileSync(from, 'utf8');
    const found = text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*|new URL\(\s*)'(\.{1,2}\/[^']+\.ts)'/gu);
    return [...found].map(([, path = '']) => ({ from, to: normalize(join(dirname(from), path)) }));
  });

const across = IMPORTS.filter(({ from, to }) => roomOf(from) !== roomOf(to));
const shown = ({ from, to }: Import): string => `${from} imports ${to}`;

test('every folder of src has a row, and every row a folder', () => {
  const folders = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).sort()).toEqual([...ALLOWED.keys()].sort());
  expect(IMPORTS.length).toBeGreaterThan(500);
});

test('folders import what their row allows, and nothing imports the files that put them together', () => {
  const wrong = across.filter(({ from, to }) => {
    const room = roomOf(from);
    return room !== '' && ALLOWED.get(room)?.includes(roomOf(to)) !== true;
  });
  expect(wrong.map(shown)).toEqual([]);
});

test('a row allows no more than is used, and only floors above it', () => {
  const used = new Set(across.map(({ from, to }) => `${roomOf(from)} ${roomOf(to)}`));
  const floors = [...ALLOWED.keys()];
  for (const [room, allowed] of ALLOWED) {
    expect(
      allowed.filter((other) => !used.has(`${room} ${other}`)),
      room,
    ).toEqual([]);
    expect(
      allowed.filter((other) => floors.indexOf(other) >= floors.indexOf(room)),
      room,
    ).toEqual([]);
  }
});

test('what answers queries imports nothing of what makes plans', () => {
  const isQueryTime = (file: string): boolean => {
    const files = AT_QUERY_TIME[roomOf(file)];
    return roomOf(file) === 'server' || files?.includes(file.slice(`src/${roomOf(file)}/`.length)) === true;
  };
  const wrong = IMPORTS.filter(({ from, to }) => {
    return isQueryTime(from) && AT_QUERY_TIME[roomOf(to)] !== undefined && !isQueryTime(to);
  });
  expect(wrong.map(shown)).toEqual([]);
});

test('files do not import one another in a circle', () => {
  const importsOf = new Map<string, string[]>();
  for (const { from, to } of IMPORTS) importsOf.set(from, [...(importsOf.get(from) ?? []), to]);
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, above: readonly string[]): void => {
    if (above.includes(file)) circles.push([...above.slice(above.indexOf(file)), file].join(' > '));
    if (above.includes(file) || done.has(file)) return;
    for (const to of importsOf.get(file) ?? []) visit(to, [...above, file]);
    done.add(file);
  };
  for (const file of importsOf.keys()) visit(file, []);
  expect(circles).toEqual([]);
});
