import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ApiError, type Cluster, type WatchEvent } from '../../src/kube/cluster.ts';
import { MemoryCluster, type MemoryClusterOptions } from '../../src/kube/memory-cluster.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { Reflector, type Learnt, type ReflectorOptions } from '../../src/kube/reflector.ts';
import { WIDGETS } from './conformance.ts';

const running: Reflector<number>[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((reflector) => reflector.stop()));
});

const widget = (name: string, size = 1): KubeObject => ({ metadata: { name, namespace: 'default' }, spec: { size } });

function reflect(cluster: Cluster, more: Partial<ReflectorOptions<number>> = {}) {
  const seen: { key: string; value: number | undefined; learnt: Learnt }[] = [];
  const reflector = new Reflector<number>({
    cluster,
    type: WIDGETS,
    project: ({ spec }) => (spec as { size: number }).size,
    onChange: (changes, learnt) => {
      for (const { key, value } of changes) seen.push({ key, value, learnt });
    },
    ...more,
    timing: { leastBackoffMs: 5, mostBackoffMs: 40, absentMs: 40, inactivityMs: 300, ...more.timing },
  });
  running.push(reflector);
  reflector.start();
  return { reflector, seen };
}

/** A cluster, some of whose calls do something else first. */
function with_(cluster: MemoryCluster, changes: Partial<Cluster>): Cluster {
  return new Proxy<Cluster>(cluster, {
    get: (target, key) => {
      const changed = changes[key as keyof Cluster];
      if (changed !== undefined) return changed;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

async function seeded(options: MemoryClusterOptions = {}): Promise<MemoryCluster> {
  const cluster = new MemoryCluster(options);
  for (const name of ['a', 'b', 'c']) await cluster.create(WIDGETS, widget(name));
  return cluster;
}

const keys = (reflector: Reflector<number>): string[] => [...reflector.items.keys()].sort();

describe.each(['status', 'event', 'closed'] as const)('an expired version that shows as %s', (expired) => {
  test('leads to a new list, which tells what went unseen', async () => {
    const cluster = await seeded({ expired });
    let cut = new AbortController();
    let away = false;
    const { reflector, seen } = reflect(
      with_(cluster, {
        watch: (type, options) => {
          if (away) throw new Error('no route to host');
          return cluster.watch(type, { ...options, signal: AbortSignal.any([options.signal!, cut.signal]) });
        },
      }),
    );
    await vi.waitFor(() => expect(reflector.state.hasSynced).toBe(true));
    away = true;
    cut.abort();
    await vi.waitFor(() => expect(reflector.state.error).toMatch(/no route|cut/u));
    expect(keys(reflector)).toHaveLength(3);
    await cluster.delete(WIDGETS, 'b', { namespace: 'default' });
    await cluster.create(WIDGETS, widget('d', 7));
    cluster.compact();
    // A version of its own, so that the one that is known is older.
    await cluster.create(WIDGETS, widget('e'));
    cut = new AbortController();
    away = false;
    await vi.waitFor(
      () => expect(keys(reflector)).toEqual(['a', 'c', 'd', 'e'].map((name) => `default/${name}`)),
      5000,
    );
    expect(reflector.state.error).toBeUndefined();
    expect(seen.filter(({ value }) => value === undefined)).toEqual([
      { key: 'default/b', value: undefined, learnt: 'list' },
    ]);
  });
});

test('a server without streaming lists is listed page by page', async () => {
  const cluster = await seeded({ streamingLists: false });
  const list = vi.fn<Cluster['list']>(cluster.list.bind(cluster));
  const { reflector } = reflect(with_(cluster, { list }), { timing: { pageSize: 2 } });
  await vi.waitFor(() => expect(keys(reflector)).toHaveLength(3));
  expect(list.mock.calls.map(([, options]) => options?.limit)).toEqual([2, 2]);
  await cluster.create(WIDGETS, widget('d'));
  await vi.waitFor(() => expect(keys(reflector)).toHaveLength(4));
});

test('a list that breaks off takes nothing away, however often', async () => {
  const cluster = await seeded();
  let whole = true;
  const cut: AbortController[] = [];
  async function* watch(...[type, options]: Parameters<Cluster['watch']>): AsyncGenerator<WatchEvent> {
    const ended = new AbortController();
    cut.push(ended);
    let events = 0;
    const signal = AbortSignal.any([options.signal!, ended.signal]);
    for await (const event of cluster.watch(type, { ...options, signal })) {
      if (options.sendInitialEvents === true && !whole && events++ === 1) throw new Error('socket hang up');
      yield event;
    }
  }
  const { reflector, seen } = reflect(with_(cluster, { watch }));
  await vi.waitFor(() => expect(reflector.state.hasSynced).toBe(true));
  whole = false;
  await cluster.delete(WIDGETS, 'a', { namespace: 'default' });
  await vi.waitFor(() => expect(keys(reflector)).toHaveLength(2));
  cluster.compact();
  await cluster.create(WIDGETS, widget('d'));
  await vi.waitFor(() => expect(keys(reflector)).toHaveLength(3));
  await setTimeout(50);
  for (const each of cut) each.abort();
  cluster.compact();
  await setTimeout(200);
  expect(keys(reflector)).toHaveLength(3);
  expect(seen.filter(({ value }) => value === undefined)).toHaveLength(1);
});

test('a watch that is silent for too long is given up', async () => {
  const cluster = await seeded({ bookmarkMs: 60_000 });
  let watches = 0;
  async function* watch(...[type, options]: Parameters<Cluster['watch']>): AsyncGenerator<WatchEvent> {
    watches++;
    const signal = AbortSignal.any([options.signal!, AbortSignal.timeout(options.inactivityMs)]);
    yield* cluster.watch(type, { ...options, signal });
  }
  const { reflector } = reflect(with_(cluster, { watch }), { timing: { inactivityMs: 60 } });
  await vi.waitFor(() => expect(watches).toBeGreaterThan(4));
  expect(keys(reflector)).toHaveLength(3);
});

test('429 is retried when the server wants it to be', async () => {
  const cluster = await seeded();
  let refusals = 2;
  const watch: Cluster['watch'] = (type, options) => {
    if (refusals-- > 0) throw new ApiError(429, { message: 'too many requests' }, 0.03);
    return cluster.watch(type, options);
  };
  const { reflector } = reflect(with_(cluster, { watch }));
  await vi.waitFor(() => expect(reflector.state.hasSynced).toBe(true));
  expect(keys(reflector)).toHaveLength(3);
});

test('an optional kind that is not there counts as empty, and is found when it comes', async () => {
  const cluster = await seeded();
  let there = false;
  const watch: Cluster['watch'] = (type, options) => {
    if (!there) throw new ApiError(404, { message: 'the server could not find the requested resource' });
    return cluster.watch(type, options);
  };
  const { reflector } = reflect(with_(cluster, { watch }), { optional: true });
  await vi.waitFor(() => expect(reflector.state).toEqual({ hasSynced: true, error: undefined, absent: true }));
  there = true;
  await vi.waitFor(() => expect(keys(reflector)).toHaveLength(3));
  expect(reflector.state.absent).toBe(false);
});

test('an optional kind that was there and is refused keeps what is known', async () => {
  const cluster = await seeded();
  let there = true;
  const cut = new AbortController();
  const watch: Cluster['watch'] = (type, options) => {
    if (!there) throw new ApiError(404, { message: 'the server could not find the requested resource' });
    return cluster.watch(type, { ...options, signal: AbortSignal.any([options.signal!, cut.signal]) });
  };
  const { reflector } = reflect(with_(cluster, { watch }), { optional: true });
  await vi.waitFor(() => expect(keys(reflector)).toHaveLength(3));
  there = false;
  cut.abort();
  await vi.waitFor(() => expect(reflector.state.error).toMatch(/could not find/u));
  await setTimeout(50);
  expect(keys(reflector)).toHaveLength(3);
});

test('a server that was restored from before what was seen is listed again', async () => {
  const cut = new AbortController();
  let current = await seeded({ streamingLists: true });
  const { reflector, seen } = reflect(
    with_(current, {
      list: (type, options) => current.list(type, options),
      watch: (type, options) =>
        current.watch(type, {
          ...options,
          signal: AbortSignal.any([cut.signal, options.signal!].slice(cut.signal.aborted ? 1 : 0)),
        }),
    }),
  );
  await vi.waitFor(() => expect(keys(reflector)).toEqual(['default/a', 'default/b', 'default/c']));
  const restored = new MemoryCluster({ streamingLists: true });
  await restored.create(WIDGETS, widget('a'));
  await restored.create(WIDGETS, widget('b', 7));
  current = restored;
  cut.abort();
  await vi.waitFor(() => expect(keys(reflector)).toEqual(['default/a', 'default/b']));
  expect(seen.slice(3)).toEqual([
    { key: 'default/b', value: 7, learnt: 'list' },
    { key: 'default/c', value: undefined, learnt: 'list' },
  ]);
  expect(reflector.state.error).toBeUndefined();
});
