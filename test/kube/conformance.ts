import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ApiError, INITIAL_EVENTS_END, type Cluster, type WatchEvent } from '../../src/kube/cluster.ts';
import { EventRecorder } from '../../src/kube/events.ts';
import { Election } from '../../src/kube/election.ts';
import { EVENTS, LEASES, resourceType, type KubeObject } from '../../src/kube/objects.ts';
import { Reflector, type Change, type Learnt } from '../../src/kube/reflector.ts';

/** A kind with a status subresource, which the real cluster has by `WIDGET_CRD`. */
export const WIDGETS = resourceType('test.edgeward.dev', 'v1', 'widgets', 'Widget');

export const WIDGET_CRD = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.test.edgeward.dev' },
  spec: {
    group: 'test.edgeward.dev',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
              status: {
                type: 'object',
                'x-kubernetes-preserve-unknown-fields': true,
                properties: {
                  conditions: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['type'],
                    items: {
                      type: 'object',
                      required: ['type'],
                      'x-kubernetes-preserve-unknown-fields': true,
                      properties: { type: { type: 'string' } },
                    },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};

export interface ConformanceSubject {
  readonly cluster: Cluster;
  /** Forgets all history, so that older versions are expired. */
  readonly compact: () => Promise<void>;
}

/** What `Cluster` promises, for whatever implements it; and what is built on it. */
export function clusterConformance(subject: () => ConformanceSubject): void {
  /** Each test has objects of its own in a namespace that all share. */
  const namespace = 'default';
  const cluster = (): Cluster => subject().cluster;
  const fresh = (): string => `w-${randomUUID().slice(0, 13)}`;
  const widget = (name: string, spec: object, more: object = {}): KubeObject => ({
    metadata: { name, namespace, ...more },
    spec,
  });
  const closers: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  /** The events of a watch as they come. */
  function follow(options: Partial<Parameters<Cluster['watch']>[1]>): WatchEvent[] {
    const events: WatchEvent[] = [];
    const ended = new AbortController();
    const run = async (): Promise<void> => {
      const all = { namespace, timeoutSeconds: 60, inactivityMs: 90_000, signal: ended.signal, ...options };
      for await (const event of cluster().watch(WIDGETS, all)) events.push(event);
    };
    const running = run().catch((error: unknown) => {
      if (!ended.signal.aborted) throw error;
    });
    closers.push(async () => {
      ended.abort();
      await running;
    });
    return events;
  }

  describe('objects', () => {
    test('create, get, and 409 for a second one', async () => {
      const name = fresh();
      const created = await cluster().create(WIDGETS, widget(name, { size: 1 }));
      expect(created.metadata).toMatchObject({ name, namespace, generation: 1 });
      expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/u);
      expect(created).toMatchObject({ apiVersion: 'test.edgeward.dev/v1', kind: 'Widget' });
      expect(await cluster().get(WIDGETS, name, namespace)).toEqual(created);
      expect(await cluster().get(WIDGETS, `${name}-other`, namespace)).toBeUndefined();
      await expect(cluster().create(WIDGETS, widget(name, {}))).rejects.toMatchObject({
        status: 409,
        reason: 'AlreadyExists',
      });
    });

    test('update goes by resourceVersion, and counts generations of the spec alone', async () => {
      const name = fresh();
      const created = await cluster().create(WIDGETS, widget(name, { size: 1 }));
      const labelled = await cluster().update(WIDGETS, {
        ...created,
        metadata: { ...created.metadata, labels: { a: 'b' } },
      });
      expect(labelled.metadata.generation).toBe(1);
      expect(labelled.metadata.resourceVersion).not.toBe(created.metadata.resourceVersion);
      const grown = await cluster().update(WIDGETS, { ...labelled, spec: { size: 2 } });
      expect(grown.metadata.generation).toBe(2);
      await expect(cluster().update(WIDGETS, { ...created, spec: { size: 3 } })).rejects.toMatchObject({
        status: 409,
        reason: 'Conflict',
      });
      expect((await cluster().get(WIDGETS, name, namespace))!.spec).toEqual({ size: 2 });
    });

    test('delete, with its preconditions', async () => {
      const name = fresh();
      const first = await cluster().create(WIDGETS, widget(name, {}));
      await cluster().delete(WIDGETS, name, { namespace, uid: first.metadata.uid });
      expect(await cluster().get(WIDGETS, name, namespace)).toBeUndefined();
      await expect(cluster().delete(WIDGETS, name, { namespace })).rejects.toMatchObject({ status: 404 });
      await cluster().create(WIDGETS, widget(name, {}));
      await expect(cluster().delete(WIDGETS, name, { namespace, uid: first.metadata.uid })).rejects.toMatchObject({
        status: 409,
      });
      expect(await cluster().get(WIDGETS, name, namespace)).toBeDefined();
    });

    test('a finalizer keeps an object until it is taken off', async () => {
      const name = fresh();
      await cluster().create(WIDGETS, widget(name, {}, { finalizers: ['edgeward.dev/test'] }));
      await cluster().delete(WIDGETS, name, { namespace });
      const deleting = (await cluster().get(WIDGETS, name, namespace))!;
      expect(deleting.metadata.deletionTimestamp).toMatch(/^\d{4}-/u);
      await cluster().update(WIDGETS, { ...deleting, metadata: { ...deleting.metadata, finalizers: [] } });
      expect(await cluster().get(WIDGETS, name, namespace)).toBeUndefined();
    });
  });

  describe('server-side apply', () => {
    test('creates, changes, and takes away what a manager no longer wants', async () => {
      const name = fresh();
      const apply = (spec: object): Promise<KubeObject> =>
        cluster().apply(WIDGETS, widget(name, spec), { fieldManager: 'one' });
      const created = await apply({ a: 1, b: { c: 2 } });
      expect(created.spec).toEqual({ a: 1, b: { c: 2 } });
      const same = await apply({ a: 1, b: { c: 2 } });
      expect(same.metadata.resourceVersion).toBe(created.metadata.resourceVersion);
      const changed = await apply({ a: 3 });
      expect(changed.spec).toEqual({ a: 3 });
    });

    test('managers own fields; a conflict names the owner, and force takes over', async () => {
      const name = fresh();
      await cluster().apply(WIDGETS, widget(name, { a: 1, b: 1 }), { fieldManager: 'one' });
      await cluster().apply(WIDGETS, widget(name, { b: 1, c: 1 }), { fieldManager: 'two' });
      const refused = cluster().apply(WIDGETS, widget(name, { a: 2 }), { fieldManager: 'two' });
      await expect(refused).rejects.toMatchObject({ status: 409, message: expect.stringContaining('"one"') });
      const forced = await cluster().apply(WIDGETS, widget(name, { a: 2, b: 1 }), { fieldManager: 'two', force: true });
      expect(forced.spec).toEqual({ a: 2, b: 1 });
      // `a` is another's now, and `b` both have: giving up both leaves both.
      const without = await cluster().apply(WIDGETS, widget(name, {}), { fieldManager: 'one' });
      expect(without.spec).toEqual({ a: 2, b: 1 });
    });

    test('status is a matter of its own', async () => {
      const name = fresh();
      const condition = (type: string, status: string) => ({ type, status });
      await cluster().apply(WIDGETS, widget(name, { a: 1 }), { fieldManager: 'one' });
      const status = { conditions: [condition('Accepted', 'True'), condition('Serving', 'False')] };
      const set = await cluster().apply(
        WIDGETS,
        { metadata: { name, namespace }, status },
        { fieldManager: 'one', subresource: 'status' },
      );
      expect(set).toMatchObject({ spec: { a: 1 }, status, metadata: { generation: 1 } });
      const respecified = await cluster().apply(WIDGETS, widget(name, { a: 2 }), { fieldManager: 'one' });
      expect(respecified).toMatchObject({ spec: { a: 2 }, status, metadata: { generation: 2 } });
      const one = { conditions: [condition('Serving', 'True')] };
      const next = await cluster().apply(
        WIDGETS,
        { metadata: { name, namespace }, status: one },
        { fieldManager: 'one', subresource: 'status' },
      );
      expect(next.status).toEqual(one);
      const absent = { metadata: { name: fresh(), namespace }, status };
      await expect(
        cluster().apply(WIDGETS, absent, { fieldManager: 'one', subresource: 'status' }),
      ).rejects.toMatchObject({ status: 404 });
    });
  });

  describe('lists and watches', () => {
    test('pages add up to the whole, by label', async () => {
      const group = fresh();
      const names = Array.from({ length: 7 }, (_, i) => `${group}-${i}`);
      for (const name of names) await cluster().create(WIDGETS, widget(name, {}, { labels: { group } }));
      const found: string[] = [];
      let from: string | undefined;
      let pages = 0;
      do {
        const page = await cluster().list(WIDGETS, {
          namespace,
          labelSelector: `group=${group}`,
          limit: 3,
          continue: from,
        });
        found.push(...page.items.map(({ metadata }) => metadata.name));
        from = page.continue;
        pages++;
      } while (from !== undefined);
      expect(found).toEqual(names);
      expect(pages).toBe(3);
    });

    test('a watch tells what happened since its version', async () => {
      const name = fresh();
      const { resourceVersion } = await cluster().list(WIDGETS, { namespace });
      const created = await cluster().create(WIDGETS, widget(name, { size: 1 }));
      await cluster().update(WIDGETS, { ...created, spec: { size: 2 } });
      await cluster().delete(WIDGETS, name, { namespace });
      const events = follow({ resourceVersion });
      await vi.waitFor(() => expect(events.length).toBe(3), 5000);
      expect(events.map(({ type }) => type)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
      expect(events.map(({ object }) => (object as KubeObject).metadata.name)).toEqual([name, name, name]);
    });

    test('initial events, their end, and what follows', async () => {
      const name = fresh();
      await cluster().create(WIDGETS, widget(name, {}, { labels: { only: name } }));
      const events = follow({ sendInitialEvents: true, labelSelector: `only=${name}` });
      await vi.waitFor(() => expect(events.length).toBe(2), 5000);
      expect(events[0]).toMatchObject({ type: 'ADDED', object: { metadata: { name } } });
      expect(events[1]).toMatchObject({
        type: 'BOOKMARK',
        object: { metadata: { annotations: { [INITIAL_EVENTS_END]: 'true' } } },
      });
      await cluster().delete(WIDGETS, name, { namespace });
      await vi.waitFor(() => expect(events[2]).toMatchObject({ type: 'DELETED' }), 5000);
    });

    test('the server ends a watch after timeoutSeconds', async () => {
      const { resourceVersion } = await cluster().list(WIDGETS, { namespace });
      const start = performance.now();
      const watch = cluster().watch(WIDGETS, { namespace, resourceVersion, timeoutSeconds: 1, inactivityMs: 10_000 });
      for await (const event of watch) expect(event.type).not.toBe('ERROR');
      expect(performance.now() - start).toBeGreaterThan(900);
    });

    test('a page is of the same moment as the first one, or 410 when that is forgotten', async () => {
      const group = fresh();
      for (let i = 0; i < 3; i++) await cluster().create(WIDGETS, widget(`${group}-${i}`, {}, { labels: { group } }));
      const options = { namespace, labelSelector: `group=${group}` };
      const first = await cluster().list(WIDGETS, { ...options, limit: 1 });
      await cluster().create(WIDGETS, widget(`${group}-9`, {}, { labels: { group } }));
      await subject().compact();
      try {
        const { items } = await cluster().list(WIDGETS, { ...options, limit: 9, continue: first.continue });
        expect(items.map(({ metadata }) => metadata.name)).toEqual([`${group}-1`, `${group}-2`]);
      } catch (error) {
        expect(error).toBeInstanceOf(ApiError);
        expect((error as ApiError).status).toBe(410);
      }
    });
  });

  test('events are told once', async () => {
    const name = fresh();
    const about = await cluster().create(WIDGETS, widget(name, {}));
    const recorder = new EventRecorder(cluster(), 'test');
    const event = {
      about,
      type: WIDGETS,
      severity: 'Warning',
      reason: 'Held',
      action: 'Resolve',
      note: 'too much',
    } as const;
    await recorder.record(event);
    await recorder.record(event);
    const { items } = await cluster().list(EVENTS, { namespace });
    const ours = items.filter(({ metadata }) => metadata.name.startsWith(name));
    expect(ours).toHaveLength(1);
    expect(ours[0]).toMatchObject({ reason: 'Held', type: 'Warning', regarding: { kind: 'Widget', name } });
  });

  describe('reflector', () => {
    function reflect(prefix: string) {
      const seen: { changes: readonly Change<number>[]; learnt: Learnt }[] = [];
      const reflector = new Reflector<number>({
        cluster: cluster(),
        type: WIDGETS,
        namespace,
        project: ({ metadata, spec }) =>
          metadata.name.startsWith(prefix) ? (spec as { size: number }).size : undefined,
        onChange: (changes, learnt) => {
          if (changes.length > 0) seen.push({ changes, learnt });
        },
        timing: { leastBackoffMs: 20, mostBackoffMs: 200 },
      });
      reflector.start();
      closers.push(() => reflector.stop());
      return { reflector, seen };
    }
    const synced = ({ reflector }: { reflector: Reflector<number> }): Promise<void> =>
      vi.waitFor(() => expect(reflector.state.hasSynced).toBe(true), 10_000);

    test('has what is there, and follows', async () => {
      const name = fresh();
      await cluster().create(WIDGETS, widget(name, { size: 1 }));
      const { reflector, seen } = reflect(name);
      await synced({ reflector });
      expect([...reflector.items]).toEqual([[`${namespace}/${name}`, 1]]);
      expect(seen[0]).toMatchObject({ learnt: 'list', changes: [{ value: 1, before: undefined }] });
      const now = (await cluster().get(WIDGETS, name, namespace))!;
      await cluster().update(WIDGETS, { ...now, spec: { size: 2 } });
      await vi.waitFor(() => expect(reflector.items.get(`${namespace}/${name}`)).toBe(2), 5000);
      await cluster().delete(WIDGETS, name, { namespace });
      await vi.waitFor(() => expect(reflector.items.size).toBe(0), 5000);
      expect(seen.at(-1)).toEqual({
        learnt: 'watch',
        changes: [{ key: `${namespace}/${name}`, value: undefined, before: 2 }],
      });
    });

    test('comes through the loss of history with what is there', async () => {
      const name = fresh();
      await cluster().create(WIDGETS, widget(name, { size: 1 }));
      const held = reflect(name);
      await synced(held);
      await subject().compact();
      await cluster().create(WIDGETS, widget(`${name}-b`, { size: 5 }));
      await vi.waitFor(() => expect(held.reflector.items.size).toBe(2), 10_000);
      held.reflector.hurry();
      await cluster().delete(WIDGETS, name, { namespace });
      await vi.waitFor(() => expect([...held.reflector.items.values()]).toEqual([5]), 10_000);
    });
  });

  describe('election', () => {
    function candidate(lease: string, identity: string, onChange: (leading: boolean) => void = () => {}): Election {
      const election = new Election({
        cluster: cluster(),
        namespace,
        name: lease,
        identity,
        leaseMs: 1000,
        renewWithinMs: 700,
        retryMs: 100,
        onChange,
      });
      election.start();
      closers.push(() => election.stop());
      return election;
    }

    test('one of two leads; when it lets go, the other does at once', async () => {
      const lease = fresh();
      const one = candidate(lease, 'one');
      await vi.waitFor(() => expect(one.leading).toBe(true), 5000);
      const two = candidate(lease, 'two');
      await setTimeout(1500);
      expect([one.leading, two.leading]).toEqual([true, false]);
      await one.stop();
      await vi.waitFor(() => expect(two.leading).toBe(true), 5000);
      expect((await cluster().get(LEASES, lease, namespace))!.spec).toMatchObject({
        holderIdentity: 'two',
        leaseTransitions: 1,
      });
    });

    test('a holder that is never seen to renew is gone, whatever its clock says', async () => {
      const lease = fresh();
      await cluster().create(LEASES, {
        metadata: { name: lease, namespace },
        // Years ahead: nobody reads it.
        spec: { holderIdentity: 'gone', leaseDurationSeconds: 1, renewTime: '2099-01-01T00:00:00.000000Z' },
      });
      const start = performance.now();
      const election = candidate(lease, 'next');
      await vi.waitFor(() => expect(election.leading).toBe(true), 5000);
      expect(performance.now() - start).toBeGreaterThan(900);
    });
  });
}
