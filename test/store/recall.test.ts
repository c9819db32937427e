import { expect, onTestFinished, test } from 'vitest';
import { exportsFromStatuses, ownersFromStatuses } from '../../src/controllers/status/recall.ts';
import { loadRegions } from '../../src/geo/mod.ts';
import { MemoryCluster } from '../../src/kube/memory-cluster.ts';
import type { Configuration } from '../../src/resolve/configuration.ts';
import type { Loaded } from '../../src/state/loaded.ts';
import { openResources } from '../../src/state/resources.ts';
import { HUB_TYPES, KubernetesStore } from '../../src/store/kubernetes.ts';

const regions = loadRegions('geo-data');
const ENDPOINTS = ['192.0.2.1', '192.0.2.2'].map((address) => ({ address, site: 'a' }));

type HubKind = keyof typeof HUB_TYPES;

/** A hub with a site, a zone and two exports, one of them drained at an address. */
async function hub() {
  const cluster = new MemoryCluster();
  const put = (kind: HubKind, name: string, spec: object, status?: object) => {
    const metadata = { name, ...(HUB_TYPES[kind].namespaced ? { namespace: 'shop' } : {}) };
    const how = { fieldManager: 'test', force: true };
    const applied = cluster.apply(HUB_TYPES[kind], { metadata, spec }, how);
    if (status === undefined) return applied;
    return applied.then(() => cluster.apply(HUB_TYPES[kind], { metadata, status }, { ...how, subresource: 'status' }));
  };
  const remove = (kind: HubKind, name: string) =>
    cluster.delete(HUB_TYPES[kind], name, HUB_TYPES[kind].namespaced ? { namespace: 'shop' } : {});
  await put('Site', 'a', { region: 'DE' });
  const records = [{ name: '@', type: 'NS', data: 'ns.example.net.' }];
  await put('Zone', 'z', { origin: 'example.org', tenants: [{ name: 'shop' }], records }, { conditions: [] });
  await put('DomainExport', 'web', { hosts: ['web.example.org'], endpoints: ENDPOINTS }, { summary: '2/2' });
  await put('DomainExport', 'api', { hosts: ['api.example.org'], endpoints: ENDPOINTS }, { summary: '2/2' });
  await put('WeightOverride', 'drain', { export: 'api', addresses: ['192.0.2.1'], weight: 0 });
  return { put, remove, cluster };
}

/** A control plane without a disk. @returns what it serves, what it has others remember, and how to tell it of that */
function control(cluster: MemoryCluster, recallMs: number, servesAtOnce = true) {
  const loads: Loaded[] = [];
  let remembered = new Map<string, string>();
  const store: KubernetesStore = new KubernetesStore({
    cluster,
    directory: undefined,
    onError: () => {},
    onRemember: (entries) => void (remembered = new Map(entries)),
    recallMs,
  });
  const recall = () => store.objects();
  const source = openResources(store, {
    regions,
    carriers: new Set(),
    directory: undefined,
    tenancy: { operator: 'edgeward' },
    recallOwners: () => ownersFromStatuses(recall()),
    recallServed: (configuration: Configuration) => ({
      ...configuration,
      exports: exportsFromStatuses(recall(), configuration),
    }),
  });
  const close = source.follow((loaded) => {
    if (!store.usable) return;
    loads.push(loaded);
    store.remember(loaded.held?.length === 0);
    if (servesAtOnce) store.served();
  });
  store.start();
  const stop = async (): Promise<void> => {
    close();
    await store.close();
  };
  onTestFinished(stop);
  return { loads, store, stop, memory: () => remembered };
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; !condition();) {
    if (Date.now() > end) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const served = (loads: readonly Loaded[]): string[] =>
  (loads.at(-1)?.configuration?.exports ?? [])
    .map(({ name, endpoints }) => `${name} ${endpoints.map(({ weight }) => weight).join(' ')}`)
    .sort();
const held = (loads: readonly Loaded[]): string[] => (loads.at(-1)?.held ?? []).map(({ what }) => what).sort();

/** What a control plane had others remember, when all was well. */
async function wellKnown(cluster: MemoryCluster): Promise<ReadonlyMap<string, string>> {
  const first = control(cluster, 0);
  await until(() => served(first.loads).length === 2);
  first.store.writeMemory();
  await first.stop();
  expect([...first.memory().keys()].sort()).toEqual([
    'DomainExport shop/api',
    'DomainExport shop/web',
    'Site a',
    'WeightOverride shop/drain',
    'Zone z',
  ]);
  return first.memory();
}

test('a control plane without a disk is told what the hub has lost, and holds it', async () => {
  const { cluster, remove } = await hub();
  const memory = await wellKnown(cluster);
  await remove('DomainExport', 'web');
  await remove('WeightOverride', 'drain');
  const { loads, store } = control(cluster, 60_000);
  await until(() => store.hasSynced);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([store.usable, loads]).toEqual([false, []]);
  store.recall(memory);
  await until(() => held(loads).length === 2);
  expect(held(loads)).toEqual(['DomainExport shop/api', 'DomainExport shop/web']);
  expect(served(loads)).toEqual(['api 0 1', 'web 1 1']);
});

test('what it was told stands in for the hub until it is served with all that belongs to it', async () => {
  const { cluster, remove } = await hub();
  const memory = await wellKnown(cluster);
  await remove('DomainExport', 'web');
  const { loads, store } = control(cluster, 60_000, false);
  // Before the hub is seen, and after: endpoints of edge clusters may still be missing.
  store.recall(memory);
  await until(() => store.hasSynced);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([served(loads), held(loads)]).toEqual([['api 0 1', 'web 1 1'], []]);
  store.served();
  expect([served(loads), held(loads)]).toEqual([['api 0 1', 'web 1 1'], ['DomainExport shop/web']]);
});

test('nobody tells: after a while the hub is believed; a hub that nobody has served is believed at once', async () => {
  const { cluster, remove } = await hub();
  await remove('DomainExport', 'web');
  const { loads } = control(cluster, 100);
  await until(() => served(loads).length === 1);
  const fresh = new MemoryCluster();
  await fresh.apply(
    HUB_TYPES.Zone,
    { metadata: { name: 'z' }, spec: { origin: 'x.test', records: [{ name: '@', type: 'NS', data: 'ns.y.test.' }] } },
    { fieldManager: 'test', force: true },
  );
  const other = control(fresh, 60_000);
  await until(() => other.loads.at(-1)?.configuration !== undefined);
  expect(other.loads.at(-1)?.configuration?.zones).toHaveLength(1);
});

test('a control plane that runs already is told of what it never saw, and not of what it saw deleted', async () => {
  const { cluster, remove, put } = await hub();
  const memory = await wellKnown(cluster);
  await remove('DomainExport', 'web');
  const second = control(cluster, 20);
  const { loads, store } = second;
  await until(() => served(loads).length === 1);
  await remove('DomainExport', 'api');
  await until(() => served(loads).length === 0);
  store.recall(memory);
  expect(held(loads)).toEqual(['DomainExport shop/web']);
  expect(served(loads)).toEqual(['web 1 1']);
  // Another node tells the same, which is no news; nor are others to forget the export while it is held.
  const told = loads.length;
  const shared = second.memory();
  store.recall(memory);
  expect(loads).toHaveLength(told);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect(second.memory()).toBe(shared);
  // Somebody makes it again, and it is as that somebody wants it.
  await put('DomainExport', 'web', { hosts: ['web.example.org'], endpoints: ENDPOINTS.slice(1) });
  await until(() => held(loads).length === 0);
  expect(served(loads)).toEqual(['web 1']);
  await until(() => second.memory().has('DomainExport shop/web'));
  // What somebody deletes is soon forgotten by others too: they would hold it else.
  await remove('DomainExport', 'web');
  await until(() => !second.memory().has('DomainExport shop/web'));
});

test('what is older on the hub than what was served has gone back', async () => {
  const { cluster, put } = await hub();
  await put('WeightOverride', 'drain', { export: 'api', addresses: ['192.0.2.1', '192.0.2.2'], weight: 0 });
  const text = (await wellKnown(cluster)).get('WeightOverride shop/drain')!;
  // A hub from a backup of before: the same object, and a lower generation.
  const { cluster: restored } = await hub();
  const uid = (await restored.get(HUB_TYPES.WeightOverride, 'drain', 'shop'))!.metadata.uid;
  const later = text.replace(/"uid":"[^"]+"/u, `"uid":"${uid}"`).replace(/"generation":\d+/u, '"generation":9');
  const { loads, store } = control(restored, 60_000);
  await until(() => store.hasSynced);
  store.recall([['WeightOverride shop/drain', later]]);
  await until(() => held(loads).length === 1);
  expect(held(loads)).toEqual(['DomainExport shop/api']);
  expect(served(loads)).toEqual(['api 0 0', 'web 1 1']);
});

test('statuses tell what was served when nobody else does', async () => {
  const { cluster, put } = await hub();
  const endpoints = [
    { address: '192.0.2.1', site: 'a', weight: 1, up: true },
    { address: '192.0.2.2', site: 'a', weight: 0, up: true },
    { address: '192.0.2.3', site: 'a', weight: 2, up: true },
  ];
  await put('DomainExport', 'web', { hosts: ['web.example.org'], endpoints: ENDPOINTS }, { endpoints });
  const { loads } = control(cluster, 20);
  await until(() => held(loads).length === 1);
  expect(held(loads)).toEqual(['DomainExport shop/web']);
  expect(served(loads)).toEqual(['api 0 1', 'web 1 0 2']);
});

test('a hub that nobody has served is followed at once, and so it is once statuses are written', async () => {
  const fresh = new MemoryCluster();
  const how = { fieldManager: 'test', force: true };
  const records = [{ name: '@', type: 'NS', data: 'ns.example.net.' }];
  await fresh.apply(HUB_TYPES.Site, { metadata: { name: 'a' }, spec: { region: 'DE' } }, how);
  const spec = { origin: 'example.org', tenants: [{ name: 'shop' }], records };
  await fresh.apply(HUB_TYPES.Zone, { metadata: { name: 'z' }, spec }, how);
  const { loads, store } = control(fresh, 60_000);
  await until(() => loads.length > 0);
  const status = { conditions: [{ type: 'Accepted', status: 'True' }] };
  await fresh.apply(HUB_TYPES.Zone, { metadata: { name: 'z' }, status }, { ...how, subresource: 'status' });
  await until(() => store.objects().some(({ object }) => object.status !== undefined));
  const metadata = { name: 'web', namespace: 'shop' };
  await fresh.apply(
    HUB_TYPES.DomainExport,
    { metadata, spec: { hosts: ['web.example.org'], endpoints: ENDPOINTS } },
    how,
  );
  await until(() => served(loads).length === 1);
  expect(served(loads)).toEqual(['web 1 1']);
});
