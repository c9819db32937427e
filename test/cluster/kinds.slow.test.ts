import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { describeCluster } from './suite.ts';
import { CLIENTS, World, type EdgewardProcess } from './world.ts';

const PATIENT = { timeout: 30_000, interval: 100 };
const NETWORKS = Array.from({ length: 200 }, (_, i) => `202.96.${i}.0/24`);
const DNS = 'external-dns.kubernetes.io/';
const GATEWAY_API = 'gateway.networking.k8s.io/v1';
const CONTROLLER = 'gateway.example.com/controller';
const GATE = '202.96.128.90';

/** What the zone answers for hosts that nobody serves. */
const WILDCARD = '192.0.2.7';

describeCluster('Services and routes of all kinds, as those who come from external-dns have them', (binaries) => {
  let world: World;
  let control: EdgewardProcess;

  const edge = () => world.plane('edge-1');
  const ask = (name: string): Promise<string[]> => world.ask(CLIENTS.telecomGuangdong, `${name}.apps.example.org`);
  /** All addresses that clients are answered with. */
  const all = async (name: string): Promise<string[]> =>
    [...(await world.shares(NETWORKS, `${name}.apps.example.org`)).keys()].sort();
  const checkAnswered = (name: string, ...addresses: string[]): Promise<void> =>
    vi.waitFor(async () => expect(await all(name)).toEqual(addresses), PATIENT);
  const setStatus = (type: string, name: string, status: object): Promise<string> =>
    edge().kubectl(['patch', type, name, '--subresource=status', '--type=merge', '-p', JSON.stringify({ status })]);

  const service = (name: string, spec: object, annotations: Record<string, string> = {}, app = name): object => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: 'default',
      annotations: {
        [`${DNS}hostname`]: `${name}.apps.example.org`,
        ...Object.fromEntries(Object.entries(annotations).map(([key, value]) => [DNS + key, value])),
      },
    },
    spec: { selector: { app }, ports: [{ port: 443 }], ...spec },
  });

  /** Pods, one on each of the nodes. */
  const pods = (app: string, nodes: readonly string[]): object[] =>
    nodes.map((nodeName, index) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `${app}-${index}`, namespace: 'default', labels: { app } },
      spec: {
        nodeName,
        hostname: `${app}-${index}`,
        subdomain: app,
        containers: [{ name: 'app', image: 'example.org/app:1' }],
      },
    }));

  beforeAll(async () => {
    world = await World.start(binaries, ['edge-1']);
    for (const n of [1, 2, 3]) {
      const metadata = { name: `n${n}`, annotations: { 'kwok.x-k8s.io/node': 'fake' } };
      await edge().apply([{ apiVersion: 'v1', kind: 'Node', metadata }]);
      const addresses = [
        { type: 'ExternalIP', address: `202.96.128.${100 + n}` },
        { type: 'InternalIP', address: `10.1.0.${n}` },
        { type: 'Hostname', address: `n${n}` },
      ];
      await setStatus('node', `n${n}`, { addresses });
    }
    await edge().kubectl(['wait', '--for=condition=Ready', '--timeout=30s', 'node', '--all']);
    await edge().installGatewayApi();
    const spec = {
      hostnameAnnotations: { hosts: ['*.apps.example.org'] },
      records: [
        { name: '@', type: 'NS', data: 'ns1.example.org.' },
        { name: 'ns1', type: 'A', data: '192.0.2.53' },
        { name: '*.apps', type: 'A', data: WILDCARD },
      ],
    };
    await world.hub.kubectl(['patch', 'zone', 'example', '--type=merge', '-p', JSON.stringify({ spec })]);
    control = await world.control().ready();
    await world.dns().ready();
  }, 180_000);
  afterAll(() => world?.stop(), 60_000);

  test('NodePort: the nodes that take its traffic', async () => {
    await edge().apply([...pods('node', ['n1', 'n2']), service('node', { type: 'NodePort' })]);
    await checkAnswered('node', '202.96.128.101', '202.96.128.102', '202.96.128.103');
    await edge().kubectl(['cordon', 'n2']);
    await checkAnswered('node', '202.96.128.101', '202.96.128.103');
    await edge().kubectl(['uncordon', 'n2']);
    await edge().apply([service('node', { type: 'NodePort', externalTrafficPolicy: 'Local' })]);
    await checkAnswered('node', '202.96.128.101', '202.96.128.102');
    await edge().kubectl(['delete', '--force', 'pod', 'node-0']);
    await checkAnswered('node', '202.96.128.102');
  });

  test('headless: its Pods, by their nodes, and each by its name', async () => {
    const annotations = { 'endpoints-type': 'NodeExternalIP' };
    await edge().apply([...pods('head', ['n1', 'n3']), service('head', { clusterIP: 'None' }, annotations)]);
    await checkAnswered('head', '202.96.128.101', '202.96.128.103');
    await checkAnswered('head-0.head', '202.96.128.101');
    await checkAnswered('head-1.head', '202.96.128.103');
    // Its own Pods' addresses are private.
    await edge().apply([service('head', { clusterIP: 'None' })]);
    await checkAnswered('head', WILDCARD);
    await vi.waitFor(() => expect(control.log).toMatch(/of Service default\/head at edge-1 are private/u), PATIENT);
  });

  test('addresses that the Service itself names', async () => {
    await edge().apply([
      ...pods('named', ['n1']),
      service('outside', { externalIPs: ['202.96.128.50'] }, {}, 'named'),
      service('name', { type: 'ExternalName', externalName: '202.96.128.51', selector: undefined }),
      service('behind', { type: 'LoadBalancer' }, { target: '202.96.128.52', ttl: '1h2m' }, 'named'),
    ]);
    await setStatus('service', 'behind', { loadBalancer: { ingress: [{ ip: '10.0.0.1' }] } });
    await checkAnswered('outside', '202.96.128.50');
    await checkAnswered('name', '202.96.128.51');
    await checkAnswered('behind', '202.96.128.52');
  });

  test('a host with nothing to answer leaves the wildcard of its zone alone', async () => {
    await edge().apply([service('late', { type: 'LoadBalancer' }, { ttl: 'soon' }, 'named')]);
    await vi.waitFor(
      () => expect(control.log).toContain('Service default/late at edge-1 has no address yet: no load balancer has'),
      PATIENT,
    );
    expect(await ask('late')).toEqual([WILDCARD]);
    await setStatus('service', 'late', { loadBalancer: { ingress: [{ ip: '202.96.128.60' }] } });
    await checkAnswered('late', '202.96.128.60');
    // What is wrong with it is told once, however often it changes.
    const wrong = '`external-dns.kubernetes.io/ttl: soon`, which is neither seconds nor a duration';
    expect(control.log.split(wrong)).toHaveLength(2);
  });

  const gateway = (listeners: readonly object[]): object => ({
    apiVersion: GATEWAY_API,
    kind: 'Gateway',
    metadata: { name: 'gate', namespace: 'default' },
    spec: { gatewayClassName: 'any', listeners },
  });
  const route = (name: string, spec: object = {}, kind = 'HTTPRoute', backends: readonly object[] = []): object => ({
    apiVersion: GATEWAY_API,
    kind,
    metadata: { name, namespace: 'default' },
    spec: {
      parentRefs: [{ name: 'gate' }],
      hostnames: [`${name}.apps.example.org`],
      rules: [{ backendRefs: backends.length > 0 ? backends : [{ name: 'inner', port: 443 }] }],
      ...spec,
    },
  });
  /** What a controller says of a route at one listener. */
  const verdict = (parentRef: object, accepted: boolean, controllerName = CONTROLLER): object => {
    const condition = (type: string, status: boolean): object => ({
      type,
      status: status ? 'True' : 'False',
      reason: 'Because',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    return {
      parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'gate', ...parentRef },
      controllerName,
      conditions: [condition('Accepted', accepted), condition('ResolvedRefs', true)],
    };
  };

  test('routes with several parents, and several writers', async () => {
    const listener = (name: string, port: number): object => ({ name, port, protocol: 'HTTP' });
    const inner = { ...service('inner', {}, {}, 'named') } as { metadata: { annotations?: object } };
    delete inner.metadata.annotations;
    await edge().apply([
      {
        apiVersion: GATEWAY_API,
        kind: 'GatewayClass',
        metadata: { name: 'any' },
        spec: { controllerName: CONTROLLER },
      },
      gateway([listener('http', 80), listener('https', 8443)]),
      inner,
    ]);
    await setStatus('gateway', 'gate', { addresses: [{ type: 'IPAddress', value: GATE }] });
    const both = {
      parentRefs: [
        { name: 'gate', sectionName: 'http' },
        { name: 'gate', sectionName: 'https' },
      ],
    };
    await edge().apply([route('section', both), route('writers'), route('stale')]);
    const [http, https] = [{ sectionName: 'http' }, { sectionName: 'https' }];
    await setStatus('httproute', 'section', { parents: [verdict(http, false), verdict(https, true)] });
    await setStatus('httproute', 'writers', {
      parents: [verdict({}, false, 'other.example.net/controller'), verdict({}, true)],
    });
    await setStatus('httproute', 'stale', {
      parents: [verdict({}, true, 'gone.example.net/controller'), verdict({}, false)],
    });
    await checkAnswered('section', GATE);
    await checkAnswered('writers', GATE);
    await checkAnswered('stale', WILDCARD);
    await setStatus('httproute', 'section', { parents: [verdict(http, false), verdict(https, false)] });
    await checkAnswered('section', WILDCARD);
  });

  test('routes of other kinds, and weights', async () => {
    await edge().apply([
      gateway([
        { name: 'http', port: 80, protocol: 'HTTP' },
        { name: 'tls', port: 443, protocol: 'TLS', tls: { mode: 'Passthrough' } },
        { name: 'udp', port: 53, protocol: 'UDP' },
      ]),
      route('grpc', {}, 'GRPCRoute'),
      route('tls', {}, 'TLSRoute'),
      route('zero', {}, 'HTTPRoute', [{ name: 'inner', port: 443, weight: 0 }]),
      route('moved', {
        rules: [{ filters: [{ type: 'RequestRedirect', requestRedirect: { hostname: 'a.example' } }] }],
      }),
    ]);
    const { spec, ...udp } = route('udp', {}, 'UDPRoute') as { spec: object; metadata: object };
    await edge().apply([
      {
        ...udp,
        metadata: { ...udp.metadata, annotations: { [`${DNS}hostname`]: 'udp.apps.example.org' } },
        spec: { ...spec, hostnames: undefined },
      },
    ]);
    await checkAnswered('grpc', GATE);
    await checkAnswered('tls', GATE);
    await checkAnswered('udp', GATE);
    await checkAnswered('moved', GATE);
    expect(await ask('zero')).toEqual([WILDCARD]);
  });

  test('a Service in another namespace has to be let', async () => {
    await edge().kubectl(['create', 'namespace', 'team']);
    const { metadata, spec, ...rest } = service('shared', {}, {}, 'named') as { metadata: object; spec: object };
    await edge().apply([
      { ...rest, metadata: { ...metadata, namespace: 'team', annotations: {} }, spec },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: 'shared-1', namespace: 'team', labels: { 'kubernetes.io/service-name': 'shared' } },
        addressType: 'IPv4',
        endpoints: [{ addresses: ['10.9.9.9'], conditions: { ready: true } }],
        ports: [],
      },
      route('foreign', {}, 'HTTPRoute', [{ name: 'shared', namespace: 'team', port: 443 }]),
    ]);
    await vi.waitFor(() => expect(control.log).toContain('which its namespace does not allow'), PATIENT);
    expect(await ask('foreign')).toEqual([WILDCARD]);
    await edge().apply([
      {
        apiVersion: 'gateway.networking.k8s.io/v1beta1',
        kind: 'ReferenceGrant',
        metadata: { name: 'shared', namespace: 'team' },
        spec: {
          from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'default' }],
          to: [{ group: '', kind: 'Service' }],
        },
      },
    ]);
    await checkAnswered('foreign', GATE);
  });
});
