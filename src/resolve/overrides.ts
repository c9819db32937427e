import { formatAddress, parseAddress } from '../lib/address.ts';
import { suggest } from '../lib/nearest.ts';
import type { DomainExport } from '../model/domain-export.ts';
import { DEFAULT_TENANT } from '../model/kinds.ts';
import type { ResolvedEndpoint } from '../model/resolved.ts';
import type { Site } from '../model/site.ts';
import type { StoredResource } from '../model/stored.ts';
import type { WeightOverride } from '../model/weight-override.ts';
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
  readonly report: Report;
}

/** The most that a weight times its factors can become, so that shares stay numbers. */
const MAX_WEIGHT = 1e9;

/** An override that says what to do to which export. */
export interface ResolvedOverride {
  /** `tenant/name` of the export. */
  readonly target: string;
  readonly override: Override;
  /** Undefined: it does not end by itself. */
  readonly expires: Date | undefined;
  readonly stored: StoredResource;
}

/** Follows one override to its export. Undefined, and an error is reported, when it cannot be used. */
export function resolveOverride(
  override: WeightOverride,
  stored: StoredResource,
  context: OverrideContext,
): ResolvedOverride | undefined {
  const { metadata, spec } = override;
  const { exports, report } = context;
  const tenant = metadata.tenant ?? DEFAULT_TENANT;
  const target = `${tenant}/${spec.export}`;
  const change = changeOf(override, stored, report);
  const expires = expiryOf(override, stored, report);
  const exp = exports.get(target);
  if (exp === undefined) {
    const names = [...exports.keys()].filter((known) => known.startsWith(`${tenant}/`));
    const own = names.map((known) => known.slice(tenant.length + 1));
    // Only exports that follow from annotations have names with dots, and they come and go with edge clusters.
    if (spec.export.includes('.') && context.clusters.size > 0) {
      const message = `no edge cluster is seen to claim \`${spec.export}\``;
      report.warning(stored, 'spec.export', message, 'the override waits for it; or correct the name');
      return undefined;
    }
    const message = `tenant \`${tenant}\` has no DomainExport \`${spec.export}\``;
    report.error(stored, 'spec.export', message, suggest(spec.export, own, 'its exports'));
    return undefined;
  }
  checkTargets(override, exp, stored, context);
  if (change === undefined) return undefined;
  const sites = spec.sites === undefined ? undefined : new Set(spec.sites);
  const addresses = spec.addresses === undefined ? undefined : new Set(spec.addresses.map(canonical));
  const named = { name: metadata.name, reason: spec.reason ?? '', sites, addresses, change };
  return { target, override: named, expires, stored };
}

/** Overrides in force by `tenant/export`, each list in the order of their names, and when the first of them ends. */
export function overridesInForce(
  all: readonly ResolvedOverride[],
  now: Date,
  report: Report,
): { byExport: Map<string, Override[]>; firstExpiry: Date | undefined } {
  const byExport = new Map<string, Override[]>();
  let firstExpiry: Date | undefined;
  const byName = [...all].sort((a, b) => (a.override.name < b.override.name ? -1 : 1));
  for (const { target, override, expires, stored } of byName) {
    if (expires !== undefined && expires <= now) {
      const { expires: written } = (stored.resource as WeightOverride).spec;
      const remedy = 'delete it, or give it a later time';
      report.warning(stored, 'spec.expires', `ended at ${written} and does nothing`, remedy);
      continue;
    }
    if (expires !== undefined && (firstExpiry === undefined || expires < firstExpiry)) firstExpiry = expires;
    const list = byExport.get(target);
    if (list === undefined) byExport.set(target, [override]);
    else list.push(override);
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
      // Without its list of sites it would apply to all.
      const remedy = `add one there, or ${spec.sites?.length === 1 ? 'delete the override' : 'remove the site here'}`;
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
