import type { ResolvedRule } from '../../model/resolved.ts';

/** Clients, told apart by what rules name: areas and ISPs. */
export interface RuleClients {
  /** Per client: index of its area, and of its ISP. */
  readonly areaOf: Uint32Array;
  readonly ispOf: Uint32Array;
  readonly perArea: { readonly length: number };
  readonly perIsp: { readonly length: number };
  /** Indexes of what a name means. */
  areasInside(region: string): readonly number[];
  ispsNamed(isp: string): readonly number[];
}

/** Which rules match which clients. Rules are told apart by region and by ISP alone, so both are looked at apart. */
export class RuleSets {
  /** Per client: index into `sets`. */
  readonly of: Uint32Array;
  /** Indexes of the rules that match, ascending. */
  readonly sets: readonly (readonly number[])[];
  /** Per set: how many clients have it. */
  readonly counts: readonly number[];

  constructor(rules: readonly ResolvedRule[], table: RuleClients) {
    const { areaOf, ispOf, perArea, perIsp } = table;
    const byRegion = matches(
      rules.map(({ regions }) => regions),
      perArea.length,
      (region) => table.areasInside(region),
    );
    const byIsp = matches(
      rules.map(({ isps }) => isps),
      perIsp.length,
      (isp) => table.ispsNamed(isp),
    );
    const sets: (readonly number[])[] = [];
    const counts: number[] = [];
    const numbers = new Map<string, number>();
    const pairs = new Int32Array(byRegion.lists.length * byIsp.lists.length).fill(-1);
    this.of = new Uint32Array(areaOf.length);
    for (let client = 0; client < areaOf.length; client++) {
      const regional = byRegion.of[areaOf[client]!]!;
      const local = byIsp.of[ispOf[client]!]!;
      const pair = regional * byIsp.lists.length + local;
      let number = pairs[pair]!;
      if (number < 0) {
        const isps = new Set(byIsp.lists[local]);
        const both = byRegion.lists[regional]!.filter((rule) => isps.has(rule));
        const key = both.join(' ');
        number = numbers.get(key) ?? sets.push(both) - 1;
        numbers.set(key, number);
        pairs[pair] = number;
        counts[number] ??= 0;
      }
      counts[number]!++;
      this.of[client] = number;
    }
    this.sets = sets;
    this.counts = counts;
  }
}

/**
 * The rules that pass each of some regions or ISPs.
 * @param named by rule: the names that pass it; none: all pass
 * @param inside indexes that a name means
 */
function matches(
  named: readonly (readonly string[])[],
  count: number,
  inside: (name: string) => readonly number[],
): { of: Uint32Array; lists: number[][] } {
  const passed: (number[] | undefined)[] = Array.from({ length: count });
  for (const [rule, names] of named.entries()) {
    for (const name of names) {
      for (const index of inside(name)) {
        const own = (passed[index] ??= []);
        // Two of a rule's names may mean one region, one around the other.
        if (own.at(-1) !== rule) own.push(rule);
      }
    }
  }
  const lists: number[][] = [];
  const numbers = new Map<string, number>();
  const of = new Uint32Array(count);
  for (let index = 0; index < count; index++) {
    const own = passed[index] ?? [];
    const key = own.join(' ');
    let number = numbers.get(key);
    if (number === undefined) {
      number = lists.push([...named.keys()].filter((rule) => named[rule]!.length === 0 || own.includes(rule))) - 1;
      numbers.set(key, number);
    }
    of[index] = number;
  }
  return { of, lists };
}
