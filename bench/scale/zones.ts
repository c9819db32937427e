import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findProgram, freePort, launch, serverFolder, type RunningServer } from '../../test/support/servers/process.ts';
import { residentMib, used } from '../peers/measure.ts';

// Servers that start on folders of zones: how long it takes, and what they keep.

const EDGEWARD = fileURLToPath(new URL('../../src/edgeward.ts', import.meta.url));
/** What a zone begins with: three records. */
export const HEAD = '$TTL 300\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.53\n';

/** What loading has left behind is given back by then, and a snapshot is kept. */
const REST_MS = 12_000;

export interface Loading {
  /** Until the first answer. Milliseconds. */
  readonly ms: number;
  /** CPU time until then. Milliseconds. */
  readonly cpuMs: number;
  /** Resident once it is at rest. */
  readonly mib: number;
}

/** What was written just now is read twice by whoever watches files: these are to be as they would be found. */
const SETTLED_MS = 2500;

/** Starts a server, lets it come to rest, and ends it. */
export async function load(start: () => Promise<RunningServer>): Promise<Loading> {
  const begun = performance.now();
  const server = await start();
  const ms = performance.now() - begun;
  const cpuMs = used(server.pid).total / 1000;
  await sleep(REST_MS);
  const mib = residentMib(server.pid);
  await server.stop();
  return { ms, cpuMs, mib };
}

/** The same folder of zones in Edgeward, in Edgeward again, and in NSD if it is installed. */
export interface ZonesFigures {
  readonly edgeward: Loading;
  readonly restart: Loading;
  readonly nsd: Loading | undefined;
}

/** @param ready name of the zone that is waited for: the last one */
export async function compareZones(folder: string, names: readonly string[], ready: string): Promise<ZonesFigures> {
  const state = mkdtempSync(join(tmpdir(), 'edgeward-state-'));
  await sleep(SETTLED_MS);
  try {
    const edgeward = await load(() => startEdgeward(folder, ready, state));
    const restart = await load(() => startEdgeward(folder, ready, state));
    const nsd = findProgram('nsd') === undefined ? undefined : await load(() => startNsd(folder, names, ready));
    return { edgeward, restart, nsd };
  } finally {
    rmSync(state, { recursive: true });
  }
}

async function startEdgeward(folder: string, ready: string, state: string): Promise<RunningServer> {
  const port = await freePort();
  const args = [EDGEWARD, 'serve', '--zones', folder, '--listen', `127.0.0.1:${port}`, '--metrics', 'off'];
  return launch({
    name: 'edgeward',
    program: process.execPath,
    args,
    folder: serverFolder('edgeward'),
    port,
    env: { ...process.env, XDG_STATE_HOME: state },
    zones: [ready],
    timeoutMs: 300_000,
  });
}

async function startNsd(folder: string, zones: readonly string[], ready: string): Promise<RunningServer> {
  const own = serverFolder('nsd');
  const port = await freePort();
  const config = join(own, 'nsd.conf');
  const lines = [
    `server:\n  ip-address: 127.0.0.1@${port}\n  server-count: 1\n  username: ""\n  zonesdir: "${folder}"\n  database: ""`,
    `  pidfile: "${own}/pid"\n  xfrdfile: "${own}/state"\n  zonelistfile: "${own}/list"\n  xfrdir: "${own}"`,
    'remote-control:\n  control-enable: no',
    ...zones.map((zone) => `zone:\n  name: ${zone}\n  zonefile: ${zone}.zone`),
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const args = ['-d', '-c', config];
  return launch({ name: 'nsd', program: 'nsd', args, folder: own, port, zones: [ready], timeoutMs: 300_000 });
}

/** One zone of a million records. @returns its name and text */
export function writeMillion(folder: string): { readonly name: string; readonly text: string } {
  const name = 'million.test';
  const line = (_: unknown, i: number): string => `h${i} A 192.0.${(i >>> 8) & 255}.${i & 255}\n`;
  const text = HEAD + Array.from({ length: 1_000_000 }, line).join('');
  mkdirSync(folder);
  writeFileSync(join(folder, `${name}.zone`), text);
  return { name, text };
}

/** 100,000 zones of 10 records. @returns their names */
export function writeMany(folder: string): string[] {
  const names = Array.from({ length: 100_000 }, (_, i) => `z${i}.test`);
  const lines = HEAD + Array.from({ length: 7 }, (_, i) => `h${i} A 192.0.2.${i}\n`).join('');
  mkdirSync(folder);
  for (const name of names) writeFileSync(join(folder, `${name}.zone`), lines);
  return names;
}
