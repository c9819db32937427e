import type { KubeObject } from '../kube/objects.ts';
import type { ObservedService } from '../model/observed.ts';

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
