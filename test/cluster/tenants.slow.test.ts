import { rmSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { describeCluster } from './suite.ts';
import { CLIENTS, SITES, World, type EdgewardProcess } from './world.ts';

// Two tenants of a hub, `a` and `b`, each with the rights on exports and overrides of its own namespace alone.

const PATIENT = { timeout: 60_000, interval: 100 };
const SITE = 'edge-1';
/** Long enough for a wrong answer to show, had one been made. */
const SETTLED_MS = 3000;

/** By namespace of the edge cluster: the address of its Service `web`. */
const ADDRESSES = { a: '202.96.128.1', b: '202.96.128.2', shared: '202.96.128.3', claims: '202.96.128.4' } as const;
type Namespace = keyof typeof ADDRESSES;

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message: string;
}

describeCluster('tenants of a hub', (binaries) => {
  let world: World;
  let control: EdgewardProcess;
  const kubeconfigs = new Map<string, string>();

  const ask = (host: string): Promise<string[]> => world.ask(CLIENTS.telecomGuangdong, host);
  const edge = () => world.plane(SITE);

  /** Applies objects with the rights of a tenant; `admin` may do anything. */
  async function applyAs(tenant: string, objects: readonly object[], ...flags: readonly string[]): Promise<void> {
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
    const kubeconfig = kubeconfigs.get(tenant);
    const args = flags.length > 0 ? [...flags] : ['apply', '--server-side', '--force-conflicts'];
    await world.hub.kubectl([...args, '-f', '-'], { input, ...(kubeconfig === undefined ? {} : { kubeconfig }) });
  }

  const exportOf = (tenant: string, name: string, spec: object): object => ({
    apiVersion: 'edgeward.dev/v1alpha1',
    kind: 'DomainExport',
    metadata: { name, namespace: tenant },
    spec,
  });
  const backend = (namespace: string) => [{ serviceRef: { namespace, name: 'web' } }];
  const hosts = (tenant: string, name: string, ...names: readonly string[]): object =>
    exportOf(tenant, name, { hosts: names, backends: backend(tenant) });

  async function conditions(kind: string, name: string, namespace?: string): Promise<ReadonlyMap<string, Condition>> {
    const scope = namespace === undefined ? [] : ['-n', namespace];
    const { status } = JSON.parse(await world.hub.kubectl([...scope, 'get', kind, name, '-o', 'json'])) as {
      status?: { conditions?: readonly Condition[] };
    };
    return new Map((status?.conditions ?? []).map((each) => [each.type, each]));
  }

  /** What a condition of an export says once the control plane has looked at it. */
  async function told(tenant: string, name: string, type = 'Accepted', kind = 'domainexport'): Promise<string> {
    return vi.waitFor(async () => {
      const found = (await conditions(kind, name, tenant)).get(type);
      if (found === undefined) throw new Error(`${tenant}/${name} has no ${type} yet`);
      return `${found.status}: ${found.message}`;
    }, PATIENT);
  }

  const isAnswered = (host: string, ...addresses: readonly string[]): Promise<void> =>
    vi.waitFor(async () => expect(await ask(host)).toEqual(addresses), PATIENT);

  /** A Service with its Pods, and an address. */
  async function deploy(namespace: Namespace, replicas: number, hostname?: string): Promise<void> {
    const labels = { app: 'web' };
    const annotations = hostname === undefined ? {} : { 'external-dns.alpha.kubernetes.io/hostname': hostname };
    await edge().apply([
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web', namespace },
        spec: {
          replicas,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'example.org/app:1' }] } },
        },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'web', namespace, annotations },
        spec: { type: 'LoadBalancer', selector: labels, ports: [{ port: 443 }] },
      },
    ]);
    await addressed(namespace);
  }

  async function addressed(namespace: Namespace): Promise<void> {
    const status = { loadBalancer: { ingress: [{ ip: ADDRESSES[namespace] }] } };
    const patch = ['patch', 'service', 'web', '--subresource=status', '--type=merge'];
    await edge().kubectl(['-n', namespace, ...patch, '-p', JSON.stringify({ status })]);
  }

  async function addTenant(name: string): Promise<void> {
    const resources = ['domainexports', 'weightoverrides'];
    await world.hub.apply([
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'tenant', namespace: name } },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: { name: 'tenant', namespace: name },
        rules: [{ apiGroups: ['edgeward.dev'], resources, verbs: ['*'] }],
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'tenant', namespace: name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'tenant' },
        subjects: [{ kind: 'ServiceAccount', name: 'tenant', namespace: name }],
      },
    ]);
    const token = (await world.hub.kubectl(['-n', name, 'create', 'token', 'tenant'])).trim();
    const file = `${world.directory}/${name}.kubeconfig`;
    writeFileSync(file, world.hub.kubeconfigFor(token), { mode: 0o600 });
    kubeconfigs.set(name, file);
  }

  beforeAll(async () => {
    world = await World.start(binaries, [SITE]);
    const zone = (name: string, spec: object): object => ({
      apiVersion: 'edgeward.dev/v1alpha1',
      kind: 'Zone',
      metadata: { name },
      spec: { records: [{ name: '@', type: 'NS', data: 'ns.example.net.' }], hostHold: 8, ...spec },
    });
    await world.hub.apply([
      zone('example', {
        origin: 'example.org',
        tenants: [{ name: 'a' }, { name: 'b', hosts: ['b.example.org', '*.b.example.org', 'wait.example.org'] }],
        hostnameAnnotations: { hosts: ['*.apps.example.org'] },
      }),
      // Nobody is named: it is the operator's alone.
      zone('private', { origin: 'private.org' }),
      zone('targets', { origin: 'targets.example.net', targets: true }),
      {
        apiVersion: 'edgeward.dev/v1alpha1',
        kind: 'Site',
        metadata: { name: SITE },
        spec: {
          region: SITES[SITE].region,
          cluster: {
            kubeconfig: { secret: { name: SITE } },
            namespaces: [{ tenant: 'a', namespaces: ['shared'] }],
          },
        },
      },
    ]);
    await Promise.all([addTenant('a'), addTenant('b')]);
    for (const namespace of ['a', 'b', 'shared', 'claims'] as const) await deploy(namespace, 2);
    control = await world.control(0).ready();
    await world.dns().ready();
  }, 180_000);
  afterAll(() => world?.stop(), 60_000);

  describe('tenants x claims', () => {
    const refused = (message: RegExp) => ({ message });
    test.each<[string, 'a' | 'b', string, RegExp | undefined]>([
      ['a host', 'a', 'app.example.org', undefined],
      ['a host that only its own patterns allow', 'b', 'b.example.org', undefined],
      ['a host below', 'b', 'deep.x.b.example.org', undefined],
      [
        'a host of the other',
        'b',
        'other.example.org',
        /^False: .*tenant `b` may not have the host other\.example\.org/u,
      ],
      [
        'a wildcard over the zone',
        'a',
        '*.example.org',
        /^False: .*tenant `a` may not have the host \*\.example\.org/u,
      ],
      ['a wildcard over the zone', 'b', '*.example.org', /^False: .*tenant `b` may not/u],
      ['a wildcard that its patterns allow', 'b', '*.b.example.org', undefined],
      ['the apex', 'a', 'example.org', /^False: .*tenant `a` may not have the host example\.org/u],
      ['the apex', 'b', 'example.org', /^False: .*tenant `b` may not/u],
      [
        'a host of a zone that names nobody',
        'a',
        'app.private.org',
        /^False: .*may not have the host app\.private\.org/u,
      ],
      ['the target name of the other', 'b', 'web.a.targets.example.net', /^False: .*tenant `b` may not have the host/u],
    ])('%s, by %s: %s', async (_, tenant, host, message) => {
      const name = 'one';
      await applyAs(tenant, [hosts(tenant, name, host)]);
      const said = await told(tenant, name);
      if (message === undefined) expect(said).toMatch(/^True/u);
      else expect({ message: said }).toEqual(refused(expect.stringMatching(message) as unknown as RegExp));
      const asked = host.replace('*', 'any');
      await isAnswered(asked, ...(message === undefined ? [ADDRESSES[tenant]] : []));
      await world.hub.kubectl(['-n', tenant, 'delete', 'domainexport', name]);
      await isAnswered(asked);
    });

    test('target names are those of whom they name', async () => {
      await applyAs('a', [exportOf('a', 'web', { backends: backend('a') })]);
      await isAnswered('web.a.targets.example.net', ADDRESSES.a);
      expect(await told('a', 'web')).toMatch(/^True/u);
      await world.hub.kubectl(['-n', 'a', 'delete', 'domainexport', 'web']);
    });

    test('Services: of the own namespace, and of those that the Site allows', async () => {
      const refer = (tenant: string, namespace: string): object =>
        exportOf(tenant, `of-${namespace}`, {
          hosts: [`of-${namespace}.${tenant === 'b' ? 'b.' : ''}example.org`],
          backends: backend(namespace),
        });
      await applyAs('a', [refer('a', 'a'), refer('a', 'shared'), refer('a', 'b')]);
      await applyAs('b', [refer('b', 'a'), refer('b', 'shared')]);
      await isAnswered('of-a.example.org', ADDRESSES.a);
      await isAnswered('of-shared.example.org', ADDRESSES.shared);
      for (const [tenant, namespace] of [
        ['a', 'b'],
        ['b', 'a'],
        ['b', 'shared'],
      ] as const) {
        const message = `tenant \`${tenant}\` may not use Services of namespace \`${namespace}\` at edge-1`;
        expect(await told(tenant, `of-${namespace}`, 'Resolved')).toContain(message);
        await isAnswered(`of-${namespace}.${tenant === 'b' ? 'b.' : ''}example.org`);
      }
      await world.hub.kubectl(['-n', 'a', 'delete', 'domainexports', '--all']);
      await world.hub.kubectl(['-n', 'b', 'delete', 'domainexports', '--all']);
    });

    test('overrides: of own exports alone', async () => {
      await applyAs('a', [hosts('a', 'app', 'app.example.org')]);
      await isAnswered('app.example.org', ADDRESSES.a);
      const override = {
        apiVersion: 'edgeward.dev/v1alpha1',
        kind: 'WeightOverride',
        metadata: { name: 'drain', namespace: 'b' },
        spec: { export: 'app', weight: 0, reason: 'a test' },
      };
      await applyAs('b', [override]);
      expect(await told('b', 'drain', 'Accepted', 'weightoverride')).toMatch(
        /^False: .*tenant `b` has no DomainExport `app`/u,
      );
      await expect(applyAs('b', [{ ...override, metadata: { name: 'drain', namespace: 'a' } }])).rejects.toThrow(
        /forbidden/u,
      );
      await setTimeout(SETTLED_MS);
      expect(await ask('app.example.org')).toEqual([ADDRESSES.a]);
      await world.hub.kubectl(['-n', 'b', 'delete', 'weightoverrides', '--all']);
      await world.hub.kubectl(['-n', 'a', 'delete', 'domainexport', 'app']);
    });
  });

  test('an export that lies in wait does not get the host of one that is replaced', async () => {
    await applyAs('a', [hosts('a', 'wait', 'wait.example.org')]);
    await isAnswered('wait.example.org', ADDRESSES.a);
    await applyAs('b', [hosts('b', 'wait', 'wait.example.org')]);
    expect(await told('b', 'wait')).toContain('wait.example.org is a host of DomainExport a/wait already');
    const seen = new Set<string>();
    const end = new AbortController();
    const watching = (async () => {
      for (; !end.signal.aborted; await setTimeout(20))
        for (const address of await ask('wait.example.org')) seen.add(address);
    })();
    await applyAs('a', [hosts('a', 'wait', 'wait.example.org')], 'replace', '--force');
    await isAnswered('wait.example.org', ADDRESSES.a);
    // Given up for longer, it is shown as reserved, and goes to the next when that is over.
    await world.hub.kubectl(['-n', 'a', 'delete', 'domainexport', 'wait']);
    await vi.waitFor(async () => {
      const zone = JSON.parse(await world.hub.kubectl(['get', 'zone', 'example', '-o', 'json'])) as {
        status: { reservedHosts?: readonly { host: string; tenant: string }[] };
      };
      const shown = zone.status.reservedHosts?.find((each) => each.host === 'wait.example.org');
      expect(shown).toMatchObject({ tenant: 'a' });
    }, PATIENT);
    expect(await told('b', 'wait')).toContain('is reserved for tenant `a`');
    end.abort();
    await watching;
    expect([...seen]).toEqual([ADDRESSES.a]);
    await isAnswered('wait.example.org', ADDRESSES.b);
    await world.hub.kubectl(['-n', 'b', 'delete', 'domainexport', 'wait']);
  });

  test('an annotation does not take the host of an older object, however many replicas it has', async () => {
    const host = 'chat.apps.example.org';
    await deploy('a', 2, host);
    await isAnswered(host, ADDRESSES.a);
    await deploy('claims', 50, host);
    const said = `Service claims/web at edge-1 claims ${host}, which Service a/web at edge-1 has already`;
    await vi.waitFor(async () => {
      expect((await conditions('zone', 'example')).get('Resolved')?.message).toContain(said);
    }, PATIENT);
    const events = await world.hub.kubectl(['get', 'events', '-A', '-o', 'json']);
    expect(events).toContain(said);
    await setTimeout(SETTLED_MS);
    const networks = Array.from({ length: 40 }, (_, i) => `202.96.${i}.0/24`);
    expect(await world.shares(networks, host)).toEqual(new Map([[ADDRESSES.a, 40]]));
    // Replaced, it is younger than the other, and keeps its host all the same.
    await edge().kubectl(['-n', 'a', 'delete', 'service', 'web']);
    await isAnswered(host);
    await deploy('a', 2, host);
    await isAnswered(host, ADDRESSES.a);
    // Also for a control plane that has seen none of it.
    await vi.waitFor(async () => {
      const zone = JSON.parse(await world.hub.kubectl(['get', 'zone', 'example', '-o', 'json'])) as {
        status: { contestedHosts?: readonly object[] };
      };
      expect(zone.status.contestedHosts).toEqual([{ host, namespace: 'a' }]);
    }, PATIENT);
    await control.stop();
    rmSync(`${world.directory}/control-0/data`, { recursive: true, force: true });
    control = await world.control(0).ready();
    await setTimeout(SETTLED_MS);
    expect(await ask(host)).toEqual([ADDRESSES.a]);
    await edge().kubectl(['-n', 'a', 'delete', 'service', 'web']);
    await isAnswered(host, ADDRESSES.claims);
  });
});
