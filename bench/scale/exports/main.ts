import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DATA_DIRECTORY } from '../../../src/geo/built-in.ts';
import { loadLocalityMap } from '../../../src/geo/mod.ts';
import type { LocalityMap } from '../../../src/geo/ranges.ts';
import { findProgram } from '../../../test/support/servers/process.ts';
import { keep, table } from '../../support/results.ts';
import { makeQuestions } from './questions.ts';
import { run, timeCheck, type Figures, type What } from './run.ts';
import { LONGEST_START_MS, startEdgeward, startGdnsd, startKnot, writeConfiguration, writeOverlay } from './servers.ts';
import { makePolicies, makeWorld, VARIANTS } from './setup.ts';

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
