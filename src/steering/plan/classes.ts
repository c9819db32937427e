import type { ResolvedExport } from '../../model/resolved.ts';
import { planFor, type ClientLocality, type Plan, type SteeringContext } from './plan.ts';

/** Localities that an export cannot tell apart, as one. */
interface Canonical {
  /** Per locality: index in `representatives`. */
  readonly of: Uint32Array;
  readonly representatives: readonly ClientLocality[];
}

/** Canonical localities by the ISPs that are told apart: the same for most exports. */
const cache = new WeakMap<readonly ClientLocality[], Map<string, Canonical>>();

/**
 * The plans of one export for all localities: each locality's plan by index, and the plans, each once. A locality is
 * planned for once per region and per ISP that the export, its rules or its sites name; others are all alike to it.
 */
export function planClasses(
  exp: ResolvedExport,
  family: 4 | 6,
  localities: readonly ClientLocality[],
  context: SteeringContext,
): { planOf: Uint32Array; plans: readonly Plan[] } {
  const canonical = canonicalise(localities, namedIsps(exp, context));
  const plans: Plan[] = [];
  const known = new Map<string, number>();
  const planOfCanonical = Uint32Array.from(canonical.representatives, (client) => {
    const plan = planFor(exp, family, client, context);
    const key = `${plan.failOpen}:${plan.entries.map(({ endpoint, share }) => `${endpoint}=${share}`).join(',')}`;
    let index = known.get(key);
    if (index === undefined) {
      index = plans.push(plan) - 1;
      known.set(key, index);
    }
    return index;
  });
  return { planOf: canonical.of.map((index) => planOfCanonical[index]!), plans };
}

/** The ISPs that make a difference to an export. */
function namedIsps(exp: ResolvedExport, context: SteeringContext): string[] {
  const named = new Set<string>();
  for (const { site } of exp.endpoints) for (const isp of context.sites.get(site)!.isps) named.add(isp);
  for (const rule of exp.policy.rules) for (const isp of rule.isps) named.add(isp);
  for (const { isp } of exp.policy.matrix) if (isp !== '') named.add(isp);
  return [...named].sort();
}

function canonicalise(localities: readonly ClientLocality[], named: readonly string[]): Canonical {
  let byIsps = cache.get(localities);
  if (byIsps === undefined) cache.set(localities, (byIsps = new Map<string, Canonical>()));
  const cacheKey = named.join(' ');
  const before = byIsps.get(cacheKey);
  if (before !== undefined) return before;
  const { regionOf, ispOf, isps, regionCount } = numbered(localities);
  // Class 0: no ISP known; 1: one that nothing names, and that has its price whichever it is; then the named ones.
  const classes = new Map(named.map((isp, index) => [isp, index + 2]));
  const classOfIsp = Uint32Array.from(isps, (isp) => (isp === '' ? 0 : (classes.get(isp) ?? 1)));
  const classOfNumber = new Map<number, number>();
  for (const [isp, index] of classes) if (/^AS\d+$/u.test(isp)) classOfNumber.set(Number(isp.slice(2)), index);
  const width = named.length + 2;
  // A carrier and one of its AS numbers may both be named, so both count.
  const known = new Int32Array(regionCount * width * (classOfNumber.size === 0 ? 1 : width)).fill(-1);
  const representatives: ClientLocality[] = [];
  const of = new Uint32Array(localities.length);
  for (let i = 0; i < localities.length; i++) {
    let key = regionOf[i]! * width + classOfIsp[ispOf[i]!]!;
    if (classOfNumber.size > 0) key = key * width + (classOfNumber.get(localities[i]!.asn) ?? 0);
    if (known[key] === -1) known[key] = representatives.push(localities[i]!) - 1;
    of[i] = known[key]!;
  }
  const canonical = { of, representatives };
  byIsps.set(cacheKey, canonical);
  return canonical;
}

/** Regions and ISPs of localities by number. */
interface Numbered {
  readonly regionOf: Uint32Array;
  readonly regionCount: number;
  readonly ispOf: Uint32Array;
  readonly isps: readonly string[];
}

const numberedCache = new WeakMap<readonly ClientLocality[], Numbered>();

function numbered(localities: readonly ClientLocality[]): Numbered {
  const before = numberedCache.get(localities);
  if (before !== undefined) return before;
  const regions = new Map<string, number>();
  const isps = new Map<string, number>();
  const number = (names: Map<string, number>, name: string): number => {
    let index = names.get(name);
    if (index === undefined) names.set(name, (index = names.size));
    return index;
  };
  const regionOf = Uint32Array.from(localities, ({ region }) => number(regions, region));
  const ispOf = Uint32Array.from(localities, ({ isp }) => number(isps, isp));
  const made = { regionOf, regionCount: regions.size, ispOf, isps: [...isps.keys()] };
  numberedCache.set(localities, made);
  return made;
}
