import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DATA_DIRECTORY } from '../../../src/cli/workspace.ts';
import { loadLocalityMap } from '../../../src/geo/mod.ts';
import type { LocalityMap } from '../../../src/geo/ranges.ts';
import { findProgram, type RunningServer } from '../../../test/support/servers/process.ts';
import { residentMib, used } from '../../peers/measure.ts';
import { keep, table } from '../../support/results.ts';
import { check, makeQuestions, type Question } from './questions.ts';
import {
  EDGEWARD,
  LONGEST_START_MS,
  startEdgeward,
  startGdnsd,
  startKnot,
  writeConfiguration,
  writeOverlay,
} from './servers.ts';
import { makePolicies, makeWorld, VARIANTS, type Variant } from './setup.ts';

// Many exports over an operator's own prefixes and round trips: start, memory and the way to wide scopes, beside gdnsd
// and Knot DNS with the same decisions.
// `node bench/scale/exports/main.ts [--exports 1,1000] [--variants "one matrix"] [--only edgeward] [--write]`

const { values: flags } = parseArgs({
  options: {
    exports: { type: 'string', default: '1,10,100,1000' },
    variants: { type: 'string', default: VARIANTS.join(',') },
    only: { type: 'string', default: 'edgeward,gdnsd,knot' },
    prefixes: { type: 'string', default: '563000' },
    localities: { type: 'string', default: '542' },
    sites: { type: 'string', default: '60' },
    keep: { type: 'string' },
    write: { type: 'boolean' },
  },
});
const servers = flags.only.split(',');
const variants = VARIANTS.filter((variant) => flags.variants.split(',').includes(variant));
const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** So many questions are asked of each server. */
const SAMPLE = 200;
/** A server that uses less than this share of a core for so long has nothing left to do. */
const IDLE_SHARE = 0.05;
const IDLE_MS = 8000;
const LONGEST_MS = 600_000;

interface What {
  readonly server: string;
  readonly variant: Variant;
  readonly exports: number;
  readonly checkS: number | undefined;
}

interface Figures extends What {
  /** From the start of the process to all answers right. */
  readonly startS: number;
  readonly startCpuS: number;
  /** From then on until scopes no longer change. */
  readonly widenS: number | undefined;
  readonly widenCpuS: number;
  readonly scopeFirst: number;
  readonly scopeLast: number;
  readonly residentMib: number;
  readonly peakMib: number;
  readonly wrong: number;
}

/** The most that was resident at once: the kernel's count. */
function peakMib(pid: number): number {
  return Number(/^VmHWM:\s*(\d+)/mu.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

async function run(
  what: What,
  questions: readonly Question[],
  start: (readyOn: (port: number) => () => Promise<boolean>) => Promise<RunningServer>,
): Promise<Figures | What> {
  say(`${what.server}: ${what.exports} exports, ${what.variant}`);
  let begun = 0;
  let startS = 0;
  let server: RunningServer;
  try {
    server = await start((port) => {
      begun = performance.now();
      return async () => {
        const { wrong } = await check(port, questions.slice(0, 20), 1);
        startS = (performance.now() - begun) / 1000;
        return wrong === 0;
      };
    });
  } catch (error) {
    if (begun === 0 || performance.now() - begun < LONGEST_START_MS) throw error;
    say(`  not ready after ${LONGEST_START_MS / 1000} s`);
    return what;
  }
  const startCpuS = used(server.pid).total / 1e6;
  const first = await check(server.port, questions, 4);
  const ready = performance.now();
  let busy = ready;
  let cpu = used(server.pid).total;
  for (let at = ready; at < busy + IDLE_MS && at < ready + LONGEST_MS;) {
    await sleep(500);
    const now = performance.now();
    const cpuNow = used(server.pid).total;
    if ((cpuNow - cpu) / 1000 / (now - at) > IDLE_SHARE) busy = now;
    cpu = cpuNow;
    at = now;
  }
  const lines = [...server.log().matchAll(/^(\S+) DEBUG serving wider scopes/gmu)];
  const widened = lines.length === 0 ? undefined : Date.parse(lines.at(-1)![1]!);
  const widenS = widened === undefined ? undefined : Math.max(0, (widened - performance.timeOrigin - ready) / 1000);
  const last = await check(server.port, questions, 4);
  const figures = {
    ...what,
    startS,
    startCpuS,
    widenS,
    widenCpuS: used(server.pid).total / 1e6 - startCpuS,
    scopeFirst: first.scope,
    scopeLast: last.scope,
    residentMib: residentMib(server.pid),
    peakMib: peakMib(server.pid),
    wrong: first.wrong + last.wrong,
  };
  await server.stop();
  say(`  ${JSON.stringify(figures)}`);
  return figures;
}

/** Seconds that `edgeward check` takes. */
async function timeCheck(folder: string): Promise<number> {
  const begun = performance.now();
  const child = spawn(process.execPath, [EDGEWARD, 'check', folder], { stdio: ['ignore', 'ignore', 'inherit'] });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`edgeward check ended with ${String(code)}`);
  return (performance.now() - begun) / 1000;
}

const root = flags.keep ?? mkdtempSync(join(tmpdir(), 'edgeward-exports-'));
mkdirSync(root, { recursive: true });
const all: (Figures | What)[] = [];
try {
  say('making the operator’s prefixes and round trips from the geo data');
  const world = await makeWorld(Number(flags.prefixes), Number(flags.localities), Number(flags.sites));
  say(`${world.nets.length} prefixes, ${world.rows.length} localities, ${world.sites.length} sites`);
  writeOverlay(root, world);
  // The cache is warm from here on, for every server that is started.
  const overlays = [join(root, 'overlay.csv')];
  const loaded = await loadLocalityMap({ dataDirectory: DATA_DIRECTORY, overlays, mmdb: {}, cacheDirectory: root });
  const geo: LocalityMap = loaded.map!;
  for (const exports of flags.exports.split(',').map(Number)) {
    for (const variant of variants) {
      const policies = makePolicies(world, variant, exports);
      const questions = makeQuestions(world, geo, { policies, variant, count: SAMPLE });
      const folder = join(root, `${variant.replaceAll(' ', '-')}-${exports}`);
      if (servers.includes('edgeward')) {
        writeConfiguration(folder, world, { policies, variant, shared: root });
        const what = { server: 'edgeward', variant, exports, checkS: await timeCheck(folder) };
        all.push(await run(what, questions, (readyOn) => startEdgeward(folder, readyOn)));
        if (flags.keep === undefined) rmSync(folder, { recursive: true });
      }
      if (variant !== 'one matrix') continue;
      const what = { variant, exports, checkS: undefined };
      if (servers.includes('gdnsd') && findProgram('gdnsd') !== undefined)
        all.push(await run({ ...what, server: 'gdnsd' }, questions, (ready) => startGdnsd(world, exports, ready)));
      if (servers.includes('knot') && findProgram('knotd') !== undefined)
        all.push(await run({ ...what, server: 'knot' }, questions, (ready) => startKnot(world, exports, ready)));
    }
  }
} finally {
  if (flags.keep === undefined) rmSync(root, { recursive: true, force: true });
}

const fixed = (value: number | undefined, digits = 1): string => value?.toFixed(digits) ?? '-';
function cells(one: Figures | What): string[] {
  if (!('startS' in one)) return [`over ${LONGEST_START_MS / 1000}`, ...Array.from({ length: 9 }, () => '-')];
  const { startS, startCpuS, widenS, widenCpuS, scopeFirst, scopeLast, residentMib: resident, peakMib: peak } = one;
  return [
    ...[startS, startCpuS, widenS, widenCpuS, scopeFirst, scopeLast].map((value) => fixed(value)),
    ...[resident, peak].map((value) => fixed(value, 0)),
    fixed(one.checkS),
    String(one.wrong),
  ];
}
const text = table(
  [
    'server, exports, what they have',
    'start s',
    'CPU s',
    'widened after s',
    'CPU s',
    'scope first',
    'scope last',
    'resident MiB',
    'peak MiB',
    'check s',
    'wrong',
  ],
  all.map((one) => [`${one.server}, ${one.exports}, ${one.variant}`, ...cells(one)]),
);
console.log(text);
if (flags.write === true) keep('exports', { figures: all }, text);
process.exitCode = all.some((one) => 'wrong' in one && one.wrong > 0) ? 1 : 0;
