import { formatAddress, parseAddress } from '../../lib/address.ts';
import { suggest } from '../../lib/nearest.ts';
import type { DomainExport } from '../../model/domain-export.ts';
import type { ResolvedEndpoint } from '../../model/resolved.ts';
import type { Site } from '../../model/site.ts';
import type { StoredResource } from '../../model/stored.ts';
import type { WeightOverride } from '../../model/weight-override.ts';
import { backendSites } from './backend-sites.ts';
import type { Report } from './report.ts';

/** An override that is in force; undefined sites or addresses: all of the export's. */
export interface Override {
  readonly name: string;
  readonly reason: string;
  readonly sites: ReadonlySet<string> | undefined;
  readonly addresses: ReadonlySet<string> | undefined;
  readonly change: { readonly weight: number } | { readonly factor: number };
}

export interface OverrideContext {
  /** By `tenant/name`. */
  readonly exports: ReadonlyMap<string, DomainExport>;
  readonly sites: readonly string[];
  /** Those with clusters. */
  readonly clusters: ReadonlyMap<string, Site>;
  readonly now: Date;
  readonly report: Report;
}

/** The most that a weight times its factors can become, so that shares stay numbers. */
const MAX_WEIGHT = 1e9;

/** Overrides by `tenant/export`, each list in the order of their names, and when the first of them ends. */
export function resolveOverrides(
  overrides: readonly (readonly [WeightOverride, StoredResource])[],
  context: OverrideContext,
): { byExport: Map<string, Override[]>; firstExpiry: Date | undefined } {
  const byExport = new Map<string, Override[]>();
  let firstExpiry: Date | undefined;
  const byName = [...overrides].sort(([a], [b]) => (a.metadata.name < b.metadata.name ? -1 : 1));
  for (const [override, stored] of byName) {
    const { metadata, spec } = override;
    const key = `${metadata.tenant ?? 'default'}/${spec.export}`;
    const change = changeOf(override, stored, context.report);
    const expires = expiryOf(override, stored, context.report);
    const target = context.exports.get(key);
    if (target === undefined) {
      const [tenant] = key.split('/');
      const names = [...context.exports.keys()].filter((known) => known.startsWith(`${tenant}/`));
      const remedy = suggest(
        spec.export,
        names.map((known) => known.slice(tenant!.length + 1)),
        'its exports',
      );
      context.report.error(
        stored,
        'spec.export',
        `tenant \`${tenant}\` has no DomainExport \`${spec.export}\``,
        remedy,
      );
      continue;
    }
    checkTargets(override, target, stored, context);
    if (expires !== undefined && expires <= context.now) {
      const remedy = 'delete it, or give it a later time';
      context.report.warning(stored, 'spec.expires', `ended at ${spec.expires} and does nothing`, remedy);
      continue;
    }
    if (expires !== undefined && (firstExpiry === undefined || expires < firstExpiry)) firstExpiry = expires;
    if (change === undefined) continue;
    const list = byExport.get(key) ?? [];
    byExport.set(key, list);
    list.push({
      name: metadata.name,
      reason: spec.reason ?? '',
      sites: spec.sites === undefined ? undefined : new Set(spec.sites),
      addresses: spec.addresses === undefined ? undefined : new Set(spec.addresses.map(canonical)),
      change,
    });
  }
  return { byExport, firstExpiry };
}

const NONE: ResolvedEndpoint['overrides'] = [];

/** The weight that counts, and how it came to be: `weight` replaces, `factor` multiplies, one after the other. */
export function applyOverrides(
  address: string,
  site: string,
  ownWeight: number,
  overrides: readonly Override[],
): Pick<ResolvedEndpoint, 'weight' | 'overrides'> {
  if (overrides.length === 0) return { weight: ownWeight, overrides: NONE };
  let weight = ownWeight;
  const applied: { name: string; reason: string; weight: number }[] = [];
  for (const { name, reason, sites, addresses, change } of overrides) {
    if (sites?.has(site) === false || addresses?.has(address) === false) continue;
    weight = Math.min(MAX_WEIGHT, 'weight' in change ? change.weight : weight * change.factor);
    applied.push({ name, reason, weight });
  }
  return { weight, overrides: applied };
}

function changeOf({ spec }: WeightOverride, stored: StoredResource, report: Report): Override['change'] | undefined {
  const { weight, factor } = spec;
  if (weight !== undefined && factor === undefined) return { weight };
  if (factor !== undefined && weight === undefined) return { factor };
  if (weight === undefined) report.error(stored, 'spec', 'changes nothing', 'give it `weight` or `factor`');
  else report.error(stored, 'spec.factor', 'an override has either `weight` or `factor`', 'remove one of the two');
  return undefined;
}

function expiryOf({ spec }: WeightOverride, stored: StoredResource, report: Report): Date | undefined {
  if (spec.expires === undefined) return undefined;
  const expires = new Date(spec.expires);
  if (!Number.isNaN(expires.getTime())) return expires;
  const remedy = 'write it by RFC 3339: 2030-01-31T18:00:00Z';
  report.error(stored, 'spec.expires', `${JSON.stringify(spec.expires)} is not a date and time`, remedy);
  return undefined;
}

function checkTargets(
  { spec }: WeightOverride,
  target: DomainExport,
  stored: StoredResource,
  { sites, clusters, report }: OverrideContext,
): void {
  const own = target.spec.endpoints ?? [];
  const used = new Set([...own.map((endpoint) => endpoint.site), ...backendSites(target, clusters)]);
  for (const [index, site] of (spec.sites ?? []).entries()) {
    const field = `spec.sites[${index}]`;
    if (used.has(site)) continue;
    if (sites.includes(site)) {
      const remedy = 'add one there, or remove the site here';
      report.warning(stored, field, `the export has no endpoint at \`${site}\``, remedy);
    } else report.error(stored, field, `no site \`${site}\``, suggest(site, [...used], 'its sites'));
  }
  // Addresses of edge clusters come and go.
  if (target.spec.backends !== undefined) return;
  const known = own.map((endpoint) => canonical(endpoint.address));
  for (const [index, address] of (spec.addresses ?? []).entries()) {
    if (known.includes(canonical(address))) continue;
    const message = `the export has no endpoint \`${address}\``;
    report.error(stored, `spec.addresses[${index}]`, message, suggest(address, known, 'its endpoints'));
  }
}

function canonical(address: string): string {
  const parsed = parseAddress(address);
  return parsed === undefined ? address : formatAddress(parsed);
}
