import type { DomainExport } from '../../model/domain-export.ts';
import { DEFAULT_TENANT } from '../../model/kinds.ts';
import type { Observations } from '../../model/observed.ts';
import { API_VERSION } from '../../model/resource.ts';
import type { StoredResource } from '../../model/stored.ts';
import type { Zone } from '../../model/zone.ts';

/**
 * Exports for the hosts that Services of edge clusters claim by annotation, as far as a Zone lets them: as if somebody
 * had written a DomainExport with these hosts and Services. Sorted by host.
 */
export function annotatedExports(
  zones: readonly Zone[],
  observations: Observations,
): { readonly exp: DomainExport; readonly stored: StoredResource }[] {
  const open = zones.filter(({ spec }) => spec.hostnameAnnotations !== undefined);
  if (open.length === 0) return [];
  const claims = new Map<string, Map<string, { sites: Set<string>; ttl: number | undefined }>>();
  for (const { site, services } of observations.values()) {
    for (const [key, service] of services) {
      for (const host of service.hosts) {
        if (!open.some((zone) => allows(zone, host, site, service.namespace))) continue;
        let backends = claims.get(host);
        if (backends === undefined) claims.set(host, (backends = new Map()));
        const backend = backends.get(key) ?? { sites: new Set(), ttl: service.ttl };
        backend.sites.add(site);
        backends.set(key, backend);
      }
    }
  }
  return [...claims].sort(([a], [b]) => (a < b ? -1 : 1)).map(([host, backends]) => exportFor(host, backends));
}

function allows(zone: Zone, host: string, site: string, namespace: string): boolean {
  const { namespaces } = zone.spec.hostnameAnnotations!;
  return namespaces?.includes(namespace) !== false && mayClaim(zone, host, site);
}

/**
 * Whether a zone lets the cluster of a site claim a host, in some namespace.
 * @param host in lower case, without a final dot
 */
export function mayClaim({ spec }: Zone, host: string, site: string): boolean {
  const rule = spec.hostnameAnnotations;
  const origin = spec.origin.replace(/\.$/u, '').toLowerCase();
  if (rule === undefined || (host !== origin && !host.endsWith(`.${origin}`))) return false;
  if (rule.sites?.includes(site) === false) return false;
  return rule.hosts.some((pattern) => {
    const wanted = pattern.replace(/\.$/u, '').toLowerCase();
    return wanted.startsWith('*.') ? host.endsWith(wanted.slice(1)) : host === wanted;
  });
}

function exportFor(
  host: string,
  backends: ReadonlyMap<string, { readonly sites: ReadonlySet<string>; readonly ttl: number | undefined }>,
): { exp: DomainExport; stored: StoredResource } {
  const ttls = [...backends.values()].flatMap(({ ttl }) => ttl ?? []);
  const exp: DomainExport = {
    apiVersion: API_VERSION,
    kind: 'DomainExport',
    // No resource has a name with dots: it cannot be taken for one.
    metadata: { name: host.includes('.') ? host : `${host}.`, tenant: DEFAULT_TENANT },
    spec: {
      hosts: [host],
      backends: [...backends]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, { sites }]) => {
          const [namespace = '', name = ''] = key.split('/');
          return { serviceRef: { namespace, name }, sites: [...sites].sort() };
        }),
      ...(ttls.length === 0 ? {} : { policy: { ttl: Math.min(...ttls) } }),
    },
  };
  const names = [...backends].map(([key, { sites }]) => `${key} at ${[...sites].sort().join(', ')}`);
  const file = `annotation on Service ${names.sort().join(' and ')}`;
  return { exp, stored: { resource: exp, file, locate: () => undefined } };
}
