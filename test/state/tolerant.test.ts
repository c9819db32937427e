import { expect, test } from 'vitest';
import { loadCarriers, loadRegions } from '../../src/geo/mod.ts';
import { MemoryCluster } from '../../src/kube/memory-cluster.ts';
import { formatProblem } from '../../src/lib/problem.ts';
import { ACCEPT_CHANGE } from '../../src/model/held.ts';
import type { Kind, Resource } from '../../src/model/kinds.ts';
import { soundListing, type ResourceStore, type StoreChange, type StoredResource } from '../../src/model/stored.ts';
import type { Loaded } from '../../src/state/loaded.ts';
import { openResources } from '../../src/state/resources.ts';
import { HUB_TYPES, KubernetesStore } from '../../src/store/kubernetes.ts';

const regions = loadRegions('geo-data');
const carriers = new Set([...loadCarriers('geo-data').values()].map(({ carrier }) => carrier));

const ENDPOINTS = ['192.0.2.1', '192.0.2.2'].map((address) => ({ address, site: 'a' }));

/** A hub with a site, a zone and an export, and what is made of it. */
async function hub() {
  const cluster = new MemoryCluster();
  const put = (kind: keyof typeof HUB_TYPES, name: string, spec: object, annotations = {}, namespace = 'shop') => {
    const { namespaced } = HUB_TYPES[kind];
    const metadata = { name, annotations, ...(namespaced ? { namespace } : {}) };
    return cluster.apply(HUB_TYPES[kind], { metadata, spec }, { fieldManager: 'test', force: true });
  };
  await put('Site', 'a', { region: 'DE' });
  await put('Zone', 'z', { origin: 'example.org', records: [{ name: '@', type: 'NS', data: 'ns.example.net.' }] });
  await put('DomainExport', 'web', { hosts: ['web.example.org'], endpoints: ENDPOINTS });
  const open = async () => {
    const seen: Loaded[] = [];
    const store = new KubernetesStore({ cluster, directory: undefined, onError: () => {} });
    const source = openResources(store, { regions, carriers, directory: undefined });
    const close = source.follow((loaded) => seen.push(loaded));
    store.start();
    await until(() => store.usable && seen.length > 1);
    const stop = async (): Promise<void> => {
      close();
      await store.close();
    };
    return { seen, stop };
  };
  return { put, open };
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; !condition();) {
    if (Date.now() > end) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const served = (loaded: Loaded): string[] =>
  loaded.configuration!.exports.map(({ tenant, name, endpoints }) => `${tenant}/${name} ${endpoints.length}`);

test('what is not valid any more is served as it was, whether its schema says so or its references', async () => {
  const { put, open } = await hub();
  const { seen, stop } = await open();
  expect(served(seen.at(-1)!)).toEqual(['shop/web 2']);
  for (const endpoints of [[{ address: '192.0.2.9', site: 7 }], [{ address: '192.0.2.9', site: 'nowhere' }]]) {
    const before = seen.length;
    await put('DomainExport', 'web', { hosts: ['web.example.org'], endpoints });
    await until(() => seen.length > before);
    expect(served(seen.at(-1)!)).toEqual(['shop/web 2']);
    expect(seen.at(-1)!.problems.map(formatProblem)).toEqual([
      expect.stringMatching(/^DomainExport shop\/web: error: spec\.endpoints\[0\]\.site: /u),
    ]);
  }
  const before = seen.length;
  await put('DomainExport', 'other', { hosts: ['other.example.org'], endpoints: [ENDPOINTS[0]] });
  await until(() => seen.length > before);
  expect(served(seen.at(-1)!).sort()).toEqual(['shop/other 1', 'shop/web 2']);
  await stop();
});

test('a tenant accepts held changes of its own exports alone', () => {
  const one = (kind: Kind, metadata: object, spec: object): StoredResource => {
    const { name, tenant = '' } = metadata as { name: string; tenant?: string };
    const resource = { apiVersion: 'edgeward.dev/v1alpha1', kind, metadata, spec } as unknown as Resource;
    return { resource, file: `${kind} ${tenant}/${name}`, locate: () => undefined };
  };
  const records = [{ name: '@', type: 'NS', data: 'ns.example.net.' }];
  const zone = (annotations: object) => one('Zone', { name: 'z', annotations }, { origin: 'example.org', records });
  const exp = (name: string, tenant: string, endpoints: object[], annotations: object = {}) =>
    one('DomainExport', { name, tenant, annotations }, { hosts: [`${name}.example.org`], endpoints });
  const site = one('Site', { name: 'a' }, { region: 'DE' });
  let resources = [site, zone({}), exp('web', 'shop', ENDPOINTS), exp('api', 'other', ENDPOINTS)];
  let tell: (change: StoreChange) => void = () => {};
  const store: ResourceStore = {
    list: () => soundListing(resources),
    watch: (onChange) => {
      tell = onChange;
      return () => {};
    },
  };
  const seen: Loaded[] = [];
  const context = { regions, carriers, directory: undefined };
  const close = openResources(store, context).follow((loaded) => seen.push(loaded));
  const found = (learnt: StoreChange['learnt'], ...next: StoredResource[]): Loaded => {
    resources = [site, ...next];
    tell({ learnt, touched: new Set() });
    return seen.at(-1)!;
  };
  const less = [ENDPOINTS[0]!];
  const held = found('list', zone({}), exp('web', 'shop', less), exp('api', 'other', ENDPOINTS));
  expect(held.held).toMatchObject([{ what: 'DomainExport shop/web', lost: 0.5 }]);
  const accept = { [ACCEPT_CHANGE]: held.held![0]!.id };
  const byAnother = found('watch', zone({}), exp('web', 'shop', less), exp('api', 'other', ENDPOINTS, accept));
  expect(served(byAnother)).toEqual(['shop/web 2', 'other/api 2']);
  const byOperator = found('watch', zone(accept), exp('web', 'shop', less), exp('api', 'other', ENDPOINTS));
  expect(served(byOperator)).toEqual(['shop/web 1', 'other/api 2']);
  expect(byOperator.held).toEqual([]);
  close();
});
