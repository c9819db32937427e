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
  const isps = new Set(named);
  const numbers = new Map(named.filter((isp) => /^AS\d+$/u.test(isp)).map((isp) => [Number(isp.slice(2)), isp]));
  const representatives: ClientLocality[] = [];
  const known = new Map<string, number>();
  const of = Uint32Array.from(localities, (client) => {
    // An ISP that nothing names counts only as known or not, since leaving it has its price either way.
    const carrier = isps.has(client.isp) ? client.isp : client.isp === '' ? '' : '*';
    const key = `${client.region}|${carrier}|${numbers.get(client.asn) ?? ''}`;
    let index = known.get(key);
    if (index === undefined) {
      index = representatives.push(client) - 1;
      known.set(key, index);
    }
    return index;
  });
  const canonical = { of, representatives };
  byIsps.set(cacheKey, canonical);
  return canonical;
}
