import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Type } from '../../src/wire/codes.ts';
import { describeCluster } from './suite.ts';
import { CLIENTS, domainExport, SITES, World, type EdgewardProcess } from './world.ts';

const PATIENT = { timeout: 30_000, interval: 100 };

/** Networks of one locality, enough of them for shares to show. */
const TELECOM_NETWORKS = Array.from({ length: 400 }, (_, i) => `202.${96 + (i >> 8)}.${i & 255}.0/24`);

describeCluster('from kubectl apply to answers', (binaries) => {
  let world: World;
  let control: EdgewardProcess;
  let dns: EdgewardProcess;
  const [one, two] = [SITES['edge-1'].address, SITES['edge-2'].address];

  beforeAll(async () => {
    world = await World.start(binaries, ['edge-1', 'edge-2']);
    await Promise.all([world.deploy('edge-1', 3), world.deploy('edge-2', 3)]);
    await world.hub.apply([domainExport()]);
    control = await world.control().ready();
    dns = await world.dns().ready();
  }, 180_000);
  afterAll(() => world?.stop(), 60_000);

  test('clients of two localities get each its site', async () => {
    await vi.waitFor(async () => {
      expect(await world.ask(CLIENTS.telecomGuangdong)).toEqual([one]);
      expect(await world.ask(CLIENTS.unicomBeijing)).toEqual([two]);
    }, PATIENT);
  });

  test('the hub says what came of it', async () => {
    await vi.waitFor(async () => {
      const { status } = JSON.parse(await world.hub.kubectl(['get', 'domainexport', 'chat', '-o', 'json'])) as {
        status: { conditions: { type: string; status: string }[]; endpoints: object[]; summary: string };
      };
      const said = Object.fromEntries(status.conditions.map(({ type, status: value }) => [type, value]));
      expect(said).toEqual({ Accepted: 'True', Resolved: 'True', Serving: 'True' });
      expect(status.summary).toBe('2/2');
      expect(status.endpoints).toMatchObject([
        { address: one, site: 'edge-1', readyReplicas: 3, isps: ['telecom'], up: true },
        { address: two, site: 'edge-2', readyReplicas: 3, isps: ['unicom'], up: true },
      ]);
    }, PATIENT);
    const table = await world.hub.kubectl(['get', 'domainexports']);
    expect(table).toMatch(/chat\s+\["chat\.example\.org"\]\s+True\s+True\s+True\s+2\/2/u);
  });

  test('kubectl explain reads well', async () => {
    const text = await world.hub.kubectl(['explain', 'domainexport.spec']);
    expect(text).toContain('Host names in served zones that answer with this export');
    expect(text).toMatch(/backends\s+<\[\]Object>/u);
  });

  test('shares follow ready replicas', async () => {
    // Both sites serve everybody, by weight alone.
    await world.hub.apply([domainExport({ policy: { objective: 'none', spread: { ipv4: 24 } } })]);
    const shareOfOne = async (): Promise<number> =>
      (await world.shares(TELECOM_NETWORKS)).get(one)! / TELECOM_NETWORKS.length;
    await vi.waitFor(async () => expect(Math.abs((await shareOfOne()) - 0.5)).toBeLessThan(0.1), PATIENT);
    await world.plane('edge-1').kubectl(['scale', 'deployment', 'chat', '--replicas=9']);
    await vi.waitFor(async () => expect(Math.abs((await shareOfOne()) - 0.75)).toBeLessThan(0.08), PATIENT);
    expect((await world.shares(TELECOM_NETWORKS)).has('none')).toBe(false);
  });

  test('a site without ready replicas gets no clients, until all are', async () => {
    await world.plane('edge-1').kubectl(['scale', 'deployment', 'chat', '--replicas=0']);
    await vi.waitFor(async () => expect(await world.ask(CLIENTS.telecomGuangdong)).toEqual([two]), PATIENT);
    await world.plane('edge-1').kubectl(['scale', 'deployment', 'chat', '--replicas=3']);
    await world.hub.apply([domainExport()]);
    await vi.waitFor(async () => expect(await world.ask(CLIENTS.telecomGuangdong)).toEqual([one]), PATIENT);
  });

  test('a Service that is deleted leaves, and comes back', async () => {
    await world.plane('edge-1').kubectl(['delete', 'service', 'chat']);
    await vi.waitFor(async () => expect(await world.ask(CLIENTS.telecomGuangdong)).toEqual([two]), PATIENT);
    await world.deploy('edge-1', 3);
    await vi.waitFor(async () => expect(await world.ask(CLIENTS.telecomGuangdong)).toEqual([one]), PATIENT);
  });

  /** A Service that is not of type LoadBalancer, in front of the Pods of `chat`. */
  const inner = (name: string, annotations: object = {}): object => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', annotations },
    spec: { selector: { app: 'chat' }, ports: [{ port: 443 }] },
  });
  const setStatus = (type: string, name: string, status: object): Promise<string> =>
    world
      .plane('edge-1')
      .kubectl(['patch', type, name, '--subresource=status', '--type=merge', '-p', JSON.stringify({ status })]);
  const ask = (name: string): Promise<string[]> => world.ask(CLIENTS.telecomGuangdong, `${name}.example.org`);

  test('behind a Gateway, as long as a route leads there', async () => {
    const edge = world.plane('edge-1');
    await edge.installGatewayApi();
    const api = 'gateway.networking.k8s.io/v1';
    await edge.apply([
      inner('gated'),
      {
        apiVersion: api,
        kind: 'Gateway',
        metadata: { name: 'gate', namespace: 'default' },
        spec: { gatewayClassName: 'any', listeners: [{ name: 'https', port: 80, protocol: 'HTTP' }] },
      },
      {
        apiVersion: api,
        kind: 'HTTPRoute',
        metadata: { name: 'gated', namespace: 'default' },
        spec: { parentRefs: [{ name: 'gate' }], rules: [{ backendRefs: [{ name: 'gated', port: 443 }] }] },
      },
    ]);
    await setStatus('gateway', 'gate', { addresses: [{ type: 'IPAddress', value: '202.96.128.90' }] });
    await world.hub.apply([domainExport({}, 'gated')]);
    // The kinds were not there when the cluster was first looked at: they are looked for every minute.
    await vi.waitFor(async () => expect(await ask('gated')).toEqual(['202.96.128.90']), {
      timeout: 120_000,
      interval: 500,
    });
    await edge.kubectl(['delete', 'httproute', 'gated']);
    await vi.waitFor(async () => expect(await ask('gated')).toEqual([]), PATIENT);
  });

  test('behind an Ingress', async () => {
    const backend = { service: { name: 'inside', port: { number: 443 } } };
    await world.plane('edge-1').apply([
      inner('inside'),
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'Ingress',
        metadata: { name: 'in', namespace: 'default' },
        spec: { defaultBackend: backend },
      },
    ]);
    await setStatus('ingress', 'in', { loadBalancer: { ingress: [{ ip: '202.96.128.91' }] } });
    await world.hub.apply([domainExport({}, 'inside')]);
    await vi.waitFor(async () => expect(await ask('inside')).toEqual(['202.96.128.91']), PATIENT);
  });

  test('hosts by annotation, once the Zone lets them', async () => {
    await world.deploy('edge-1', 3, 'claimed', ['202.96.128.92', '240e::92', '10.0.0.92']);
    const host = 'external-dns.alpha.kubernetes.io/hostname=api.apps.example.org';
    await world.plane('edge-1').kubectl(['annotate', 'service', 'claimed', host]);
    await setTimeout(1000);
    expect(await ask('api.apps')).toEqual([]);
    await world.hub.kubectl(
      ['patch', 'zone', 'example', '--type=merge', '-p'].concat(
        JSON.stringify({ spec: { hostnameAnnotations: { hosts: ['*.apps.example.org'], sites: ['edge-1'] } } }),
      ),
    );
    // Of both families, and without the private address.
    await vi.waitFor(async () => expect(await ask('api.apps')).toEqual(['202.96.128.92']), PATIENT);
    expect(await world.ask('240e::/32', 'api.apps.example.org', Type.AAAA)).toEqual(['240e::92']);
    expect(control.log).toContain('10.0.0.92 of Service default/claimed at edge-1 is private and refused');
  });

  test('publishNotReadyAddresses makes nothing ready, and what ends is not counted', async () => {
    const edge = world.plane('edge-1');
    const ready = async (): Promise<number | undefined> => {
      const text = await world.hub.kubectl(['get', 'domainexport', 'chat', '-o', 'json']);
      const { endpoints } = (JSON.parse(text) as { status: { endpoints: { site: string; readyReplicas: number }[] } })
        .status;
      return endpoints.find(({ site }) => site === 'edge-1')?.readyReplicas;
    };
    await vi.waitFor(async () => expect(await ready()).toBe(3), PATIENT);
    await edge.kubectl(['patch', 'service', 'chat', '-p', '{"spec":{"publishNotReadyAddresses":true}}']);
    const [pod = '', ending = ''] = (await edge.kubectl(['get', 'pods', '-l', 'app=chat', '-o', 'name'])).split('\n');
    const conditions = [{ type: 'Ready', status: 'False' }];
    await edge.kubectl(['patch', pod, '--subresource=status', '-p', JSON.stringify({ status: { conditions } })]);
    await vi.waitFor(async () => expect(await ready()).toBe(2), PATIENT);
    // A finalizer keeps it ending for as long as it takes to look; another Pod is made in its place.
    await edge.kubectl(['patch', ending, '-p', '{"metadata":{"finalizers":["example.org/wait"]}}']);
    await edge.kubectl(['delete', '--wait=false', ending]);
    const running = async (): Promise<string> =>
      edge.kubectl(['get', 'endpointslices', '-l', 'kubernetes.io/service-name=chat', '-o', 'json']);
    await vi.waitFor(async () => expect(await running()).toContain('"terminating": true'), PATIENT);
    // Numbers in statuses are five seconds old at most. Of four Pods one is not ready, and one is ending.
    await setTimeout(6000);
    expect((await running()).match(/"serving": true/gu)).toHaveLength(3);
    expect(await ready()).toBe(2);
    await edge.kubectl(['patch', ending, '-p', '{"metadata":{"finalizers":null}}']);
    await edge.kubectl(['delete', 'deployment', 'chat']);
    await world.deploy('edge-1', 3);
    await edge.kubectl(['patch', 'service', 'chat', '-p', '{"spec":{"publishNotReadyAddresses":false}}']);
    await vi.waitFor(async () => expect(await ready()).toBe(3), PATIENT);
  });

  test('one wrong resource is told of, and keeps no other from being served', async () => {
    const wrong = domainExport({ hosts: ['elsewhere.example.net'] }, 'wrong');
    await world.hub.apply([wrong]);
    await vi.waitFor(async () => {
      const text = await world.hub.kubectl(['get', 'domainexport', 'wrong', '-o', 'json']);
      expect(text).toContain('elsewhere.example.net is in no served zone; did you mean');
    }, PATIENT);
    expect(await world.ask(CLIENTS.telecomGuangdong)).toEqual([one]);
    await world.hub.kubectl(['delete', 'domainexport', 'wrong']);
  });

  test('what the CRD refuses, and why', async () => {
    const refused = world.hub.apply([domainExport({ backends: undefined, endpoints: undefined }, 'empty')]);
    await expect(refused).rejects.toThrow(/at least one of `endpoints` and `backends` is needed/u);
  });

  test('a node says how old its knowledge is', async () => {
    const ready = (await (await fetch(`http://127.0.0.1:${dns.metricsPort}/readyz`)).json()) as { ageSeconds: number };
    expect(ready.ageSeconds).toBeLessThan(30);
    expect(await dns.metric('edgeward_knowledge_age_seconds')).toBeLessThan(30);
    expect(await control.metric('edgeward_stream_subscribers')).toBe(1);
    await vi.waitFor(
      async () => expect(await world.nsid()).toMatch(/^node-1 generation=0*[1-9]\d* age=0{6}\ds$/u),
      PATIENT,
    );
  });
});
