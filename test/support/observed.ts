import type { ObservedClaim, ObservedService } from '../../src/model/observed.ts';

/** The Service `default/web`, without an address and a replica, but for what is given. */
export function observedService(more: Partial<ObservedService> = {}): ObservedService {
  return {
    namespace: 'default',
    name: 'web',
    addresses: [],
    down: [],
    splits: [],
    via: ['load balancer'],
    readyReplicas: 0,
    requestsPerReplica: undefined,
    ports: [],
    isp: undefined,
    region: undefined,
    claims: [],
    problems: [],
    ...more,
  };
}

/** A claim of the Service `default/web`'s own, for no host, but for what is given. */
export function observedClaim(more: Partial<ObservedClaim> = {}): ObservedClaim {
  return {
    by: 'Service default/web',
    namespace: 'default',
    created: 0,
    annotated: true,
    hosts: [],
    addresses: [],
    down: [],
    splits: [],
    ttl: undefined,
    problems: [],
    ...more,
  };
}
