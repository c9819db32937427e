import { shared, U32Column } from '../lib/column.ts';
import type { PrefixTable } from '../geo/lookup.ts';
import { buildPrefixTable } from '../geo/mod.ts';
import type { LocalityMap, Ranges } from '../geo/ranges.ts';
import type { ResolvedExport } from '../model/resolved.ts';
import { planClasses } from '../steering/plan/classes.ts';
import { groupPartitions } from '../steering/plan/partition.ts';
import type { Plan, SteeringContext } from '../steering/plan/plan.ts';
import { buildPlanTable } from '../steering/plan/table-build.ts';
import { markPrivate } from './private.ts';
import { NONE, type Snapshot } from './snapshot.ts';

/** A class that no map has: values of prefix tables have 24 bits. */
export const PRIVATE_CLASS = 0xffffff;

type SteeringTables = Pick<Snapshot, 'exports' | 'maps' | 'privateClass' | 'plans' | 'failOpen' | 'addresses'>;

/** Plans of all exports for all clients, and the maps that lead to them. */
export function compileExports(
  exports: readonly ResolvedExport[],
  context: SteeringContext,
  geo: LocalityMap,
): SteeringTables {
  const plans: { plan: Plan; firstEndpoint: number }[] = [];
  const planOfs: Uint32Array[] = [];
  const firstPlans: number[] = [];
  const slots: number[] = [];
  const addresses = new Uint8Array(16 * exports.reduce((sum, exp) => sum + exp.endpoints.length, 0));
  const endpoints: string[] = [];
  for (const [index, exp] of exports.entries()) {
    const firstEndpoint = endpoints.length;
    for (const endpoint of exp.endpoints) {
      addresses.set(endpoint.bytes, endpoints.length * 16);
      endpoints.push(`${exp.tenant}/${exp.name}/${endpoint.address}`);
    }
    for (const family of [4, 6] as const) {
      if (!exp.endpoints.some((endpoint) => endpoint.family === family)) continue;
      const classes = planClasses(exp, family, geo.localities, context);
      slots.push(index * 2 + (family === 4 ? 0 : 1));
      planOfs.push(classes.planOf);
      firstPlans.push(plans.length);
      for (const plan of classes.plans) plans.push({ plan, firstEndpoint });
    }
  }
  const { maps, mapOf, planOfClass } = groupPartitions(planOfs);
  const count = exports.length * 2;
  const map = shared(Uint32Array, Array.from<number>({ length: count }).fill(NONE));
  const firstPlan = shared(Uint32Array, Array.from<number>({ length: count }).fill(NONE));
  const unknownPlan = shared(Uint32Array, Array.from<number>({ length: count }).fill(NONE));
  const planOf = new U32Column();
  for (const [i, slot] of slots.entries()) {
    map[slot] = mapOf[i]!;
    firstPlan[slot] = planOf.length;
    unknownPlan[slot] = firstPlans[i]! + planOfs[i]![0]!;
    for (const plan of planOfClass[i]!) planOf.push(firstPlans[i]! + plan);
  }
  return {
    exports: {
      map,
      firstPlan,
      plans: planOf.toShared(),
      unknownPlan,
      ttl: shared(
        Uint32Array,
        exports.map((exp) => exp.policy.ttl),
      ),
      maxAnswers: shared(
        Uint8Array,
        exports.map((exp) => exp.policy.maxAnswers),
      ),
      spread4: shared(
        Uint8Array,
        exports.map((exp) => exp.policy.spread.ipv4),
      ),
      spread6: shared(
        Uint8Array,
        exports.map((exp) => exp.policy.spread.ipv6),
      ),
      names: exports.map((exp) => `${exp.tenant}/${exp.name}`),
    },
    maps: buildMaps(maps, geo),
    privateClass: PRIVATE_CLASS,
    plans: buildPlanTable(plans, endpoints),
    failOpen: shared(
      Uint8Array,
      plans.map(({ plan }) => (plan.failOpen ? 1 : 0)),
    ),
    addresses: shared(Uint8Array, addresses),
  };
}

/** What maps are made from and were made before, per geo data: both outlive many configurations. */
interface MadeMaps {
  readonly ranges: Ranges;
  readonly tables: { readonly classes: Uint32Array; readonly table: PrefixTable }[];
}

const madeMaps = new WeakMap<LocalityMap, MadeMaps>();

function buildMaps(maps: readonly Uint32Array[], geo: LocalityMap): PrefixTable[] {
  const unplaced = geo.localities.length;
  let made = madeMaps.get(geo);
  if (made === undefined) {
    made = { ranges: markPrivate(geo.ranges, unplaced), tables: [] };
    madeMaps.set(geo, made);
  }
  const { ranges, tables } = made;
  const used = maps.map((classes) => {
    const before = tables.find((each) => equal(each.classes, classes));
    if (before !== undefined) return before;
    const classOf = new Uint32Array(unplaced + 1);
    classOf.set(classes);
    classOf[unplaced] = PRIVATE_CLASS;
    return { classes, table: buildPrefixTable(ranges, classOf) };
  });
  // Only those of the newest configuration are kept.
  tables.splice(0, tables.length, ...used);
  return used.map(({ table }) => table);
}

function equal(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}
