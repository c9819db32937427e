import type { KubeObject } from '../kube/objects.ts';
import type { ObservedService } from '../model/observed.ts';
import type { HostReservation } from '../model/reserved-host.ts';
import type { Status, StatusSubject } from './status.ts';

interface EndpointStatus {
  readonly address?: string;
  readonly site?: string;
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
          via: ['the hub'],
          readyReplicas: endpoint.readyReplicas ?? 0,
          requestsPerReplica: endpoint.requestsPerReplica,
          ports: [],
          isp: undefined,
          region: undefined,
          hosts: [],
          ttl: undefined,
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
    const { hosts = [], reservedHosts = [] } = (object.status ?? {}) as Partial<Status>;
    const owner = `${object.metadata.namespace}/${object.metadata.name}`;
    // Objects come the oldest first: of two that say the same the older is right.
    if (kind === 'DomainExport') for (const host of hosts) if (!owners.has(`${host}.`)) owners.set(`${host}.`, owner);
    if (kind !== 'Zone') continue;
    for (const { host, tenant, until } of reservedHosts) reserved.set(`${host}.`, { tenant, until: Date.parse(until) });
  }
  return { owners, reserved };
}
