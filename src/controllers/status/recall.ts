import type { KubeObject } from '../../kube/objects.ts';
import { parseAddress } from '../../lib/address.ts';
import type { ObservedService } from '../../model/observed.ts';
import { claimantOf, type HostReservation } from '../../model/reserved-host.ts';
import type { ResolvedEndpoint, ResolvedExport, ResolvedSite } from '../../model/resolved.ts';
import type { Status, StatusSubject } from './plan.ts';

interface ServedExports {
  readonly exports: readonly ResolvedExport[];
  readonly sites: ReadonlyMap<string, ResolvedSite>;
}

interface EndpointStatus {
  readonly address?: string;
  readonly site?: string;
  readonly weight?: number;
  readonly up?: boolean;
  readonly services?: readonly string[];
  readonly readyReplicas?: number;
  readonly requestsPerReplica?: number;
}

/**
 * The Services of a site as the statuses of exports tell of them: addresses and replicas, which is what answers go by.
 * Undefined when they tell of none. When that was is taken from the newest condition.
 */
export function servicesFromStatuses(
  site: string,
  exports: readonly { readonly object: KubeObject }[],
): { readonly services: ReadonlyMap<string, ObservedService>; readonly at: number } | undefined {
  const services = new Map<string, ObservedService>();
  const times = exports.flatMap(({ object }) => changedAt(object));
  const at = times.length === 0 ? 0 : Math.max(...times);
  for (const { object } of exports) {
    const { endpoints = [] } = (object.status ?? {}) as { endpoints?: readonly EndpointStatus[] };
    for (const endpoint of endpoints) {
      if (endpoint.site !== site || endpoint.address === undefined) continue;
      for (const key of endpoint.services ?? []) {
        const [namespace = '', name = ''] = key.split('/');
        const addresses = new Set([...(services.get(key)?.addresses ?? []), endpoint.address]);
        services.set(key, {
          namespace,
          name,
          addresses: [...addresses].sort(),
          down: [],
          splits: [],
          via: ['the hub'],
          readyReplicas: endpoint.readyReplicas ?? 0,
          requestsPerReplica: endpoint.requestsPerReplica,
          ports: [],
          isp: undefined,
          region: undefined,
          claims: [],
          problems: [],
        });
      }
    }
  }
  return services.size === 0 ? undefined : { services, at };
}

/** When conditions last changed, milliseconds since 1970. */
function changedAt({ status }: KubeObject): number[] {
  const { conditions = [] } = (status ?? {}) as { conditions?: readonly { lastTransitionTime?: string }[] };
  return conditions.map(({ lastTransitionTime = '' }) => Date.parse(lastTransitionTime)).filter((time) => time > 0);
}

/** Who had which host, and which hosts were reserved for whom, as the statuses tell. Hosts are absolute. */
export function ownersFromStatuses(objects: readonly StatusSubject[]): {
  readonly owners: ReadonlyMap<string, string>;
  readonly reserved: ReadonlyMap<string, HostReservation>;
} {
  const owners = new Map<string, string>();
  const reserved = new Map<string, HostReservation>();
  for (const { kind, object } of objects) {
    const { hosts = [], reservedHosts = [], contestedHosts = [] } = (object.status ?? {}) as Partial<Status>;
    const owner = `${object.metadata.namespace}/${object.metadata.name}`;
    // Objects come the oldest first: of two that say the same the older is right.
    if (kind === 'DomainExport') for (const host of hosts) if (!owners.has(`${host}.`)) owners.set(`${host}.`, owner);
    if (kind !== 'Zone') continue;
    for (const { host, namespace } of contestedHosts) owners.set(`${host}.`, `${claimantOf(namespace)}/${host}`);
    for (const { host, tenant, until } of reservedHosts) reserved.set(`${host}.`, { tenant, until: Date.parse(until) });
  }
  return { owners, reserved };
}

/**
 * What the exports of a configuration were when their statuses were written: endpoints of their own that are gone since
 * are there, and those that took no clients by an operator's word take none. Endpoints of edge clusters are recalled
 * with their Services.
 */
export function exportsFromStatuses(
  objects: readonly StatusSubject[],
  configuration: ServedExports,
): readonly ResolvedExport[] {
  const statuses = new Map(
    objects.flatMap(({ kind, object }) =>
      kind === 'DomainExport' ? [[`${object.metadata.namespace}/${object.metadata.name}`, object.status] as const] : [],
    ),
  );
  return configuration.exports.map((exp) => {
    const { endpoints = [] } = (statuses.get(`${exp.tenant}/${exp.name}`) ?? {}) as {
      endpoints?: readonly EndpointStatus[];
    };
    if (endpoints.length === 0) return exp;
    const before = new Map(endpoints.map((endpoint) => [endpoint.address, endpoint]));
    const there = new Set(exp.endpoints.map(({ address }) => address));
    const known = exp.endpoints.map((endpoint) => asBefore(endpoint, before.get(endpoint.address)));
    const gone = endpoints.flatMap((endpoint) =>
      there.has(endpoint.address ?? '') ? [] : goneEndpoint(endpoint, configuration),
    );
    const isSame = gone.length === 0 && known.every((endpoint, index) => endpoint === exp.endpoints[index]);
    return isSame ? exp : { ...exp, endpoints: [...known, ...gone] };
  });
}

function asBefore(endpoint: ResolvedEndpoint, before: EndpointStatus | undefined): ResolvedEndpoint {
  if (before === undefined) return endpoint;
  if (before.weight === 0 && endpoint.weight > 0) return { ...endpoint, weight: 0 };
  return before.up === false && endpoint.up && endpoint.observed === undefined ? { ...endpoint, up: false } : endpoint;
}

function goneEndpoint(
  { address = '', site = '', weight = 1, up = true, services }: EndpointStatus,
  { sites }: Pick<ServedExports, 'sites'>,
): ResolvedEndpoint[] {
  const parsed = parseAddress(address);
  if (parsed === undefined || services !== undefined || !sites.has(site)) return [];
  return [{ ...parsed, address, site, weight, ownWeight: weight, overrides: [], up }];
}
