import { LRUCache } from 'lru-cache';
import type { ResolvedExport, ResolvedSite } from '../../model/resolved.ts';
import type { Coordinates } from '../../model/regions.ts';
import { classifyLocalities } from './locality-classes.ts';
import { distanceMs, ispPenaltyMs, placeOf, pointOf } from './nearness.ts';
import { eligibleFor, planFor, type ClientLocality, type SteeringContext } from './plan.ts';
import { matchesRule } from './stages.ts';

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
  const named = namedIsps(exp, context);
  const own = classifyLocalities(classes, named);
  const planner = new Planner(exp, family, context, named, own.representatives.length);
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
    const { endpoints, failOpen } = planner.plan(client, down);
    if (failOpen) return undefined;
    return add(endpoints, standInFor(client, new Set([...down, ...endpoints]), left - 1));
  };
  /** Clients with the same endpoints share a plan: what stands in for these is that of the first of them. */
  const byEndpoints = new Map<string, number>();
  const planned = (client: ClientLocality): number => {
    const { endpoints, failOpen } = planner.plan(client);
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

/** Milliseconds by endpoint, from regions and places. */
type Distances = Map<string | Coordinates, Float64Array | undefined>;

/** Distances by the sites of endpoints in their order, which many exports have in common. */
const knownDistances = new WeakMap<SteeringContext['sites'], LRUCache<string, Distances>>();
const MOST_LAYOUTS = 64;
/** Numbers that are kept: classes of localities times endpoints, of which several have one distance. */
const MOST_DISTANCES = 16_000_000;

function distancesTo({ endpoints }: ResolvedExport, { sites }: SteeringContext, classes: number): Distances {
  let layouts = knownDistances.get(sites);
  if (layouts === undefined) {
    layouts = new LRUCache({ max: MOST_LAYOUTS, maxSize: MOST_DISTANCES });
    knownDistances.set(sites, layouts);
  }
  const layout = endpoints
    .map(({ site, place }) => (place === undefined ? site : `${site}@${place.latitude},${place.longitude}`))
    .join(' ');
  let distances = layouts.get(layout);
  // More than there can be are of geo data that was replaced.
  if (distances === undefined || distances.size > classes) {
    distances = new Map();
    layouts.set(layout, distances, { size: Math.max(1, classes * endpoints.length) });
  }
  return distances;
}

/** What comes before distance: the same for all clients that the same rules match. */
interface Eligible {
  readonly endpoints: readonly number[];
  readonly failOpen: boolean;
}

/**
 * Plans one export for thousands of clients as `planFor` would, by what is the same for many of them: which rules
 * match, how far a region is from each endpoint, what leaving an ISP costs.
 */
class Planner {
  readonly #exp: ResolvedExport;
  readonly #family: 4 | 6;
  readonly #context: SteeringContext;
  readonly #named: ReadonlySet<string>;
  readonly #eligible = new Map<string, Eligible>();
  readonly #distances: Distances;
  readonly #penalties = new Map<string, Float64Array>();
  readonly #prices: Float64Array;

  /** @param classes how many will be planned for */
  constructor(
    exp: ResolvedExport,
    family: 4 | 6,
    context: SteeringContext,
    named: ReadonlySet<string>,
    classes: number,
  ) {
    this.#exp = exp;
    this.#family = family;
    this.#context = context;
    this.#named = named;
    this.#distances = distancesTo(exp, context, classes);
    this.#prices = this.#perEndpoint(({ cost }) => cost);
  }

  #perEndpoint(value: (site: ResolvedSite) => number): Float64Array {
    return Float64Array.from(this.#exp.endpoints, (endpoint) => value(placeOf(endpoint, this.#context)));
  }

  /** @param down endpoints, by index, that are to be taken as down */
  plan(client: ClientLocality, down?: ReadonlySet<number>): Eligible {
    const { policy } = this.#exp;
    if (policy.matrix.length > 0) {
      // Every entry is a matter of its own.
      const { entries, failOpen } = planFor(this.#exp, this.#family, client, this.#context, down);
      return { endpoints: entries.map(({ endpoint }) => endpoint), failOpen };
    }
    const { endpoints, failOpen } =
      down === undefined
        ? this.#eligibleFor(client)
        : eligibleFor(this.#exp, this.#family, client, this.#context, down);
    const { latency, cost } = policy.objective;
    const distances = this.#distancesFrom(client);
    const penalties = this.#penaltiesOf(client);
    const prices = this.#prices;
    let least = Number.POSITIVE_INFINITY;
    const costs = endpoints.map((endpoint) => {
      const ms = distances === undefined ? penalties[endpoint]! : distances[endpoint]! + penalties[endpoint]!;
      const total = latency * ms + cost * prices[endpoint]!;
      if (total < least) least = total;
      return total;
    });
    const limit = least + policy.toleranceMs * latency;
    return { endpoints: endpoints.filter((_, place) => costs[place]! <= limit), failOpen };
  }

  #eligibleFor(client: ClientLocality): Eligible {
    const { policy } = this.#exp;
    const key = policy.rules.map((rule) => (matchesRule(rule, client, this.#context) ? '1' : '0')).join('');
    let eligible = this.#eligible.get(key);
    if (eligible === undefined) {
      eligible = eligibleFor(this.#exp, this.#family, client, this.#context);
      this.#eligible.set(key, eligible);
    }
    return eligible;
  }

  /** Milliseconds by endpoint; undefined from a client whose region is not known. */
  #distancesFrom(client: ClientLocality): Float64Array | undefined {
    const where = client.coordinates ?? client.region;
    let distances = this.#distances.get(where);
    if (distances === undefined && !this.#distances.has(where)) {
      const point = pointOf(client, this.#context);
      distances = point === undefined ? undefined : this.#perEndpoint((site) => distanceMs(point, site));
      this.#distances.set(where, distances);
    }
    return distances;
  }

  /** Milliseconds by endpoint. */
  #penaltiesOf(client: ClientLocality): Float64Array {
    const number = `AS${client.asn}`;
    const key = this.#named.has(number) ? `${client.isp} ${number}` : client.isp;
    let penalties = this.#penalties.get(key);
    if (penalties === undefined) {
      penalties = this.#perEndpoint((site) => ispPenaltyMs(this.#exp, site, client));
      this.#penalties.set(key, penalties);
    }
    return penalties;
  }
}

/** The ISPs that make a difference to an export. */
export function namedIsps(exp: ResolvedExport, context: SteeringContext): Set<string> {
  const named = new Set<string>();
  for (const endpoint of exp.endpoints) for (const isp of placeOf(endpoint, context).isps) named.add(isp);
  for (const rule of exp.policy.rules) for (const isp of rule.isps) named.add(isp);
  for (const { isp } of exp.policy.matrix) if (isp !== '') named.add(isp);
  return named;
}
