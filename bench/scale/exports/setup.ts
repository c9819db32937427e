import { leafLength, leafValue, prefixesOf6 } from '../../../src/geo/lookup.ts';
import { buildPrefixTable } from '../../../src/geo/mod.ts';
import type { LocalityMap } from '../../../src/geo/ranges.ts';
import { formatAddress } from '../../../src/lib/address.ts';
import type { ResolvedSite } from '../../../src/model/resolved.ts';
import { greatCircleKm, estimateMs } from '../../../src/steering/plan/nearness.ts';
import { Random } from '../../../test/support/random.ts';
import { makeSites, realGeo, regions } from '../../support/world.ts';

/** What the exports have in common, and what each has for itself. */
export const VARIANTS = ['one matrix', 'ten matrices', 'same 50 rules', 'own 5 rules', 'nothing'] as const;
export type Variant = (typeof VARIANTS)[number];

export const ZONE = 'steer.test';
export const MATRICES = 10;

/** A row of an operator's matrix: a region, an ISP ('' for all others), and its round trips by site. */
export interface Row {
  readonly region: string;
  readonly isp: string;
  /** Milliseconds by site; no two of a row are alike. */
  readonly ms: readonly number[];
}

export interface Net {
  readonly prefix: string;
  readonly address: Uint8Array;
  readonly length: number;
  /** Index into `rows`. */
  readonly row: number;
}

export interface World {
  readonly sites: readonly ResolvedSite[];
  readonly nets: readonly Net[];
  readonly rows: readonly Row[];
  readonly random: Random;
}

/** Of the nets, so many are IPv4. */
const SHARE_IPV4 = 0.84;

/** Of the nets, so many are not where the built-in data has them. */
const SHARE_MOVED = 0.1;

/**
 * An operator's view of the world: prefixes cut where the real geo data changes, each in one of the localities that
 * most prefixes are in. The same in every run.
 */
export async function makeWorld(prefixes: number, localities: number, siteCount: number): Promise<World> {
  const random = new Random(7);
  const geo = await realGeo();
  const sites = makeSites(siteCount, random);
  const { keys, classOf } = rankLocalities(geo, localities);
  const rows = keys.map(({ region, isp }) => ({ region, isp, ms: roundTrips(region, isp, sites, random) }));
  const table = buildPrefixTable(geo.ranges, classOf);
  const all4: Net[] = [];
  for (let i = 0; i < table.start4.length; i++) {
    const leaf = table.leaf4[i]!;
    const word = table.start4[i]!;
    const address = Uint8Array.of(word >>> 24, word >>> 16, word >>> 8, word);
    const prefix = `${formatAddress({ family: 4, bytes: address })}/${leafLength(leaf)}`;
    if (leafValue(leaf) < keys.length) all4.push({ prefix, address, length: leafLength(leaf), row: leafValue(leaf) });
  }
  const all6: Net[] = [];
  for (const [w0, w1, w2, w3, leaf] of prefixesOf6(table)) {
    if (leafValue(leaf) >= keys.length || leafLength(leaf) > 56) continue;
    const address = new Uint8Array(16);
    for (const [at, word] of [w0, w1, w2, w3].entries()) new DataView(address.buffer).setUint32(at * 4, word);
    const prefix = `${formatAddress({ family: 6, bytes: address })}/${leafLength(leaf)}`;
    all6.push({ prefix, address, length: leafLength(leaf), row: leafValue(leaf) });
  }
  const count4 = Math.min(all4.length, Math.round(prefixes * SHARE_IPV4));
  const nets = [...sample(all4, count4, random), ...sample(all6, Math.min(all6.length, prefixes - count4), random)];
  const withIsp = [...rows.keys()].filter((row) => rows[row]!.isp !== '');
  const moved = nets.map((net) => (random.chance(SHARE_MOVED) ? { ...net, row: random.pick(withIsp) } : net));
  return { sites, nets: moved, rows, random };
}

/** A value that no locality of the operator's has. */
const ELSEWHERE = 0xfffffd;

/** The localities with most ranges: regions as a whole first, as far as they have 100, then ISPs within these. */
function rankLocalities(
  { localities, ranges }: LocalityMap,
  count: number,
): { keys: { region: string; isp: string }[]; classOf: Uint32Array } {
  const perRegion = new Map<string, number>();
  const perIsp = new Map<string, number>();
  for (const values of [ranges.value4, ranges.value6]) {
    for (const value of values) {
      const { region, isp } = localities[value]!;
      if (region === '') continue;
      perRegion.set(region, (perRegion.get(region) ?? 0) + 1);
      if (isp !== '') perIsp.set(`${region} ${isp}`, (perIsp.get(`${region} ${isp}`) ?? 0) + 1);
    }
  }
  const largest = (of: Map<string, number>): string[] => [...of].sort(([, a], [, b]) => b - a).map(([key]) => key);
  const chosen = largest(perRegion).slice(0, Math.ceil(count / 3));
  const isps = largest(perIsp).filter((key) => chosen.includes(key.split(' ')[0]!));
  const keys = [
    ...chosen.map((region) => ({ region, isp: '' })),
    ...isps.slice(0, count - chosen.length).map((key) => ({ region: key.split(' ')[0]!, isp: key.split(' ')[1]! })),
  ];
  const numbers = new Map(keys.map(({ region, isp }, index) => [`${region} ${isp}`, index]));
  const classOf = Uint32Array.from(
    localities,
    ({ region, isp }) => numbers.get(`${region} ${isp}`) ?? numbers.get(`${region} `) ?? ELSEWHERE,
  );
  return { keys, classOf };
}

/** What was measured: the distance's estimate, a last mile, and 15 ms for another ISP. */
function roundTrips(region: string, isp: string, sites: readonly ResolvedSite[], random: Random): number[] {
  const at = regions.get(region)!;
  const used = new Set<number>();
  return sites.map((site) => {
    const foreign = isp === '' || site.isps.includes(isp) ? 0 : 15;
    let ms = 0;
    do ms = Math.round(10 * (estimateMs(greatCircleKm(at, site)) + foreign + 2 + random.below(2000) / 100)) / 10;
    while (used.has(ms));
    used.add(ms);
    return ms;
  });
}

function sample<T>(all: readonly T[], count: number, random: Random): T[] {
  const chosen: T[] = [];
  for (const [index, each] of all.entries()) {
    // Each of the rest with the chance that is left (Knuth, algorithm S).
    if (random.below(all.length - index) < count - chosen.length) chosen.push(each);
  }
  return chosen;
}

/** The address of an export at a site: exports have addresses of their own. */
export function addressOf(exp: number, site: number): string {
  const number = exp * 64 + site;
  return `10.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
}

interface Rule {
  readonly clients: { readonly regions?: string[]; readonly isps?: string[] };
  readonly only?: string[];
  readonly deny?: string[];
}

/** A rule for a region, an ISP or both, that ties it to sites or keeps it from them. */
function makeRule({ rows, sites, random }: World): Rule {
  const { region, isp } = random.pick(rows);
  const names = (count: number): string[] => [...new Set(Array.from({ length: count }, () => random.pick(sites).name))];
  const byIsp = isp !== '' && random.chance(0.5);
  const clients = { ...(byIsp && random.chance(0.3) ? {} : { regions: [region] }), ...(byIsp ? { isps: [isp] } : {}) };
  return random.chance(0.5) ? { clients, only: names(4) } : { clients, deny: names(3) };
}

export type WrittenPolicy = Readonly<Record<string, unknown>> & { readonly rules?: readonly Rule[]; matrix?: string };

/** The policies of all exports. Round trips decide alone where there is a matrix. */
export function makePolicies(world: World, variant: Variant, exports: number): WrittenPolicy[] {
  const plain = { toleranceMs: 0, ispPenaltyMs: 0, maxAnswers: 1, ttl: 20 };
  const rules = (count: number): Rule[] => Array.from({ length: count }, () => makeRule(world));
  const same = variant === 'same 50 rules' ? rules(50) : [];
  return Array.from({ length: exports }, (_, number) => {
    if (variant === 'one matrix') return { ...plain, matrix: 'matrix-0.csv' };
    if (variant === 'ten matrices') return { ...plain, matrix: `matrix-${number % MATRICES}.csv` };
    if (variant === 'same 50 rules') return { ...plain, ispPenaltyMs: 30, rules: same };
    if (variant === 'own 5 rules') return { ...plain, ispPenaltyMs: 30, rules: rules(5) };
    return { ...plain, ispPenaltyMs: 30 };
  });
}

/** Milliseconds of a row in one of the matrices: they are one another's with the sites moved on. */
export function msIn(matrix: number, { ms }: Row, site: number): number {
  return ms[(site + matrix) % ms.length]!;
}
