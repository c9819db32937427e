import { afterAll, beforeAll, expect, test, vi } from 'vitest';
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
  });
});
