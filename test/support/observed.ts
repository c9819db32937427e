import type { ObservedService } from '../../src/model/observed.ts';

/** The Service `default/web`, without an address and a replica, but for what is given. */
export function observedService(more: Partial<ObservedService> = {}): ObservedService {
  return {
    namespace: 'default',
    name: 'web',
    addresses: [],
    via: ['load balancer'],
    readyReplicas: 0,
    requestsPerReplica: undefined,
    ports: [],
    isp: undefined,
    region: undefined,
    hosts: [],
    ttl: undefined,
    ...more,
  };
}
