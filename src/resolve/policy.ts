import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import { dirname } from 'node:path';
import { Interned } from '../lib/interned.ts';
import { suggest } from '../lib/nearest.ts';
import { ObjectNumbers } from '../lib/object-numbers.ts';
import { hasErrors } from '../lib/problem.ts';
import type { Policy } from '../model/domain-export.ts';
import type { MatrixEntry, ResolvedPolicy, ResolvedRule, ResolvedSite } from '../model/resolved.ts';
import { continentDoubt } from '../model/region-names.ts';
import type { StoredResource } from '../model/stored.ts';
import { readMatrix } from './matrix.ts';
import type { Report } from './report.ts';
import { checkIsps, checkRegion, type Places } from './sites.ts';
import type { ReadFile } from './read-inside.ts';

export interface PolicyContext {
  readonly stored: StoredResource;
  /** Sites where the export has endpoints. */
  readonly used: ReadonlySet<string>;
  readonly sites: readonly string[];
  readonly resolvedSites: ReadonlyMap<string, ResolvedSite>;
  readonly places: Places;
  readonly readMatrix: (path: string, stored: StoredResource, report: Report) => readonly MatrixEntry[];
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
    matrix: matrix === undefined ? NO_MATRIX : context.readMatrix(matrix, context.stored, context.report),
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
    const where = `${field}.clients.regions[${at}]`;
    checkRegion(region, stored, where, places, report);
    const doubt = continentDoubt(region, places.regions);
    // A configuration with a site in the country means the country.
    if (doubt !== undefined && !hasSiteIn(region, context)) report.warning(stored, where, doubt.message, doubt.remedy);
  }
  checkIsps(isps, stored, `${field}.clients.isps`, places, report);
  const deny = rule.deny ?? [];
  const hasBoth = rule.only !== undefined && rule.deny !== undefined;
  checkSites(rule.only ?? [], `${field}.only`, hasBoth ? '`only`' : 'the rule', context);
  checkSites(deny, `${field}.deny`, hasBoth ? '`deny`' : 'the rule', context);
  if (rule.only === undefined && rule.deny === undefined) {
    report.warning(stored, field, 'the rule does nothing', 'give it `only` or `deny`, or remove it');
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

function hasSiteIn(region: string, { resolvedSites, places }: PolicyContext): boolean {
  return [...resolvedSites.values()].some((site) => places.regions.contains(region, site.region));
}

function checkFailover(failover: readonly (readonly string[])[], context: PolicyContext): void {
  const tierOf = new Map<string, number>();
  for (const [tier, sites] of failover.entries()) {
    const field = `spec.policy.failover[${tier}]`;
    checkSites(sites, field, 'the tier', context);
    for (const [index, site] of sites.entries()) {
      const before = tierOf.get(site);
      tierOf.set(site, before ?? tier);
      if (before === undefined) continue;
      const message = `\`${site}\` is in ${before === tier ? 'this tier' : `failover[${before}]`} already`;
      context.report.error(context.stored, `${field}[${index}]`, message, 'name each site once');
    }
  }
}

/** @param list what goes with its last site: an empty list is not valid */
function checkSites(
  names: readonly string[],
  field: string,
  list: string,
  { sites, used, stored, report }: PolicyContext,
): void {
  for (const [index, name] of names.entries()) {
    if (used.has(name)) continue;
    const at = `${field}[${index}]`;
    if (!sites.includes(name)) report.error(stored, at, `no site \`${name}\``, suggest(name, sites, 'sites'));
    else {
      const remedy = `add one there, or remove ${names.length === 1 ? list : 'the site here'}`;
      report.warning(stored, at, `the export has no endpoint at \`${name}\``, remedy);
    }
  }
}

/** What came of a path in a resource. */
type FoundMatrix =
  | { readonly file: string; readonly entries: readonly MatrixEntry[]; readonly isSound: boolean }
  | { readonly message: string; readonly remedy: string };

/** Reads each matrix once, however many exports name it. The problems are told with the first of them. */
export function matrixReader(
  sites: readonly string[],
  places: Places,
  readFile: ReadFile,
): PolicyContext['readMatrix'] {
  /** By folder and path: a path is relative to the folder of the file that it stands in. */
  const byPath = new Map<string, FoundMatrix>();
  const byFile = new Map<string, FoundMatrix>();
  const look = (path: string, from: string, report: Report): FoundMatrix => {
    const read = readFile(path, from);
    if (!read.ok) return { message: `${path}: ${read.error}`, remedy: 'the path is relative to this file' };
    const { file, octets } = read.value;
    const before = byFile.get(file);
    if (before !== undefined) return before;
    if (!isUtf8(octets)) return { message: `${path} is not UTF-8`, remedy: 'save it as UTF-8' };
    const { entries, problems } = readMatrix(octets, file, sites, places);
    for (const problem of problems) report.problems.push(problem);
    const found = { file, entries, isSound: !hasErrors(problems) };
    byFile.set(file, found);
    return found;
  };
  return (path, stored, report) => {
    const key = `${dirname(stored.file)}\0${path}`;
    const before = byPath.get(key);
    const files = byFile.size;
    const found = before ?? look(path, stored.file, report);
    byPath.set(key, found);
    if ('message' in found) report.error(stored, 'spec.policy.matrix', found.message, found.remedy);
    else if (!found.isSound && byFile.size === files)
      report.error(stored, 'spec.policy.matrix', `${found.file} is invalid`, 'mend it');
    return 'message' in found ? NO_MATRIX : found.entries;
  };
}
