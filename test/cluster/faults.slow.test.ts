import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { stateDirectory } from '../../src/config/state-directory.ts';
import { customResourceDefinitions } from '../../src/model/crd.ts';
import { describeCluster } from './suite.ts';
import { CLIENTS, domainExport, SITES, World, ZONE, type EdgewardProcess } from './world.ts';

const PATIENT = { timeout: 120_000, interval: 200 };

/** Long enough for a wrong deletion to show, had one been made. */
const SETTLED_MS = 3000;

describeCluster('when parts fail', (binaries) => {
  let world: World;
  let control: EdgewardProcess;
  let dns: EdgewardProcess;
  const [one, two] = [SITES['edge-1'].address, SITES['edge-2'].address];

  beforeAll(async () => {
    world = await World.start(binaries, ['edge-1', 'edge-2']);
    await Promise.all([world.deploy('edge-1', 3), world.deploy('edge-2', 3)]);
    await world.hub.apply([domainExport()]);
    control = await world.control(0).ready();
    dns = await world.dns().ready();
    await vi.waitFor(answersAsUsual, PATIENT);
  }, 180_000);
  afterAll(() => world?.stop(), 60_000);
  // Each test ends with all as it was.
  afterEach(() => vi.waitFor(answersAsUsual, PATIENT), 150_000);

  async function answersAsUsual(): Promise<void> {
    expect([await world.ask(CLIENTS.telecomGuangdong), await world.ask(CLIENTS.unicomBeijing)]).toEqual([[one], [two]]);
  }

  /** Nothing is taken away, at any moment of a while. */
  async function staysAsUsual(ms = SETTLED_MS): Promise<void> {
    for (const until = Date.now() + ms; Date.now() < until; await setTimeout(100)) await answersAsUsual();
  }

  const site = (name: string): string => `{site="${name}"}`;
  const isSeen = async (name: string): Promise<number | undefined> => control.metric('edgeward_site_up', site(name));

  /** What is deployed while a fault lasted is served when it is over. */
  async function followsAgain(): Promise<void> {
    await world.plane('edge-1').kubectl(['scale', 'deployment', 'chat', '--replicas=0']);
    await vi.waitFor(async () => expect(await world.ask(CLIENTS.telecomGuangdong)).toEqual([two]), PATIENT);
    await world.plane('edge-1').kubectl(['scale', 'deployment', 'chat', '--replicas=3']);
    await vi.waitFor(answersAsUsual, PATIENT);
  }

  test("an edge cluster's API server is killed", async () => {
    const edge = world.plane('edge-1');
    await edge.kill('kube-apiserver');
    await staysAsUsual();
    await vi.waitFor(async () => expect(await isSeen('edge-1')).toBe(0), PATIENT);
    expect(control.log).toMatch(/an edge cluster cannot be seen: its last endpoints stay site=edge-1/u);
    expect(await isSeen('edge-2')).toBe(1);
    expect(await control.metric('edgeward_site_knowledge_age_seconds', site('edge-1'))).toBeGreaterThan(0);
    edge.spawn('kube-apiserver');
    await edge.ready();
    await vi.waitFor(async () => expect(await isSeen('edge-1')).toBe(1), PATIENT);
    await followsAgain();
  });

  test("an edge cluster's etcd is killed", async () => {
    const edge = world.plane('edge-1');
    await edge.kill('etcd');
    await staysAsUsual();
    await vi.waitFor(async () => expect(await isSeen('edge-1')).toBe(0), PATIENT);
    expect(control.log).toMatch(
      /an edge cluster cannot be seen: its last endpoints stay site=edge-1 reason="cannot be/u,
    );
    await staysAsUsual();
    edge.spawn('etcd');
    await edge.ready();
    await staysAsUsual(1000);
    await vi.waitFor(async () => expect(await isSeen('edge-1')).toBe(1), PATIENT);
    await followsAgain();
  });

  test('an edge cluster falls silent without a word, and comes back', async () => {
    const edge = world.plane('edge-1');
    edge.process('kube-apiserver')!.kill('SIGSTOP');
    await staysAsUsual();
    await vi.waitFor(async () => expect(await isSeen('edge-1')).toBe(0), { timeout: 90_000, interval: 500 });
    expect(control.log).toMatch(/site=edge-1 reason="(?:cannot be reached|Headers Timeout)/u);
    edge.process('kube-apiserver')!.kill('SIGCONT');
    await vi.waitFor(async () => expect(await isSeen('edge-1')).toBe(1), PATIENT);
    await followsAgain();
  });

  test('its history is compacted away while it cannot be seen', async () => {
    const edge = world.plane('edge-1');
    await edge.kill('kube-apiserver');
    await vi.waitFor(async () => expect(await isSeen('edge-1')).toBe(0), PATIENT);
    // An API server with an empty cache, whose etcd does not know the versions that were seen before.
    edge.spawn('kube-apiserver');
    await edge.ready();
    for (let i = 0; i < 3; i++)
      await edge.kubectl(['annotate', 'service', 'chat', `example.org/n=${i}`, '--overwrite']);
    await edge.compact();
    await edge.kill('kube-apiserver');
    edge.spawn('kube-apiserver');
    await edge.ready();
    await staysAsUsual();
    await vi.waitFor(async () => expect(await isSeen('edge-1')).toBe(1), PATIENT);
    await followsAgain();
  });

  test('its credential is revoked, and replaced', async () => {
    const edge = world.plane('edge-1');
    await edge.apply([
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'edgeward', namespace: 'default' } },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'edgeward' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ kind: 'ServiceAccount', name: 'edgeward', namespace: 'default' }],
      },
    ]);
    const token = (await edge.kubectl(['create', 'token', 'edgeward'])).trim();
    await world.hub.apply([world.kubeconfigSecret('edge-1', edge.kubeconfigFor(token))]);
    await setTimeout(2000);
    await edge.kubectl(['delete', 'serviceaccount', 'edgeward']);
    // What still runs was let in; a restart of the server makes everybody show what they have.
    await edge.kill('kube-apiserver');
    edge.spawn('kube-apiserver');
    await edge.ready();
    await staysAsUsual();
    await vi.waitFor(() => expect(control.log).toMatch(/site=edge-1 reason=\S*Unauthorized/u), PATIENT);
    expect(await isSeen('edge-1')).toBe(0);
    await world.hub.apply([world.kubeconfigSecret('edge-1', edge.kubeconfigFor(await world.readerToken('edge-1')))]);
    await vi.waitFor(async () => expect(await isSeen('edge-1')).toBe(1), PATIENT);
    await followsAgain();
  });

  test('the leader is killed in the middle of its writes', async () => {
    const second = await world.control(1).ready();
    const churn = Array.from({ length: 40 }, (_, i) => domainExport({ hosts: [`h${i}.example.org`] }, `x${i}`));
    const applied = world.hub.apply(churn);
    await setTimeout(300);
    await control.stop('SIGKILL');
    await applied;
    await staysAsUsual();
    await vi.waitFor(async () => expect(await second.metric('edgeward_leading')).toBe(1), PATIENT);
    // Whoever leads now finishes what was begun.
    await vi.waitFor(async () => {
      const { items } = JSON.parse(await world.hub.kubectl(['get', 'domainexports', '-o', 'json'])) as {
        items: { status?: { conditions?: { type: string; status: string }[] } }[];
      };
      const serving = items.filter(({ status }) =>
        status?.conditions?.some(({ type, status: value }) => type === 'Accepted' && value === 'True'),
      );
      expect([items.length, serving.length]).toEqual([41, 41]);
    }, PATIENT);
    expect(dns.log).toContain('the control plane cannot be followed: what is known stays');
    control = await world.control(0).ready();
    // What is deleted while nobody looks is held, as it should be.
    await vi.waitFor(() => expect(control.log).toContain('exports=41'), PATIENT);
    await second.stop();
    await world.hub.kubectl(['delete', 'domainexports', ...churn.map((_, i) => `x${i}`)]);
    await followsAgain();
  });

  test('control starts again with the hub down', async () => {
    await control.stop();
    await world.hub.kill('kube-apiserver');
    control = await world.control(0).ready();
    await staysAsUsual();
    expect(control.log).toMatch(/the hub cannot be seen: what it last had stays/u);
    expect(await control.metric('edgeward_hub_knowledge_age_seconds')).toBeGreaterThan(0);
    // Edge clusters are followed all the same.
    await followsAgain();
    world.hub.spawn('kube-apiserver');
    await world.hub.ready();
    await vi.waitFor(() => expect(control.log).toContain('the hub is seen again'), PATIENT);
  });

  test('a DNS node starts with everything down', async () => {
    await dns.stop('SIGKILL');
    await control.stop('SIGKILL');
    await world.hub.kill('kube-apiserver');
    dns = await world.dns().ready();
    await staysAsUsual();
    expect(dns.log).toMatch(/starting with the last good snapshot/u);
    expect(await dns.metric('edgeward_control_connected')).toBe(0);
    expect(await dns.metric('edgeward_knowledge_age_seconds')).toBeGreaterThan(0);
    world.hub.spawn('kube-apiserver');
    await world.hub.ready();
    control = await world.control(0).ready();
    await vi.waitFor(async () => expect(await dns.metric('edgeward_control_connected')).toBe(1), PATIENT);
    await followsAgain();
  });

  test('a DNS node does not start with what is damaged, and gets it anew', async () => {
    await dns.stop();
    const folder = `${world.directory}/dns`;
    const file = `${stateDirectory(`${folder}/data`, folder)}/snapshot`;
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(file, bytes);
    dns = await world.dns().ready();
    expect(dns.log).toMatch(/the last good snapshot cannot be used/u);
    await staysAsUsual(500);
  });

  test('a hub that has forgotten is not believed at once', async () => {
    const forget = async (): Promise<void> => {
      await control.stop();
      await world.hub.kubectl(['delete', 'domainexport', 'chat']);
      control = await world.control(0).ready();
    };
    await forget();
    await staysAsUsual();
    await vi.waitFor(async () => expect(await control.metric('edgeward_changes_held')).toBe(1), PATIENT);
    const [, id = ''] = /accept-change=([0-9a-f]+)/u.exec(control.log) ?? [];
    expect(control.log).toContain('a change that takes away 100 % of it at once is held');
    await world.hub.kubectl(['annotate', 'zone', 'example', `edgeward.dev/accept-change=${id}`]);
    await vi.waitFor(async () => expect(await world.ask(CLIENTS.telecomGuangdong)).toEqual([]), PATIENT);
    await world.hub.apply([domainExport()]);
    await vi.waitFor(answersAsUsual, PATIENT);
    await world.hub.kubectl(['annotate', 'zone', 'example', 'edgeward.dev/accept-change-']);
  });

  test('a hub that has forgotten is not believed by a control plane without a disk', async () => {
    await control.stop('SIGKILL');
    await world.hub.kubectl(['delete', 'domainexport', 'chat']);
    // As the manifests start it: what was served last is known to DNS nodes and to the hub's statuses alone.
    rmSync(`${world.directory}/control-0/data`, { recursive: true, force: true });
    control = await world.control(0).ready();
    await vi.waitFor(async () => expect(await dns.metric('edgeward_control_connected')).toBe(1), PATIENT);
    await staysAsUsual(20_000);
    expect(await control.metric('edgeward_changes_held')).toBe(1);
    // Another replica comes to the same, without what it knew in an earlier test.
    rmSync(`${world.directory}/control-1/data`, { recursive: true, force: true });
    const second = await world.control(1).ready();
    await control.stop();
    await vi.waitFor(async () => expect(await dns.metric('edgeward_control_connected')).toBe(1), PATIENT);
    await staysAsUsual(10_000);
    expect(await second.metric('edgeward_changes_held')).toBe(1);
    control = await world.control(0).ready();
    await second.stop();
    await world.hub.apply([domainExport()]);
    await vi.waitFor(async () => expect(await control.metric('edgeward_changes_held')).toBe(0), PATIENT);
    await followsAgain();
  });

  test('a drain survives a hub that is restored from before it', async () => {
    const { hub } = world;
    const drained = async (): Promise<void> =>
      expect([await world.ask(CLIENTS.telecomGuangdong), await world.ask(CLIENTS.unicomBeijing)]).toEqual([
        [two],
        [two],
      ]);
    await hub.kill('kube-apiserver');
    await hub.kill('etcd');
    cpSync(`${hub.directory}/etcd`, `${hub.directory}/etcd-before`, { recursive: true });
    hub.spawn('etcd');
    hub.spawn('kube-apiserver');
    await hub.ready();
    const drain = {
      apiVersion: 'edgeward.dev/v1alpha1',
      kind: 'WeightOverride',
      metadata: { name: 'drain', namespace: 'default' },
      spec: { export: 'chat', sites: ['edge-1'], weight: 0, reason: 'maintenance' },
    };
    await hub.apply([drain]);
    await vi.waitFor(drained, PATIENT);
    await hub.kill('kube-apiserver');
    await hub.kill('etcd');
    rmSync(`${hub.directory}/etcd`, { recursive: true });
    renameSync(`${hub.directory}/etcd-before`, `${hub.directory}/etcd`);
    hub.spawn('etcd');
    hub.spawn('kube-apiserver');
    await hub.ready();
    for (const until = Date.now() + 20_000; Date.now() < until; await setTimeout(100)) await drained();
    expect(await control.metric('edgeward_changes_held')).toBe(1);
    // Nor does a control plane believe it that has seen nothing before.
    await control.stop('SIGKILL');
    rmSync(`${world.directory}/control-0/data`, { recursive: true, force: true });
    control = await world.control(0).ready();
    await vi.waitFor(async () => expect(await dns.metric('edgeward_control_connected')).toBe(1), PATIENT);
    for (const until = Date.now() + 10_000; Date.now() < until; await setTimeout(100)) await drained();
    // The operator does it again, and undoes it.
    await hub.apply([drain]);
    await vi.waitFor(async () => expect(await control.metric('edgeward_changes_held')).toBe(0), PATIENT);
    await drained();
    await hub.kubectl(['delete', 'weightoverride', 'drain']);
    await vi.waitFor(answersAsUsual, PATIENT);
  });

  test('all of its CRDs are taken off the hub', async () => {
    const names = customResourceDefinitions().map((crd) => (crd['metadata'] as { name: string }).name);
    const site_ = JSON.parse(await world.hub.kubectl(['get', 'sites', '-o', 'json'])) as {
      items: Record<string, unknown>[];
    };
    // As a restore from an old backup would: unseen, while control is away.
    await control.stop();
    await world.hub.kubectl(['delete', 'crd', ...names]);
    control = await world.control(0).ready();
    await staysAsUsual();
    await world.hub.apply(customResourceDefinitions());
    await world.hub.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
    await staysAsUsual();
    await world.hub.apply(
      site_.items.map(({ apiVersion, kind, metadata, spec }) => ({
        apiVersion,
        kind,
        metadata: { name: (metadata as { name: string }).name },
        spec,
      })),
    );
    await world.hub.apply([...ZONE, domainExport()]);
    await vi.waitFor(async () => expect(await control.metric('edgeward_changes_held')).toBe(0), PATIENT);
    await followsAgain();
  });
});
