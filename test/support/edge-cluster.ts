import { vi } from 'vitest';
import type { Cluster } from '../../src/kube/cluster.ts';
import type { MemoryCluster } from '../../src/kube/memory-cluster.ts';
import { ENDPOINT_SLICES, type KubeObject, type ResourceType } from '../../src/kube/objects.ts';
import type { ObservedClaim, ObservedService } from '../../src/model/observed.ts';
import { EdgeCluster, type EdgeClusterOptions } from '../../src/sources/kubernetes/edge-cluster.ts';

const OLD = 'external-dns.alpha.kubernetes.io/';

/** Annotations of external-dns, by their names without its prefix. */
export const externalDns = (values: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [OLD + name, value]));

/** Writes an object, status and all; again where it is there. */
export async function put(cluster: MemoryCluster, type: ResourceType, object: object): Promise<void> {
  const { status, metadata, ...rest } = object as KubeObject;
  const named = type.namespaced ? { namespace: 'default', ...metadata } : metadata;
  await cluster.apply(type, { ...rest, metadata: named }, { fieldManager: 'test', force: true });
  const { name, namespace } = named;
  const own = { metadata: namespace === undefined ? { name } : { name, namespace }, status: status ?? {} };
  await cluster.apply(type, own, { fieldManager: 'controller', force: true, subresource: 'status' });
}

export interface PodOptions {
  readonly address?: string;
  readonly node?: string;
  readonly hostname?: string;
  readonly ready?: boolean;
  readonly ending?: boolean;
}

/** The Pods of a Service, as an EndpointSlice has them. */
export function putPods(cluster: MemoryCluster, service: string, pods: readonly PodOptions[]): Promise<void> {
  const endpoints = pods.map(({ address = '10.0.0.1', node, hostname, ready = true, ending = false }, index) => ({
    addresses: [address],
    conditions: { ready: ready && !ending, serving: ready, terminating: ending },
    targetRef: { kind: 'Pod', name: `${service}-${index}`, uid: `${service}-${index}` },
    ...(node === undefined ? {} : { nodeName: node }),
    ...(hostname === undefined ? {} : { hostname }),
  }));
  const labels = { 'kubernetes.io/service-name': service };
  return put(cluster, ENDPOINT_SLICES, { metadata: { name: service, labels }, addressType: 'IPv4', endpoints });
}

/** An edge cluster that is watched until the test ends. */
export class WatchedCluster {
  readonly edge: EdgeCluster;
  /** Plural names of the kinds that are or were watched. */
  readonly kinds = new Set<string>();

  constructor(cluster: MemoryCluster, options: Partial<EdgeClusterOptions> = {}) {
    this.edge = new EdgeCluster({
      site: 'edge',
      cluster: noting(cluster, this.kinds),
      onChange: () => {},
      onState: () => {},
      onProblem: () => {},
      ...options,
    });
    watched.add(this);
    this.edge.start();
  }

  service(key: string): ObservedService | undefined {
    return this.edge.observed.services.get(key);
  }

  /** Who claims which hosts, and where they are reached: `-` before addresses that are down. */
  claims(key: string): Record<string, string[]> {
    return Object.fromEntries((this.service(key)?.claims ?? []).flatMap(claimTexts));
  }

  problems(key: string): string[] {
    const service = this.service(key);
    const all = [...(service?.problems ?? []), ...(service?.claims ?? []).flatMap(({ problems }) => problems)];
    return [...new Set(all.map(({ object, message }) => `${object} ${message}`))];
  }

  /** Waits until what is seen is as the callback expects it. */
  async seen(check: () => void): Promise<void> {
    await vi.waitFor(() => {
      if (!this.edge.observed.hasSynced) throw new Error('the cluster has not been seen yet');
      check();
    }, 3000);
  }
}

function claimTexts({ by, hosts, addresses, down }: ObservedClaim): [string, string[]][] {
  const shown = addresses.map((address) => (down.includes(address) ? `-${address}` : address));
  return hosts.map((host) => [`${by}: ${host}`, shown]);
}

const watched = new Set<WatchedCluster>();

export async function stopWatching(): Promise<void> {
  await Promise.all([...watched].map(({ edge }) => edge.stop()));
  watched.clear();
}

/** The same cluster; kinds of which a watch is begun are noted. */
function noting(cluster: MemoryCluster, kinds: Set<string>): Cluster {
  return new Proxy<Cluster>(cluster, {
    get: (target, key) => {
      if (key === 'watch') {
        return (...args: Parameters<Cluster['watch']>) => {
          kinds.add(args[0].plural);
          return cluster.watch(...args);
        };
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
