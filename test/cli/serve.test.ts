import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'edgeward-serve-'));
const config = join(directory, 'config');
cpSync(join(ROOT, 'config/demo'), config, { recursive: true });
const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(directory, { recursive: true });
});

interface Program {
  readonly child: ChildProcess;
  /** All that it has printed, on both outputs. */
  text(): string;
  /** Exit code, once it has ended. */
  readonly ended: Promise<number | null>;
}

function edgeward(...args: string[]): Program {
  const env = {
    ...process.env,
    XDG_CACHE_HOME: join(directory, 'cache'),
    XDG_STATE_HOME: join(directory, 'state'),
    NO_COLOR: '1',
  };
  const child = spawn(process.execPath, ['src/edgeward.ts', ...args], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let text = '';
  child.stdout.on('data', (data) => (text += String(data)));
  child.stderr.on('data', (data) => (text += String(data)));
  const ended = new Promise<number | null>((resolve) =>
    child.once('close', (code) => {
      running.delete(child);
      resolve(code);
    }),
  );
  return { child, text: () => text, ended };
}

async function until(program: Program, pattern: RegExp): Promise<RegExpExecArray> {
  for (let i = 0; i < 250; i++) {
    const found = pattern.exec(program.text());
    if (found !== null) return found;
    await setTimeout(100);
  }
  throw new Error(`no ${pattern} in:\n${program.text()}`);
}

async function output(...args: string[]): Promise<{ code: number | null; text: string }> {
  const program = edgeward(...args);
  const code = await program.ended;
  return { code, text: program.text() };
}

const METRICS = 20_000 + Math.floor(Math.random() * 20_000);
const server = edgeward('serve', config, '--listen', '127.0.0.1:0', '--metrics', `127.0.0.1:${METRICS}`, '--suggest');
const [, port] = await until(server, / ready .*listen=127\.0\.0\.1:(\d+)/u);
const ask = async (...words: string[]): Promise<string> =>
  (await output('query', `@127.0.0.1`, '-p', port!, ...words, '+short')).text.trim();
const metric = async (line: string): Promise<boolean> =>
  (await (await fetch(`http://127.0.0.1:${METRICS}/metrics`)).text()).split('\n').includes(line);

test('the demo sends clients to different sites, each the right one, and suggests what to try', async () => {
  expect(await ask('chat.example.org', 'A', '+subnet=202.96.128.0/24')).toBe('192.0.2.11');
  expect(await ask('chat.example.org', 'A', '+subnet=217.80.0.0/16')).toBe('198.51.100.11');
  expect(await ask('example.org', 'MX', '+tcp')).toBe('10 mail.example.org.');
  await until(server, /Why\? {2}npx edgeward explain/u);
  expect(server.text().match(/npx edgeward query @127/gu)).toHaveLength(5);
  expect((await fetch(`http://127.0.0.1:${METRICS}/readyz`)).status).toBe(200);
  expect(await metric('edgeward_exports 3')).toBe(true);
  // One configuration was read, and is compiled once.
  expect(await metric('edgeward_snapshot_generation 1')).toBe(true);
  expect(server.text()).not.toContain('serving a change');
});

test('a mistake leaves what it is in as it was, and is told; mending it is served', async () => {
  const file = join(config, 'exports/1-chat.yaml');
  const good = readFileSync(file, 'utf8');
  writeFileSync(file, good.replace('site: frankfurt', 'site: frankfurtt'));
  await until(server, /ERROR .*1-chat\.yaml:\d+:\d+: error: spec\.endpoints\[6\]\.site: .*frankfurtt/u);
  expect(await ask('chat.example.org', 'A', '+subnet=217.80.0.0/16')).toBe('198.51.100.11');
  expect(await metric('edgeward_config_problems{severity="error"} 1')).toBe(true);
  const checked = await output('check', config);
  expect(checked.code).toBe(1);
  expect(checked.text).toMatch(/1-chat\.yaml:\d+:\d+: error: spec\.endpoints\[6\]\.site/u);
  writeFileSync(file, good.replace('198.51.100.11', '198.51.100.99'));
  await until(server, /serving a change/u);
  expect(await ask('chat.example.org', 'A', '+subnet=217.80.0.0/16')).toBe('198.51.100.99');
  expect(await metric('edgeward_config_problems{severity="error"} 0')).toBe(true);
  expect((await output('check', config)).code).toBe(0);
});

test('a port that is taken: which, why, and what to do', async () => {
  const second = await output('serve', config, '--listen', `127.0.0.1:${port}`, '--metrics', 'off', '--workers', '1');
  expect(second.code).toBe(2);
  expect(second.text).toMatch(/cannot listen on 127\.0\.0\.1:\d+ over UDP: .*EADDRINUSE.*--listen ADDRESS:PORT/u);
});

test('nothing to serve ends with the reason', async () => {
  const empty = join(directory, 'empty');
  mkdirSync(empty);
  for (const [args, reason] of [
    [[join(directory, 'nowhere')], /nowhere.*no such directory/u],
    [[empty], /empty: error: there is no Zone: nothing can be served/u],
    [['--zones', empty], /empty: error: no zones in this folder/u],
  ] as const) {
    const unsound = await output('serve', ...args, '--listen', '127.0.0.1:0', '--metrics', 'off');
    expect(unsound.code).toBe(1);
    expect(unsound.text).toMatch(reason);
  }
});

test('one bad zone file answers SERVFAIL; the others are served, and stay when all files vanish', async () => {
  const zones = join(directory, 'zones');
  mkdirSync(zones);
  const text = '$TTL 60\n@ SOA ns.x.test. root.x.test. 1 1 1 1 1\n@ NS ns.x.test.\nwww A 192.0.2.7\n';
  for (const name of ['one.test.zone', 'db.two.test', 'three.test']) writeFileSync(join(zones, name), text);
  writeFileSync(join(zones, 'four.test.zone'), text.replace('192.0.2.7', '192.0.2.300'));
  const args = ['--zones', zones, '--listen', '127.0.0.1:0', '--metrics', 'off'];
  const server_ = edgeward('serve', ...args);
  const [, port_] = await until(server_, / ready .*listen=127\.0\.0\.1:(\d+)/u);
  const answer = async (name: string): Promise<string> =>
    (await output('query', '@127.0.0.1', '-p', port_!, name, 'A', '+short')).text.trim();
  const all = async (): Promise<string[]> =>
    Promise.all(['one', 'two', 'three'].map((name) => answer(`www.${name}.test`)));
  expect(await all()).toEqual(['192.0.2.7', '192.0.2.7', '192.0.2.7']);
  expect((await output('query', '@127.0.0.1', '-p', port_!, 'www.four.test', 'A')).text).toContain('SERVFAIL');
  expect(server_.text()).toMatch(
    /ERROR invalid resources are not served: their names answer SERVFAIL count=1 names=four\.test\./u,
  );
  for (const name of readdirSync(zones)) rmSync(join(zones, name));
  await until(server_, /ERROR the zones: error: a change that takes away 100 % of it at once is held/u);
  expect(await all()).toEqual(['192.0.2.7', '192.0.2.7', '192.0.2.7']);
  const held = await output('accept', '--zones', zones);
  expect(held.code).toBe(1);
  expect(held.text).toMatch(/^[0-9a-f]{10} {2}the zones: a change that takes away 100 %/u);
  server_.child.kill('SIGTERM');
  expect(await server_.ended).toBe(0);
});

test('a change that is held is served once it is accepted', async () => {
  const conf = join(directory, 'held');
  mkdirSync(conf);
  const zone = (name: string): string =>
    `apiVersion: edgeward.dev/v1alpha1\nkind: Zone\nmetadata: { name: ${name} }\nspec:\n  origin: ${name}.test\n` +
    `  records: [{ name: '@', type: NS, data: ns.x.test. }, { name: www, type: A, data: 192.0.2.8 }]\n`;
  writeFileSync(join(conf, 'all.yaml'), `${zone('one')}---\n${zone('two')}`);
  const server_ = edgeward('serve', conf, '--listen', '127.0.0.1:0', '--metrics', 'off');
  const [, port_] = await until(server_, / ready .*listen=127\.0\.0\.1:(\d+)/u);
  const answer = async (): Promise<string> =>
    (await output('query', '@127.0.0.1', '-p', port_!, 'www.two.test', 'A', '+short')).text.trim();
  writeFileSync(join(conf, 'all.yaml'), zone('one'));
  const [, id] = await until(
    server_,
    /all\.yaml: error: a change that takes away .* run `edgeward accept` with ([0-9a-f]+)/u,
  );
  expect(await answer()).toBe('192.0.2.8');
  expect((await output('accept', conf, 'nonsense')).code).toBe(2);
  const accepted = await output('accept', conf, id!);
  expect([accepted.code, accepted.text]).toEqual([0, expect.stringMatching(/^accepted [0-9a-f]+: .*all\.yaml\n$/u)]);
  expect((await output('query', '@127.0.0.1', '-p', port_!, 'www.two.test', 'A')).text).toContain('REFUSED');
  expect((await output('accept', conf)).text).toBe('no change is held\n');
  server_.child.kill('SIGTERM');
  expect(await server_.ended).toBe(0);
});

test('a folder of master files, over IPv6 as well', async () => {
  const zones = edgeward(
    'serve',
    '--zones',
    join(ROOT, 'config/demo/zones'),
    '--listen',
    '127.0.0.1:0',
    '--listen',
    '[::1]:0',
    '--metrics',
    'off',
  );
  const [, port4, port6] = await until(zones, / ready .*listen=127\.0\.0\.1:(\d+),\[::1\]:(\d+)/u);
  for (const [host, at] of [
    ['127.0.0.1', port4],
    ['::1', port6],
  ]) {
    const { text } = await output('query', `@${host}`, '-p', at!, 'example.org', 'MX', '+short');
    expect(text.trim()).toBe('10 mail.example.org.');
  }
  zones.child.kill('SIGTERM');
  expect(await zones.ended).toBe(0);
});

test('a zone that was signed beforehand is neither sound nor served, unless that is allowed', async () => {
  const folder = join(directory, 'signed');
  mkdirSync(folder);
  const file = join(folder, 'example.org.zone');
  const lines = readFileSync(join(ROOT, 'config/demo/zones/example.org.zone'), 'utf8');
  writeFileSync(file, `${lines}\n@ 60 RRSIG SOA 13 2 60 20360101000000 20260101000000 46938 @ 2ULEx1pf\n`);
  const checked = await output('zone', 'check', file);
  expect(checked.code).toBe(1);
  expect(checked.text).toMatch(/: error: .* the zone is signed, but signatures are not served/u);
  const refused = await output('serve', '--zones', folder, '--listen', '127.0.0.1:0', '--metrics', 'off');
  expect(refused.code).toBe(1);
  expect(refused.text).toMatch(/ERROR .* the zone is signed, but signatures are not served/u);

  expect((await output('zone', 'check', '--allow-unsigned', file)).code).toBe(0);
  const zones = ['serve', '--zones', folder, '--allow-unsigned', '--listen', '127.0.0.1:0', '--metrics', 'off'];
  const allowed = edgeward(...zones);
  const [, at] = await until(allowed, / ready .*listen=127\.0\.0\.1:(\d+)/u);
  expect(allowed.text()).toMatch(/WARN .* served without its signatures, as allowed/u);
  const { text } = await output('query', '@127.0.0.1', '-p', at!, 'example.org', 'MX', '+short');
  expect(text.trim()).toBe('10 mail.example.org.');
  allowed.child.kill('SIGTERM');
  expect(await allowed.ended).toBe(0);

  const misplaced = await output('serve', config, '--allow-unsigned');
  expect(misplaced.code).toBe(2);
  expect(misplaced.text).toContain('--allow-unsigned goes with --zones');
});

test('explain says each step; JSON for programs', async () => {
  const { code, text } = await output(
    'explain',
    'chat.example.org',
    'A',
    '--client',
    '202.96.128.86',
    '-c',
    join(ROOT, 'config/demo'),
    '--json',
  );
  expect(code).toBe(0);
  const explained = JSON.parse(text);
  expect(explained).toMatchObject({
    export: 'default/chat',
    scope: 18,
    shares: [{ site: 'guangzhou-telecom', share: 1 }],
  });
  expect(explained.stages.map(({ stage }: { stage: string }) => stage)).toEqual([
    'deny',
    'health',
    'drain',
    'only',
    'failover',
    'nearness',
    'weights',
  ]);
});

test('SIGTERM ends it well, while it starts and while it serves', async () => {
  const starting = edgeward('serve', config, '--listen', '127.0.0.1:0', '--metrics', 'off');
  await until(starting, /geo data ready/u);
  starting.child.kill('SIGTERM');
  expect(await starting.ended).toBe(0);
  server.child.kill('SIGTERM');
  expect(await server.ended).toBe(0);
  expect(server.text()).toMatch(/stopped\s*$/u);
});
