import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type {
  ApplyOptions,
  Cluster,
  DeleteOptions,
  ListOptions,
  ObjectList,
  WatchEvent,
  WatchOptions,
} from './cluster.ts';
import { ApiError, INITIAL_EVENTS_END } from './cluster.ts';
import { fieldsOf, removeField, sameValue, setField, type Fields } from './memory-fields.ts';
import { apiVersionOf, keyOf, type KubeObject, type ObjectMeta, type ResourceType } from './objects.ts';

type Json = Record<string, unknown>;

interface Stored {
  readonly object: KubeObject;
  /** Which fields each manager owns. */
  readonly owners: ReadonlyMap<string, ReadonlySet<string>>;
}

interface HistoryEntry {
  readonly version: number;
  readonly collection: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
}

export interface MemoryClusterOptions {
  /** How a watch tells that its resourceVersion is too old: real servers do all three. */
  readonly expired?: 'status' | 'event' | 'closed';
  /** False: `sendInitialEvents` is refused, as by servers before 1.32 or with an old etcd. */
  readonly streamingLists?: boolean;
  /** Milliseconds between bookmarks. */
  readonly bookmarkMs?: number;
}

/** Who writes without naming a field manager. */
const UPDATER = 'edgeward/Update';

/**
 * A Kubernetes API server in memory, as far as `Cluster` goes: resource versions and their expiry, bookmarks,
 * server-side apply with owners and conflicts, preconditions, finalizers, generations. It knows no schemas: any kind
 * is there, has a status subresource, and takes any field.
 */
export class MemoryCluster implements Cluster {
  readonly #options: Required<MemoryClusterOptions>;
  readonly #collections = new Map<string, Map<string, Stored>>();
  #history: HistoryEntry[] = [];
  #version = 1;
  /** Versions up to here are forgotten. */
  #compacted = 0;
  readonly #waiting = new Set<() => void>();
  #closed = false;

  constructor(options: MemoryClusterOptions = {}) {
    this.#options = { expired: 'status', streamingLists: true, bookmarkMs: 60_000, ...options };
  }

  /** Forgets how everything came to be what it is. */
  compact(): void {
    this.#compacted = this.#version;
    this.#history = [];
  }

  async list(type: ResourceType, options: ListOptions = {}): Promise<ObjectList> {
    const { limit, continue: from } = options;
    const [version, start] = from === undefined ? [this.#version, 0] : from.split('/').map(Number);
    if (version! < this.#compacted) throw expired(version!);
    // What was there at the version of the first page.
    const all = this.#at(type, version!).filter((object) => selected(object, options));
    const end = limit === undefined ? all.length : start! + limit;
    return {
      items: all.slice(start, end),
      resourceVersion: String(version),
      continue: end < all.length ? `${version}/${end}` : undefined,
    };
  }

  /** All of a kind as of a version, by name. */
  #at(type: ResourceType, version: number): KubeObject[] {
    const now = new Map([...this.#collection(type)].map(([key, { object }]) => [key, object]));
    for (let i = this.#history.length - 1; i >= 0 && this.#history[i]!.version > version; i--) {
      const { collection, object } = this.#history[i]!;
      if (collection !== collectionOf(type)) continue;
      const key = keyOf(object);
      const before = this.#before(i, collection, key);
      if (before === undefined) now.delete(key);
      else now.set(key, before);
    }
    return [...now].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  #before(index: number, collection: string, key: string): KubeObject | undefined {
    for (let i = index - 1; i >= 0; i--) {
      const entry = this.#history[i]!;
      if (entry.collection !== collection || keyOf(entry.object) !== key) continue;
      return entry.type === 'DELETED' ? undefined : entry.object;
    }
    return undefined;
  }

  async *watch(type: ResourceType, options: WatchOptions): AsyncGenerator<WatchEvent> {
    const { sendInitialEvents = false, timeoutSeconds, signal } = options;
    const until = performance.now() + timeoutSeconds * 1000;
    let from = Number(options.resourceVersion ?? 0);
    if (sendInitialEvents) {
      if (!this.#options.streamingLists) {
        const message = 'sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled';
        throw new ApiError(422, { reason: 'Invalid', message });
      }
      const { items, resourceVersion } = await this.list(type, options);
      for (const object of items) yield { type: 'ADDED', object };
      yield bookmark(type, resourceVersion, { [INITIAL_EVENTS_END]: 'true' });
      from = Number(resourceVersion);
    }
    let bookmarkAt = performance.now() + this.#options.bookmarkMs;
    for (;;) {
      if (from < this.#compacted) {
        if (this.#options.expired === 'status') throw expired(from);
        if (this.#options.expired === 'event') {
          const { message } = expired(from);
          yield { type: 'ERROR', object: { code: 410, reason: 'Expired', message } };
        }
        return;
      }
      const now = this.#version;
      for (const { version, collection, type: change, object } of this.#since(from)) {
        from = version;
        if (collection === collectionOf(type) && selected(object, options)) yield { type: change, object };
        if (version >= now) break;
      }
      if (signal?.aborted === true || this.#closed) throw new Error('the watch was cut');
      const time = performance.now();
      if (time >= until) return;
      if (time >= bookmarkAt) {
        bookmarkAt = time + this.#options.bookmarkMs;
        yield bookmark(type, String(this.#version), {});
      }
      if (this.#version === now) await this.#change(Math.min(until, bookmarkAt) - time, signal);
    }
  }

  #since(from: number): HistoryEntry[] {
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#history[middle]!.version <= from) low = middle + 1;
      else high = middle;
    }
    return this.#history.slice(low);
  }

  async #change(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const done = new AbortController();
    const wake = (): void => done.abort();
    this.#waiting.add(wake);
    signal?.addEventListener('abort', wake, { once: true });
    try {
      await setTimeout(Math.max(0, ms), undefined, { signal: done.signal });
    } catch {
      // Something happened before the time was over.
    } finally {
      this.#waiting.delete(wake);
      signal?.removeEventListener('abort', wake);
    }
  }

  async get(type: ResourceType, name: string, namespace?: string): Promise<KubeObject | undefined> {
    return this.#collection(type).get(nameKey(type, name, namespace))?.object;
  }

  async create(type: ResourceType, object: KubeObject): Promise<KubeObject> {
    const key = nameKey(type, object.metadata.name, object.metadata.namespace);
    if (this.#collection(type).has(key)) throw new ApiError(409, exists(type, key));
    return this.#add(type, key, object, UPDATER);
  }

  #add(type: ResourceType, key: string, given: KubeObject, manager: string): KubeObject {
    const { status, ...rest } = structuredClone(given) as Json;
    void status;
    const metadata = {
      ...(rest['metadata'] as ObjectMeta),
      uid: randomUUID(),
      creationTimestamp: new Date().toISOString(),
      generation: 1,
    };
    const object = { ...rest, apiVersion: apiVersionOf(type), kind: type.kind, metadata } as KubeObject;
    const owners = new Map([[manager, new Set(fieldsOf(object as Json).keys())]]);
    return this.#store(type, key, 'ADDED', object, owners);
  }

  async update(type: ResourceType, given: KubeObject): Promise<KubeObject> {
    const { name, namespace, resourceVersion } = given.metadata;
    const key = nameKey(type, name, namespace);
    const before = this.#existing(type, key);
    if (resourceVersion !== undefined && resourceVersion !== before.object.metadata.resourceVersion) {
      throw new ApiError(409, conflict(`${key} has been modified; apply your changes to the latest version`));
    }
    const { status, ...rest } = structuredClone(given) as Json;
    void status;
    const object = { ...rest, metadata: { ...before.object.metadata, ...(rest['metadata'] as Json) } } as Json;
    if ('status' in before.object) object['status'] = before.object.status;
    const fields = fieldsOf(object);
    const old = fieldsOf(before.object);
    const changed = new Set(
      [...fields].filter(([path, value]) => !sameValue(value, old.get(path))).map(([path]) => path),
    );
    const owners = new Map<string, ReadonlySet<string>>();
    for (const [manager, paths] of before.owners)
      owners.set(manager, new Set([...paths].filter((path) => fields.has(path) && !changed.has(path))));
    owners.set(UPDATER, new Set([...(owners.get(UPDATER) ?? []), ...changed]));
    return this.#replace(type, key, before, object, owners);
  }

  async apply(type: ResourceType, object: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    const { fieldManager, force = false, subresource } = options;
    const key = nameKey(type, object.metadata.name, object.metadata.namespace);
    const before = this.#collection(type).get(key);
    if (before === undefined) {
      if (subresource !== undefined) throw new ApiError(404, absent(type, key));
      return this.#add(type, key, object, fieldManager);
    }
    const { metadata } = object;
    if (metadata.uid !== undefined && metadata.uid !== before.object.metadata.uid)
      throw new ApiError(409, conflict(`the UID of ${key} is another`));
    if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== before.object.metadata.resourceVersion)
      throw new ApiError(409, conflict(`${key} has been modified`));
    const inScope = (path: string): boolean => path.startsWith('status') === (subresource === 'status');
    const given: Fields = new Map([...fieldsOf(object as Json)].filter(([path]) => inScope(path)));
    const live = fieldsOf(before.object);
    const others = [...before.owners].filter(([manager]) => manager !== fieldManager);
    const contested = [...given].filter(([path, value]) => live.has(path) && !sameValue(live.get(path), value));
    for (const [path] of contested) {
      const owner = others.find(([, paths]) => paths.has(path));
      if (owner === undefined || force) continue;
      throw new ApiError(409, conflict(`Apply failed with 1 conflict: conflict with "${owner[0]}": .${path}`));
    }
    const next = structuredClone(before.object) as Json;
    for (const path of before.owners.get(fieldManager) ?? []) {
      if (!inScope(path) || given.has(path) || others.some(([, paths]) => paths.has(path))) continue;
      removeField(next, path);
    }
    for (const [path, value] of given) setField(next, path, structuredClone(value));
    const taken = new Set(contested.map(([path]) => path));
    const owners = new Map<string, ReadonlySet<string>>();
    for (const [manager, paths] of others) owners.set(manager, new Set([...paths].filter((path) => !taken.has(path))));
    const kept = [...(before.owners.get(fieldManager) ?? [])].filter((path) => !inScope(path));
    owners.set(fieldManager, new Set([...kept, ...given.keys()]));
    return this.#replace(type, key, before, next, owners);
  }

  #replace(
    type: ResourceType,
    key: string,
    before: Stored,
    next: Json,
    owners: ReadonlyMap<string, ReadonlySet<string>>,
  ): KubeObject {
    const { object } = before;
    if (sameValue(next, object)) {
      this.#collection(type).set(key, { object, owners });
      return object;
    }
    const { generation = 1 } = object.metadata;
    const specChanged = !sameValue(withoutStatus(next), withoutStatus(object));
    const metadata = { ...(next['metadata'] as Json), generation: specChanged ? generation + 1 : generation };
    const replaced = { ...next, metadata } as unknown as KubeObject;
    if (replaced.metadata.deletionTimestamp !== undefined && (replaced.metadata.finalizers ?? []).length === 0)
      return this.#remove(type, key, replaced);
    return this.#store(type, key, 'MODIFIED', replaced, owners);
  }

  async delete(type: ResourceType, name: string, options: DeleteOptions = {}): Promise<void> {
    const key = nameKey(type, name, options.namespace);
    const { object, owners } = this.#existing(type, key);
    const { metadata } = object;
    if (options.uid !== undefined && options.uid !== metadata.uid)
      throw new ApiError(409, conflict(`the UID in the precondition (${options.uid}) is not the object's`));
    if (options.resourceVersion !== undefined && options.resourceVersion !== metadata.resourceVersion)
      throw new ApiError(409, conflict("the resourceVersion in the precondition is not the object's"));
    if ((metadata.finalizers ?? []).length === 0) {
      this.#remove(type, key, object);
    } else if (metadata.deletionTimestamp === undefined) {
      const deleting = { ...object, metadata: { ...metadata, deletionTimestamp: new Date().toISOString() } };
      this.#store(type, key, 'MODIFIED', deleting, owners);
    }
  }

  async ping(): Promise<void> {
    if (this.#closed) throw new Error('closed');
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const wake of this.#waiting) wake();
  }

  #remove(type: ResourceType, key: string, object: KubeObject): KubeObject {
    const gone = this.#store(type, key, 'DELETED', object, new Map());
    this.#collection(type).delete(key);
    return gone;
  }

  #store(
    type: ResourceType,
    key: string,
    change: HistoryEntry['type'],
    given: KubeObject,
    owners: Stored['owners'],
  ): KubeObject {
    const version = ++this.#version;
    const object = { ...given, metadata: { ...given.metadata, resourceVersion: String(version) } };
    this.#collection(type).set(key, { object, owners });
    this.#history.push({ version, collection: collectionOf(type), type: change, object });
    for (const wake of this.#waiting) wake();
    return object;
  }

  #existing(type: ResourceType, key: string): Stored {
    const stored = this.#collection(type).get(key);
    if (stored === undefined) throw new ApiError(404, absent(type, key));
    return stored;
  }

  #collection(type: ResourceType): Map<string, Stored> {
    const key = collectionOf(type);
    let collection = this.#collections.get(key);
    if (collection === undefined) this.#collections.set(key, (collection = new Map()));
    return collection;
  }
}

function collectionOf(type: ResourceType): string {
  return `${type.plural}.${type.group}`;
}

function nameKey(type: ResourceType, name: string, namespace: string | undefined): string {
  return type.namespaced ? `${namespace ?? 'default'}/${name}` : name;
}

/** Generations count what is asked for, not what came of it, nor how it is labelled. */
function withoutStatus({ status, metadata, ...rest }: Json): Json {
  void status;
  void metadata;
  return rest;
}

/** A namespace, and a label selector of `key=value`s. */
function selected({ metadata }: KubeObject, { namespace, labelSelector }: ListOptions): boolean {
  if (namespace !== undefined && metadata.namespace !== namespace) return false;
  const pairs = labelSelector === undefined ? [] : labelSelector.split(',').map((pair) => pair.split('='));
  return pairs.every(([key, value]) => metadata.labels?.[key!] === value);
}

function bookmark(type: ResourceType, resourceVersion: string, annotations: Record<string, string>): WatchEvent {
  const object = {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: { name: '', resourceVersion, annotations },
  };
  return { type: 'BOOKMARK', object };
}

const expired = (version: number): ApiError =>
  new ApiError(410, { reason: 'Expired', message: `too old resource version: ${version}` });
const conflict = (message: string) => ({ reason: 'Conflict', message });
const exists = ({ plural }: ResourceType, key: string) => ({
  reason: 'AlreadyExists',
  message: `${plural} ${key} already exists`,
});
const absent = ({ plural }: ResourceType, key: string) => ({
  reason: 'NotFound',
  message: `${plural} ${key} not found`,
});
