import { expect, test } from 'vitest';
import { loadRegions } from '../../src/geo/mod.ts';
import type { Kind, Resource } from '../../src/model/kinds.ts';
import { soundListing, type ResourceStore, type StoredResource } from '../../src/model/stored.ts';
import type { Zone } from '../../src/model/zone.ts';
import type { Observations } from '../../src/model/observed.ts';
import type { Loaded } from '../../src/state/loaded.ts';
import { openResources, type ResourcesContext } from '../../src/state/resources.ts';
import { HostRules, mayRefer } from '../../src/resolve/tenancy.ts';
import type { Site } from '../../src/model/site.ts';
import { observedService } from '../support/observed.ts';

const regions = loadRegions('geo-data');
const HUB = { operator: 'edgeward' };
const ENDPOINTS = [{ address: '192.0.2.1', site: 'a' }];

function one(kind: Kind, metadata: { name: string; tenant?: string }, spec: object): StoredResource {
  const resource = { apiVersion: 'edgeward.dev/v1alpha1', kind, metadata, spec } as unknown as Resource;
  const file =
    metadata.tenant === undefined ? `${kind} ${metadata.name}` : `${kind} ${metadata.tenant}/${metadata.name}`;
  return { resource, file, locate: () => undefined };
}

const SITE = one('Site', { name: 'a' }, { region: 'DE' });
const zone = (spec: object = {}, origin = 'example.org', name = 'z'): StoredResource =>
  one('Zone', { name }, { origin, records: [{ name: '@', type: 'NS', data: 'ns.example.net.' }], ...spec });
const exp = (owner: string, ...hosts: readonly string[]): StoredResource => {
  const [tenant = '', name = ''] = owner.split('/');
  return one('DomainExport', { name, tenant }, { hosts, endpoints: ENDPOINTS });
};

/** A store whose resources a test replaces, and what is made of them. */
function hub(context: Partial<ResourcesContext> = {}) {
  let resources: readonly StoredResource[] = [];
  let tell: (() => void) | undefined;
  const store: ResourceStore = {
    list: () => soundListing(resources),
    watch: (onChange) => {
      tell = () => onChange({ learnt: 'watch', touched: new Set(['Zone z']) });
      return () => {};
    },
  };
  const time = { now: Date.parse('2026-11-25T12:00:00Z') };
  const options = { regions, carriers: new Set<string>(), directory: undefined, tenancy: HUB, now: () => time.now };
  const loads: Loaded[] = [];
  const close = openResources(store, { ...options, ...context }).follow((loaded) => loads.push(loaded));
  const put = (...next: readonly StoredResource[]): Loaded => {
    resources = [SITE, ...next];
    tell!();
    return loads.at(-1)!;
  };
  return { put, time, close };
}

/** Who answers at each host. */
const owners = ({ configuration }: Loaded): Record<string, string> =>
  Object.fromEntries(
    (configuration?.exports ?? []).flatMap(({ tenant, name, hosts }) =>
      hosts.map((host) => [host, `${tenant}/${name}`]),
    ),
  );
const messages = ({ problems }: Loaded): string[] => problems.map(({ file, message }) => `${file}: ${message}`);

const RULES: readonly (readonly [object, string, string, boolean])[] = [
  // On a hub without rules a zone is the operator's.
  [{}, 'edgeward', 'www.example.org.', true],
  [{}, 'shop', 'www.example.org.', false],
  // Without patterns: all names below the origin, but no wildcard.
  [{ tenants: [{ name: 'shop' }] }, 'shop', 'www.example.org.', true],
  [{ tenants: [{ name: 'shop' }] }, 'shop', 'a.b.example.org.', true],
  [{ tenants: [{ name: 'shop' }] }, 'shop', 'example.org.', false],
  [{ tenants: [{ name: 'shop' }] }, 'shop', '*.example.org.', false],
  [{ tenants: [{ name: 'shop' }] }, 'shop', '*.b.example.org.', false],
  [{ tenants: [{ name: 'shop' }] }, 'evil', 'www.example.org.', false],
  [{ tenants: [{ name: 'shop' }] }, 'edgeward', 'example.org.', true],
  [{ tenants: [{ name: '*' }] }, 'evil', 'www.example.org.', true],
  // With patterns: these alone.
  [{ tenants: [{ name: 'shop', hosts: ['*.shop.example.org'] }] }, 'shop', 'a.b.shop.example.org.', true],
  [{ tenants: [{ name: 'shop', hosts: ['*.Shop.example.org.'] }] }, 'shop', '*.shop.example.org.', true],
  [{ tenants: [{ name: 'shop', hosts: ['*.shop.example.org'] }] }, 'shop', 'shop.example.org.', false],
  [{ tenants: [{ name: 'shop', hosts: ['*.shop.example.org'] }] }, 'shop', 'workshop.example.org.', false],
  [{ tenants: [{ name: 'shop', hosts: ['example.org', '*.example.org'] }] }, 'shop', 'example.org.', true],
  [{ tenants: [{ name: 'shop', hosts: ['example.org', '*.example.org'] }] }, 'shop', '*.example.org.', true],
  // Names of targets are those of the tenant that they name.
  [{ targets: true, tenants: [{ name: '*' }] }, 'shop', 'web.shop.example.org.', true],
  [{ targets: true }, 'shop', 'web.shop.example.org.', true],
  [{ targets: true, tenants: [{ name: '*' }] }, 'evil', 'web.shop.example.org.', false],
  [{ targets: true, tenants: [{ name: '*' }] }, 'evil', '*.shop.example.org.', false],
  // Outside of all zones there is nothing to forbid.
  [{}, 'evil', 'www.example.com.', true],
];

test.each(RULES)('a zone of %j and tenant %s: %s is allowed: %s', (spec, tenant, host, allowed) => {
  const rules = new HostRules([zone(spec).resource as Zone], HUB);
  expect(rules.forbids(tenant, host) === undefined).toBe(allowed);
});

test('in files one operator writes everything, unless a zone names tenants', () => {
  expect(new HostRules([zone().resource as Zone], undefined).forbids('any', '*.example.org.')).toBeUndefined();
  const rules = new HostRules([zone({ tenants: [{ name: 'shop' }] }).resource as Zone], undefined);
  expect(rules.forbids('any', 'www.example.org.')).toBe('example.org');
  expect(rules.forbids('shop', 'www.example.org.')).toBeUndefined();
});

test.each([
  [undefined, HUB, 'shop', 'shop', true],
  [undefined, HUB, 'shop', 'default', false],
  [undefined, HUB, 'edgeward', 'default', true],
  [undefined, undefined, 'shop', 'default', true],
  [[{ tenant: 'shop', namespaces: ['eu', 'us'] }], HUB, 'shop', 'us', true],
  [[{ tenant: 'shop', namespaces: ['eu', 'us'] }], HUB, 'shop', 'shop', true],
  [[{ tenant: 'shop', namespaces: ['eu'] }], HUB, 'evil', 'eu', false],
  [[{ tenant: '*', namespaces: ['shared'] }], HUB, 'evil', 'shared', true],
  [[{ tenant: 'shop', namespaces: ['*'] }], HUB, 'shop', 'kube-system', true],
  [[{ tenant: 'shop', namespaces: ['eu'] }], undefined, 'other', 'eu', false],
] as const)(
  'namespaces %j, %j: tenant %s may refer to namespace %s: %s',
  (namespaces, tenancy, tenant, namespace, may) => {
    const site = { spec: { cluster: { namespaces } } } as unknown as Site;
    expect(mayRefer(tenant, namespace, site, tenancy)).toBe(may);
  },
);

test('claims that tenants may not make are refused, and take nothing away', () => {
  const { put, close } = hub();
  const rules = {
    tenants: [
      { name: 'shop', hosts: ['*.shop.example.org'] },
      { name: 'evil', hosts: ['*.evil.example.org'] },
    ],
  };
  const loaded = put(
    // The oldest is not the first that may have a host.
    exp('evil/a', '*.example.org'),
    exp('evil/b', 'example.org'),
    exp('evil/c', 'web.shop.example.org'),
    exp('evil/d', 'x.evil.example.org'),
    exp('shop/web', 'web.shop.example.org'),
    exp('edgeward/own', 'example.org', '*.example.org'),
    zone(rules),
  );
  expect(owners(loaded)).toEqual({
    'x.evil.example.org.': 'evil/d',
    'web.shop.example.org.': 'shop/web',
    'example.org.': 'edgeward/own',
    '*.example.org.': 'edgeward/own',
  });
  expect(messages(loaded)).toEqual([
    'DomainExport evil/a: tenant `evil` may not have the host *.example.org in zone example.org',
    'DomainExport evil/b: tenant `evil` may not have the host example.org in zone example.org',
    'DomainExport evil/c: tenant `evil` may not have the host web.shop.example.org in zone example.org',
  ]);
  expect(loaded.configuration?.unavailable).toEqual([]);
  close();
});

test('a host stays with who has it, whoever is older; when it is given up it is reserved', () => {
  const { put, time, close } = hub();
  const open = zone({ tenants: [{ name: '*' }] });
  const host = 'web.example.org';
  expect(owners(put(open, exp('shop/web', host)))).toEqual({ 'web.example.org.': 'shop/web' });
  // Another tenant, whose export is older, lies in wait.
  const waiting = put(open, exp('evil/web', host), exp('shop/web', host));
  expect(owners(waiting)).toEqual({ 'web.example.org.': 'shop/web' });
  expect(messages(waiting)).toEqual([
    'DomainExport evil/web: web.example.org is a host of DomainExport shop/web already (DomainExport shop/web)',
  ]);
  // `kubectl replace --force`: gone, and there again.
  const given = put(open, exp('evil/web', host));
  expect(owners(given)).toEqual({});
  expect(given.reserved).toEqual([
    { host: 'web.example.org.', tenant: 'shop', until: time.now + 600_000, origin: 'example.org' },
  ]);
  time.now += 300_000;
  expect(messages(put(open, exp('evil/web', host)))).toEqual([
    'DomainExport evil/web: web.example.org is reserved for tenant `shop`, which gave it up, until 2026-11-25T12:10:00.000Z',
  ]);
  expect(owners(put(open, exp('evil/web', host), exp('shop/other', host)))).toEqual({
    'web.example.org.': 'shop/other',
  });
  // Given up again, and for good.
  put(open, exp('evil/web', host));
  time.now += 600_000;
  expect(owners(put(open, exp('evil/web', host)))).toEqual({ 'web.example.org.': 'evil/web' });
  close();
});

test("the time of a reservation is the zone's, and in files there is none", () => {
  const host = 'web.example.org';
  const short = hub();
  const quick = zone({ tenants: [{ name: '*' }], hostHold: 5 });
  short.put(quick, exp('shop/web', host));
  expect(short.put(quick, exp('evil/web', host)).reserved).toMatchObject([{ until: short.time.now + 5000 }]);
  short.close();
  const files = hub({ tenancy: undefined });
  files.put(zone(), exp('shop/web', host));
  expect(owners(files.put(zone(), exp('evil/web', host)))).toEqual({ 'web.example.org.': 'evil/web' });
  files.close();
});

test('who had a host before a restart has it after it', () => {
  const open = zone({ tenants: [{ name: '*' }] });
  const now = Date.parse('2026-11-25T12:00:00Z');
  const { put, close } = hub({
    recallOwners: () => ({
      owners: new Map([['web.example.org.', 'shop/web']]),
      reserved: new Map([['old.example.org.', { tenant: 'shop', until: now + 1000 }]]),
    }),
  });
  const loaded = put(
    open,
    exp('evil/web', 'web.example.org'),
    exp('evil/old', 'old.example.org'),
    exp('shop/web', 'web.example.org'),
  );
  expect(owners(loaded)).toEqual({ 'web.example.org.': 'shop/web' });
  expect(loaded.reserved).toMatchObject([{ host: 'old.example.org.', tenant: 'shop' }]);
  close();
});

test('a host that a tenant may not have any more is not kept with its last valid version', () => {
  const { put, close } = hub();
  const two = exp('shop/web', 'a.example.org', 'b.example.org');
  expect(Object.keys(owners(put(zone({ tenants: [{ name: 'shop' }] }), two)))).toHaveLength(2);
  const less = put(zone({ tenants: [{ name: 'shop', hosts: ['a.example.org'] }] }), two);
  expect(owners(less)).toEqual({ 'a.example.org.': 'shop/web' });
  expect(less.stale).toEqual(['DomainExport shop/web']);
  close();
});

const CLUSTER = { kubeconfig: { secret: 'x' } };
const siteWith = (name: string, cluster: object = {}): StoredResource =>
  one('Site', { name }, { region: 'DE', cluster: { ...CLUSTER, ...cluster } });
const referring = (owner: string, namespace: string, sites?: readonly string[]): StoredResource => {
  const [tenant = '', name = ''] = owner.split('/');
  const backend = { serviceRef: { namespace, name: 'web' }, ...(sites === undefined ? {} : { sites }) };
  return one('DomainExport', { name, tenant }, { hosts: [`${name}.example.org`], backends: [backend] });
};

/** Services `web` in namespaces `a`, `b` and `shared` of the clusters at `one` and `two`, each with an address. */
const OBSERVATIONS: Observations = new Map(
  ['one', 'two'].map((site, at) => {
    const services = ['a', 'b', 'shared'].map((namespace, index) =>
      observedService({ namespace, addresses: [`8.8.${at}.${index}`], readyReplicas: 1 }),
    );
    const seen = new Map(services.map((service) => [`${service.namespace}/web`, service]));
    return [site, { site, services: seen, hasSynced: true, error: undefined }];
  }),
);

test('a tenant refers to Services of its own namespace, and to those that a Site allows it', () => {
  const { put, close } = hub({ observations: () => OBSERVATIONS });
  const open = zone({ tenants: [{ name: '*' }] });
  const shared = { namespaces: [{ tenant: 'a', namespaces: ['shared'] }] };
  const sites = [siteWith('one'), siteWith('two', shared)];
  const reached = (...exports: readonly StoredResource[]) => {
    const loaded = put(open, ...sites, ...exports);
    const all = loaded.configuration!.exports.map(({ name, endpoints }) => [
      name,
      endpoints.map(({ address }) => address),
    ]);
    return { reached: Object.fromEntries(all) as Record<string, string[]>, told: messages(loaded) };
  };
  expect(reached(referring('a/own', 'a'), referring('b/theft', 'a'), referring('edgeward/all', 'a'))).toEqual({
    reached: { own: ['8.8.0.0', '8.8.1.0'], theft: [], all: ['8.8.0.0', '8.8.1.0'] },
    told: ['DomainExport b/theft: tenant `b` may not use Services of namespace `a` at one, two'],
  });
  // Who names no sites means those that there are for him; who names one is told.
  expect(reached(referring('a/some', 'shared'), referring('a/named', 'shared', ['one', 'two']))).toEqual({
    reached: { some: ['8.8.1.2'], named: ['8.8.1.2'] },
    told: ['DomainExport a/named: tenant `a` may not use Services of namespace `shared` at one'],
  });
  // It does not tell whether there is such a Service.
  expect(reached(referring('b/probe', 'nothing')).told).toEqual([
    'DomainExport b/probe: tenant `b` may not use Services of namespace `nothing` at one, two',
  ]);
  close();
});
