import { expect, test } from 'vitest';
import { loadCarriers, loadRegions } from '../../src/geo/mod.ts';
import { formatProblem } from '../../src/lib/problem.ts';
import { parseYaml } from '../../src/lib/yaml.ts';
import type { Resource } from '../../src/model/kinds.ts';
import type { ObservedService, ObservedSite } from '../../src/model/observed.ts';
import type { StoredResource } from '../../src/model/stored.ts';
import { observedClaim, observedService } from '../support/observed.ts';
import { observe, resolve, type ResolveContext } from '../../src/resolve/resolve.ts';

const regions = loadRegions('geo-data');
const carriers = new Set([...loadCarriers('geo-data').values()].map(({ carrier }) => carrier));

function stored(text: string): StoredResource[] {
  const { documents, problems } = parseYaml(text, 'x.yaml');
  expect(problems).toEqual([]);
  return documents.map(({ value, locate }) => ({ resource: value as Resource, file: 'x.yaml', locate }));
}

const RESOURCES = `
{apiVersion: edgeward.dev/v1alpha1, kind: Site, metadata: {name: a}, spec: {region: CN, isps: [unicom], cluster: {kubeconfig: {file: a}}}}
---
{apiVersion: edgeward.dev/v1alpha1, kind: Site, metadata: {name: b}, spec: {region: DE, cluster: {kubeconfig: {file: b}, allowPrivateAddresses: true}}}
---
{apiVersion: edgeward.dev/v1alpha1, kind: Zone, metadata: {name: z}, spec: {origin: example.org, records: [{name: '@', type: NS, data: ns.example.net.}]}}
---
{apiVersion: edgeward.dev/v1alpha1, kind: DomainExport, metadata: {name: web}, spec: {hosts: [web.example.org], requestsPerReplica: 10, backends: [{serviceRef: {namespace: d, name: web}}]}}
`;

const service = (more: Partial<ObservedService> = {}): ObservedService =>
  observedService({ namespace: 'd', addresses: ['8.8.8.1'], readyReplicas: 3, ...more });

const site = (name: string, services: readonly ObservedService[], hasSynced = true): [string, ObservedSite] => [
  name,
  {
    site: name,
    services: new Map(services.map((each) => [`${each.namespace}/${each.name}`, each])),
    hasSynced,
    error: undefined,
  },
];

const context = (sites: readonly [string, ObservedSite][], more: Partial<ResolveContext> = {}): ResolveContext => ({
  regions,
  carriers,
  readFile: () => {
    throw new Error('nothing is read');
  },
  now: new Date(0),
  observations: new Map(sites),
  ...more,
});

function resolved(sites: readonly [string, ObservedSite][], more: Partial<ResolveContext> = {}, text = RESOURCES) {
  const { configuration, problems } = resolve(stored(text), context(sites, more));
  const endpoints = configuration?.exports[0]?.endpoints.map(({ address, site: at, weight, up, place }) => ({
    address,
    site: at,
    weight,
    up,
    ...(place === undefined ? {} : { region: place.region, isps: place.isps }),
  }));
  return { configuration, endpoints, problems: problems.map(formatProblem) };
}

test('capacity is ready replicas times what one serves, shared by the addresses of a family', () => {
  const two = service({ addresses: ['8.8.8.1', '8.8.8.2', '2001:4860::1'] });
  expect(resolved([site('a', [two])]).endpoints).toEqual([
    { address: '2001:4860::1', site: 'a', weight: 30, up: true },
    { address: '8.8.8.1', site: 'a', weight: 15, up: true },
    { address: '8.8.8.2', site: 'a', weight: 15, up: true },
  ]);
  const own = service({ requestsPerReplica: 2.5 });
  expect(resolved([site('a', [own])]).endpoints).toMatchObject([{ weight: 7.5 }]);
});

test('zero ready replicas: down, and told of', () => {
  const { endpoints, problems } = resolved([site('a', [service({ readyReplicas: 0 })]), site('b', [])]);
  expect(endpoints).toEqual([{ address: '8.8.8.1', site: 'a', weight: 1, up: false }]);
  expect(problems).toEqual([expect.stringContaining('Service d/web at a has no ready replica')]);
});

test('a Service without an address, one that is nowhere, and clusters that were not seen', () => {
  expect(resolved([site('a', [service({ addresses: [] })])]).problems).toEqual([
    expect.stringContaining('Service d/web at a has no address yet'),
  ]);
  expect(resolved([site('a', []), site('b', [], false)]).problems).toEqual([
    expect.stringContaining('no cluster has a Service d/web (1 cluster has not been seen yet)'),
  ]);
});

test('private addresses are refused, but where the site allows them', () => {
  const { endpoints, problems } = resolved([
    site('a', [service({ addresses: ['10.0.0.1', '8.8.8.1'] })]),
    site('b', [service({ addresses: ['10.0.0.2', 'fd00::1'] })]),
  ]);
  expect(endpoints!.map(({ address }) => address)).toEqual(['8.8.8.1', '10.0.0.2', 'fd00::1']);
  expect(problems).toEqual([expect.stringContaining('10.0.0.1 of Service d/web at a is private and refused')]);
});

test('one address at two sites is one endpoint with the capacity of both', () => {
  const { endpoints, problems } = resolved([site('a', [service()]), site('b', [service({ readyReplicas: 1 })])]);
  expect(endpoints).toEqual([{ address: '8.8.8.1', site: 'a', weight: 40, up: true }]);
  expect(problems).toEqual([expect.stringContaining('8.8.8.1 is an address at a and at b')]);
});

test("the address's own ISP, and its region where that is inside the site's; annotations go first", () => {
  const localityOf = () => ({ region: 'CN-GD', isp: 'telecom' });
  expect(resolved([site('a', [service()])], { localityOf }).endpoints).toMatchObject([
    { region: 'CN-GD', isps: ['telecom'] },
  ]);
  // Geo data place it in China, its operator in Germany.
  expect(resolved([site('b', [service()])], { localityOf }).endpoints).toMatchObject([
    { region: 'DE', isps: ['telecom'] },
  ]);
  const annotated = service({ isp: 'mobile', region: 'CN-BJ' });
  expect(resolved([site('a', [annotated])], { localityOf }).endpoints).toMatchObject([
    { region: 'CN-BJ', isps: ['mobile'] },
  ]);
  const places = [1, 2].map(() => resolved([site('a', [service()])], { localityOf }, RESOURCES).configuration);
  expect(places[0]!.exports[0]!.endpoints[0]!.place!.latitude).toBeCloseTo(regions.get('CN-GD')!.latitude);
});

test('endpoints of its own go before, and stay what they are', () => {
  const text = RESOURCES.replace('backends:', 'endpoints: [{address: 8.8.8.1, site: b}], backends:');
  const { endpoints } = resolved([site('a', [service({ addresses: ['8.8.8.1', '8.8.8.2'] })])], {}, text);
  expect(endpoints).toEqual([
    { address: '8.8.8.1', site: 'b', weight: 1, up: true },
    { address: '8.8.8.2', site: 'a', weight: 15, up: true },
  ]);
});

test('hosts by annotation, where the operator allows it', () => {
  const claims = service({
    name: 'api',
    addresses: ['8.8.4.4'],
    claims: [
      observedClaim({
        by: 'Service d/api',
        hosts: ['api.apps.example.org', 'www.example.org'],
        addresses: ['8.8.4.4'],
        ttl: 30,
      }),
    ],
  });
  expect(resolved([site('a', [service(), claims])]).configuration.exports).toHaveLength(1);
  const allowing = RESOURCES.replace(
    'origin: example.org,',
    "origin: example.org, hostnameAnnotations: {hosts: ['*.apps.example.org', web.example.org], sites: [a]},",
  );
  const { configuration } = resolved([site('a', [service(), claims]), site('b', [claims])], {}, allowing);
  expect(configuration.exports[1]).toMatchObject({
    hosts: ['api.apps.example.org.'],
    endpoints: [{ address: '8.8.4.4', site: 'a' }],
    policy: { ttl: 30 },
  });
  // A host that an export has is not to be had; that stops nothing else.
  const theft = { by: 'Service d/thief', hosts: ['web.example.org'], addresses: ['8.8.8.1'] };
  const taken = service({ name: 'thief', claims: [observedClaim(theft)] });
  const { configuration: after, problems } = resolved([site('a', [service(), taken])], {}, allowing);
  expect(after.exports).toHaveLength(1);
  expect(problems).toEqual([
    expect.stringContaining('Service d/thief at a claims web.example.org, which DomainExport default/web has already'),
  ]);
});

test('observing a change gives what resolving anew would', () => {
  const resources = stored(RESOURCES);
  const before = resolve(resources, context([site('a', [service({ readyReplicas: 0 })])]));
  const next = context([site('a', [service({ readyReplicas: 5 })])]);
  const observed = observe(before, new Set(['d/web']), { ...next, zones: resources })!;
  const anew = resolve(resources, next);
  expect(observed.configuration.exports[0]!.endpoints).toEqual(anew.configuration.exports[0]!.endpoints);
  expect(observed.problems).toEqual(anew.problems);
  // What did not change is the same object: that is what compiling goes by.
  expect(observed.configuration.exports[0]!.policy).toBe(before.configuration.exports[0]!.policy);
  expect(observed.configuration.sites).toBe(before.configuration.sites);
});
