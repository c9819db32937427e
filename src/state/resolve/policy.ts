import { hash } from 'node:crypto';
import { dirname } from 'node:path';
import { Interned } from '../../lib/interned.ts';
import { suggest } from '../../lib/nearest.ts';
import { ObjectNumbers } from '../../lib/object-numbers.ts';
import { ok, type Result } from '../../lib/result.ts';
import type { Policy } from '../../model/domain-export.ts';
import type { MatrixEntry, ResolvedPolicy, ResolvedRule } from '../../model/resolved.ts';
import type { StoredResource } from '../../model/stored.ts';
import { readMatrix } from './matrix.ts';
import type { Report } from './report.ts';
import { checkIsps, checkRegion, type Places } from './sites.ts';
import type { ReadText } from './zones.ts';

export interface PolicyContext {
  readonly stored: StoredResource;
  /** Sites where the export has endpoints. */
  readonly used: ReadonlySet<string>;
  readonly sites: readonly string[];
  readonly places: Places;
  readonly readMatrix: (path: string, stored: StoredResource) => readonly MatrixEntry[];
  readonly report: Report;
}

const OBJECTIVES = {
  latency: { latency: 1, cost: 0 },
  cost: { latency: 0, cost: 1 },
  none: { latency: 0, cost: 0 },
} as const;

const policies = new Interned<ResolvedPolicy>();
const NO_MATRIX: readonly MatrixEntry[] = [];

const matrixNumbers = new ObjectNumbers();

/** The policy with its defaults filled in: one object for all exports whose policies say the same. */
export function resolvePolicy(policy: Policy, context: PolicyContext): ResolvedPolicy {
  const { rules = [], failover = [], objective = 'latency', matrix, spread = {} } = policy;
  checkFailover(failover, context);
  const resolved: ResolvedPolicy = {
    matrix: matrix === undefined ? NO_MATRIX : context.readMatrix(matrix, context.stored),
    rules: rules.map((rule, index) => resolveRule(rule, index, context)),
    failover,
    objective: typeof objective === 'string' ? OBJECTIVES[objective] : objective,
    ispPenaltyMs: policy.ispPenaltyMs ?? 30,
    toleranceMs: policy.toleranceMs ?? 5,
    maxAnswers: policy.maxAnswers ?? 1,
    ttl: policy.ttl ?? 20,
    spread: { ipv4: spread.ipv4 ?? 16, ipv6: spread.ipv6 ?? 32 },
  };
  const { matrix: measured, ...written } = resolved;
  const content = JSON.stringify([written, matrixNumbers.of(measured)]);
  // A copy: its texts must not keep the whole text of the file alive, which will be read again and again.
  return policies.get(hash('sha256', content, 'base64'), () => ({ ...structuredClone(written), matrix: measured }));
}

function resolveRule(rule: NonNullable<Policy['rules']>[number], index: number, context: PolicyContext): ResolvedRule {
  const { stored, used, places, report } = context;
  const field = `spec.policy.rules[${index}]`;
  const { regions = [], isps = [] } = rule.clients;
  for (const [at, region] of regions.entries()) {
    checkRegion(region, stored, `${field}.clients.regions[${at}]`, places, report);
  }
  checkIsps(isps, stored, `${field}.clients.isps`, places, report);
  const deny = rule.deny ?? [];
  checkSites(rule.only ?? [], `${field}.only`, context);
  checkSites(deny, `${field}.deny`, context);
  if (rule.only === undefined && rule.deny === undefined) {
    report.warning(stored, field, 'the rule does nothing', 'give it `only` or `deny`');
  }
  const denied = new Set(deny);
  if (used.size > 0 && [...used].every((site) => denied.has(site))) {
    const remedy = 'leave at least one site that may serve these clients';
    report.error(stored, `${field}.deny`, 'denies every site that the export has endpoints at', remedy);
  } else if (rule.only !== undefined && rule.only.every((site) => denied.has(site))) {
    report.error(stored, `${field}.deny`, 'denies every site that `only` allows', 'remove them from one of the two');
  }
  return { name: rule.name ?? `rules[${index}]`, regions, isps, only: rule.only, deny };
}

function checkFailover(failover: readonly (readonly string[])[], context: PolicyContext): void {
  const tierOf = new Map<string, number>();
  for (const [tier, sites] of failover.entries()) {
    const field = `spec.policy.failover[${tier}]`;
    checkSites(sites, field, context);
    for (const [index, site] of sites.entries()) {
      const before = tierOf.get(site);
      tierOf.set(site, before ?? tier);
      if (before === undefined) continue;
      const message = `\`${site}\` is in ${before === tier ? 'this tier' : `failover[${before}]`} already`;
      context.report.error(context.stored, `${field}[${index}]`, message, 'name each site once');
    }
  }
}

function checkSites(names: readonly string[], field: string, { sites, used, stored, report }: PolicyContext): void {
  for (const [index, name] of names.entries()) {
    if (used.has(name)) continue;
    const at = `${field}[${index}]`;
    if (!sites.includes(name)) report.error(stored, at, `no site \`${name}\``, suggest(name, sites, 'sites'));
    else
      report.warning(stored, at, `the export has no endpoint at \`${name}\``, 'add one there, or remove the site here');
  }
}

/** Reads each matrix once, however many exports name it. */
export function matrixReader(
  sites: readonly string[],
  places: Places,
  readText: ReadText,
  report: Report,
): PolicyContext['readMatrix'] {
  /** By folder and path: a path is relative to the folder of the file that it stands in. */
  const named = new Map<string, Result<readonly MatrixEntry[], string>>();
  const read = new Map<string, readonly MatrixEntry[]>();
  const look = (path: string, from: string): Result<readonly MatrixEntry[], string> => {
    const text = readText(path, from);
    if (!text.ok) return text;
    const { file } = text.value;
    const before = read.get(file);
    if (before !== undefined) return ok(before);
    const { entries, problems } = readMatrix(text.value.text, file, sites, places);
    for (const problem of problems) report.problems.push(problem);
    read.set(file, entries);
    return ok(entries);
  };
  return (path, stored) => {
    const key = `${dirname(stored.file)}\0${path}`;
    let matrix = named.get(key);
    if (matrix === undefined) named.set(key, (matrix = look(path, stored.file)));
    if (matrix.ok) return matrix.value;
    report.error(stored, 'spec.policy.matrix', `${path}: ${matrix.error}`, 'the path is relative to this file');
    return NO_MATRIX;
  };
}
