import { afterEach, expect, test, vi } from 'vitest';
import { MemoryCluster } from '../../src/kube/memory-cluster.ts';
import {
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  GATEWAYS,
  HTTP_ROUTES,
  INGRESSES,
  SERVICES,
  type KubeObject,
} from '../../src/kube/objects.ts';
import type { ObservedService } from '../../src/model/observed.ts';
import { observedService } from '../support/observed.ts';
import { EdgeCluster, type EdgeClusterOptions } from '../../src/sources/kubernetes/edge-cluster.ts';

const running: EdgeCluster[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((edge) => edge.stop()));
});

const KEY = 'default/web';

function watching(cluster: MemoryCluster, more: Partial<EdgeClusterOptions> = {}) {
  const changes: { changed: string[]; learnt: string }[] = [];
  const edge = new EdgeCluster({
    site: 'edge',
    cluster,
    onChange: (changed, learnt) => changes.push({ changed: [...changed], learnt }),
    onState: () => {},
    onProblem: () => {},
    ...more,
  });
  running.push(edge);
  edge.start();
  return { edge, changes };
}

function checkSeen({ edge }: { edge: EdgeCluster }, expected: Partial<ObservedService> | undefined): Promise<void> {
  return vi.waitFor(() => {
    expect(edge.observed.hasSynced).toBe(true);
    const service = edge.observed.services.get(KEY);
    if (expected === undefined) expect(service).toBeUndefined();
    else expect(service).toMatchObject(expected);
  }, 3000);
}

const meta = (name: string, more: object = {}) => ({ name, namespace: 'default', ...more });

/** A Service of type LoadBalancer with these addresses; status and all, as a cluster in memory takes it. */
async function service(
  cluster: MemoryCluster,
  ingress: readonly object[],
  { annotations = {}, spec = {} }: { annotations?: Record<string, string>; spec?: object } = {},
): Promise<void> {
  const wanted = {
    metadata: meta('web', { annotations }),
    spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 443, name: 'https' }], ...spec },
  };
  await cluster.apply(SERVICES, wanted, { fieldManager: 'test', force: true });
  const status = { loadBalancer: { ingress } };
  await cluster.apply(SERVICES, { metadata: meta('web'), status }, { fieldManager: 'cloud', subresource: 'status' });
}

interface Conditions {
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
}

async function slice(
  cluster: MemoryCluster,
  pods: readonly Conditions[],
  name = 'web-1',
  family = 'IPv4',
): Promise<void> {
  const object: KubeObject = {
    metadata: meta(name, { labels: { 'kubernetes.io/service-name': 'web' } }),
    addressType: family,
    endpoints: pods.map((conditions, index) => ({
      addresses: [family === 'IPv4' ? `10.0.0.${index}` : `fd00::${index}`],
      conditions,
      targetRef: { kind: 'Pod', name: `web-${index}`, uid: `uid-${index}` },
    })),
  };
  await cluster.apply(ENDPOINT_SLICES, object, { fieldManager: 'test', force: true });
}

const READY = { ready: true, serving: true, terminating: false };
const NOT_READY = { ready: false, serving: false, terminating: false };

test('addresses of both families, ports, and replicas that are ready', async () => {
  const cluster = new MemoryCluster();
  await service(cluster, [{ ip: '192.0.2.1' }, { ip: '2001:DB8:0::1' }]);
  await slice(cluster, [READY, READY, NOT_READY]);
  const edge = watching(cluster);
  await checkSeen(edge, {
    addresses: ['192.0.2.1', '2001:db8::1'],
    readyReplicas: 2,
    via: ['load balancer'],
    ports: [{ port: 443, protocol: 'TCP', name: 'https' }],
  });
});

test('a Pod of both families counts once', async () => {
  const cluster = new MemoryCluster();
  await service(cluster, [{ ip: '192.0.2.1' }]);
  await slice(cluster, [READY, READY]);
  await slice(cluster, [READY, READY], 'web-2', 'IPv6');
  await checkSeen(watching(cluster), { readyReplicas: 2 });
});

test('a Service that has no address yet is known, and gets one', async () => {
  const cluster = new MemoryCluster();
  await service(cluster, []);
  const edge = watching(cluster);
  await checkSeen(edge, { addresses: [], readyReplicas: 0 });
  await service(cluster, [{ ip: '192.0.2.1' }]);
  await slice(cluster, [READY]);
  await checkSeen(edge, { addresses: ['192.0.2.1'], readyReplicas: 1 });
});

test('publishNotReadyAddresses makes nothing ready', async () => {
  const cluster = new MemoryCluster();
  await service(cluster, [{ ip: '192.0.2.1' }], { spec: { publishNotReadyAddresses: true } });
  await slice(cluster, [
    { ready: true, serving: false, terminating: false },
    { ready: true, serving: true },
  ]);
  await checkSeen(watching(cluster), { readyReplicas: 1 });
});

test('what is about to end takes no more clients', async () => {
  const cluster = new MemoryCluster();
  await service(cluster, [{ ip: '192.0.2.1' }]);
  await slice(cluster, [READY, { ready: false, serving: true, terminating: true }]);
  await checkSeen(watching(cluster), { readyReplicas: 1 });
});

test('without EndpointSlices the workloads behind the selector count', async () => {
  const cluster = new MemoryCluster();
  await service(cluster, [{ ip: '192.0.2.1' }]);
  const edge = watching(cluster);
  const template = {
    metadata: { labels: { app: 'web', tier: 'a' }, annotations: { 'edgeward.dev/requests-per-replica': '12.5' } },
  };
  await cluster.create(DEPLOYMENTS, { metadata: meta('web'), spec: { template } });
  const status = { readyReplicas: 4 };
  await cluster.apply(DEPLOYMENTS, { metadata: meta('web'), status }, { fieldManager: 'x', subresource: 'status' });
  await checkSeen(edge, { readyReplicas: 4, requestsPerReplica: 12.5 });
});

test('annotations: capacity, ISP, region, hosts and TTL; a value that makes no sense is told of', async () => {
  const cluster = new MemoryCluster();
  const annotations = {
    'edgeward.dev/requests-per-replica': '20',
    'edgeward.dev/isp': 'unicom',
    'edgeward.dev/region': 'CN-BJ',
    'external-dns.alpha.kubernetes.io/hostname': 'Chat.example.org., b.example.org',
    'external-dns.alpha.kubernetes.io/ttl': '2m',
  };
  await service(cluster, [{ ip: '192.0.2.1' }], { annotations });
  const edge = watching(cluster);
  await checkSeen(edge, {
    requestsPerReplica: 20,
    isp: 'unicom',
    region: 'CN-BJ',
    claims: [
      {
        by: 'Service default/web',
        created: expect.any(Number),
        namespace: 'default',
        annotated: true,
        hosts: ['b.example.org', 'chat.example.org'],
        addresses: ['192.0.2.1'],
        down: [],
        splits: [],
        ttl: 120,
        problems: [],
      },
    ],
    problems: [],
  });
  await service(cluster, [{ ip: '192.0.2.1' }], {
    annotations: { 'edgeward.dev/requests-per-replica': '-1', 'edgeward.dev/isp': 'a b' },
  });
  await checkSeen(edge, {
    requestsPerReplica: undefined,
    isp: undefined,
    claims: [],
    problems: [
      {
        object: 'Service default/web',
        message: 'has annotation `edgeward.dev/requests-per-replica: -1`, which is ignored',
        remedy: 'write a number above 0 and up to 1000000',
      },
      {
        object: 'Service default/web',
        message: 'has annotation `edgeward.dev/isp: a b`, which is ignored',
        remedy: 'write a carrier such as `telecom`, or an AS number such as `AS3320`',
      },
    ],
  });
});

test('a Service behind a Gateway has its addresses, as long as a route that is not refused leads there', async () => {
  const cluster = new MemoryCluster();
  await service(cluster, [], { spec: { type: 'ClusterIP' } });
  await slice(cluster, [READY]);
  await cluster.create(GATEWAYS, { metadata: meta('gate'), spec: {} });
  const gate = { addresses: [{ type: 'IPAddress', value: '192.0.2.9' }] };
  await cluster.apply(GATEWAYS, { metadata: meta('gate'), status: gate }, { fieldManager: 'x', subresource: 'status' });
  const edge = watching(cluster);
  await checkSeen(edge, { addresses: [] });
  const spec = { parentRefs: [{ name: 'gate' }], rules: [{ backendRefs: [{ name: 'web', port: 443 }] }] };
  await cluster.create(HTTP_ROUTES, { metadata: meta('route'), spec });
  await checkSeen(edge, { addresses: ['192.0.2.9'], via: ['Gateway default/gate'], readyReplicas: 1 });
  const status = { parents: [{ parentRef: { name: 'gate' }, conditions: [{ type: 'Accepted', status: 'False' }] }] };
  await cluster.apply(HTTP_ROUTES, { metadata: meta('route'), status }, { fieldManager: 'x', subresource: 'status' });
  await checkSeen(edge, { addresses: [] });
});

test('a Service behind an Ingress has its addresses', async () => {
  const cluster = new MemoryCluster();
  await service(cluster, [], { spec: { type: 'ClusterIP' } });
  const backend = { service: { name: 'web', port: { number: 443 } } };
  const spec = { rules: [{ http: { paths: [{ path: '/', backend }] } }] };
  await cluster.create(INGRESSES, { metadata: meta('in'), spec });
  const status = { loadBalancer: { ingress: [{ ip: '192.0.2.7' }] } };
  await cluster.apply(INGRESSES, { metadata: meta('in'), status }, { fieldManager: 'x', subresource: 'status' });
  await checkSeen(watching(cluster), { addresses: ['192.0.2.7'], via: ['Ingress default/in'] });
});

test('host names of load balancers are resolved, and keep their addresses while nobody answers', async () => {
  const cluster = new MemoryCluster();
  await service(cluster, [{ hostname: 'lb.example.net' }]);
  const resolver = {
    resolve4: async () => [{ address: '192.0.2.8', ttl: 60 }],
    resolve6: async () => {
      throw Object.assign(new Error('no data'), { code: 'ENODATA' });
    },
  };
  await checkSeen(watching(cluster, { hostResolver: resolver }), { addresses: ['192.0.2.8'] });
});

test('a Service that is being deleted is gone already', async () => {
  const cluster = new MemoryCluster();
  await cluster.create(SERVICES, {
    metadata: meta('web', { finalizers: ['service.kubernetes.io/load-balancer-cleanup'] }),
    spec: { type: 'LoadBalancer' },
  });
  const edge = watching(cluster);
  await checkSeen(edge, { addresses: [] });
  await cluster.delete(SERVICES, 'web', { namespace: 'default' });
  await checkSeen(edge, undefined);
  expect(edge.changes.map(({ learnt }) => learnt)).toEqual(['list', 'watch']);
});

test('what is remembered stands until the whole cluster was seen', async () => {
  const remembered = new Map([[KEY, observedService({ addresses: ['192.0.2.1'], readyReplicas: 3 })]]);
  const cluster = new MemoryCluster();
  let away = true;
  const half = new Proxy(cluster, {
    get: (target, key) => {
      if (key === 'watch') {
        return (...args: Parameters<MemoryCluster['watch']>) => {
          // Services can be listed, and there are none; but not everything can.
          if (away && args[0].plural === 'endpointslices') throw new Error('no route to host');
          return target.watch(...args);
        };
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const { edge, changes } = watching(half, {
    remembered: { services: remembered, at: Date.now() },
    timing: { leastBackoffMs: 10, mostBackoffMs: 20 },
  });
  await vi.waitFor(() => expect(edge.observed.error).toMatch(/no route/u));
  expect(edge.observed).toMatchObject({ hasSynced: false });
  expect(edge.observed.services.get(KEY)?.readyReplicas).toBe(3);
  away = false;
  await vi.waitFor(() => expect(changes).toEqual([{ changed: [KEY], learnt: 'list' }]));
  expect(edge.observed.services.size).toBe(0);
});

test('addresses that were remembered of a host name stand until somebody answers for it', async () => {
  const cluster = new MemoryCluster();
  await service(cluster, [{ hostname: 'lb.example.net' }]);
  const problems: string[] = [];
  const look = async () => {
    throw Object.assign(new Error('no resolver'), { code: 'ETIMEOUT' });
  };
  const remembered = {
    services: new Map([[KEY, observedService({ addresses: ['192.0.2.1'] })]]),
    at: Date.now() - 60_000,
  };
  const hostResolver = { resolve4: look, resolve6: look };
  const { edge } = watching(cluster, { hostResolver, remembered, onProblem: (message) => problems.push(message) });
  expect(edge.age).toBeGreaterThan(59);
  await checkSeen({ edge }, { addresses: ['192.0.2.1'] });
  await vi.waitFor(() =>
    expect(problems).toEqual([expect.stringContaining('the host name lb.example.net cannot be looked up')]),
  );
  expect(edge.age).toBe(0);
});

test('what there is is told before that it is seen: nobody begins to serve without it', async () => {
  const cluster = new MemoryCluster();
  await service(cluster, [{ ip: '192.0.2.1' }]);
  const told: string[] = [];
  watching(cluster, {
    onChange: () => told.push('what there is'),
    onState: ({ hasSynced, services }) => told.push(`seen ${hasSynced} ${services.size}`),
  });
  await vi.waitFor(() => expect(told).toEqual(['what there is', 'seen true 1']));
});
