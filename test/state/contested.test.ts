import { expect, test } from 'vitest';
import { loadCarriers, loadRegions } from '../../src/geo/mod.ts';
import { formatProblem } from '../../src/lib/problem.ts';
import { parseYaml } from '../../src/lib/yaml.ts';
import type { Resource } from '../../src/model/kinds.ts';
import type { Observations } from '../../src/model/observed.ts';
import { soundListing, type ResourceStore } from '../../src/model/stored.ts';
import type { HostOwners } from '../../src/state/host-owners.ts';
import type { Loaded } from '../../src/state/loaded.ts';
import { openResources } from '../../src/state/resources.ts';
import { observedClaim, observedService } from '../support/observed.ts';

// One host, and several namespaces of edge clusters that claim it.

const RESOURCES = `
{apiVersion: edgeward.dev/v1alpha1, kind: Site, metadata: {name: one}, spec: {region: CN, cluster: {kubeconfig: {file: a}}}}
---
{apiVersion: edgeward.dev/v1alpha1, kind: Site, metadata: {name: two}, spec: {region: DE, cluster: {kubeconfig: {file: b}}}}
---
{apiVersion: edgeward.dev/v1alpha1, kind: Zone, metadata: {name: z}, spec: {origin: example.org, hostHold: 60, records: [{name: '@', type: NS, data: ns.example.net.}], hostnameAnnotations: {hosts: ['*.example.org']}}}
`;
const { documents } = parseYaml(RESOURCES, 'x.yaml');
const STORED = documents.map(({ value, locate }) => ({ resource: value as Resource, file: 'x.yaml', locate }));
const STORE: ResourceStore = { list: () => soundListing(STORED), watch: () => () => {} };

/** A claim of the Service `web` in a namespace. */
interface Claimed {
  readonly site: 'one' | 'two';
  readonly namespace: string;
  readonly address: string;
  readonly created: number;
}

function observationsOf(claimed: readonly Claimed[]): Observations {
  return new Map(
    ['one', 'two'].map((site) => {
      const services = claimed
        .filter((each) => each.site === site)
        .map(({ namespace, address, created }) => {
          const by = `Service ${namespace}/web`;
          const claim = observedClaim({ by, namespace, hosts: ['app.example.org'], addresses: [address], created });
          return observedService({ namespace, readyReplicas: 1, addresses: [address], claims: [claim] });
        });
      const seen = new Map(services.map((service) => [`${service.namespace}/web`, service]));
      return [site, { site, services: seen, hasSynced: true, error: undefined }];
    }),
  );
}

/** A control plane that follows clusters. */
class Follower {
  now = 0;
  #claimed: readonly Claimed[];
  #loaded!: Loaded;
  readonly #source;

  constructor(claimed: readonly Claimed[], recallOwners?: () => Pick<HostOwners, 'owners' | 'reserved'>) {
    this.#claimed = claimed;
    this.#source = openResources(STORE, {
      regions: loadRegions('geo-data'),
      carriers: new Set([...loadCarriers('geo-data').values()].map(({ carrier }) => carrier)),
      localityOf: () => undefined,
      directory: undefined,
      now: () => this.now,
      observations: () => observationsOf(this.#claimed),
      ...(recallOwners === undefined ? {} : { recallOwners }),
    });
    this.#source.follow((loaded) => (this.#loaded = loaded));
  }

  see(claimed: readonly Claimed[]): void {
    this.#claimed = claimed;
    this.#source.observed(undefined, 'watch');
  }

  get loaded(): Loaded {
    return this.#loaded;
  }

  get addresses(): readonly string[] {
    return this.#loaded.configuration!.exports.flatMap(({ hosts, endpoints }) =>
      hosts.includes('app.example.org.') ? endpoints.map(({ address }) => address) : [],
    );
  }

  get told(): readonly string[] {
    return this.#loaded.problems.map(formatProblem);
  }
}

const A: Claimed = { site: 'one', namespace: 'a', address: '8.8.8.1', created: 1000 };
const B: Claimed = { site: 'two', namespace: 'b', address: '8.8.8.2', created: 2000 };

test('the namespace with the older object has the host; the Zone names both', () => {
  const follower = new Follower([B, A]);
  expect(follower.addresses).toEqual(['8.8.8.1']);
  expect(follower.told).toEqual([
    expect.stringContaining(
      'spec.hostnameAnnotations: Service b/web at two claims app.example.org, which Service a/web at one has already',
    ),
  ]);
  expect(follower.loaded.contested).toEqual([{ host: 'app.example.org.', namespace: 'a', origin: 'example.org' }]);
});

test('a namespace in two clusters is one claimant', () => {
  const follower = new Follower([A, { ...A, site: 'two', address: '8.8.8.3', created: 9000 }]);
  expect(follower.addresses).toEqual(['8.8.8.1', '8.8.8.3']);
  expect(follower.told).toEqual([]);
  expect(follower.loaded.contested).toEqual([]);
});

test('an object that is replaced does not lose its host to one that lay in wait', () => {
  const follower = new Follower([A, B]);
  follower.see([B]);
  expect(follower.addresses).toEqual([]);
  expect(follower.told).toEqual([expect.stringContaining('is reserved for namespace `a`, which gave it up, until')]);
  follower.now = 30_000;
  follower.see([B, { ...A, created: 3000 }]);
  expect(follower.addresses).toEqual(['8.8.8.1']);
  // Who restarts later learns from the status of the Zone who had it.
  const owners = new Map([['app.example.org.', 'namespace a/app.example.org']]);
  const later = new Follower([B, { ...A, created: 3000 }], () => ({ owners, reserved: new Map() }));
  expect(later.addresses).toEqual(['8.8.8.1']);
});

test('a host that is given up for long goes to the next', () => {
  const follower = new Follower([A, B]);
  follower.see([B]);
  follower.now = 61_000;
  follower.see([B]);
  expect(follower.addresses).toEqual(['8.8.8.2']);
  expect(follower.told).toEqual([]);
});

test('a namespace that has nothing to answer with still has its host', () => {
  const follower = new Follower([A, B]);
  follower.see([{ ...A, address: '10.0.0.1' }, B]);
  expect(follower.addresses).toEqual([]);
  expect(follower.told.join()).toContain('Service b/web at two claims app.example.org');
});
