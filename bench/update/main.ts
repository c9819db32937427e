import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { AnswerPool } from '../../src/server/pool.ts';
import { whyNoBatches } from '../../src/server/udp/system-calls.ts';
import { applyUpdate, type Snapshot } from '../../src/snapshot/snapshot.ts';
import { decodeMessage, encodeQuery } from '../../src/wire/message.ts';
import { nameFromText } from '../../src/wire/name.ts';
import { Random } from '../../test/support/random.ts';
import { findProgram } from '../../test/support/servers/process.ts';
import { measure } from '../peers/measure.ts';
import { keep, table } from '../support/results.ts';
import type { Change, FromBenchControl, Setup } from './control.ts';

// From the moment that the state has a change to the first answer that shows it, while the server is under load.
// `node bench/update/main.ts [--exports 10000] [--sites 100] [--changes 300] [--write]`

const { values: flags } = parseArgs({
  options: {
    exports: { type: 'string', default: '10000' },
    sites: { type: 'string', default: '100' },
    changes: { type: 'string', default: '300' },
    write: { type: 'boolean' },
  },
});
const setup: Setup = { exports: Number(flags.exports), sites: Number(flags.sites) };
const changes = Number(flags.changes);
const say = (text: string): void => void process.stderr.write(`${text}\n`);
if (findProgram('dnsperf') === undefined) {
  say('dnsperf is not installed (Debian: dnsperf)');
  process.exit(2);
}

const random = new Random(11);
/** Between a change and the next, milliseconds. */
const PAUSE_MS = 30;
/** An answer that does not show its change by then is wrong. */
const LIMIT_MS = 5000;
/** Between two questions about a change, milliseconds. */
const STEP_MS = 1;

const control = new Worker(new URL('./control.ts', import.meta.url), {
  workerData: setup,
  // As the server's own.
  resourceLimits: { maxYoungGenerationSizeMb: 128, maxOldGenerationSizeMb: 8192 },
});
let snapshot: Snapshot | undefined;
const server: { publish?: (next: Snapshot) => void } = {};
let told: ((message: Extract<FromBenchControl, { type: 'changed' }>) => void) | undefined;
const started = performance.now();
const ready = new Promise<void>((resolve) => {
  control.on('message', (message: FromBenchControl) => {
    if (message.type === 'update') {
      snapshot = applyUpdate(snapshot, message.update);
      server.publish?.(snapshot);
    } else if (server.publish === undefined) resolve();
    else told?.(message);
  });
});
control.on('error', (error) => {
  throw error;
});
say(`compiling ${setup.exports} exports of ${setup.sites} sites each`);
await ready;
say(`compiled in ${((performance.now() - started) / 1000).toFixed(1)} s`);
const pool = await AnswerPool.start(
  {
    workers: 1,
    listen: [{ host: '127.0.0.1', port: 0 }],
    udp: whyNoBatches() === undefined ? 'batched' : 'portable',
    answer: { udpPayloadSize: 1232, nsid: new Uint8Array(0), ecs: true },
    tcp: { maxConnections: 10, maxPerClient: 10, idleMs: 1000, totalMs: 1000, maxPipelined: 10 },
    onRestart: (reason) => {
      throw new Error(reason);
    },
  },
  snapshot!,
);
server.publish = (next) => void pool.publish(next);
const { port } = pool.addresses[0]!;

function query(number: number, id: number, address: number): Uint8Array {
  const name = nameFromText(`app-${number}.bench.test`);
  if (!name.ok) throw new Error(name.error);
  const ecs = {
    family: 1 as const,
    source: 24,
    address: Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, 0),
  };
  return encodeQuery({ id, name: name.value, type: 1, class: 1, rd: false, edns: { udpSize: 1232, do: false, ecs } });
}
const client = (): number => ((1 + random.below(222)) * 2 ** 24 + random.below(2 ** 24)) >>> 0;

const folder = mkdtempSync(join(tmpdir(), 'edgeward-bench-'));
const queries = join(folder, 'queries');
const load = Array.from({ length: 20_000 }, () => query(random.below(setup.exports), 0, client()));
writeFileSync(queries, Buffer.concat(load.flatMap((each) => [Buffer.of(each.length >>> 8, each.length & 255), each])));
say('measuring the peak');
const peak = await measure({ port, pid: process.pid, queries, seconds: 2, pin: [] });
const rate = Math.round(peak.qps / 2);
say(`peak ${Math.round(peak.qps)} queries a second; ${changes} changes of each kind at half of it`);
const dnsperf = spawn(
  'dnsperf',
  [
    '-s',
    '127.0.0.1',
    '-p',
    String(port),
    '-d',
    queries,
    '-B',
    '-l',
    '600',
    '-q',
    '150',
    '-Q',
    String(rate),
    '-b',
    '1024',
  ],
  { stdio: ['ignore', 'pipe', 'ignore'] },
);
let report = '';
dnsperf.stdout.on('data', (chunk: Buffer) => (report += chunk.toString()));

const socket = createSocket('udp4').bind(0, '127.0.0.1');
await once(socket, 'listening');
let heard: ((address: string | undefined, id: number) => void) | undefined;
socket.on('message', (message) => {
  const decoded = decodeMessage(message);
  if (!decoded.ok) throw new Error(decoded.error);
  heard?.(decoded.value.answers[0]?.rdata.join('.'), decoded.value.id);
});

/** The address that a client is answered with now. */
function ask(number: number, address: number): Promise<string | undefined> {
  const id = random.below(65536);
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), 1000);
    heard = (answer, of) => {
      if (of !== id) return;
      clearTimeout(timer);
      resolve(answer);
    };
    socket.send(query(number, id, address), port, '127.0.0.1');
  });
}

/** Asks in short steps until the answer is as it must be. @returns the moment of it */
function until(number: number, address: number, right: (answer: string | undefined) => boolean): Promise<bigint> {
  return new Promise((resolve, reject) => {
    const end = performance.now() + LIMIT_MS;
    let over = false;
    heard = (answer) => {
      if (!right(answer) || over) return;
      over = true;
      resolve(process.hrtime.bigint());
    };
    const step = (): void => {
      if (over) return;
      if (performance.now() > end) {
        over = true;
        reject(new Error(`export ${number} does not show its change`));
        return;
      }
      socket.send(query(number, random.below(65536), address), port, '127.0.0.1');
      // Not without a pause: there may be two cores for all of this.
      setTimeout(step, STEP_MS);
    };
    step();
  });
}

interface Timed {
  readonly ms: number;
  readonly compileMs: number;
}
const timed: Record<Change['kind'], Timed[]> = { down: [], up: [], replaced: [] };

async function time(change: Change, address: number, right: (answer: string | undefined) => boolean): Promise<void> {
  const made = new Promise<Extract<FromBenchControl, { type: 'changed' }>>((resolve) => (told = resolve));
  const shown = until(change.export, address, right);
  control.postMessage(change);
  const [{ at, compileMs }, seen] = await Promise.all([made, shown]);
  timed[change.kind].push({ ms: Number(seen - at) / 1e6, compileMs });
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}

try {
  for (let i = 0; i < changes; i++) {
    const number = random.below(setup.exports);
    const address = client();
    const own = await ask(number, address);
    if (own === undefined) continue;
    await time(
      { kind: 'down', export: number, address: own },
      address,
      (answer) => answer !== undefined && answer !== own,
    );
    await time({ kind: 'up', export: number, address: own }, address, (answer) => answer === own);
    // Another address has another place in the order of preference, so another endpoint may take over.
    await time(
      { kind: 'replaced', export: number, address: own },
      address,
      (answer) => answer !== undefined && answer !== own,
    );
    if (i % 50 === 49) say(`${i + 1} of ${changes}`);
  }
} finally {
  dnsperf.kill('SIGINT');
  await once(dnsperf, 'close');
  socket.close();
  await pool.drain(1000);
  await control.terminate();
  rmSync(folder, { recursive: true });
}
const lost = /Queries lost:\s+(\d+)/u.exec(report)?.[1] ?? '?';
const at = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!;
const figures = Object.entries(timed).map(([kind, all]) => {
  const ms = all.map((each) => each.ms);
  const compileMs = at(
    all.map((each) => each.compileMs),
    0.5,
  );
  return { kind, changes: all.length, p50: at(ms, 0.5), p99: at(ms, 0.99), most: at(ms, 1), compileMs };
});
const text = `${table(
  ['change of one endpoint', 'changes', 'p50 ms', 'p99 ms', 'most ms', 'compile p50 ms'],
  figures.map(({ kind, changes: count, p50, p99, most, compileMs }) => [
    kind,
    String(count),
    ...[p50, p99, most, compileMs].map((value) => value.toFixed(1)),
  ]),
)}\n\n${setup.exports} exports of ${setup.sites} endpoints, ${rate} queries a second (half the peak), ${lost} of them lost`;
console.log(text);
if (flags.write === true) keep('update', { ...setup, rate, lost: Number(lost), figures }, text);
