import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadCarriers, loadRegions } from '../../src/geo/mod.ts';
import { formatProblem } from '../../src/lib/problem.ts';
import { parseYaml } from '../../src/lib/yaml.ts';
import type { Resource } from '../../src/model/kinds.ts';
import type { ObservedClaim, ObservedService } from '../../src/model/observed.ts';
import type { StoredResource } from '../../src/model/stored.ts';
import { observe, resolve, type ResolveContext } from '../../src/resolve/resolve.ts';
import { observedClaim, observedService } from '../support/observed.ts';

// What comes of the hosts that objects of edge clusters claim, and of what is wrong with those objects.

const regions = loadRegions('geo-data');
const carriers = new Set([...loadCarriers('geo-data').values()].map(({ carrier }) => carrier));

const RESOURCES = `
{apiVersion: edgeward.dev/v1alpha1, kind: Site, metadata: {name: a}, spec: {region: CN, cluster: {kubeconfig: {file: a}}}}
---
{apiVersion: edgeward.dev/v1alpha1, kind: Site, metadata: {name: b}, spec: {region: DE, cluster: {kubeconfig: {file: b}, allowPrivateAddresses: true}}}
---
{apiVersion: edgeward.dev/v1alpha1, kind: Zone, metadata: {name: z}, spec: {origin: example.org, records: [{name: '@', type: NS, data: ns.example.net.}], hostnameAnnotations: {hosts: ['*.example.org'], namespaces: [d]}}}
`;
const EXPORT = `---
{apiVersion: edgeward.dev/v1alpha1, kind: DomainExport, metadata: {name: web}, spec: {hosts: [web.example.org], backends: [{serviceRef: {namespace: d, name: web}}]}}
`;

function stored(text: string): StoredResource[] {
  const { documents, problems } = parseYaml(text, 'x.yaml');
  expect(problems).toEqual([]);
  return documents.map(({ value, locate }) => ({ resource: value as Resource, file: 'x.yaml', locate }));
}

const service = (more: Partial<ObservedService> = {}): ObservedService =>
  observedService({ namespace: 'd', readyReplicas: 1, ...more });

const claim = (more: Partial<ObservedClaim> = {}): ObservedClaim =>
  observedClaim({ by: 'Service d/web', namespace: 'd', hosts: ['app.example.org'], addresses: ['8.8.8.1'], ...more });

function context(services: readonly ObservedService[], site = 'a'): ResolveContext {
  const seen = new Map(services.map((each) => [`${each.namespace}/${each.name}`, each]));
  return {
    regions,
    carriers,
    readFile: () => expect.unreachable('nothing is read'),
    now: new Date(0),
    observations: new Map([[site, { site, services: seen, hasSynced: true, error: undefined }]]),
  };
}

function resolved(services: readonly ObservedService[], { site = 'a', text = RESOURCES } = {}) {
  const resolution = resolve(stored(text), context(services, site));
  const exports = resolution.configuration.exports.map(({ hosts, endpoints }) => ({
    hosts,
    endpoints: endpoints.map(({ address, weight, up }) => `${address} ${up ? weight : 'down'}`),
  }));
  return { resolution, exports, problems: resolution.problems.map(formatProblem) };
}

test('a host is reached by what claims it, whatever other ways to the Service there are', () => {
  const web = service({
    addresses: ['8.8.8.9'],
    readyReplicas: 4,
    claims: [
      claim({ by: 'Ingress d/in', addresses: ['8.8.8.7'] }),
      claim({ by: 'HTTPRoute d/r', addresses: ['8.8.8.8', '8.8.8.7'] }),
      claim({ hosts: ['other.example.org'], addresses: ['8.8.8.9'] }),
    ],
  });
  expect(resolved([web]).exports).toEqual([
    { hosts: ['app.example.org.'], endpoints: ['8.8.8.7 2', '8.8.8.8 2'] },
    { hosts: ['other.example.org.'], endpoints: ['8.8.8.9 4'] },
  ]);
});

test('a host without an address anywhere is left to the zone, and told of', () => {
  const nowhere = { object: 'Service d/web', message: 'has no address yet: because', remedy: 'wait' };
  const before = resolved([service({ claims: [claim({ addresses: [], problems: [nowhere] })] })]);
  expect(before.exports).toEqual([{ hosts: [], endpoints: [] }]);
  expect(before.problems).toEqual([
    'annotation on Service d/web at a: warning: spec.backends[0].serviceRef: Service d/web at a has no address yet: because; wait',
  ]);
  // As soon as it has one it is more than endpoints that change.
  const next = context([service({ claims: [claim()] })]);
  const zones = stored(RESOURCES);
  expect(observe(before.resolution, new Set(['d/web']), { ...next, zones })).toBeUndefined();
  expect(resolve(zones, next).configuration.exports[0]!.hosts).toEqual(['app.example.org.']);
});

test('private addresses are no addresses, but where the site allows them', () => {
  const inside = service({ claims: [claim({ addresses: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'] })] });
  const { exports, problems } = resolved([inside]);
  expect(exports).toEqual([{ hosts: [], endpoints: [] }]);
  expect(problems).toEqual([
    expect.stringContaining('10.0.0.1, 10.0.0.2, 10.0.0.3 and 1 more addresses of Service d/web at a are private'),
  ]);
  expect(resolved([inside], { site: 'b' }).exports[0]!.hosts).toEqual(['app.example.org.']);
});

test('a target replaces addresses, and a private one is refused as they are', () => {
  const web = service({ addresses: ['10.0.0.1'], claims: [claim({ addresses: ['8.8.8.99', '192.168.1.1'] })] });
  const { exports, problems } = resolved([web]);
  expect(exports).toEqual([{ hosts: ['app.example.org.'], endpoints: ['8.8.8.99 1'] }]);
  expect(problems).toEqual([expect.stringContaining('192.168.1.1 of Service d/web at a is private and refused')]);
});

test('addresses that are down keep their place; the others share the capacity', () => {
  const addresses = ['8.8.8.1', '8.8.8.2', '8.8.8.3'];
  const web = service({ readyReplicas: 2, claims: [claim({ addresses, down: ['8.8.8.2'] })] });
  expect(resolved([web]).exports[0]!.endpoints).toEqual(['8.8.8.1 1', '8.8.8.2 down', '8.8.8.3 1']);
  const all = service({ readyReplicas: 2, claims: [claim({ addresses, down: addresses })] });
  expect(resolved([all]).exports[0]).toEqual({
    hosts: ['app.example.org.'],
    endpoints: ['8.8.8.1 down', '8.8.8.2 down', '8.8.8.3 down'],
  });
  // Up through one object is up.
  const either = service({ claims: [claim({ down: ['8.8.8.1'] }), claim({ by: 'Ingress d/in' })] });
  expect(resolved([either]).exports[0]!.endpoints).toEqual(['8.8.8.1 1']);
});

test('one Pod by its own name weighs as one, not as all of its Service', () => {
  const pod = claim({ hosts: ['web-0.example.org'], readyReplicas: 1 });
  expect(resolved([service({ readyReplicas: 5, claims: [pod] })]).exports[0]!.endpoints).toEqual(['8.8.8.1 1']);
});

const sharing = (name: string, readyReplicas: number, share: number | undefined, more: Partial<ObservedService> = {}) =>
  service({
    name,
    readyReplicas,
    claims: [claim({ by: 'HTTPRoute d/r', splits: share === undefined ? [] : [{ rule: 'HTTPRoute d/r 0', share }] })],
    ...more,
  });

test.each([
  ['parts as large as what is behind them', 9, 1, '8.8.8.1 10'],
  ['the canary has too many replicas', 9, 5, '8.8.8.1 10'],
  ['the canary has too few: it is full first', 9, 0.5, '8.8.8.1 5'],
  ['the canary has none that is ready: the other serves what it can', 9, 0, '8.8.8.1 9'],
])('a canary with a tenth of the requests: %s', (_what, stable, canary, endpoint) => {
  const perReplica = { requestsPerReplica: 0.5 };
  const services = [
    sharing('web', stable, 0.9),
    sharing('new', Math.ceil(canary), 0.1, canary === 0.5 ? perReplica : {}),
  ];
  expect(resolved(services).exports[0]!.endpoints).toEqual([endpoint]);
});

test('Services in different rules serve what each of them can', () => {
  expect(resolved([sharing('web', 9, undefined), sharing('new', 1, undefined)]).exports[0]!.endpoints).toEqual([
    '8.8.8.1 10',
  ]);
});

test('the weight of an address never asks more of a Service than it can serve, and something is full', () => {
  const parts = fc.array(
    fc.record({ weight: fc.integer({ min: 1, max: 100 }), ready: fc.integer({ min: 1, max: 50 }) }),
    {
      minLength: 2,
      maxLength: 5,
    },
  );
  fc.assert(
    fc.property(parts, (all) => {
      const total = all.reduce((sum, { weight }) => sum + weight, 0);
      const services = all.map(({ weight, ready }, index) => sharing(`s${index}`, ready, weight / total));
      const [endpoint] = resolve(stored(RESOURCES), context(services)).configuration.exports[0]!.endpoints;
      const used = all.map(({ weight, ready }) => (endpoint!.weight * weight) / total / ready);
      expect(Math.max(...used)).toBeCloseTo(1, 9);
    }),
    { numRuns: 50 },
  );
});

test('a DomainExport that names a canary beside what is stable has the parts as well', () => {
  const splits = (share: number) => [{ rule: 'HTTPRoute d/r 0', share }];
  const services = [
    service({ addresses: ['8.8.8.1'], readyReplicas: 9, splits: splits(0.9) }),
    service({ name: 'new', addresses: ['8.8.8.1'], readyReplicas: 5, splits: splits(0.1) }),
  ];
  const both = EXPORT.replace('backends: [', 'backends: [{serviceRef: {namespace: d, name: new}}, ');
  expect(resolved(services, { text: RESOURCES + both }).exports[0]!.endpoints).toEqual(['8.8.8.1 10']);
  // One of them alone serves what it can.
  expect(resolved(services, { text: RESOURCES + EXPORT }).exports[0]!.endpoints).toEqual(['8.8.8.1 9']);
});

test('hosts in a spec leave those of a DomainExport alone; by annotation that is told', () => {
  const web = (annotated: boolean) =>
    service({ addresses: ['8.8.8.1'], claims: [claim({ by: 'Ingress d/in', hosts: ['web.example.org'], annotated })] });
  const spec = resolved([web(false)], { text: RESOURCES + EXPORT });
  expect(spec.exports).toHaveLength(1);
  expect(spec.problems).toEqual([]);
  const asked = resolved([web(true)], { text: RESOURCES + EXPORT });
  expect(asked.exports).toHaveLength(1);
  expect(asked.problems).toEqual([
    expect.stringContaining('Ingress d/in at a claims web.example.org, which DomainExport default/web has already'),
  ]);
});

test('the namespace of what claims a host has to be allowed, not that of the Service', () => {
  const from = (namespace: string) => service({ claims: [claim({ by: `HTTPRoute ${namespace}/r`, namespace })] });
  expect(resolved([from('other')]).exports).toEqual([]);
  expect(resolved([from('d')]).exports).toHaveLength(1);
});

test('on a hub the Zone alone says which hosts may be claimed', () => {
  const tenancy = { operator: 'edgeward' };
  const { configuration, problems } = resolve(stored(RESOURCES), {
    ...context([service({ claims: [claim()] })]),
    tenancy,
  });
  expect(configuration.exports).toMatchObject([{ tenant: 'edgeward', hosts: ['app.example.org.'] }]);
  expect(problems).toEqual([]);
});

test('what is wrong with an object is told once, and is gone when it is mended', () => {
  const problem = { object: 'Service d/web', message: 'has annotation `x`, which is ignored', remedy: 'remove it' };
  const web = (readyReplicas: number, problems: readonly (typeof problem)[]) =>
    service({ readyReplicas, claims: [claim({ hosts: ['one.example.org', 'two.example.org'], problems })] });
  const zones = stored(RESOURCES);
  const before = resolve(zones, context([web(1, [problem])]));
  const texts = ({ problems }: Pick<typeof before, 'problems'>) => problems.map(formatProblem);
  const told =
    'annotation on Service d/web at a: warning: spec.backends[0].serviceRef: Service d/web at a has annotation `x`, which is ignored; remove it';
  expect(texts(before)).toEqual([told]);
  const changed = new Set(['d/web']);
  const scaled = observe(before, changed, { ...context([web(7, [problem])]), zones })!;
  expect(texts(scaled)).toEqual([told]);
  expect(scaled.configuration.exports[0]!.endpoints[0]!.weight).toBe(7);
  expect(texts(observe(scaled, changed, { ...context([web(7, [])]), zones })!)).toEqual([]);
});

test('a DomainExport is told what is wrong with the Service, not with the hosts that it claims', () => {
  const say = (message: string) => ({ object: 'Service d/web', message, remedy: 'mend it' });
  const web = service({
    addresses: ['8.8.8.1'],
    problems: [say('has a wrong target')],
    claims: [claim({ namespace: 'other', problems: [say('has a wrong TTL')] })],
  });
  expect(resolved([web], { text: RESOURCES + EXPORT }).problems).toEqual([
    expect.stringContaining('spec.backends[0].serviceRef: Service d/web at a has a wrong target; mend it'),
  ]);
});

test('a region and a carrier that there are not are told of', () => {
  const web = service({ claims: [claim()], region: 'XX-YY', isp: 'telekom' });
  expect(resolved([web]).problems.map((text) => text.slice(text.indexOf('serviceRef: ') + 12))).toEqual([
    'Service d/web at a has region `XX-YY` by annotation, which is not known; use a code of geo-data/regions.csv',
    'Service d/web at a has ISP `telekom` by annotation, which is not known; use a name of geo-data/carriers.csv',
  ]);
});

test('an object that is no Service is called by its own name', () => {
  const self = service({ name: 'HTTPRoute:r', claims: [claim({ by: 'HTTPRoute d/r', addresses: ['10.0.0.1'] })] });
  expect(resolved([self]).problems).toEqual([expect.stringContaining('10.0.0.1 of HTTPRoute d/r at a is private')]);
});
