import type { ResolvedExport, ResolvedRule } from '../../model/resolved.ts';

/** The endpoints among which nearness decides. */
export interface Eligible {
  /** By index in the export, ascending. */
  readonly endpoints: readonly number[];
  /** All were down, and are treated as if all were up. */
  readonly failOpen: boolean;
}

/** The endpoints of an export as the rules leave them to a client. */
export interface Allowed {
  /** Those that no rule denies; all if every one is denied. */
  readonly endpoints: readonly number[];
  /** Sites of the first rule with `only`. */
  readonly only: ReadonlySet<string> | undefined;
}

/** The stages before nearness, from `deny` to `failover`, for many clients of one export. */
export class Eligibility {
  readonly #own: readonly number[];
  readonly #rules: readonly ResolvedRule[];
  /** Per endpoint. */
  readonly #sites: readonly string[];
  readonly #up: readonly boolean[];
  readonly #drained: readonly boolean[];
  readonly #tiers: readonly number[] | undefined;

  constructor({ endpoints, policy }: ResolvedExport, family: 4 | 6) {
    const { rules, failover } = policy;
    this.#own = [...endpoints.keys()].filter((index) => endpoints[index]!.family === family);
    this.#rules = rules;
    this.#sites = endpoints.map(({ site }) => site);
    this.#up = endpoints.map(({ up }) => up);
    this.#drained = endpoints.map(({ weight }) => weight <= 0);
    if (failover.length > 0) {
      const tierOf = new Map<string, number>();
      for (const [tier, sites] of failover.entries())
        for (const site of sites) if (!tierOf.has(site)) tierOf.set(site, tier);
      this.#tiers = this.#sites.map((site) => tierOf.get(site) ?? failover.length);
    }
  }

  /** @param matching indexes of the rules that match the client, ascending */
  allowed(matching: readonly number[]): Allowed {
    const denied = new Set(matching.flatMap((rule) => this.#rules[rule]!.deny));
    const left = denied.size === 0 ? this.#own : this.#own.filter((index) => !denied.has(this.#sites[index]!));
    const deciding = matching.find((rule) => this.#rules[rule]!.only !== undefined);
    return {
      endpoints: left.length === 0 ? this.#own : left,
      only: deciding === undefined ? undefined : new Set(this.#rules[deciding]!.only),
    };
  }

  /** @param down endpoints, by index, that are to be taken as down whatever they are */
  find({ endpoints, only }: Allowed, down?: ReadonlySet<number>): Eligible {
    let healthy: number[] = [];
    for (const index of endpoints) if (this.#up[index]! && down?.has(index) !== true) healthy.push(index);
    const failOpen = healthy.length === 0;
    if (failOpen) healthy = [...endpoints];
    let left: number[] = [];
    for (const index of healthy) if (!this.#drained[index]!) left.push(index);
    if (left.length === 0) left = healthy;
    if (only !== undefined) {
      const tied = left.filter((index) => only.has(this.#sites[index]!));
      if (tied.length > 0) left = tied;
    }
    const tiers = this.#tiers;
    if (tiers !== undefined) {
      let best = Number.POSITIVE_INFINITY;
      for (const index of left) if (tiers[index]! < best) best = tiers[index]!;
      left = left.filter((index) => tiers[index] === best);
    }
    return { endpoints: left, failOpen };
  }
}
