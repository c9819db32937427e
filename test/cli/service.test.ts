import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import koffi from 'koffi';
import { describe, expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from '../support/directory.ts';
import { EDGEWARD, startEdgeward, startProgram } from '../support/program.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const ZONE = `apiVersion: edgeward.dev/v1alpha1
kind: Zone
metadata: { name: example }
spec: { origin: example.org, records: [{ name: '@', type: NS, data: ns.example.net. }] }
`;
const ARGS = ['--listen', '127.0.0.1:0', '--metrics', 'off'];

describe('npm', () => {
  const version = Number(spawnSync('npm', ['--version'], { encoding: 'utf8' }).stdout?.split('.')[0]);

  /** A package whose script serves; npm is the program that gets the signal. */
  function packageWith(script: string): string {
    const scripts = { start: `${process.execPath} ${EDGEWARD} serve conf ${ARGS.join(' ')}${script}` };
    return temporaryDirectory({ 'package.json': JSON.stringify({ scripts }), 'conf/zone.yaml': ZONE });
  }

  // npm 9 does not end at all on SIGTERM.
  test.skipIf(!(version >= 10))('that is ended takes the server with it', async () => {
    const npm = startProgram(['npm', 'start'], { cwd: packageWith('') });
    await npm.until(/ ready /u);
    npm.child.kill('SIGTERM');
    // The pipe is closed when the server has ended as well.
    await npm.ended;
    expect(npm.text()).toMatch(/stopping signal=\S.*\n.*stopped\n$/u);
  });

  test.skipIf(!(version >= 10))('that started it into the background does not matter', async () => {
    const npm = startProgram(['npm', 'start'], { cwd: packageWith(' & echo $!') });
    await npm.until(/ ready /u);
    const pid = Number(/^(\d+)$/mu.exec(npm.text())![1]);
    onTestFinished(() => {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    });
    await sleep(1500);
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toContain('edgeward.ts');
    process.kill(pid, 'SIGTERM');
    await npm.ended;
    expect(npm.text()).toMatch(/stopped\n$/u);
  });
});

describe.skipIf(process.platform !== 'linux')('systemd', () => {
  /** A socket as systemd has it; what arrives is read by `receive`. */
  function notifySocket(path: string): { receive(): string } {
    const libc = koffi.load(null);
    const socket = libc.func('int socket(int, int, int)');
    const bind = libc.func('int bind(int, const uint8_t *, uint32_t)');
    const recv = libc.func('long recv(int, _Out_ uint8_t *, size_t, int)');
    const close = libc.func('int close(int)');
    const fd = socket(1, 2, 0) as number;
    const address = Buffer.from(`\u0001\0${path.replace(/^@/u, '\0')}`, 'latin1');
    expect(bind(fd, address, address.length)).toBe(0);
    onTestFinished(() => void close(fd));
    return {
      receive: () => {
        const out = Buffer.alloc(256);
        const length = recv(fd, out, out.length, 0x40) as number;
        return length < 0 ? '' : out.toString('utf8', 0, length);
      },
    };
  }

  test.each(['file', '@abstract'])('is told when the server answers, and when it stops (%s)', async (kind) => {
    const directory = temporaryDirectory({ 'zone.yaml': ZONE });
    const path = kind === 'file' ? join(directory, 'notify') : `@edgeward-test-${process.pid}`;
    const socket = notifySocket(path);
    const server = startEdgeward(['serve', directory, ...ARGS], { env: { ...process.env, NOTIFY_SOCKET: path } });
    await server.until(/ ready /u);
    await sleep(50);
    expect(socket.receive()).toBe('READY=1');
    expect(socket.receive()).toBe('');
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
    expect(socket.receive()).toBe('STOPPING=1');
  });

  test('that does not listen is no reason to end', async () => {
    const directory = temporaryDirectory({ 'zone.yaml': ZONE });
    const env = { ...process.env, NOTIFY_SOCKET: join(directory, 'nobody') };
    const server = startEdgeward(['serve', directory, ...ARGS], { env });
    await server.until(/WARN {2}systemd cannot be notified: use `Type=exec` in the unit/u);
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
  });
});

/** Whether systemd-analyze is here and finds nothing wrong with the simplest unit. */
function canVerifyUnits(): boolean {
  const unit = mkdtempSync(join(tmpdir(), 'edgeward-unit-'));
  writeFileSync(join(unit, 'simple.service'), '[Service]\nExecStart=/bin/true\n');
  const { status } = spawnSync('systemd-analyze', ['verify', join(unit, 'simple.service')]);
  rmSync(unit, { recursive: true });
  return status === 0;
}

test.skipIf(!canVerifyUnits())('systemd finds nothing wrong with the unit', () => {
  const unit = readFileSync(join(ROOT, 'deploy/systemd/edgeward.service'), 'utf8');
  // Programs must be there.
  const here = unit
    .replaceAll('/opt/edgeward/node_modules/.bin/node', process.execPath)
    .replaceAll('/opt/edgeward/', ROOT);
  const directory = temporaryDirectory({ 'edgeward.service': here });
  const verified = spawnSync('systemd-analyze', ['verify', join(directory, 'edgeward.service')], { encoding: 'utf8' });
  expect(verified.stderr).toBe('');
  expect(verified.status).toBe(0);
});

// As process 1 of a container, signals without a handler do nothing.
const CONTAINER = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--kill-child', '--mount-proc'];
const hasContainers =
  process.platform === 'linux' && spawnSync(CONTAINER[0]!, [...CONTAINER.slice(1), 'true']).status === 0;

test.skipIf(!hasContainers)('as process 1 it stops on SIGTERM', async () => {
  const directory = temporaryDirectory({ 'zone.yaml': ZONE });
  const server = startEdgeward(['serve', directory, ...ARGS], { prefix: CONTAINER });
  await server.until(/ ready /u);
  const children = readFileSync(`/proc/${server.child.pid}/task/${server.child.pid}/children`, 'utf8');
  process.kill(Number(children.trim()), 'SIGTERM');
  expect(await server.ended).toBe(0);
  expect(server.text()).toMatch(/stopped\n$/u);
});
