import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LocalityMapBuilder, overlayLayer } from '../../src/geo/localities.ts';
import { leafLength, leafValue, lookup4 } from '../../src/geo/lookup.ts';
import { loadCarriers, loadRegions } from '../../src/geo/mod.ts';
import { parseOverlay } from '../../src/geo/overlay.ts';
import type { ResolvedEndpoint, ResolvedExport, ResolvedPolicy, ResolvedSite } from '../../src/model/resolved.ts';
import { compileSnapshot, Compiler } from '../../src/snapshot/compile.ts';
import { find, Found } from '../../src/snapshot/find.ts';
import { applyUpdate, Node, NONE, Row, ROW_SIZE, updateOf, type Snapshot } from '../../src/snapshot/snapshot.ts';
import type { Configuration } from '../../src/resolve/configuration.ts';
import { Picker } from '../../src/steering/pick.ts';
import { planFor } from '../../src/steering/plan/plan.ts';
import { nameFromText } from '../../src/wire/name.ts';
import { parseMasterFile } from '../../src/zone/mod.ts';
import type { ZoneData } from '../../src/zone/zone.ts';
import { world } from '../support/world.ts';

const GEO_DATA = fileURLToPath(new URL('../../geo-data', import.meta.url));
const regions = loadRegions(GEO_DATA);
/** One prefix for each locality that matters, none next to one like it. */
const CLIENTS: Readonly<Record<string, [string, string]>> = {
  '1.0.0.0/16': ['CN-GD', 'telecom'],
  '1.1.0.0/16': ['CN-GD', 'mobile'],
  '1.2.0.0/16': ['CN-BJ', 'unicom'],
  '1.3.0.0/16': ['DE', 'AS3320'],
  '1.4.0.0/16': ['SG', ''],
  '1.5.0.0/16': ['US', 'AS7922'],
};
const geo = (() => {
  const lines = Object.entries(CLIENTS).map(([prefix, [region, isp]]) => `${prefix},${region},${isp}`);
  const builder = new LocalityMapBuilder();
  builder.add(overlayLayer(parseOverlay(lines.join('\n'), 'nets', regions).entries, loadCarriers(GEO_DATA)));
  return builder.build();
})();

const site = (name: string, region: string, isps: string[]): ResolvedSite => {
  const { latitude, longitude } = regions.get(region)!;
  return { name, region, isps, latitude, longitude, cost: 0 };
};
const SITES = [
  site('gz', 'CN-GD', ['telecom']),
  site('bj', 'CN-BJ', ['unicom']),
  site('fra', 'DE', ['AS3320']),
  site('sin', 'SG', []),
];
const POLICY: ResolvedPolicy = {
  rules: [],
  failover: [],
  objective: { latency: 1, cost: 0 },
  ispPenaltyMs: 30,
  toleranceMs: 5,
  matrix: [],
  maxAnswers: 1,
  ttl: 20,
  spread: { ipv4: 16, ipv6: 32 },
};
/** The same policy object for the same choice, as the resolver gives it. */
const POLICIES: readonly ResolvedPolicy[] = [
  POLICY,
  { ...POLICY, toleranceMs: 500 },
  { ...POLICY, ttl: 60 },
  {
    ...POLICY,
    rules: [{ name: 'r', regions: ['CN'], isps: ['AS4538'], only: ['sin'], deny: [] }],
  },
];

interface Wanted {
  readonly weights: readonly (number | undefined)[];
  readonly down: readonly boolean[];
  readonly policy: number;
}

/** An export with an endpoint at each site whose weight is given. */
function exportOf(name: string, { weights, down, policy }: Wanted): ResolvedExport {
  const endpoints = SITES.flatMap(({ name: where }, index): ResolvedEndpoint[] => {
    const weight = weights[index];
    if (weight === undefined) return [];
    const bytes = Uint8Array.of(192, 0, 2, index + 1);
    const address = bytes.join('.');
    return [
      { address, family: 4, bytes, site: where, weight, ownWeight: weight, overrides: [], up: down[index] !== true },
    ];
  });
  return { tenant: 't', name, hosts: [`${name}.example.org.`], endpoints, policy: POLICIES[policy]! };
}

function zoneOf(origin: string, text: string): ZoneData {
  const name = nameFromText(origin);
  if (!name.ok) throw new Error(name.error);
  const soa = '@ SOA ns hostmaster 1 7200 900 1209600 300\n@ NS ns\nns A 192.0.2.53\n';
  const { zone, problems } = parseMasterFile({
    octets: Buffer.from(`$TTL 300\n${soa}${text}`),
    file: origin,
    origin: name.value,
  });
  expect(problems).toEqual([]);
  return zone;
}
const ZONE = zoneOf('example.org.', 'www A 192.0.2.80\n');

function configurationOf(exports: readonly ResolvedExport[], change: Partial<Configuration> = {}): Configuration {
  return { sites: new Map(SITES.map((each) => [each.name, each])), zones: [ZONE], exports, ...change };
}

/** The node of a name, with its tables; undefined when it does not exist. */
function nodeOf(snapshot: Snapshot, text: string): { tables: number; node: number } | undefined {
  const name = nameFromText(text);
  if (!name.ok) throw new Error(name.error);
  const labels: number[] = [];
  for (let at = 0; name.value[at] !== 0; at += name.value[at]! + 1) labels.push(at);
  const found = new Found();
  find(snapshot, name.value, Uint16Array.from(labels), labels.length, name.value.length - 1, found);
  return found.node === NONE || !found.exact ? undefined : { tables: found.tables, node: found.node };
}

/** How a client of an address is steered: endpoints' addresses, whether by failing open, and the map's scope. */
function steered(snapshot: Snapshot, host: string, address: number) {
  const at = nodeOf(snapshot, host);
  if (at === undefined) return 'no such name';
  const number = snapshot.tables[at.tables]!.words[at.node + Node.STEER]!;
  if (number === NONE) return 'not steered';
  const { rowOf, rows, maps, classes, plans, live, addresses, seeds } = snapshot.steering;
  const row = rowOf[number]! * ROW_SIZE;
  const map = rows[row + Row.MAP]!;
  if (map === NONE) return 'no endpoints';
  const leaf = lookup4(maps[map]!, address);
  const place = classes[rows[row + Row.CLASSES]! + leafValue(leaf)]!;
  const picker = new Picker(1);
  const count = picker.gather(plans, place, live.weights, live.current[row / ROW_SIZE]!);
  const first = rows[row + Row.FIRST_ENDPOINT]!;
  expect(picker.byKey(seeds, first, 99, 32)).toBe(count);
  const chosen = [...picker.picked.subarray(0, count)];
  const text = (endpoint: number): string =>
    addresses.subarray((first + endpoint) * 16, (first + endpoint) * 16 + 4).join('.');
  return {
    // In the order of preference of one key: the same only if weights and seeds are.
    endpoints: chosen.map(text),
    failOpen: picker.failOpen,
    ttl: rows[row + Row.TTL],
    scope: leafLength(leaf),
  };
}

const ADDRESSES = [0x01000001, 0x01010001, 0x01020001, 0x01030001, 0x01040001, 0x01050001, 0x08080808];

function everything(snapshot: Snapshot, hosts: readonly string[]) {
  return hosts.map((host) => [host, ADDRESSES.map((address) => steered(snapshot, host, address))]);
}

const anyWanted = fc.record({
  weights: fc.tuple(...SITES.map(() => fc.constantFrom(undefined, 0, 1, 2, 5))),
  down: fc.tuple(...SITES.map(() => fc.boolean())),
  policy: fc.nat(POLICIES.length - 1),
});
const NAMES = ['a', 'b', 'c'];
const HOSTS = NAMES.map((name) => `${name}.example.org.`);

describe('Compiler', () => {
  it('after any changes answers as if all were compiled anew', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(NAMES.length - 1), fc.option(anyWanted, { nil: undefined }), fc.nat(2)), {
          minLength: 2,
          maxLength: 12,
        }),
        (changes) => {
          const compiler = new Compiler();
          const exports = new Map<string, ResolvedExport>();
          let other: Snapshot | undefined;
          for (const [generation, [which, wanted, refine]] of changes.entries()) {
            const name = NAMES[which]!;
            if (wanted === undefined) exports.delete(name);
            else exports.set(name, exportOf(name, wanted));
            const input = { configuration: configurationOf([...exports.values()]), regions, geo, generation };
            let snapshot = compiler.compile(input);
            // What another thread has, that is only told of changes.
            other = applyUpdate(other, updateOf(other, snapshot));
            const fresh = new Compiler().compile(input);
            const narrow = (all: unknown): unknown =>
              JSON.parse(JSON.stringify(all).replaceAll(/"scope":\d+/gu, '"scope":0'));
            expect(narrow(everything(other, HOSTS))).toEqual(narrow(everything(fresh, HOSTS)));
            for (let i = 0; i < refine; i++) snapshot = compiler.refine() ?? snapshot;
            other = applyUpdate(other, updateOf(other, snapshot));
          }
          let last = other!;
          for (let next = compiler.refine(); next !== undefined; next = compiler.refine()) last = next;
          const configuration = configurationOf([...exports.values()]);
          const fresh = compileSnapshot({ configuration, regions, geo, generation: 99 });
          // Scopes included, once there is nothing left to refine.
          expect(everything(last, HOSTS)).toEqual(everything(fresh, HOSTS));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('lets maps go that nothing uses any more, but for one to come back to', () => {
    const compiler = new Compiler();
    const mapsOf = (...present: (readonly number[])[]): number => {
      const exports = present.map((sites, index) => {
        const weights = SITES.map((_, site) => (sites.includes(site) ? 1 : undefined));
        return exportOf(NAMES[index]!, { weights, down: SITES.map(() => false), policy: 0 });
      });
      let last = compiler.compile({ configuration: configurationOf(exports), regions, geo, generation: 1 });
      for (let next = compiler.refine(); next !== undefined; next = compiler.refine()) last = next;
      return new Set(last.steering.maps).size;
    };
    // Everybody's, and one for each way to divide clients.
    expect(mapsOf([0], [0, 2], [0, 1])).toBe(4);
    expect(mapsOf([0], [0], [0])).toBe(3);
    expect(mapsOf([0], [0, 2], [0, 1])).toBe(4);
  });

  it('builds no map anew for what comes back', () => {
    const compiler = new Compiler();
    const mapOf = (...sites: number[]): unknown => {
      const weights = SITES.map((_, site) => (sites.includes(site) ? 1 : undefined));
      const exports = [exportOf('a', { weights, down: SITES.map(() => false), policy: 0 })];
      let last = compiler.compile({ configuration: configurationOf(exports), regions, geo, generation: 1 });
      for (let next = compiler.refine(); next !== undefined; next = compiler.refine()) last = next;
      const row = last.steering.rowOf[0]! * ROW_SIZE;
      return last.steering.maps[last.steering.rows[row + Row.MAP]!];
    };
    const before = mapOf(0, 2);
    expect(mapOf(0)).not.toBe(before);
    expect(mapOf(0, 2)).toBe(before);
  });

  it('steers every client as it was planned for', () => {
    fc.assert(
      fc.property(anyWanted, (wanted) => {
        const exp = exportOf('a', wanted);
        if (exp.endpoints.length === 0) return;
        const configuration = configurationOf([exp]);
        const snapshot = compileSnapshot({ configuration, regions, geo, generation: 1 });
        for (const address of ADDRESSES) {
          const locality = geo.localities[leafValueOf(address)]!;
          const { entries, failOpen } = planFor(exp, 4, locality, { sites: configuration.sites, regions });
          const planned = entries.map(({ endpoint }) => exp.endpoints[endpoint]!.address).toSorted();
          const got = steered(snapshot, 'a.example.org.', address);
          if (typeof got === 'string') throw new Error(got);
          expect({ endpoints: got.endpoints.toSorted(), failOpen: got.failOpen }).toEqual({
            endpoints: planned,
            failOpen,
          });
        }
      }),
      { numRuns: 100 },
    );
  });

  const wanted: Wanted = { weights: [1, 1, 1, 1], down: [], policy: 0 };
  const start = (exports: readonly ResolvedExport[]) => {
    const compiler = new Compiler();
    let generation = 1;
    const compile = (next: readonly ResolvedExport[], change: Partial<Configuration> = {}): Snapshot =>
      compiler.compile({ configuration: configurationOf(next, change), regions, geo, generation: generation++ });
    return { compiler, compile, snapshot: compile(exports) };
  };

  it('writes weights to the live table of the snapshot that is in use', () => {
    const { compile, snapshot } = start([exportOf('a', { ...wanted, policy: 1 })]);
    const order = (): unknown => steered(snapshot, 'a.example.org.', 0x08080808);
    const before = order();
    expect(compile([exportOf('a', { ...wanted, policy: 1, weights: [1, 1, 1, 1000] })])).toBe(snapshot);
    const after = order();
    expect(after).not.toEqual(before);
    expect(after).toMatchObject({ endpoints: expect.arrayContaining(['192.0.2.4']) });
    expect(compile([exportOf('a', { ...wanted, policy: 1 })])).toBe(snapshot);
    expect(order()).toEqual(before);
  });

  it('takes what goes down out of the snapshot in use at once, and plans anew for the next', () => {
    const { compile, snapshot } = start([exportOf('a', wanted), exportOf('b', wanted)]);
    const to = (which: Snapshot, host: string): unknown =>
      (steered(which, host, 0x01000001) as { endpoints: unknown }).endpoints;
    expect(to(snapshot, 'a.example.org.')).toEqual(['192.0.2.1']);
    const next = compile([exportOf('a', { ...wanted, down: [true] }), exportOf('b', wanted)]);
    expect(next.serial).toBe(snapshot.serial + 1);
    for (const which of [snapshot, next]) {
      expect(to(which, 'a.example.org.')).not.toContain('192.0.2.1');
      expect(to(which, 'b.example.org.')).toEqual(['192.0.2.1']);
    }
  });

  it('compiles nothing that did not change', () => {
    const exports = Array.from({ length: 50 }, (_, i) => exportOf(`e${i}`, { ...wanted, policy: i % 4 }));
    const { compile, snapshot } = start(exports);
    expect(compile([...exports])).toBe(snapshot);
    const next = compile(exports.with(7, exportOf('e7', { ...wanted, weights: [1, 1, 1, undefined] })));
    expect(next.tables[0]).toBe(snapshot.tables[0]);
    expect(next.steering.rows).toBe(snapshot.steering.rows);
    const rows = ({ steering }: Snapshot): number[] => [...steering.rowOf];
    expect(rows(next).filter((row, index) => row !== rows(snapshot)[index])).toHaveLength(1);
    // All others share plans by their policies: one more shape is all there is.
    expect(updateOf(snapshot, next).changed).toEqual([]);
  });

  it('compiles no export again that was read again and says the same', async () => {
    const read = async (comment: string) => {
      const spec = '{ regions: [CN], isps: [telecom] }';
      const exports = NAMES.map(
        (name) => `---
apiVersion: edgeward.dev/v1alpha1
kind: DomainExport
metadata: { name: ${name} }
spec:
  hosts: [${name}.example.org]
  endpoints: [{ address: 192.0.2.1, site: gz }, { address: 192.0.2.3, site: fra }]
  policy: { rules: [{ clients: ${spec}, only: [gz] }] }
`,
      );
      const resources = `apiVersion: edgeward.dev/v1alpha1
kind: Site
metadata: { name: gz }
spec: { region: CN-GD }
---
apiVersion: edgeward.dev/v1alpha1
kind: Site
metadata: { name: fra }
spec: { region: DE }
---
apiVersion: edgeward.dev/v1alpha1
kind: Zone
metadata: { name: example }
spec: { origin: example.org, records: [{ name: '@', type: NS, data: ns.example.net. }] }
${exports.join('')}${comment}`;
      const { configuration } = await world({ zones: [], resources, nets: '' });
      return configuration;
    };
    const compiler = new Compiler();
    const first = compiler.compile({ configuration: await read(''), regions, geo, generation: 1 });
    const next = compiler.compile({ configuration: await read('# read again'), regions, geo, generation: 2 });
    expect(next.steering).toBe(first.steering);
  });

  it('plans exports alike share', () => {
    const size = (count: number): number => {
      const { snapshot } = start(
        Array.from({ length: count }, (_, i) => exportOf(`e${i}`, { ...wanted, weights: [1, 1 + i, 2, 3] })),
      );
      const { rows, rowOf, classes } = snapshot.steering;
      return new Set(
        [...rowOf].filter((row) => row !== NONE).map((row) => classes[rows[row * ROW_SIZE + Row.CLASSES]!]),
      ).size;
    };
    expect(size(20)).toBe(1);
  });

  it('follows a site that moves', () => {
    const exports = [exportOf('a', wanted)];
    const { compile, snapshot } = start(exports);
    const at = (which: Snapshot): unknown =>
      (steered(which, 'a.example.org.', 0x01050001) as { endpoints: unknown }).endpoints;
    const moved = new Map(SITES.map((each) => [each.name, each.name === 'fra' ? site('fra', 'US', []) : each]));
    const next = compile(exports, { sites: moved });
    expect(at(next)).toEqual(['192.0.2.3']);
    expect(at(next)).toEqual(
      at(compileSnapshot({ configuration: configurationOf(exports, { sites: moved }), regions, geo, generation: 1 })),
    );
    expect(next).not.toBe(snapshot);
  });
});

function leafValueOf(address: number): number {
  const { start4, value4 } = geo.ranges;
  let at = 0;
  while (at + 1 < start4.length && start4[at + 1]! <= address) at++;
  return value4[at]!;
}

describe('zones', () => {
  const many = (count: number, names = 3): ZoneData[] =>
    Array.from({ length: count }, (_, i) =>
      zoneOf(`z${i}.test.`, Array.from({ length: names }, (__, n) => `h${n} A 192.0.2.${n % 256}\n`).join('')),
    );

  it('compiles only the tables that a changed zone is in', () => {
    const zones = many(6000);
    const large = zoneOf('large.test.', Array.from({ length: 9000 }, (_, n) => `h${n} A 192.0.2.1\n`).join(''));
    const compiler = new Compiler();
    const exports = [exportOf('a', { weights: [1, 1], down: [], policy: 0 })];
    const compile = (all: readonly ZoneData[]): Snapshot =>
      compiler.compile({ configuration: configurationOf(exports, { zones: all }), regions, geo, generation: 1 });
    const before = compile([ZONE, large, ...zones]);
    expect(before.tables.length).toBeGreaterThan(4);
    for (const name of ['h2.z17.test.', 'h8999.large.test.', 'www.example.org.', 'z5999.test.'])
      expect(nodeOf(before, name), name).toBeDefined();
    for (const name of ['h3.z17.test.', 'test.', 'org.', '.', 'z6000.test.'])
      expect(nodeOf(before, name)).toBeUndefined();
    const changed = zones.with(17, zoneOf('z17.test.', 'h3 A 192.0.2.3\n'));
    const after = compile([ZONE, large, ...changed]);
    expect(updateOf(before, after).changed).toHaveLength(1);
    expect(after.steering).toBe(before.steering);
    expect(nodeOf(after, 'h3.z17.test.')).toBeDefined();
    expect(nodeOf(after, 'h2.z17.test.')).toBeUndefined();
    const taught = applyUpdate(before, updateOf(before, after));
    expect(taught.tables.every((each, index) => each === after.tables[index])).toBe(true);
  });

  it('keeps zones within zones together', () => {
    const child = zoneOf('sub.example.org.', 'www A 192.0.2.81\n');
    const compiler = new Compiler();
    const zones = [child, ...many(4000), ZONE];
    const snapshot = compiler.compile({ configuration: configurationOf([], { zones }), regions, geo, generation: 1 });
    expect(snapshot.tables.length).toBeGreaterThan(2);
    expect(nodeOf(snapshot, 'www.sub.example.org.')!.tables).toBe(nodeOf(snapshot, 'www.example.org.')!.tables);
  });
});
