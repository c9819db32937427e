import type { ResolvedExport, ResolvedPolicy } from '../../model/resolved.ts';
import { clientTable, type ClientTable, type NearestSites } from './client-table.ts';
import { Eligibility, type Allowed, type Eligible } from './eligibility.ts';
import { matrixIndex } from './matrix-index.ts';
import { NearestEndpoints } from './nearest-endpoints.ts';
import type { ClientLocality, SteeringContext } from './input.ts';
import type { RuleSets } from './rule-sets.ts';

/** How many plans stand in, one after the other, until the export is planned anew. */
const STAND_INS = 2;

/** Where the same rules match at least this share of all clients, results are shared with other exports. */
const SHARED_FROM = 1 / 8;

/** The endpoints that serve clients of some localities, and what serves when none of them can. */
export interface ShapePlan {
  /** By index in the export. */
  readonly endpoints: readonly number[];
  /** Index of another plan of the shape. */
  readonly standIn: number | undefined;
}

export type PlanNumbers = Uint16Array | Uint32Array;

/** How an export divides its clients over endpoints, whatever these weigh. */
export interface Shape {
  /** Those of `planOf` come first. */
  readonly plans: readonly ShapePlan[];
  /** Per class of localities: index of its plan, below `parts`. Plans are numbered as they first appear here. */
  readonly planOf: PlanNumbers;
  /** Into so many parts all classes are divided. */
  readonly parts: number;
}

/** All clients that the same rules match have this in common. */
interface Way extends Eligible {
  readonly allowed: Allowed;
  /** Results that exports share, and by the index of a result: the index of its plan here + 1. */
  readonly shared: NearestSites | undefined;
  readonly planOfSet: number[];
}

/**
 * Plans an export for every class of localities, as `planFor` would for each. Weights matter only in being 0 or not:
 * shares are a matter of the moment.
 * @param classes a locality for each
 */
export function shapeOf(
  exp: ResolvedExport,
  family: 4 | 6,
  classes: readonly ClientLocality[],
  context: SteeringContext,
): Shape {
  return new ShapeMaker(exp, family, clientTable(classes, context.regions), context).make();
}

class ShapeMaker {
  readonly #table: ClientTable;
  readonly #eligibility: Eligibility;
  readonly #nearest: NearestEndpoints;
  readonly #rules: RuleSets | undefined;
  readonly #ways: (Way | undefined)[] = [];
  /** Plans of clients: their endpoints, and the first client that has them. */
  readonly #planned: { readonly endpoints: readonly number[]; readonly way: Way; readonly client: number }[] = [];
  readonly #byEndpoints = new Map<string, number>();
  readonly #standIns: ShapePlan[] = [];
  readonly #byContent = new Map<string, number>();

  constructor(exp: ResolvedExport, family: 4 | 6, table: ClientTable, context: SteeringContext) {
    this.#table = table;
    this.#eligibility = new Eligibility(exp, family);
    this.#nearest = new NearestEndpoints(exp, table, context);
    this.#rules = exp.policy.rules.length === 0 ? undefined : table.ruleSets(exp.policy.rules);
  }

  make(): Shape {
    const { length } = this.#table.clients;
    const wide = new Uint32Array(length);
    for (let client = 0; client < length; client++) wide[client] = this.#planOf(client);
    const first = this.#planned.length;
    const plans = this.#planned.map(({ endpoints, way, client }): ShapePlan => {
      const standIn = way.failOpen ? undefined : this.#standInFor(client, way, new Set(endpoints), STAND_INS);
      return { endpoints, standIn: standIn === undefined ? undefined : first + standIn };
    });
    const standIns = this.#standIns.map(({ endpoints, standIn }): ShapePlan => {
      return { endpoints, standIn: standIn === undefined ? undefined : first + standIn };
    });
    // Thousands of shapes are kept, with thousands of classes each.
    return { plans: [...plans, ...standIns], planOf: first <= 0x10000 ? new Uint16Array(wide) : wide, parts: first };
  }

  /** The plan of a client; a new one if no client before has these endpoints. */
  #planOf(client: number): number {
    const set = this.#rules?.of[client] ?? 0;
    const way = (this.#ways[set] ??= this.#wayOf(set));
    if (way.shared === undefined) return this.#number(this.#nearest.find(client, way.endpoints), way, client);
    const found = this.#nearest.findShared(client, way.endpoints, way.shared);
    const known = way.planOfSet[found] ?? 0;
    if (known > 0) return known - 1;
    const number = this.#number(way.shared.sets[found]!, way, client);
    way.planOfSet[found] = number + 1;
    return number;
  }

  #wayOf(set: number): Way {
    const allowed = this.#eligibility.allowed(this.#rules?.sets[set] ?? []);
    const eligible = this.#eligibility.find(allowed);
    const many = this.#rules === undefined || this.#rules.counts[set]! >= this.#table.clients.length * SHARED_FROM;
    return { ...eligible, allowed, shared: many ? this.#nearest.shared(eligible.endpoints) : undefined, planOfSet: [] };
  }

  #number(positions: readonly number[], way: Way, client: number): number {
    const endpoints = positions.map((position) => way.endpoints[position]!);
    const key = endpoints.join(' ');
    let number = this.#byEndpoints.get(key);
    if (number === undefined) {
      number = this.#planned.push({ endpoints, way, client }) - 1;
      this.#byEndpoints.set(key, number);
    }
    return number;
  }

  /** What stands in for endpoints that are down, by index in `#standIns`; undefined when nothing can. */
  #standInFor(client: number, way: Way, down: ReadonlySet<number>, left: number): number | undefined {
    if (left === 0) return undefined;
    const eligible = this.#eligibility.find(way.allowed, down);
    if (eligible.failOpen) return undefined;
    const endpoints = this.#nearest.find(client, eligible.endpoints).map((position) => eligible.endpoints[position]!);
    const standIn = this.#standInFor(client, way, new Set([...down, ...endpoints]), left - 1);
    const key = `${endpoints.join(' ')}>${standIn}`;
    let index = this.#byContent.get(key);
    if (index === undefined) this.#byContent.set(key, (index = this.#standIns.push({ endpoints, standIn }) - 1));
    return index;
  }
}

/** The ISPs that make a difference to a policy. */
export function namedIsps({ rules, matrix }: ResolvedPolicy): Set<string> {
  const named = new Set(rules.flatMap(({ isps }) => isps));
  if (matrix.length > 0) for (const isp of matrixIndex(matrix).isps) named.add(isp);
  return named;
}
