import { formatAddress, parseAddress, type Address } from '../lib/address.ts';
import { suggest } from '../lib/nearest.ts';
import type { DomainExport } from '../model/domain-export.ts';
import { DEFAULT_TENANT, ownerOf } from '../model/kinds.ts';
import type { ResolvedEndpoint, ResolvedExport } from '../model/resolved.ts';
import type { StoredResource } from '../model/stored.ts';
import { backendSites } from './backend-sites.ts';
import { backendEndpoints, checkBackends, type BackendContext } from './backends.ts';
import { resolveHosts, type Claims } from './hosts.ts';
import { applyOverrides, type Override } from './overrides.ts';
import { resolvePolicy, type PolicyContext } from './policy.ts';
import type { ServedZone } from './zones.ts';

export interface ExportContext
  extends Pick<PolicyContext, 'sites' | 'places' | 'readMatrix' | 'report'>, Omit<BackendContext, 'places'> {
  readonly zones: ReadonlyMap<string, ServedZone>;
  readonly claims: Claims;
  readonly overrides: readonly Override[];
  /** Sites that are declared and cannot be used. */
  readonly invalidSites: ReadonlySet<string>;
}

/** @param owner who has its hosts */
export function resolveExport(
  exp: DomainExport,
  stored: StoredResource,
  context: ExportContext,
  owner = ownerOf(exp),
): ResolvedExport {
  const { metadata, spec } = exp;
  const tenant = metadata.tenant ?? DEFAULT_TENANT;
  const hosts = resolveHosts(exp, owner, stored, context.zones, context.claims, context.report);
  if (spec.endpoints === undefined && spec.backends === undefined) {
    context.report.error(stored, 'spec', 'an export needs `endpoints` or `backends`', 'add one of the two');
  }
  checkBackends(exp, stored, context.sites, context.clusters, context.report);
  const own = ownEndpoints(exp, stored, context);
  const endpoints = withBackends(exp, stored, own, context);
  const used = new Set<string>();
  for (const { site } of spec.endpoints ?? []) if (isDeclared(site, context)) used.add(site);
  for (const site of backendSites(exp, context.clusters)) if (isDeclared(site, context)) used.add(site);
  const policy = resolvePolicy(spec.policy ?? {}, { ...context, stored, used });
  const { maxChange } = spec;
  return { tenant, name: metadata.name, hosts, endpoints, policy, ...(maxChange === undefined ? {} : { maxChange }) };
}

/** Whether there is a Site of that name, be it valid or not. */
function isDeclared(
  site: string,
  { resolvedSites, invalidSites }: Pick<ExportContext, 'resolvedSites' | 'invalidSites'>,
): boolean {
  return resolvedSites.has(site) || invalidSites.has(site);
}

/** The export as its backends are seen now: nothing else of it can have changed. */
export function observeExport(
  exp: DomainExport,
  stored: StoredResource,
  before: ResolvedExport,
  context: BackendContext,
): ResolvedExport {
  const own = before.endpoints.filter(({ observed }) => observed === undefined);
  return { ...before, endpoints: withBackends(exp, stored, own, context) };
}

function withBackends(
  exp: DomainExport,
  stored: StoredResource,
  own: readonly ResolvedEndpoint[],
  context: BackendContext,
): readonly ResolvedEndpoint[] {
  if (exp.spec.backends === undefined) return own;
  const addresses = new Set(own.map(({ address }) => address));
  return [...own, ...backendEndpoints(exp, stored, addresses, context)];
}

function ownEndpoints({ spec }: DomainExport, stored: StoredResource, context: ExportContext): ResolvedEndpoint[] {
  const { sites, overrides, report, invalidSites } = context;
  const endpoints: ResolvedEndpoint[] = [];
  const indexOf = new Map<string, number>();
  for (const [index, endpoint] of (spec.endpoints ?? []).entries()) {
    // There may be hundreds of thousands: a field is written out only for a problem.
    const field = (name: string): string => `spec.endpoints[${index}].${name}`;
    if (!isDeclared(endpoint.site, context)) {
      report.error(stored, field('site'), `no site \`${endpoint.site}\``, suggest(endpoint.site, sites, 'sites'));
    }
    const parsed = parseAddress(endpoint.address);
    if (parsed === undefined) {
      const remedy = addressRemedy(endpoint.address);
      report.error(stored, field('address'), `\`${endpoint.address}\` is not an IP address`, remedy);
      continue;
    }
    const address = formatAddress(parsed);
    if (isNoHost(parsed)) {
      const message = `${address} is no address of a host`;
      report.error(stored, field('address'), message, 'write one that clients can connect to');
    }
    const before = indexOf.get(address);
    if (before !== undefined) {
      const message = `${address} is the address of endpoints[${before}] already`;
      report.error(stored, field('address'), message, 'remove one of the two');
    }
    indexOf.set(address, before ?? index);
    // The Site's own problem says why.
    if (invalidSites.has(endpoint.site)) continue;
    const ownWeight = endpoint.weight ?? 1;
    const { site, health = 'up' } = endpoint;
    const { family, bytes } = parsed;
    const { weight, overrides: applied } = applyOverrides(address, site, ownWeight, overrides);
    endpoints.push({ address, family, bytes, site, weight, ownWeight, overrides: applied, up: health === 'up' });
  }
  const written = (spec.endpoints ?? []).length;
  if (endpoints.length === 0 && written > 0 && spec.backends === undefined) {
    report.error(stored, 'spec.endpoints', 'no endpoint can be used', 'give it one at a Site that is valid');
  }
  if (endpoints.length > 0 && endpoints.every((endpoint) => endpoint.weight === 0)) {
    const why = endpoints.some((endpoint) => endpoint.ownWeight > 0) ? ' after its overrides' : '';
    const remedy = 'clients are shared as if all were 1; give one a weight above 0';
    report.warning(stored, 'spec.endpoints', `every endpoint has weight 0${why}`, remedy);
  }
  return endpoints;
}

function addressRemedy(text: string): string {
  if (/^[0-9./]+$/u.test(text) && text.includes('/')) return 'write the address alone, without a prefix length';
  if (/^(?:[0-9]{1,3}\.){3}[0-9]{1,3}:[0-9]+$/u.test(text)) return 'write the address alone, without a port';
  if (text.includes('[')) return 'write the address alone, without brackets and port';
  if (text.includes('%')) return 'write the address alone, without a zone index';
  if (/[a-z]/iu.test(text) && !text.includes(':'))
    return 'write an address; a host name needs a CNAME record in a zone';
  return 'write an IPv4 address such as `192.0.2.1` or an IPv6 address such as `2001:db8::1`';
}

/** Unspecified, "this network", multicast, reserved and broadcast addresses (RFC 6890). */
function isNoHost({ family, bytes }: Address): boolean {
  if (family === 4) return bytes[0] === 0 || bytes[0]! >= 224;
  return bytes[0] === 0xff || bytes.every((octet) => octet === 0);
}
