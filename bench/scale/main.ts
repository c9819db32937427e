import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Compiler } from '../../src/snapshot/compile.ts';
import { snapshotBytes, type Snapshot } from '../../src/snapshot/snapshot.ts';
import { nameFromText } from '../../src/wire/name.ts';
import { checkZone, parseMasterFile } from '../../src/zone/mod.ts';
import { keep, table } from '../support/results.ts';
import { makeExport, makeSites, makeZone, POLICY, realGeo, regions } from '../support/world.ts';
import { compareZones, writeMany, writeMillion, type ZonesFigures } from './zones.ts';

// How large it may get: what loading, compiling and keeping it takes.
// `node --expose-gc bench/scale/main.ts [--only zone,zones,exports] [--write]`

const { values: flags } = parseArgs({ options: { only: { type: 'string' }, write: { type: 'boolean' } } });
const only = flags.only?.split(',');
const say = (text: string): void => void process.stderr.write(`${text}\n`);

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

function tellOf(what: string, { edgeward, restart, nsd }: ZonesFigures): void {
  tell(`${what}: start to first answer, its CPU time`, `${seconds(edgeward.ms)}, ${seconds(edgeward.cpuMs)}`);
  tell(`${what}: the same after a restart`, `${seconds(restart.ms)}, ${seconds(restart.cpuMs)}`);
  tell(`${what}: resident afterwards`, `${edgeward.mib.toFixed(0)} MiB`);
  if (nsd === undefined) return say('nsd is not installed and left out (Debian: nsd)');
  const times = (ours: number, theirs: number): string => `Edgeward ${(ours / theirs).toFixed(1)} x`;
  tell(
    `${what}: NSD, start to first answer, its CPU time`,
    `${seconds(nsd.ms)}, ${seconds(nsd.cpuMs)} (${times(edgeward.ms, nsd.ms)})`,
  );
  return tell(`${what}: NSD, resident`, `${nsd.mib.toFixed(0)} MiB (${times(edgeward.mib, nsd.mib)})`);
}

const folder = mkdtempSync(join(tmpdir(), 'edgeward-scale-'));
const geo = await realGeo();
try {
  if (only?.includes('zone') !== false) {
    const count = 1_000_000;
    const what = 'a zone of a million records';
    const one = join(folder, 'one');
    const { name, text } = writeMillion(one);
    const origin = nameFromText(name);
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
    tellOf(what, await compareZones(one, [name], name));
  }
  if (only?.includes('zones') !== false) {
    const what = '100,000 zones of 10 records';
    const many = join(folder, 'many');
    const names = writeMany(many);
    const zones = names.map((name) => makeZone(name, 'h0 A 192.0.2.0\n'));
    const compiler = new Compiler();
    const compile = (all: typeof zones): Snapshot =>
      compiler.compile({ configuration: { sites: new Map(), zones: all, exports: [] }, regions, geo, generation: 1 });
    const [, compileMs] = await timed(() => compile(zones));
    const changed = zones.with(500, makeZone(names[500]!, 'h1 A 192.0.2.1\n'));
    const [, againMs] = await timed(() => compile(changed));
    tell(`${what}: compile, and again after a change of one`, `${seconds(compileMs)}, ${againMs.toFixed(0)} ms`);
    tellOf(what, await compareZones(many, names, names.at(-1)!));
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
