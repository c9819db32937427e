import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../support/directory.ts';
import { runEdgeward, startEdgeward, type Program } from '../support/program.ts';

// A server that restarts begins with the snapshot that it kept, if what that was made from is what it was.

const ZONE = '$TTL 60\n@ SOA ns hostmaster 1 2 3 4 5\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n';
const YAML = `
{apiVersion: edgeward.dev/v1alpha1, kind: Site, metadata: {name: fra}, spec: {region: DE}}
---
{apiVersion: edgeward.dev/v1alpha1, kind: Zone, metadata: {name: z}, spec: {origin: a.test, file: a.test.zone}}
---
{apiVersion: edgeward.dev/v1alpha1, kind: DomainExport, metadata: {name: app}, spec: {hosts: [app.a.test], endpoints: [{site: fra, address: 192.0.2.9}]}}
`;

/** A directory with resources, which keeps its state in itself. */
function configuration(geo = ''): { directory: string; snapshot: () => string } {
  const directory = temporaryDirectory({
    'edgeward.yaml': `dataDirectory: state\n${geo}`,
    'all.yaml': YAML,
    'a.test.zone': ZONE,
  });
  const snapshot = (): string => {
    const [, path] = /^(?<path>.*snapshot)$/mu.exec(files(directory)) ?? [];
    return path!;
  };
  return { directory, snapshot };
}

function files(directory: string): string {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true });
  return names.map(({ parentPath, name }) => join(parentPath, name)).join('\n');
}

async function serve(directory: string): Promise<{ program: Program; ask: (name: string) => Promise<string> }> {
  const program = startEdgeward([
    'serve',
    directory,
    '--listen',
    '127.0.0.1:0',
    '--metrics',
    'off',
    '--workers',
    '1',
    '--log-level',
    'debug',
  ]);
  const [, port] = await program.until(/ ready .*listen=127\.0\.0\.1:(\d+)/u);
  const ask = async (name: string): Promise<string> =>
    (await runEdgeward(['query', '@127.0.0.1', '-p', port!, name, 'A', '+short'])).text.trim();
  return { program, ask };
}

/** The end of a start: from then on a snapshot is kept. */
const SETTLED = /scopes are as wide as they will be/u;

async function stop({ child, ended }: Program): Promise<void> {
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
}

test('unchanged files: answers come from disk, the files are read after that, and changes are served', async () => {
  const { directory } = configuration('geo: {cacheDirectory: cache}\n');
  const first = await serve(directory);
  expect(first.program.text()).not.toContain('from=disk');
  await first.program.until(SETTLED);
  await stop(first.program);
  const second = await serve(directory);
  expect(second.program.text()).toMatch(/ ready from=disk zones=1 exports=1 sites=1/u);
  expect(await second.ask('app.a.test')).toBe('192.0.2.9');
  expect(await second.ask('www.a.test')).toBe('192.0.2.1');
  await second.program.until(/the files were read again, and say the same/u);
  writeFileSync(join(directory, 'a.test.zone'), ZONE.replace('192.0.2.1\n', '192.0.2.2\n').replace(' 1 2', ' 2 2'));
  await second.program.until(/serving a change/u);
  expect(await second.ask('www.a.test')).toBe('192.0.2.2');
  // What the server writes into the directory is no change of it.
  await sleep(1500);
  expect(second.program.text().match(/serving a change/gu)).toHaveLength(1);
  await stop(second.program);
});

test.each<[string, (directory: string, snapshot: string) => void, RegExp]>([
  [
    'a file that was changed meanwhile',
    (directory) => writeFileSync(join(directory, 'a.test.zone'), ZONE.replace('192.0.2.1\n', '192.0.2.7\n')),
    /^192\.0\.2\.7$/u,
  ],
  ['a file that was touched', (directory) => utimesSync(join(directory, 'all.yaml'), 1, 1), /^192\.0\.2\.1$/u],
  [
    'a snapshot that is damaged',
    (_, snapshot) => {
      const content = readFileSync(snapshot);
      content[content.length - 100]! ^= 1;
      writeFileSync(snapshot, content);
    },
    /^192\.0\.2\.1$/u,
  ],
])('%s: everything is read first', async (what, change, answer) => {
  const { directory, snapshot } = configuration();
  const first = await serve(directory);
  await first.program.until(SETTLED);
  await stop(first.program);
  change(directory, snapshot());
  const second = await serve(directory);
  expect(second.program.text()).not.toContain('from=disk');
  expect(second.program.text().includes('snapshot is damaged')).toBe(what.includes('damaged'));
  expect(await second.ask('www.a.test')).toMatch(answer);
  await stop(second.program);
});

test('what is not sound is not kept: a restart would not come to it', async () => {
  const { directory, snapshot } = configuration();
  const first = await serve(directory);
  writeFileSync(join(directory, 'a.test.zone'), `${ZONE}www AAAA 192.0.2.1\n`);
  await first.program.until(/keep their last valid version/u);
  expect(await first.ask('www.a.test')).toBe('192.0.2.1');
  await stop(first.program);
  expect(snapshot()).toBeUndefined();
});
