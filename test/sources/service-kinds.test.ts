import { afterEach, expect, test } from 'vitest';
import { ApiError, type Cluster } from '../../src/kube/cluster.ts';
import { MemoryCluster } from '../../src/kube/memory-cluster.ts';
import { GATEWAYS, HTTP_ROUTES, INGRESSES, NODES, SERVICES } from '../../src/kube/objects.ts';
import { SharedTexts, sliceFrom } from '../../src/sources/kubernetes/objects.ts';
import { externalDns, put, putPods, stopWatching, WatchedCluster } from '../support/edge-cluster.ts';

// Where Services of each kind are reached, and what stands in for an address that is not there.

afterEach(stopWatching);

const KEY = 'default/web';
const HOST = 'web.example.org';

function putService(
  cluster: MemoryCluster,
  spec: object,
  annotations: Record<string, string> = {},
  ingress: readonly object[] = [],
): Promise<void> {
  return put(cluster, SERVICES, {
    metadata: { name: 'web', annotations: externalDns(annotations) },
    spec: { selector: { app: 'web' }, ports: [{ port: 443 }], ...spec },
    status: { loadBalancer: { ingress } },
  });
}

const putNode = (
  cluster: MemoryCluster,
  name: string,
  addresses: Record<string, string>,
  { ready = true, unschedulable = false } = {},
): Promise<void> =>
  put(cluster, NODES, {
    metadata: { name },
    spec: unschedulable ? { unschedulable } : {},
    status: {
      addresses: Object.entries(addresses).map(([type, address]) => ({ type, address })),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  });

/** Names that can be looked up, and their addresses. */
const hostResolver = (names: Record<string, string>) => {
  const none = () => Promise.reject(Object.assign(new Error('nothing'), { code: 'ENOTFOUND' }));
  return {
    resolve4: (name: string) => (name in names ? Promise.resolve([{ address: names[name]!, ttl: 60 }]) : none()),
    resolve6: none,
  };
};

const ingress = (annotations: Record<string, string> = {}): object => ({
  metadata: { name: 'in', annotations: externalDns(annotations) },
  spec: { defaultBackend: { service: { name: 'web', port: { number: 443 } } } },
  status: { loadBalancer: { ingress: [{ ip: '203.0.113.7' }] } },
});

test.each([
  ['LoadBalancer', [{ ip: '203.0.113.1' }], ['203.0.113.50']],
  ['LoadBalancer', [], ['203.0.113.50']],
  ['ClusterIP', [], ['203.0.113.50']],
  ['NodePort', [], ['203.0.113.50']],
  ['ExternalName', [], ['203.0.113.50']],
])('externalIPs of a Service of type %s, load balancer %j', async (type, lb, addresses) => {
  const cluster = new MemoryCluster();
  await putService(cluster, { type, externalName: 'lb.example.net', externalIPs: ['203.0.113.50'] }, {}, lb);
  const watching = new WatchedCluster(cluster);
  await watching.seen(() => expect(watching.service(KEY)).toMatchObject({ addresses, via: ['externalIPs'] }));
});

test('a target replaces what the cluster says, on a Service and on an Ingress', async () => {
  const cluster = new MemoryCluster();
  const annotations = { hostname: HOST, target: '203.0.113.99,lb.example.net' };
  await putService(cluster, { type: 'LoadBalancer' }, annotations, [{ ip: '10.0.0.1' }]);
  await put(cluster, INGRESSES, ingress({ hostname: 'in.example.org', target: '203.0.113.97' }));
  const watching = new WatchedCluster(cluster, { hostResolver: hostResolver({ 'lb.example.net': '203.0.113.98' }) });
  await watching.seen(() => {
    expect(watching.claims(KEY)).toEqual({
      'Service default/web: web.example.org': ['203.0.113.98', '203.0.113.99'],
      'Ingress default/in: in.example.org': ['203.0.113.97'],
    });
    expect(watching.service(KEY)!.via).toEqual(['annotation `target`']);
  });
  await putService(cluster, { type: 'LoadBalancer' }, { hostname: HOST }, [{ ip: '203.0.113.1' }]);
  await put(cluster, INGRESSES, ingress({ hostname: 'in.example.org' }));
  await watching.seen(() =>
    expect(watching.claims(KEY)).toEqual({
      'Service default/web: web.example.org': ['203.0.113.1'],
      'Ingress default/in: in.example.org': ['203.0.113.7'],
    }),
  );
});

test('the name of an ExternalName is looked up; an address in its place is taken', async () => {
  const cluster = new MemoryCluster();
  await putService(cluster, { type: 'ExternalName', externalName: 'lb.example.net' }, { hostname: HOST });
  const names = { 'lb.example.net': '203.0.113.9' };
  const watching = new WatchedCluster(cluster, { hostResolver: hostResolver(names) });
  // Nobody counts what is behind it.
  const service = { addresses: ['203.0.113.9'], readyReplicas: 1, problems: [] };
  await watching.seen(() => expect(watching.service(KEY)).toMatchObject(service));
  expect(watching.claims(KEY)).toEqual({ 'Service default/web: web.example.org': ['203.0.113.9'] });
  await putService(cluster, { type: 'ExternalName', externalName: '203.0.113.10' }, { hostname: HOST });
  await watching.seen(() => expect(watching.service(KEY)).toMatchObject({ addresses: ['203.0.113.10'] }));
  await putService(cluster, { type: 'ExternalName', externalName: 'gone.example.net' }, { hostname: HOST });
  await watching.seen(() =>
    expect(watching.problems(KEY)).toEqual([
      'Service default/web is reached by gone.example.net, which has no address',
    ]),
  );
});

test('a headless Service is reached at its ready Pods, each by its name as well', async () => {
  const cluster = new MemoryCluster();
  const spec = { type: 'ClusterIP', clusterIP: 'None' };
  await putService(cluster, spec, { hostname: HOST });
  const pods = [
    { address: '203.0.113.60', hostname: 'web-0' },
    { address: '203.0.113.61', hostname: 'web-1', ready: false },
    { address: '203.0.113.62', hostname: 'web-2', ending: true },
  ];
  await putPods(cluster, 'web', pods);
  const watching = new WatchedCluster(cluster);
  await watching.seen(() => {
    expect(watching.claims(KEY)).toEqual({
      'Service default/web: web.example.org': ['203.0.113.60', '-203.0.113.61', '-203.0.113.62'],
      'Service default/web: web-0.web.example.org': ['203.0.113.60'],
      'Service default/web: web-1.web.example.org': ['-203.0.113.61'],
      'Service default/web: web-2.web.example.org': ['-203.0.113.62'],
    });
    expect(watching.service(KEY)).toMatchObject({ readyReplicas: 1, via: ['Headless'] });
  });
  await putService(cluster, { ...spec, publishNotReadyAddresses: true }, { hostname: HOST });
  await watching.seen(() =>
    expect(watching.claims(KEY)).toMatchObject({
      'Service default/web: web.example.org': ['203.0.113.60', '203.0.113.61', '-203.0.113.62'],
    }),
  );
  await putPods(cluster, 'web', []);
  await watching.seen(() =>
    expect(watching.problems(KEY)).toEqual([
      'Service default/web is headless, and no Pod of it has an address to answer with',
    ]),
  );
});

test('of Pods behind another address only what counts them is kept', () => {
  const slice = (labels: Record<string, string>) =>
    sliceFrom(
      {
        metadata: { name: 's', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web', ...labels } },
        addressType: 'IPv4',
        endpoints: [{ addresses: ['10.0.0.1'], nodeName: 'n1', targetRef: { uid: 'u1' } }],
      },
      new SharedTexts(),
    );
  const managed = { 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' };
  const endpoint = { id: 'u1', ready: true, ending: false, node: 'n1', hostname: undefined };
  expect(slice(managed)!.endpoints).toEqual([{ ...endpoint, address: undefined }]);
  expect(slice({ ...managed, 'service.kubernetes.io/headless': '' })!.endpoints).toEqual([
    { ...endpoint, address: '10.0.0.1' },
  ]);
  expect(slice({})!.endpoints).toEqual([{ ...endpoint, address: '10.0.0.1' }]);
});

test('Pods of a headless Service by their nodes', async () => {
  const cluster = new MemoryCluster();
  await putNode(cluster, 'n1', { ExternalIP: '203.0.113.1', InternalIP: '198.51.100.1' });
  await putNode(cluster, 'n2', { ExternalIP: '203.0.113.2', InternalIP: '198.51.100.2' });
  await putNode(cluster, 'n3', { ExternalIP: '203.0.113.3' });
  const spec = { type: 'ClusterIP', clusterIP: 'None' };
  await putService(cluster, spec, { hostname: HOST, 'endpoints-type': 'NodeExternalIP' });
  await putPods(cluster, 'web', [{ node: 'n1' }, { node: 'n3' }, { node: 'nowhere' }]);
  const watching = new WatchedCluster(cluster);
  const claimed = 'Service default/web: web.example.org';
  await watching.seen(() => expect(watching.claims(KEY)).toEqual({ [claimed]: ['203.0.113.1', '203.0.113.3'] }));
  await putService(cluster, spec, { hostname: HOST, 'endpoints-type': 'HostIP' });
  await watching.seen(() => expect(watching.claims(KEY)).toEqual({ [claimed]: ['198.51.100.1', '203.0.113.3'] }));
});

test('Pods are behind a Gateway, but for hosts that the Service itself asks for', async () => {
  const cluster = new MemoryCluster();
  await putService(cluster, { type: 'ClusterIP', clusterIP: 'None' }, { hostname: HOST });
  await putPods(cluster, 'web', [{ address: '203.0.113.60' }]);
  await put(cluster, INGRESSES, ingress());
  const watching = new WatchedCluster(cluster);
  await watching.seen(() => {
    expect(watching.service(KEY)).toMatchObject({ addresses: ['203.0.113.7'], via: ['Ingress default/in'] });
    expect(watching.claims(KEY)).toEqual({ 'Service default/web: web.example.org': ['203.0.113.60'] });
  });
});

test('NodePort: addresses of the nodes that are ready, external ones where there are any', async () => {
  const cluster = new MemoryCluster();
  await putNode(cluster, 'n1', { ExternalIP: '203.0.113.1', InternalIP: '198.51.100.1' });
  await putNode(cluster, 'n2', { ExternalIP: '203.0.113.2', InternalIP: '198.51.100.2' }, { ready: false });
  await putNode(cluster, 'n3', { InternalIP: '198.51.100.3' });
  await putNode(cluster, 'n4', { ExternalIP: '203.0.113.4' }, { unschedulable: true });
  await putService(cluster, { type: 'NodePort' }, { hostname: HOST });
  await putPods(cluster, 'web', [{ node: 'n3' }]);
  const watching = new WatchedCluster(cluster);
  const claimed = 'Service default/web: web.example.org';
  const external = ['203.0.113.1', '-203.0.113.2', '-203.0.113.4'];
  await watching.seen(() => expect(watching.claims(KEY)).toEqual({ [claimed]: external }));
  await putNode(cluster, 'n2', { ExternalIP: '203.0.113.2' });
  await watching.seen(() =>
    expect(watching.claims(KEY)).toEqual({ [claimed]: ['203.0.113.1', '203.0.113.2', '-203.0.113.4'] }),
  );
  await putService(cluster, { type: 'NodePort' }, { hostname: HOST, access: 'private' });
  await watching.seen(() => expect(watching.claims(KEY)).toEqual({ [claimed]: ['198.51.100.1', '198.51.100.3'] }));
  // As it is for clusters on machines of their own.
  await Promise.all(['n1', 'n2', 'n4'].map((name) => cluster.delete(NODES, name)));
  await putService(cluster, { type: 'NodePort' }, { hostname: HOST });
  await watching.seen(() => expect(watching.claims(KEY)).toEqual({ [claimed]: ['198.51.100.3'] }));
  await putService(cluster, { type: 'NodePort' }, { hostname: HOST, access: 'public' });
  await watching.seen(() =>
    expect(watching.problems(KEY)).toEqual([
      'Service default/web is of type NodePort, and no node that takes its traffic has an ExternalIP',
    ]),
  );
});

test('NodePort with externalTrafficPolicy Local: only nodes with a Pod, down while it is not ready', async () => {
  const cluster = new MemoryCluster();
  for (const n of [1, 2, 3]) await putNode(cluster, `n${n}`, { ExternalIP: `203.0.113.${n}` });
  await putService(cluster, { type: 'NodePort', externalTrafficPolicy: 'Local' }, { hostname: HOST });
  await putPods(cluster, 'web', [{ node: 'n1' }, { node: 'n2', ready: false }]);
  const watching = new WatchedCluster(cluster);
  const claimed = 'Service default/web: web.example.org';
  await watching.seen(() => expect(watching.claims(KEY)).toEqual({ [claimed]: ['203.0.113.1', '-203.0.113.2'] }));
  await putPods(cluster, 'web', [{ node: 'n2' }, { node: 'n3' }]);
  await watching.seen(() => expect(watching.claims(KEY)).toEqual({ [claimed]: ['203.0.113.2', '203.0.113.3'] }));
});

test('NodePort behind an Ingress keeps to it, and nodes are not watched for it', async () => {
  const cluster = new MemoryCluster();
  await putNode(cluster, 'n1', { ExternalIP: '203.0.113.1' });
  await putService(cluster, { type: 'NodePort' });
  await put(cluster, INGRESSES, ingress({ hostname: 'in.example.org' }));
  const told: string[] = [];
  const watching = new WatchedCluster(cluster, { onChange: (_changed, learnt) => told.push(learnt) });
  await watching.seen(() => {
    expect(watching.service(KEY)).toMatchObject({ addresses: ['203.0.113.7'] });
    expect(watching.claims(KEY)).toEqual({ 'Ingress default/in: in.example.org': ['203.0.113.7'] });
  });
  expect([...watching.kinds]).not.toContain('nodes');
  // `access` says that its nodes are meant.
  await putService(cluster, { type: 'NodePort' }, { access: 'public' });
  await watching.seen(() => expect(watching.service(KEY)).toMatchObject({ addresses: ['203.0.113.1'] }));
  expect([...watching.kinds]).toContain('nodes');
  // Somebody was seen to change the Service, though nodes came as a list.
  expect(told).toEqual(['list', 'watch']);
});

test('NodePort with external addresses: nodes go first where they are asked for, as in external-dns', async () => {
  const cluster = new MemoryCluster();
  await putNode(cluster, 'n1', { ExternalIP: '203.0.113.1' });
  await putService(cluster, { type: 'NodePort', externalIPs: ['203.0.113.50'] }, { hostname: HOST });
  const watching = new WatchedCluster(cluster);
  const found = { addresses: ['203.0.113.1'], via: ['nodes'] };
  await watching.seen(() => expect(watching.service(KEY)).toMatchObject(found));
});

test('where nodes may not be listed, that is told, and nothing else is lost', async () => {
  const cluster = new MemoryCluster();
  await putService(cluster, { type: 'NodePort' }, { hostname: HOST });
  const refusing = new Proxy<Cluster>(cluster, {
    get: (target, key) => {
      if (key === 'watch') {
        return (...args: Parameters<Cluster['watch']>) => {
          if (args[0].plural === 'nodes') throw new ApiError(403, { message: 'nodes is forbidden' });
          return cluster.watch(...args);
        };
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const watching = new WatchedCluster(refusing as MemoryCluster);
  await watching.seen(() =>
    expect(watching.problems(KEY)).toContain(
      'Service default/web needs the addresses of nodes, which the account may not list',
    ),
  );
  expect(watching.edge.observed.error).toBeUndefined();
});

test('nodes are watched for as long as a Service is reached by them', async () => {
  const cluster = new MemoryCluster();
  await putNode(cluster, 'n1', { ExternalIP: '203.0.113.1' });
  await putService(cluster, { type: 'NodePort' }, { hostname: HOST });
  const watching = new WatchedCluster(cluster);
  const claimed = 'Service default/web: web.example.org';
  await watching.seen(() => expect(watching.claims(KEY)).toEqual({ [claimed]: ['203.0.113.1'] }));
  await putService(cluster, { type: 'ClusterIP' }, { hostname: HOST });
  await watching.seen(() =>
    expect(watching.problems(KEY)).toEqual([
      'Service default/web is of type ClusterIP, and nothing from outside leads to it',
    ]),
  );
  watching.kinds.clear();
  await putService(cluster, { type: 'NodePort' }, { hostname: HOST });
  await watching.seen(() => expect(watching.claims(KEY)).toEqual({ [claimed]: ['203.0.113.1'] }));
  expect([...watching.kinds]).toContain('nodes');
});

test('a host for the inside is answered with the address inside the cluster', async () => {
  const cluster = new MemoryCluster();
  const annotations = { hostname: HOST, 'internal-hostname': 'web.internal.example.org' };
  const spec = { type: 'LoadBalancer', clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9', 'fd00::9'] };
  await putService(cluster, spec, annotations, [{ ip: '203.0.113.1' }]);
  const watching = new WatchedCluster(cluster);
  await watching.seen(() =>
    expect(watching.claims(KEY)).toEqual({
      'Service default/web: web.example.org': ['203.0.113.1'],
      'Service default/web: web.internal.example.org': ['10.96.0.9', 'fd00::9'],
    }),
  );
});

test.each([
  [
    { type: 'LoadBalancer' },
    {},
    'has no address yet: no load balancer has given it one',
    'it is served as soon as its status has one',
  ],
  [
    { type: 'ClusterIP' },
    { hostname: HOST },
    'is of type ClusterIP, and nothing from outside leads to it',
    'make it a LoadBalancer, lead a Gateway or an Ingress to it, or give it `externalIPs` or the annotation `external-dns.kubernetes.io/target`',
  ],
  [
    { type: 'NodePort' },
    {},
    'is of type NodePort, and nothing from outside leads to it',
    'annotate it with `external-dns.kubernetes.io/access: public` to answer with addresses of nodes, or put a load balancer, a Gateway or an Ingress before it',
  ],
  [
    { type: 'ClusterIP', clusterIP: 'None' },
    { hostname: HOST },
    'is headless, and no Pod of it has an address to answer with',
    'it is served as soon as one has',
  ],
])('why %j has no address', async (spec, annotations, message, remedy) => {
  const cluster = new MemoryCluster();
  await putService(cluster, spec, annotations);
  const watching = new WatchedCluster(cluster);
  await watching.seen(() =>
    expect(watching.service(KEY)!.problems).toEqual([{ object: 'Service default/web', message, remedy }]),
  );
});

test('a way that is there without an address is named, and so is one that is closed', async () => {
  const cluster = new MemoryCluster();
  await putService(cluster, { type: 'ClusterIP' });
  const parentRefs = [{ name: 'gate' }];
  const spec = { parentRefs, rules: [{ backendRefs: [{ name: 'web' }] }] };
  await put(cluster, GATEWAYS, { metadata: { name: 'gate' }, spec: { listeners: [{ name: 'a', protocol: 'HTTP' }] } });
  await put(cluster, HTTP_ROUTES, { metadata: { name: 'r' }, spec });
  const watching = new WatchedCluster(cluster);
  await watching.seen(() =>
    expect(watching.problems(KEY)).toEqual([
      'Service default/web has no address yet: Gateway default/gate leads to it and has none',
    ]),
  );
  const conditions = [{ type: 'Accepted', status: 'False', reason: 'NotAllowedByListeners' }];
  const status = { parents: [{ parentRef: { name: 'gate' }, controllerName: 'c', conditions }] };
  await put(cluster, HTTP_ROUTES, { metadata: { name: 'r' }, spec, status });
  await watching.seen(() =>
    expect(watching.problems(KEY)).toEqual([
      'Service default/web has no address: HTTPRoute default/r is refused by Gateway default/gate (NotAllowedByListeners)',
    ]),
  );
});
