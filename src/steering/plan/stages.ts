import type { ResolvedEndpoint, ResolvedExport, ResolvedRule } from '../../model/resolved.ts';
import { nearness, sharesIsp, placeOf } from './nearness.ts';
import type { ClientLocality, SteeringContext } from './input.ts';

/** An endpoint on its way through the stages. */
export interface Candidate {
  /** Index in the export. */
  readonly index: number;
  readonly endpoint: ResolvedEndpoint;
}

/** What a stage did to one endpoint. */
export interface Effect {
  readonly address: string;
  readonly site: string;
  readonly kept: boolean;
  /** Why, in words and numbers. */
  readonly note: string;
}

/** What a stage did: `explain` prints these. */
export interface StageRecord {
  readonly stage: string;
  /** What it decided, in one sentence. */
  readonly decision: string;
  readonly effects: readonly Effect[];
}

/** What stages work on. One stage after the other narrows `candidates`; the last gives `shares`. */
export interface Steering {
  readonly exp: ResolvedExport;
  readonly client: ClientLocality;
  readonly context: SteeringContext;
  candidates: readonly Candidate[];
  /** Endpoints, by index, that are to be taken as down. */
  readonly down: ReadonlySet<number> | undefined;
  /** All were down, and are treated as if all were up. */
  failOpen: boolean;
  /** Shares of the candidates, adding up to 1. */
  shares: readonly number[];
  /** Absent when nobody asks why. */
  readonly records: StageRecord[] | undefined;
}

interface Stage {
  readonly name: string;
  run(steering: Steering): void;
}

/**
 * Keeps candidates that pass, unless none would.
 * @returns false when none passed, and all were kept
 */
function narrow(
  s: Steering,
  stage: string,
  passes: (candidate: Candidate, place: number) => boolean,
  say: Words,
): boolean {
  const before = s.candidates;
  const kept = before.filter(passes);
  const nothing = kept.length === 0;
  if (!nothing) s.candidates = kept;
  if (s.records !== undefined) {
    const now = new Set(s.candidates);
    s.records.push({
      stage,
      decision: nothing ? say.nothing : kept.length === before.length ? say.all : say.some,
      effects: before.map((c, place) => ({
        address: c.endpoint.address,
        site: c.endpoint.site,
        kept: now.has(c),
        note: say.note(c, passes(c, place), place),
      })),
    });
  }
  return !nothing;
}

interface Words {
  readonly all: string;
  readonly some: string;
  readonly nothing: string;
  note(candidate: Candidate, passes: boolean, place: number): string;
}

/** Whether a rule is for a client. */
export function matchesRule(rule: ResolvedRule, client: ClientLocality, context: SteeringContext): boolean {
  if (rule.regions.length > 0 && !rule.regions.some((region) => context.regions.contains(region, client.region)))
    return false;
  return rule.isps.length === 0 || sharesIsp(rule.isps, client);
}

/** `deny` holds over everything, health included; only an answer without any address would be worse. */
const denied: Stage = {
  name: 'deny',
  run(s) {
    const rules = s.exp.policy.rules.filter((rule) => rule.deny.length > 0 && matchesRule(rule, s.client, s.context));
    const ruleAgainst = ({ endpoint }: Candidate): string | undefined =>
      rules.find((rule) => rule.deny.includes(endpoint.site))?.name;
    narrow(s, this.name, (candidate) => ruleAgainst(candidate) === undefined, {
      all: rules.length === 0 ? 'no rule denies this client anything' : 'no endpoint is at a denied site',
      some: `denied by ${rules.map(({ name }) => name).join(', ')}`,
      nothing: 'every endpoint is denied; ignored, since an empty answer would be worse',
      note: (candidate, passes) => (passes ? 'allowed' : `denied by ${ruleAgainst(candidate)}`),
    });
  },
};

const healthy: Stage = {
  name: 'health',
  run(s) {
    const someUp = narrow(s, this.name, ({ index, endpoint }) => endpoint.up && s.down?.has(index) !== true, {
      all: 'all are up',
      some: 'those that are down get no clients',
      nothing: 'all are down: answered as if all were up',
      note: (_, up) => (up ? 'up' : 'down'),
    });
    s.failOpen = !someUp;
  },
};

/** Weight 0 drains an endpoint: it serves only when nothing else can. */
const drained: Stage = {
  name: 'drain',
  run(s) {
    narrow(s, this.name, ({ endpoint }) => endpoint.weight > 0, {
      all: 'none is drained',
      some: 'weight 0 gets no clients',
      nothing: 'all that are left have weight 0: they share equally',
      note: ({ endpoint }) => `weight ${endpoint.weight}`,
    });
  },
};

/** The first matching rule with `only` decides; it gives way when none of its sites can serve. */
const only: Stage = {
  name: 'only',
  run(s) {
    const rule = s.exp.policy.rules.find((each) => each.only !== undefined && matchesRule(each, s.client, s.context));
    const sites = rule?.only;
    narrow(s, this.name, ({ endpoint }) => sites === undefined || sites.includes(endpoint.site), {
      all: rule === undefined ? 'no rule ties this client to sites' : `${rule.name} allows all that are left`,
      some: `${rule?.name} ties this client to ${sites?.join(', ')}`,
      nothing: `${rule?.name} names ${sites?.join(', ')}, none of which can serve: all are considered`,
      note: (_, passes) => (passes ? 'allowed' : `not in ${rule?.name}`),
    });
  },
};

const failover: Stage = {
  name: 'failover',
  run(s) {
    const tiers = s.exp.policy.failover;
    const tierOf = ({ endpoint }: Candidate): number => {
      const tier = tiers.findIndex((sites) => sites.includes(endpoint.site));
      return tier < 0 ? tiers.length : tier;
    };
    const best = Math.min(...s.candidates.map(tierOf));
    narrow(s, this.name, (candidate) => tierOf(candidate) === best, {
      all: tiers.length === 0 ? 'no tiers: all sites are equal' : `all are in tier ${best + 1}`,
      some: `tier ${best + 1} is the first that can serve`,
      nothing: '',
      note: (candidate) => (tiers.length === 0 ? 'one tier' : `tier ${tierOf(candidate) + 1}`),
    });
  },
};

/** Keeps what costs at most `toleranceMs` more than the cheapest. */
const nearest: Stage = {
  name: 'nearness',
  run(s) {
    const { objective, toleranceMs } = s.exp.policy;
    const near = s.candidates.map(({ endpoint }) => nearness(s.exp, placeOf(endpoint, s.context), s.client, s.context));
    // Where a region is not known its distance is the same to all; a site with a measured figure cannot be compared.
    const comparable = near.every(({ ms }) => ms !== undefined);
    const costs = s.candidates.map(({ endpoint }, i) => {
      const { ms, penaltyMs } = near[i]!;
      const latency = comparable ? ms! : penaltyMs;
      return objective.latency * latency + objective.cost * placeOf(endpoint, s.context).cost;
    });
    const least = Math.min(...costs);
    const limit = least + toleranceMs * objective.latency;
    const note = ({ endpoint }: Candidate, place: number): string => {
      const { ms, km, penaltyMs, measured } = near[place]!;
      const parts: string[] = [];
      if (measured !== undefined) parts.push(`${measured.ms} ms measured`);
      else if (km !== undefined) parts.push(`${Math.round(km)} km, ${round(estimateOf(ms!, penaltyMs))} ms estimated`);
      else parts.push('distance not known');
      if (penaltyMs > 0) parts.push(`+${penaltyMs} ms for leaving the ISP`);
      if (objective.cost > 0) parts.push(`cost ${placeOf(endpoint, s.context).cost}`);
      parts.push(`total ${round(costs[place]!)}`);
      return parts.join(', ');
    };
    const weightsOnly = objective.latency === 0 && objective.cost === 0;
    narrow(s, this.name, (_, place) => costs[place]! <= limit, {
      all: weightsOnly
        ? 'the policy has no objective: weights alone'
        : `all are within ${toleranceMs} ms of the nearest`,
      some: `the nearest costs ${round(least)}; those up to ${round(limit)} share its clients`,
      nothing: '',
      note: (candidate, _, place) => note(candidate, place),
    });
  },
};

function estimateOf(ms: number, penaltyMs: number): number {
  return ms - penaltyMs;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

const byWeight: Stage = {
  name: 'weights',
  run(s) {
    const total = s.candidates.reduce((sum, { endpoint }) => sum + endpoint.weight, 0);
    s.shares = s.candidates.map(({ endpoint }) => (total > 0 ? endpoint.weight / total : 1 / s.candidates.length));
    s.records?.push({
      stage: this.name,
      decision: total > 0 ? 'clients are shared by weight' : 'clients are shared equally',
      effects: s.candidates.map(({ endpoint }, i) => ({
        address: endpoint.address,
        site: endpoint.site,
        kept: true,
        note: `${weightNote(endpoint)}, share ${round(s.shares[i]! * 100)} %`,
      })),
    });
  },
};

function weightNote(endpoint: ResolvedEndpoint): string {
  const changes = endpoint.overrides.map(
    ({ name, reason, weight }) => `${name} made it ${weight}${reason === '' ? '' : ` (${reason})`}`,
  );
  return changes.length === 0 ? `weight ${endpoint.weight}` : `weight ${endpoint.ownWeight}, ${changes.join(', ')}`;
}

/** The policy, in the order in which it is applied. `Eligibility` and `NearestEndpoints` do the same for many clients. */
export const STAGES: readonly Stage[] = [denied, healthy, drained, only, failover, nearest, byWeight];
