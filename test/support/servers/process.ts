import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exchange } from '../dns/exchange.ts';
import { encodeQuery } from '../dns/query.ts';
import { Type } from '../../../src/wire/codes.ts';

/** A DNS server in a process of its own, answering on 127.0.0.1 by UDP and TCP. */
export interface RunningServer {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** What it wrote to stdout and stderr so far. */
  log(): string;
  /** Ends the process, first by SIGTERM, and removes its folder. */
  stop(): Promise<void>;
}

/**
 * Starts servers side by side. When one does not start, the others are stopped before the error is passed on: a test
 * that never ran its body leaves nothing behind.
 */
export async function startAll(starting: readonly Promise<RunningServer>[]): Promise<RunningServer[]> {
  const settled = await Promise.allSettled(starting);
  const running = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failure = settled.find((result) => result.status === 'rejected');
  if (failure === undefined) return running;
  await Promise.all(running.map((server) => server.stop()));
  throw failure.reason;
}

/** Where a program is: on the PATH or in the folders for daemons; undefined if not installed. */
export function findProgram(name: string): string | undefined {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/**
 * The programs of `names` that are not installed. Where CI is set that is an error, so that no suite is left out there
 * without anybody noticing; elsewhere one line says which suite is skipped.
 */
export function missingPrograms(suite: string, names: readonly string[]): readonly string[] {
  const missing = names.filter((name) => findProgram(name) === undefined);
  if (missing.length > 0) {
    const what = `${suite}: not installed: ${missing.join(', ')}`;
    if (process.env['CI'] !== undefined && process.env['CI'] !== '') throw new Error(what);
    console.warn(`${what}; skipped`);
  }
  return missing;
}

/** Below those that the system gives to clients: between our looking and a server's binding one of them may be gone. */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;

const given = new Set<number>();

/** A port that is free for UDP and TCP on 127.0.0.1 at this moment, and was not given to anyone else here. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (given.has(port) || !(await canListen(port)) || !(await canBind(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no port from ${FIRST_PORT} to ${LAST_PORT} is free on 127.0.0.1`);
}

function canListen(port: number): Promise<boolean> {
  const tcp = createServer();
  return new Promise((resolve) => {
    tcp.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => tcp.close(() => resolve(true)));
  });
}

function canBind(port: number): Promise<boolean> {
  const udp = createSocket('udp4');
  return new Promise((resolve) => {
    udp.once('error', () => resolve(false));
    udp.bind(port, '127.0.0.1', () => udp.close(() => resolve(true)));
  });
}

/** A folder for one server; daemons that change their user can read it. */
export function serverFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `edgeward-${name}-`));
}

interface Launch {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly port: number;
  readonly env?: NodeJS.ProcessEnv;
  /** Ready when each of these names (presentation form) answers SOA with NOERROR; none: when `isReady` says so. */
  readonly zones: readonly string[];
  /** Asked until true, besides `zones`. */
  isReady?(): Promise<boolean>;
  readonly timeoutMs?: number;
}

/** Starts a server and waits until it answers for all its zones; on failure the error has its log. */
export async function launch(options: Launch): Promise<RunningServer> {
  const program = findProgram(options.program) ?? options.program;
  // A test process that is killed takes its servers with it: the kernel sends the signal, so nothing can prevent it.
  const setpriv = findProgram('setpriv');
  const [command, ...args] =
    setpriv === undefined ? [program, ...options.args] : [setpriv, '--pdeathsig', 'TERM', program, ...options.args];
  const child = spawn(command, args, {
    cwd: options.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: options.env ?? process.env,
  });
  let log = '';
  let ended: string | undefined;
  const keep = (chunk: Buffer): void => {
    log = (log + chunk.toString('utf8')).slice(-200_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const exited = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      ended = error.message;
      resolve();
    });
    child.once('exit', (code, signal) => {
      ended ??= `ended with ${signal ?? code}`;
      resolve();
    });
  });
  const stop = async (): Promise<void> => {
    if (ended === undefined) {
      child.kill('SIGTERM');
      const gone = await Promise.race([exited.then(() => true), sleep(5000, false, { ref: false })]);
      if (!gone) child.kill('SIGKILL');
      await exited;
    }
    rmSync(options.folder, { recursive: true, force: true });
  };
  const deadline = Date.now() + (options.timeoutMs ?? 30_000);
  const waiting = new Set(options.zones);
  for (;;) {
    if (ended !== undefined || Date.now() > deadline) {
      const why = ended ?? `no answer for ${[...waiting].slice(0, 5).join(' ') || 'anything'}`;
      await stop();
      throw new Error(`${options.name}: ${why}\n${log.slice(-4000)}`);
    }
    const zones = [...waiting];
    const answers = await exchange(
      options.port,
      zones.map((name) => encodeQuery({ name, type: Type.SOA, recursionDesired: true })),
      { timeoutMs: 100, tries: 1 },
    );
    for (const [index, answer] of answers.entries()) {
      if (answer !== undefined && (answer[3]! & 15) === 0) waiting.delete(zones[index]!);
    }
    if (waiting.size === 0 && ((await options.isReady?.()) ?? true)) break;
    await sleep(20);
  }
  return { name: options.name, port: options.port, pid: child.pid ?? 0, log: () => log, stop };
}
