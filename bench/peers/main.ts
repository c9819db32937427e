import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findProgram, type RunningServer } from '../../test/support/servers/process.ts';
import { keep, table } from '../support/results.ts';
import { check } from './check.ts';
import { latencies, measure, median, residentMib, type Measured } from './measure.ts';
import { PEERS, type Peer } from './servers.ts';
import { makeWorkload, type Asked, type WorkloadName } from './workload.ts';

// Edgeward beside other servers with the same zones, the same decisions and the same questions, in turn on one core.
// `node bench/peers/main.ts [--short|--long] [--only edgeward,knot] [--write]`; bench/README.md says how to read it.

const { values: flags } = parseArgs({
  options: {
    short: { type: 'boolean' },
    long: { type: 'boolean' },
    only: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    qps: { type: 'string', default: '40000' },
    write: { type: 'boolean' },
  },
});
const size =
  flags.short === true
    ? { rounds: 1, seconds: 1 }
    : flags.long === true
      ? { rounds: 9, seconds: 4 }
      : { rounds: 4, seconds: 2 };
const rounds = Number(flags.rounds ?? size.rounds);
const seconds = Number(flags.seconds ?? size.seconds);
const qps = Number(flags.qps);
const SAMPLE = 500;
const say = (text: string): void => void process.stderr.write(`${text}\n`);

interface Running {
  readonly peer: Peer;
  readonly server: RunningServer;
  readonly startMs: number;
  readonly scopes: Partial<Record<WorkloadName, number>>;
  readonly wrong: string[];
}

interface Figures {
  readonly server: string;
  readonly workload: WorkloadName;
  readonly saturated: Measured;
  readonly steady: Measured;
  readonly meanUs: number;
  readonly p99Us: number;
  readonly scope: number;
}

const pinned = findProgram('taskset') === undefined ? undefined : ['taskset', '-c'];
const pin = (core: number): string[] => (pinned === undefined ? [] : [...pinned, String(core)]);

if (findProgram('dnsperf') === undefined) {
  say('dnsperf is not installed (Debian: dnsperf)');
  process.exit(2);
}
const wanted = flags.only?.split(',');
const peers = PEERS.filter(({ name }) => wanted === undefined || wanted.includes(name)).filter(
  ({ name, program, packages }) => {
    const there = findProgram(program) !== undefined || program === process.execPath;
    if (!there) say(`${name} is not installed and left out (Debian: ${packages})`);
    return there;
  },
);
say('making the workload from the geo data');
const workload = await makeWorkload();
say(`${workload.nets.length} prefixes of ${workload.localities} localities, ${workload.sites.length} sites`);
const folder = mkdtempSync(join(tmpdir(), 'edgeward-bench-'));
const running: Running[] = [];

function askedOf({ steers }: Peer, name: WorkloadName): readonly Asked[] | undefined {
  if (steers) return workload.asked[name];
  return name === 'steered' ? undefined : name === 'mixed' ? workload.mixedStatic : workload.asked.static;
}

/** A file of queries as dnsperf reads them. */
function queriesFile(peer: Peer, name: WorkloadName): string {
  const path = join(folder, `${name}-${peer.steers}`);
  const asked = askedOf(peer, name)!;
  writeFileSync(
    path,
    Buffer.concat(asked.flatMap(({ message }) => [Buffer.of(message.length >>> 8, message.length & 255), message])),
  );
  return path;
}

const NAMES: readonly WorkloadName[] = ['static', 'steered', 'mixed'];
const figures: Figures[] = [];
let resident: { server: string; mib: number }[] = [];
try {
  for (const peer of peers) {
    say(`starting ${peer.name}`);
    const start = performance.now();
    const server = await peer.start(workload, pin(0));
    const one: Running = { peer, server, startMs: performance.now() - start, scopes: {}, wrong: [] };
    running.push(one);
    for (const name of NAMES) {
      const asked = askedOf(peer, name);
      if (asked === undefined) continue;
      const { wrong, scope } = await check(server.port, asked, SAMPLE);
      one.scopes[name] = scope;
      for (const each of wrong) say(`  ${peer.name}, ${name}: ${each}`);
      if (wrong.length > 0) one.wrong.push(name);
    }
    if (one.wrong.length === 0) say(`  answers all of ${SAMPLE} samples of each workload as it must`);
    else say(`  WRONG answers in ${one.wrong.join(', ')}: not measured there`);
  }
  for (const name of NAMES) {
    const taking = running.filter(({ peer, wrong }) => askedOf(peer, name) !== undefined && !wrong.includes(name));
    const saturated = new Map<Running, Measured[]>(taking.map((one) => [one, []]));
    const steady = new Map<Running, Measured[]>(taking.map((one) => [one, []]));
    const loadOf = ({ peer, server }: Running) => ({
      port: server.port,
      pid: server.pid,
      queries: queriesFile(peer, name),
      seconds,
      pin: pin(1),
    });
    for (let round = 1; round <= rounds; round++) {
      say(`${name}: round ${round} of ${rounds}`);
      for (const one of taking) {
        saturated.get(one)!.push(await measure(loadOf(one)));
        steady.get(one)!.push(await measure({ ...loadOf(one), qps }));
      }
    }
    for (const one of taking) {
      const peak = middle(saturated.get(one)!);
      const { mean, p99 } = await latencies({ ...loadOf(one), qps: Math.round(peak.qps / 2) });
      figures.push({
        server: one.peer.name,
        workload: name,
        saturated: peak,
        steady: middle(steady.get(one)!),
        meanUs: mean,
        p99Us: p99,
        scope: one.scopes[name] ?? Number.NaN,
      });
    }
  }
  resident = running.map(({ peer, server }) => ({ server: peer.name, mib: residentMib(server.pid) }));
} finally {
  await Promise.all(running.map(({ server }) => server.stop()));
}
rmSync(folder, { recursive: true });

function middle(all: readonly Measured[]): Measured {
  const of = (pick: (one: Measured) => number): number => median(all.map(pick));
  return {
    cpu: of(({ cpu }) => cpu),
    user: of(({ user }) => user),
    qps: of((one) => one.qps),
    lost: all.reduce((sum, { lost }) => sum + lost, 0),
  };
}

const fixed = (value: number, digits: number): string => (Number.isNaN(value) ? '-' : value.toFixed(digits));
/** What cannot keep up has nothing to compare at that rate. */
function reached(steady: Measured): boolean {
  return steady.qps > 0.95 * qps;
}

const memory = running.map(({ peer, startMs }) => ({ server: peer.name, startMs: Math.round(startMs) }));
const text = NAMES.map((name) => {
  const own = figures.find(({ server, workload: of }) => server === 'edgeward' && of === name);
  const rows = figures
    .filter(({ workload: of }) => of === name)
    .map(({ server, saturated, steady, meanUs, p99Us, scope }) => [
      server,
      fixed(saturated.cpu, 2),
      fixed(saturated.user, 2),
      fixed((own?.saturated.cpu ?? Number.NaN) / saturated.cpu, 2),
      fixed(reached(steady) ? steady.cpu : Number.NaN, 2),
      fixed(reached(steady) ? (own?.steady.cpu ?? Number.NaN) / steady.cpu : Number.NaN, 2),
      fixed(saturated.qps / 1000, 0),
      fixed(meanUs, 0),
      fixed(p99Us, 0),
      fixed(scope, 1),
      String(saturated.lost + steady.lost),
    ]);
  const header = [
    name,
    'CPU us',
    'of it user',
    'Edgeward / it',
    `CPU us at ${qps / 1000}k`,
    'Edgeward / it',
    'peak kqps',
    'mean us',
    'p99 us',
    'scope',
    'lost',
  ];
  return table(header, rows);
}).join('\n\n');
const starts = table(
  ['server', 'start to first answers, ms', 'resident, MiB'],
  resident.map(({ server, mib }) => [
    server,
    String(memory.find((each) => each.server === server)!.startMs),
    fixed(mib, 0),
  ]),
);
console.log(`${text}\n\n${starts}`);
if (flags.write === true) keep('peers', { rounds, seconds, qps, figures, memory, resident }, `${text}\n\n${starts}`);
process.exitCode = running.some(({ wrong }) => wrong.length > 0) ? 1 : 0;
