import { formatAddress, parseAddress, type Address } from '../../lib/address.ts';
import { suggest } from '../../lib/nearest.ts';
import type { DomainExport } from '../../model/domain-export.ts';
import type { ResolvedEndpoint, ResolvedExport } from '../../model/resolved.ts';
import type { StoredResource } from '../../model/stored.ts';
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
}

export function resolveExport(exp: DomainExport, stored: StoredResource, context: ExportContext): ResolvedExport {
  const { metadata, spec } = exp;
  const tenant = metadata.tenant ?? 'default';
  const owner = `${tenant}/${metadata.name}`;
  const hosts = resolveHosts(exp, owner, stored, context.zones, context.claims, context.report);
  if (spec.endpoints === undefined && spec.backends === undefined) {
    context.report.error(stored, 'spec', 'an export needs `endpoints` or `backends`', 'add one of the two');
  }
  checkBackends(exp, stored, context.sites, context.clusters, context.report);
  const own = ownEndpoints(exp, stored, context);
  const endpoints = withBackends(exp, stored, own, context);
  const used = new Set<string>();
  for (const { site } of spec.endpoints ?? []) if (context.resolvedSites.has(site)) used.add(site);
  for (const site of backendSites(exp, context.clusters)) if (context.resolvedSites.has(site)) used.add(site);
  const policy = resolvePolicy(spec.policy ?? {}, { ...context, stored, used });
  const { maxChange } = spec;
  return { tenant, name: metadata.name, hosts, endpoints, policy, ...(maxChange === undefined ? {} : { maxChange }) };
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
  const { sites, resolvedSites, overrides, report } = context;
  const endpoints: ResolvedEndpoint[] = [];
  const indexOf = new Map<string, number>();
  for (const [index, endpoint] of (spec.endpoints ?? []).entries()) {
    // There may be hundreds of thousands: a field is written out only for a problem.
    const field = (name: string): string => `spec.endpoints[${index}].${name}`;
    if (!resolvedSites.has(endpoint.site)) {
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
    const ownWeight = endpoint.weight ?? 1;
    const { site, health = 'up' } = endpoint;
    const { family, bytes } = parsed;
    const { weight, overrides: applied } = applyOverrides(address, site, ownWeight, overrides);
    endpoints.push({ address, family, bytes, site, weight, ownWeight, overrides: applied, up: health === 'up' });
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
