import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from '../support/directory.ts';
import { runEdgeward, startEdgeward, type Program } from '../support/program.ts';

const API = 'apiVersion: edgeward.dev/v1alpha1';
const ZONE = `${API}
kind: Zone
metadata: { name: example }
spec:
  origin: example.org
  records: [{ name: '@', type: NS, data: ns.example.net. }, { name: www, type: A, data: 192.0.2.80 }]
`;
const STEERED = `${ZONE}---
${API}
kind: Site
metadata: { name: mainz }
spec: { region: DE }
---
${API}
kind: DomainExport
metadata: { name: app }
spec: { hosts: [app.example.org], endpoints: [{ address: 192.0.2.1, site: mainz }] }
`;
const ON_A_FREE_PORT = ['--listen', '127.0.0.1:0', '--metrics', 'off'];

/** A user who has no entry in /etc/passwd, and no rights over files of others. */
const NOBODY = ['unshare', '--user', '--map-user=54321'];
const hasUsers = process.platform === 'linux' && spawnSync(NOBODY[0]!, [...NOBODY.slice(1), 'true']).status === 0;

/** The environment without all that says where files may be kept. */
function bare(env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { HOME, XDG_CACHE_HOME, XDG_STATE_HOME, NODE_COMPILE_CACHE, ...rest } = process.env;
  void [HOME, XDG_CACHE_HOME, XDG_STATE_HOME, NODE_COMPILE_CACHE];
  return { ...rest, ...env };
}

/** A link to where a disk is not mounted: nothing can be made in it, whoever tries. */
function notMounted(): string {
  const link = join(temporaryDirectory(), 'home');
  symlinkSync('/no/such/disk', link);
  return link;
}

const warnings = (program: Program): string[] => program.text().match(/(?<=WARN {2}).*/gu) ?? [];

async function answer(program: Program): Promise<string> {
  const [, port] = await program.until(/ ready .*listen=127\.0\.0\.1:(\d+)/u);
  const { text } = await runEdgeward(['query', `@127.0.0.1:${port}`, 'www.example.org', 'A', '+short']);
  return text.trim();
}

describe.skipIf(!hasUsers)('a user without rights', () => {
  test.each([
    ['no home, and no entry in /etc/passwd', {}],
    ['an empty home', { HOME: '' }],
  ])('with %s: the server answers', async (_, env) => {
    const directory = temporaryDirectory({ 'all.yaml': ZONE });
    const own = bare({ ...env, NODE_COMPILE_CACHE: temporaryDirectory() });
    const server = startEdgeward(['serve', directory, ...ON_A_FREE_PORT], { prefix: NOBODY, env: own });
    expect(await answer(server)).toBe('192.0.2.80');
    expect(warnings(server)).toEqual([]);
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
  });

  test('with a home that is not mounted the server answers, and one warning says what is lost', async () => {
    const HOME = notMounted();
    const directory = temporaryDirectory({ 'all.yaml': STEERED });
    const server = startEdgeward(['serve', directory, ...ON_A_FREE_PORT], { prefix: NOBODY, env: bare({ HOME }) });
    expect(await answer(server)).toBe('192.0.2.80');
    expect(warnings(server)).toEqual([
      expect.stringMatching(
        /geo data cannot be cached: .*; every start builds it anew; make the directory writable, or set `geo\.cacheDirectory` in edgeward\.yaml$/u,
      ),
    ]);
    expect(server.text()).not.toMatch(/^ +at /mu);
  });

  test('without a place for temporary files nothing is left in the working directory', async () => {
    const cwd = temporaryDirectory();
    const env = bare({ HOME: notMounted(), TMPDIR: notMounted() });
    const server = startEdgeward(['serve', temporaryDirectory({ 'all.yaml': ZONE }), ...ON_A_FREE_PORT], {
      prefix: NOBODY,
      env,
      cwd,
    });
    expect(await answer(server)).toBe('192.0.2.80');
    expect(readdirSync(cwd)).toEqual([]);
    expect(warnings(server)).toEqual([]);
  });

  const denied = 'cannot be read: permission denied (EACCES); let the user of this process read it';

  function without(path: string, directory: string): string {
    chmodSync(join(directory, path), 0);
    onTestFinished(() => chmodSync(join(directory, path), 0o700));
    return directory;
  }

  test.each([
    ['.', 2],
    ['edgeward.yaml', 2],
    ['all.yaml', 1],
  ])('a configuration that may not be read: %s', async (path, code) => {
    const directory = without(path, temporaryDirectory({ 'all.yaml': ZONE, 'edgeward.yaml': '' }));
    const served = await runEdgeward(['serve', directory, ...ON_A_FREE_PORT], { prefix: NOBODY });
    expect(served.text).toContain(denied);
    expect(served.text).not.toMatch(/^ +at /mu);
    expect(served.code).toBe(code);
    const checked = await runEdgeward(['check', directory], { prefix: NOBODY });
    expect(checked.text).toContain(denied);
    expect(checked.text).not.toMatch(/^ +at /mu);
    expect(checked.code).toBe(1);
  });

  test('a directory below that may not be read is told of', async () => {
    const directory = without('more', temporaryDirectory({ 'all.yaml': ZONE, 'more/b.yaml': ZONE }));
    const { text, code } = await runEdgeward(['check', directory], { prefix: NOBODY });
    expect(text).toContain(`${directory}/more: error: ${denied}`);
    expect(code).toBe(1);
  });
});

test('little memory: a warning before the kernel may end the server', async () => {
  const limit = 'data:text/javascript,process.constrainedMemory=()=>268435456';
  const server = startEdgeward(['serve', temporaryDirectory({ 'all.yaml': STEERED }), ...ON_A_FREE_PORT], {
    // Workers have it by the environment alone.
    env: { ...process.env, XDG_CACHE_HOME: temporaryDirectory(), NODE_OPTIONS: `--import=${limit}` },
  });
  await server.until(/ ready /u);
  expect(warnings(server)).toEqual([
    'memory is short: building the geo data may exceed the limit, and the kernel then ends this process; ' +
      'raise the limit to 700 MiB, or build the geo cache with more memory first limitMiB=256',
  ]);
});

test('a clock before this program was released', async () => {
  const clock = 'data:text/javascript,Date.now=()=>0';
  const server = startEdgeward(['serve', temporaryDirectory({ 'all.yaml': ZONE }), ...ON_A_FREE_PORT], {
    nodeArgs: [`--import=${clock}`],
  });
  expect(await answer(server)).toBe('192.0.2.80');
  expect(warnings(server)).toEqual([
    expect.stringMatching(
      /^the clock of this machine is wrong: overrides and certificates that expire are judged by it; set the clock, as by NTP clock=/u,
    ),
  ]);
});
