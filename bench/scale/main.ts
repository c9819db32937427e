import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Compiler } from '../../src/snapshot/compile.ts';
import { snapshotBytes, type Snapshot } from '../../src/snapshot/snapshot.ts';
import { nameFromText } from '../../src/wire/name.ts';
import { checkZone, parseMasterFile } from '../../src/zone/mod.ts';
import { findProgram, freePort, launch, serverFolder, type RunningServer } from '../../test/support/servers/process.ts';
import { residentMib, used } from '../peers/measure.ts';
import { keep, table } from '../support/results.ts';
import { makeExport, makeSites, makeZone, POLICY, realGeo, regions } from '../support/world.ts';

// How large it may get: what loading, compiling and keeping it takes.
// `node --expose-gc bench/scale/main.ts [--only zone,zones,exports] [--write]`

const { values: flags } = parseArgs({ options: { only: { type: 'string' }, write: { type: 'boolean' } } });
const only = flags.only?.split(',');
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const EDGEWARD = fileURLToPath(new URL('../../src/edgeward.ts', import.meta.url));
const HEAD = '$TTL 300\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.53\n';

const figures: { readonly what: string; readonly figure: string }[] = [];
function tell(what: string, figure: string): void {
  say(`${what}: ${figure}`);
  figures.push({ what, figure });
}
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const mib = (octets: number): string => `${(octets / 2 ** 20).toFixed(0)} MiB`;

async function timed<T>(work: () => T | Promise<T>): Promise<[T, number]> {
  const start = performance.now();
  const result = await work();
  return [result, performance.now() - start];
}

interface Loading {
  /** Until the first answer. Milliseconds. */
  readonly ms: number;
  /** CPU time until then. Milliseconds. */
  readonly cpuMs: number;
  /** Resident once it is at rest. */
  readonly mib: number;
}

/** Starts a server on zones in a folder. */
async function load(name: string, start: () => Promise<RunningServer>): Promise<Loading | undefined> {
  if (name === 'nsd' && findProgram('nsd') === undefined) {
    say('nsd is not installed and left out (Debian: nsd)');
    return undefined;
  }
  const [server, ms] = await timed(start);
  const cpuMs = used(server.pid).total / 1000;
  // What loading has left behind is given back after a while.
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const figure = { ms, cpuMs, mib: residentMib(server.pid) };
  await server.stop();
  return figure;
}

async function startEdgeward(folder: string, ready: string): Promise<RunningServer> {
  const port = await freePort();
  const args = [EDGEWARD, 'serve', '--zones', folder, '--listen', `127.0.0.1:${port}`, '--metrics', 'off'];
  const own = serverFolder('edgeward');
  return launch({
    name: 'edgeward',
    program: process.execPath,
    args,
    folder: own,
    port,
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

async function compare(what: string, folder: string, zones: readonly string[], ready: string): Promise<void> {
  const ours = await load('edgeward', () => startEdgeward(folder, ready));
  const theirs = await load('nsd', () => startNsd(folder, zones, ready));
  tell(`${what}: start to first answer, its CPU time`, `${seconds(ours!.ms)}, ${seconds(ours!.cpuMs)}`);
  tell(`${what}: resident afterwards`, `${ours!.mib.toFixed(0)} MiB`);
  if (theirs === undefined) return;
  tell(
    `${what}: NSD, start to first answer, its CPU time`,
    `${seconds(theirs.ms)}, ${seconds(theirs.cpuMs)} (Edgeward ${(ours!.ms / theirs.ms).toFixed(1)} x, ${(ours!.cpuMs / theirs.cpuMs).toFixed(1)} x)`,
  );
  tell(`${what}: NSD, resident`, `${theirs.mib.toFixed(0)} MiB (Edgeward ${(ours!.mib / theirs.mib).toFixed(1)} x)`);
}

const folder = mkdtempSync(join(tmpdir(), 'edgeward-scale-'));
const geo = await realGeo();
try {
  if (only?.includes('zone') !== false) {
    const count = 1_000_000;
    const what = 'a zone of a million records';
    const text =
      HEAD + Array.from({ length: count }, (_, i) => `h${i} A 192.0.${(i >>> 8) & 255}.${i & 255}\n`).join('');
    const origin = nameFromText('million.test');
    if (!origin.ok) throw new Error(origin.error);
    const [parsed, parseMs] = await timed(() =>
      parseMasterFile({ octets: Buffer.from(text), file: 'million', origin: origin.value }),
    );
    const [problems, checkMs] = await timed(() => checkZone(parsed.zone));
    if (parsed.problems.length + problems.length > 0) throw new Error('the zone has problems');
    const compiler = new Compiler();
    const configuration = { sites: new Map(), zones: [parsed.zone], exports: [] };
    const [snapshot, compileMs] = await timed(() => compiler.compile({ configuration, regions, geo, generation: 1 }));
    tell(`${what}: parse, check, compile`, [parseMs, checkMs, compileMs].map(seconds).join(', '));
    const records = 16 * count;
    tell(
      `${what}: beyond the records' octets`,
      `${((snapshotBytes(snapshot) - records) / count).toFixed(0)} octets each`,
    );
    mkdirSync(join(folder, 'one'));
    writeFileSync(join(folder, 'one', 'million.test.zone'), text);
    await compare(what, join(folder, 'one'), ['million.test'], 'million.test');
  }
  if (only?.includes('zones') !== false) {
    const count = 100_000;
    const what = '100,000 zones of 10 records';
    const names = Array.from({ length: count }, (_, i) => `z${i}.test`);
    const lines = HEAD + Array.from({ length: 7 }, (_, i) => `h${i} A 192.0.2.${i}\n`).join('');
    const many = join(folder, 'many');
    mkdirSync(many);
    for (const name of names) writeFileSync(join(many, `${name}.zone`), lines);
    const zones = names.map((name) => makeZone(name, 'h0 A 192.0.2.0\n'));
    const compiler = new Compiler();
    const compile = (all: typeof zones): Snapshot =>
      compiler.compile({ configuration: { sites: new Map(), zones: all, exports: [] }, regions, geo, generation: 1 });
    const [, compileMs] = await timed(() => compile(zones));
    const changed = zones.with(500, makeZone(names[500]!, 'h1 A 192.0.2.1\n'));
    const [, againMs] = await timed(() => compile(changed));
    tell(`${what}: compile, and again after a change of one`, `${seconds(compileMs)}, ${againMs.toFixed(0)} ms`);
    await compare(what, many, names, names.at(-1)!);
  }
  if (only?.includes('exports') !== false) {
    const sites = makeSites(100);
    for (const [policies, label] of [
      [16, '16 policies'],
      [1000, '1,000 policies'],
    ] as const) {
      const what = `10,000 exports of 100 sites, ${label}, full geo data`;
      const own = Array.from({ length: policies }, (_, i) => ({ ...POLICY, toleranceMs: i / 10 }));
      const exports = Array.from({ length: 10_000 }, (_, i) => makeExport(i, sites, own[i % policies]));
      const compiler = new Compiler();
      const byName = new Map(sites.map((site) => [site.name, site]));
      const compile = (all: typeof exports): Snapshot => {
        const configuration = { sites: byName, zones: [makeZone('bench.test', '')], exports: all };
        return compiler.compile({ configuration, regions, geo, generation: 1 });
      };
      const [first, compileMs] = await timed(() => compile(exports));
      tell(`${what}: compile`, `${seconds(compileMs)}, ${mib(snapshotBytes(first))}`);
      const shaped = exports.with(7, { ...exports[7]!, endpoints: exports[7]!.endpoints.slice(1) });
      const [, againMs] = await timed(() => compile(shaped));
      tell(`${what}: again after one export lost a site`, `${againMs.toFixed(0)} ms`);
      let last = first;
      const [, refineMs] = await timed(() => {
        for (let next = compiler.refine(); next !== undefined; next = compiler.refine()) last = next;
      });
      tell(
        `${what}: maps of their own`,
        `${last.steering.maps.length - 1} in ${seconds(refineMs)}, ${mib(snapshotBytes(last))}`,
      );
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
const text = table(
  ['what', 'figure'],
  figures.map(({ what, figure }) => [what, figure]),
);
console.log(text);
if (flags.write === true) keep('scale', { figures }, text);
