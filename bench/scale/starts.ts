import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DATA_DIRECTORY } from '../../src/geo/built-in.ts';
import { lookup6 } from '../../src/geo/lookup.ts';
import { loadLocalityMap } from '../../src/geo/mod.ts';
import { compileSnapshot } from '../../src/snapshot/compile.ts';
import { findProgram } from '../../test/support/servers/process.ts';
import { keep, table } from '../support/results.ts';
import { makeExport, makeSites, makeZone, realGeo, regions } from '../support/world.ts';
import { makeQuestions } from './exports/questions.ts';
import { run, timeCheck, type Figures } from './exports/run.ts';
import { startEdgeward, startGdnsd, writeConfiguration, writeOverlay } from './exports/servers.ts';
import { makePolicies, makeWorld } from './exports/setup.ts';
import { compareZones, writeMany, writeMillion, type ZonesFigures } from './zones.ts';

// What starts, restarts and memory are to be, and what they are: one table, beside peers in the same run.
// `node bench/scale/starts.ts [--write]`; gdnsd and nsd must be installed. Takes five minutes.

const { values: flags } = parseArgs({ options: { write: { type: 'boolean' } } });
const say = (text: string): void => void process.stderr.write(`${text}\n`);

interface Row {
  readonly what: string;
  readonly target: string;
  readonly figure: string;
  readonly met: boolean;
}
const rows: Row[] = [];
function tell(what: string, target: string, figure: string, met: boolean): void {
  say(`${what}: ${figure} (${target}${met ? '' : ': missed'})`);
  rows.push({ what, target, figure, met });
}
const s = (value: number, digits = 1): string => `${value.toFixed(digits)} s`;
const mib = (value: number): string => `${value.toFixed(0)} MiB`;

const PREFIXES = 563_000;
const LOCALITIES = 542;
const SITES = 60;
const EXPORTS = 1000;
/** IPv6 networks that look-ups go to in turn, and how often. */
const NETWORKS = 4096;
const ROUNDS = 1000;

const root = mkdtempSync(join(tmpdir(), 'edgeward-starts-'));
try {
  await zones();
  await exports();
  await timeLookups();
} finally {
  rmSync(root, { recursive: true, force: true });
}
const text = table(
  ['what', 'target', 'figure', 'met'],
  rows.map(({ what, target, figure, met }) => [what, target, figure, met ? 'yes' : 'no']),
);
console.log(text);
if (flags.write === true) keep('starts', { rows }, text);

async function zones(): Promise<void> {
  const one = join(root, 'one');
  const { name } = writeMillion(one);
  tellOfZones('a million records in one zone', await compareZones(one, [name], name));
  rmSync(one, { recursive: true });
  const many = join(root, 'many');
  const names = writeMany(many);
  tellOfZones('100,000 zones of 10 records', await compareZones(many, names, names.at(-1)!));
  rmSync(many, { recursive: true });
}

function tellOfZones(what: string, { edgeward, restart, nsd }: ZonesFigures): void {
  if (nsd === undefined) throw new Error('nsd is not installed (Debian: nsd)');
  const startsTwice = `at most 2 x NSD's ${s(nsd.ms / 1000)}`;
  const cpu = (each: { cpuMs: number }): string => `CPU ${s(each.cpuMs / 1000)}`;
  const times = (edgeward.ms / nsd.ms).toFixed(1);
  const figure = `${s(edgeward.ms / 1000)}, ${times} x (${cpu(edgeward)}; NSD ${cpu(nsd)})`;
  tell(`${what}: start to answers`, startsTwice, figure, edgeward.ms <= 2 * nsd.ms);
  const memory = `${mib(edgeward.mib)}, ${(edgeward.mib / nsd.mib).toFixed(1)} x`;
  tell(`${what}: resident`, `at most 2 x NSD's ${mib(nsd.mib)}`, memory, edgeward.mib <= 2 * nsd.mib);
  const again = `${s(restart.ms / 1000, 2)} (${cpu(restart)})`;
  tell(`${what}: restart on unchanged files`, 'under 1 s', again, restart.ms < 1000);
}

async function exports(): Promise<void> {
  if (findProgram('gdnsd') === undefined) throw new Error('gdnsd is not installed (Debian: gdnsd)');
  const world = await makeWorld(PREFIXES, LOCALITIES, SITES);
  writeOverlay(root, world);
  const overlays = [join(root, 'overlay.csv')];
  const sources = { dataDirectory: DATA_DIRECTORY, overlays, mmdb: {}, cacheDirectory: root };
  const geo = (await loadLocalityMap(sources)).map!;
  const variant = 'one matrix';
  const policies = makePolicies(world, variant, EXPORTS);
  const questions = makeQuestions(world, geo, { policies, variant, count: 200 });
  const folder = join(root, 'exports');
  writeConfiguration(folder, world, { policies, variant, shared: root });
  const checkS = await timeCheck(folder);
  const what = { server: 'edgeward', variant, exports: EXPORTS, checkS } as const;
  const ours = (await run(what, questions, (ready) => startEdgeward(folder, ready))) as Figures;
  const restart = (await run(what, questions, (ready) => startEdgeward(folder, ready))) as Figures;
  const theirs = await run({ ...what, server: 'gdnsd' }, questions, (ready) => startGdnsd(world, EXPORTS, ready));
  const set = `${PREFIXES.toLocaleString('en')} prefixes, ${SITES} sites, ${EXPORTS.toLocaleString('en')} exports`;
  const wrong = ours.wrong + restart.wrong;
  if (wrong > 0) throw new Error(`${wrong} answers were wrong`);
  const gdnsd = 'startS' in theirs ? theirs : undefined;
  const half = `at most 0.5 x gdnsd's ${gdnsd === undefined ? 'over 300 s' : s(gdnsd.startS)}`;
  const isQuick = ours.startS <= 0.5 * (gdnsd?.startS ?? 300);
  tell(`${set}: start to right answers`, half, `${s(ours.startS)} (CPU ${s(ours.startCpuS)})`, isQuick);
  const widened = ours.widenS ?? 0;
  tell(`${set}: scopes widened`, 'within 30 s', s(widened), widened <= 30);
  tell(`${set}: resident`, 'under 500 MiB', mib(ours.residentMib), ours.residentMib < 500);
  tell(`${set}: \`edgeward check\``, 'under 6 s', s(checkS), checkS < 6);
  const again = `${s(restart.startS, 2)} (CPU ${s(restart.startCpuS)})`;
  tell(`${set}: restart on unchanged files`, 'under 1 s', again, restart.startS < 1);
}

/** Look-ups of addresses of many networks, over the built-in geo data, in CPU time. */
async function timeLookups(): Promise<void> {
  const geo = await realGeo();
  const sites = makeSites(100);
  const configuration = {
    sites: new Map(sites.map((site) => [site.name, site])),
    zones: [makeZone('bench.test', '')],
    exports: [makeExport(0, sites, undefined, [4, 6])],
  };
  const { maps } = compileSnapshot({ configuration, regions, geo, generation: 1 }).steering;
  const map = maps.at(-1)!;
  const { start6 } = geo.ranges;
  const clients = Array.from({ length: NETWORKS }, (_, i) => Math.trunc((i * start6.length) / 4 / NETWORKS) * 4);
  let sum = 0;
  const round = (): void => {
    for (const at of clients) sum += lookup6(map, start6[at]!, start6[at + 1]!, 0, 0);
  };
  for (let i = 0; i < ROUNDS; i++) round();
  const { user, system } = process.cpuUsage();
  for (let i = 0; i < ROUNDS; i++) round();
  const used = process.cpuUsage({ user, system });
  const ns = ((used.user + used.system) * 1000) / ROUNDS / NETWORKS;
  if (sum < 0) throw new Error('look-ups gave nothing');
  tell('locality of an IPv6 address', 'under 120 ns', `${ns.toFixed(0)} ns`, ns < 120);
}
