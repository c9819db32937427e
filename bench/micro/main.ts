import { parseArgs } from 'node:util';
import { bench, run } from 'mitata';
import { lookup4, lookup6 } from '../../src/geo/lookup.ts';
import { createCounters } from '../../src/observe/counters.ts';
import { Answerer, OUT_SIZE } from '../../src/server/answer.ts';
import { compileSnapshot } from '../../src/snapshot/compile.ts';
import { find, Found } from '../../src/snapshot/find.ts';
import { Picker, prefixKey } from '../../src/steering/pick.ts';
import { NO_PLAN } from '../../src/steering/table.ts';
import { encodeQuery } from '../../src/wire/message.ts';
import { nameFromText } from '../../src/wire/name.ts';
import { parseQuery, Query } from '../../src/wire/query.ts';
import { Random } from '../../test/support/random.ts';
import { keep, table } from '../support/results.ts';
import { makeExport, makeSites, makeZone, realGeo, regions } from '../support/world.ts';

// Parts of an answer and whole answers in JavaScript, without a socket, over the real geo data: nanoseconds and octets
// of heap allocated for each. Questions and clients differ from one to the next, as they do in life.
// `node --expose-gc --max-semi-space-size=128 bench/micro/main.ts [--write] [--only TEXT]`

const { values: flags } = parseArgs({ options: { write: { type: 'boolean' }, only: { type: 'string' } } });

/** A power of two: different questions, taken in turn. */
const MANY = 4096;
const NAMES = 10_000;
const CALLS = 200_000;

const random = new Random(7);
const sites = makeSites(100, random);
const lines = Array.from(
  { length: NAMES },
  (_, i) => `h${i} A 192.0.2.${i % 256}\nh${i} TXT "number ${i}"\nc${i} CNAME h${i}\nm${i} MX 10 h${i}\n`,
).join('');
const geo = await realGeo();
const snapshot = compileSnapshot({
  configuration: {
    sites: new Map(sites.map((site) => [site.name, site])),
    zones: [makeZone('bench.test', lines)],
    exports: [makeExport(0, sites, undefined, [4, 6])],
  },
  regions,
  geo,
  generation: 1,
});
const counters = createCounters();
const answerer = new Answerer({ udpPayloadSize: 1232, nsid: new Uint8Array(0), ecs: true }, counters, 1);
const out = new Uint8Array(OUT_SIZE);
const source = { family: 4 as const, w0: 0xc0000263, w1: 0, w2: 0, w3: 0 };

/** A network whose region is known, as those of almost all clients are: index into the ranges of a family. */
function network(values: Uint32Array): number {
  for (;;) {
    const index = random.below(values.length);
    if (geo.localities[values[index]!]!.region !== '') return index;
  }
}

/** An IPv4 address in some network. */
function address4(): number {
  return geo.ranges.start4[network(geo.ranges.value4)]!;
}

/** The first two words of an IPv6 address in some network. */
function address6(): [number, number] {
  const at = network(geo.ranges.value6) * 4;
  return [geo.ranges.start6[at]!, geo.ranges.start6[at + 1]!];
}

function octets(...words: readonly number[]): Uint8Array {
  return Uint8Array.from(words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]));
}

type Subnet = { family: 1 | 2; source: number; address: Uint8Array };
const subnet4 = (): Subnet => ({ family: 1, source: 24, address: octets((address4() & 0xffffff00) >>> 0) });
const subnet6 = (): Subnet => {
  const [w0, w1] = address6();
  return { family: 2, source: 56, address: octets(w0, (w1 & 0xffffff00) >>> 0, 0, 0) };
};

function query(host: string, type: number, ecs?: Subnet, edns = true): Uint8Array {
  const name = nameFromText(`${host}.bench.test`);
  if (!name.ok) throw new Error(name.error);
  const option = ecs === undefined ? {} : { ecs };
  const message = { id: random.below(65536), name: name.value, type, class: 1, rd: false };
  return encodeQuery(edns ? { ...message, edns: { udpSize: 1232, do: false, ...option } } : message);
}

const many = <T>(make: () => T): T[] => Array.from({ length: MANY }, make);
const host = (prefix = 'h'): string => `${prefix}${random.below(NAMES)}`;
let turn = 0;

const parts = new Map<string, () => unknown>();

function part(name: string, work: () => unknown): void {
  if (flags.only !== undefined && !name.includes(flags.only)) return;
  parts.set(name, work);
  bench(name, work);
}

/** Octets of the heap that a call allocates, on average over many without a collection between them. */
function allocated(work: () => unknown): number {
  const { gc } = globalThis;
  if (gc === undefined) return Number.NaN;
  for (let i = 0; i < CALLS; i++) work();
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < CALLS; i++) work();
  return Math.max(0, process.memoryUsage().heapUsed - before) / CALLS;
}

function whole(name: string, queries: readonly Uint8Array[]): void {
  part(`answer: ${name}`, () => {
    const message = queries[(turn = (turn + 1) & (MANY - 1))]!;
    return answerer.answer(message, message.length, source, snapshot, out, false);
  });
}

const plain = many(() => query(host(), 1, undefined, false));
const withSubnet = many(() => query('app-0', 1, subnet4()));
const parsed = new Query();
part('parse: no EDNS', () => {
  const message = plain[(turn = (turn + 1) & (MANY - 1))]!;
  return parseQuery(message, message.length, parsed);
});
part('parse: EDNS and client subnet', () => {
  const message = withSubnet[(turn = (turn + 1) & (MANY - 1))]!;
  return parseQuery(message, message.length, parsed);
});

const found = new Found();
const questions = plain.map((message) => {
  const each = new Query();
  parseQuery(message, message.length, each);
  return { message, labelAt: each.labelAt.slice(0, each.labels), labels: each.labels, end: each.questionEnd - 5 };
});
part(`name: one of ${4 * NAMES}`, () => {
  const { message, labelAt, labels, end } = questions[(turn = (turn + 1) & (MANY - 1))]!;
  find(snapshot, message, labelAt, labels, end, found);
  return found.node;
});

const map = snapshot.steering.maps.at(-1)!;
const clients4 = Uint32Array.from({ length: MANY }, address4);
const clients6 = Uint32Array.from(Array.from({ length: MANY }, address6).flat());
part('locality: IPv4', () => lookup4(map, clients4[(turn = (turn + 1) & (MANY - 1))]!));
part('locality: IPv6', () => {
  const at = (turn = (turn + 1) & (MANY - 1)) * 2;
  return lookup6(map, clients6[at]!, clients6[at + 1]!, 0, 0);
});

const picker = new Picker(1);
for (const size of [2, 8]) {
  const plans = Int32Array.from([size, NO_PLAN, ...Array.from({ length: size }, (_, i) => i)]);
  const weights = new Float64Array(size).fill(1);
  const seeds = Int32Array.from({ length: size }, () => random.below(2 ** 32));
  part(`pick: one of ${size} by prefix`, () => {
    picker.gather(plans, 0, weights, 0);
    return picker.byKey(seeds, 0, prefixKey(clients4[(turn = (turn + 1) & (MANY - 1))]!, 0, 0, 0, 24), 1);
  });
}

whole('A', plain);
whole(
  'A, EDNS',
  many(() => query(host(), 1)),
);
whole('A, steered by IPv4 subnet', withSubnet);
whole(
  'AAAA, steered by IPv6 subnet',
  many(() => query('app-0', 28, subnet6())),
);
whole(
  'A, steered by resolver',
  many(() => query('app-0', 1)),
);
whole(
  'NXDOMAIN',
  many(() => query(`n${random.below(NAMES)}`, 1)),
);
whole(
  'NODATA',
  many(() => query(host(), 28)),
);
whole(
  'TXT',
  many(() => query(host(), 16)),
);
whole(
  'CNAME and its target',
  many(() => query(host('c'), 1)),
);
whole(
  'MX and its address',
  many(() => query(host('m'), 15)),
);

const { benchmarks } = await run({ format: 'quiet' });
const figures = benchmarks.flatMap(({ alias, runs: [first] }) => {
  const stats = first?.stats;
  if (stats === undefined) throw new Error(`${alias}: ${String(first?.error)}`);
  return [{ name: alias, ns: stats.p50, p99: stats.p99, octets: allocated(parts.get(alias)!) }];
});
const text = table(
  ['what', 'ns', 'p99 ns', 'octets'],
  figures.map(({ name, ns, p99, octets: heap }) => [name, ns.toFixed(0), p99.toFixed(0), heap.toFixed(1)]),
);
console.log(text);
if (flags.write === true) keep('micro', { figures }, text);
