import type { ResolvedExport } from '../../model/resolved.ts';
import { classifyLocalities } from './locality-classes.ts';
import { planFor, type ClientLocality, type SteeringContext } from './plan.ts';

/** How many plans stand in, one after the other, until the export is planned anew. */
const STAND_INS = 2;

/** The endpoints that serve clients of some localities, and what serves when none of them can. */
export interface ShapePlan {
  /** By index in the export. */
  readonly endpoints: readonly number[];
  /** Index of another plan of the shape. */
  readonly standIn: number | undefined;
}

/** How an export divides its clients over endpoints, whatever these weigh. */
export interface Shape {
  readonly plans: readonly ShapePlan[];
  /** Per class of localities: index of its plan. */
  readonly planOf: Uint32Array;
}

/**
 * Plans an export for every class of localities. Weights matter only in being 0 or not: shares are a matter of the
 * moment.
 * @param classes a locality for each; ones that this export cannot tell apart are planned for once
 */
export function shapeOf(
  exp: ResolvedExport,
  family: 4 | 6,
  classes: readonly ClientLocality[],
  context: SteeringContext,
): Shape {
  const own = classifyLocalities(classes, namedIsps(exp, context));
  const plans: ShapePlan[] = [];
  const byContent = new Map<string, number>();
  const add = (endpoints: readonly number[], standIn: number | undefined): number => {
    const key = `${endpoints.join(' ')}>${standIn}`;
    let index = byContent.get(key);
    if (index === undefined) byContent.set(key, (index = plans.push({ endpoints, standIn }) - 1));
    return index;
  };
  /** What stands in for endpoints that are down; undefined when nothing can. */
  const standInFor = (client: ClientLocality, down: ReadonlySet<number>, left: number): number | undefined => {
    if (left === 0) return undefined;
    const { entries, failOpen } = planFor(exp, family, client, context, down);
    if (failOpen) return undefined;
    const endpoints = entries.map(({ endpoint }) => endpoint);
    return add(endpoints, standInFor(client, new Set([...down, ...endpoints]), left - 1));
  };
  /** Clients with the same endpoints share a plan: what stands in for these is that of the first of them. */
  const byEndpoints = new Map<string, number>();
  const planned = (client: ClientLocality): number => {
    const { entries, failOpen } = planFor(exp, family, client, context);
    const endpoints = entries.map(({ endpoint }) => endpoint);
    const key = endpoints.join(' ');
    let index = byEndpoints.get(key);
    if (index === undefined) {
      index = add(endpoints, failOpen ? undefined : standInFor(client, new Set(endpoints), STAND_INS));
      byEndpoints.set(key, index);
    }
    return index;
  };
  const planOfOwn = Uint32Array.from(own.representatives, planned);
  return { plans, planOf: own.of.map((index) => planOfOwn[index]!) };
}

/** The ISPs that make a difference to an export. */
export function namedIsps(exp: ResolvedExport, context: SteeringContext): Set<string> {
  const named = new Set<string>();
  for (const { site } of exp.endpoints) for (const isp of context.sites.get(site)!.isps) named.add(isp);
  for (const rule of exp.policy.rules) for (const isp of rule.isps) named.add(isp);
  for (const { isp } of exp.policy.matrix) if (isp !== '') named.add(isp);
  return named;
}
