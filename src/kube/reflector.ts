import { setTimeout } from 'node:timers/promises';
import { Backoff } from '../lib/backoff.ts';
import { ApiError, INITIAL_EVENTS_END, isStatus, messageOf, type Cluster } from './cluster.ts';
import { keyOf, type KubeObject, type ResourceType } from './objects.ts';

/** What happened to one object. */
export interface Change<T> {
  readonly key: string;
  /** Undefined: it is gone. */
  readonly value: T | undefined;
  /** Undefined: it was not there. */
  readonly before: T | undefined;
}

/**
 * How changes were learnt: someone's act was `watch`ed, or a `list` is not what was known before, which may be
 * because much happened unseen, or because the server itself has forgotten.
 */
export type Learnt = 'list' | 'watch';

export interface ReflectorOptions<T> {
  readonly cluster: Cluster;
  readonly type: ResourceType;
  /** Older versions of the kind: each is tried in turn where the server does not have the one before. */
  readonly olderTypes?: readonly ResourceType[];
  readonly namespace?: string | undefined;
  /** What to keep of an object; undefined: not of interest. Kept values are compared by `same`. */
  readonly project: (object: KubeObject) => T | undefined;
  /** Whether nothing that counts has changed. Default: identity. */
  readonly same?: (a: T, b: T) => boolean;
  /** Called with what changed, all of a list at once; the cache is up to date by then. */
  readonly onChange: (changes: readonly Change<T>[], learnt: Learnt) => void;
  /** Called when the state below changes. */
  readonly onState?: (state: ReflectorState) => void;
  /** A kind that the server does not have, or that we may not list, counts as an empty list. */
  readonly optional?: boolean;
  readonly timing?: Partial<ReflectorTiming>;
}

export interface ReflectorTiming {
  /** A watch on which nothing came for so long is dead: bookmarks come about every minute. */
  readonly inactivityMs: number;
  /** Watches end by themselves after so long, and up to twice that, so that servers can spread their load. */
  readonly watchSeconds: number;
  /** Objects in one page of a list. */
  readonly pageSize: number;
  readonly leastBackoffMs: number;
  readonly mostBackoffMs: number;
  /** How often a kind that is not there is looked for. */
  readonly absentMs: number;
}

const TIMING: ReflectorTiming = {
  inactivityMs: 90_000,
  watchSeconds: 240,
  pageSize: 500,
  leastBackoffMs: 250,
  mostBackoffMs: 30_000,
  absentMs: 60_000,
};

export interface ReflectorState {
  /** A whole list was seen: what is not in the cache was not there. Never becomes false again. */
  readonly hasSynced: boolean;
  /** Why the last attempt failed; undefined while all is well. */
  readonly error: string | undefined;
  /** The kind is not there, or may not be listed. */
  readonly absent: boolean;
}

/** So many watches in a row that end at once and bring nothing mean that their version is not known any more. */
const EMPTY_WATCHES = 3;
const AT_ONCE_MS = 1000;

/**
 * Keeps a copy of all objects of one kind, and tells what changes. It never gives up, and takes nothing away that a
 * whole list or a DELETED event has not said to be gone.
 *
 * After client-go's reflector (k8s.io/client-go/tools/cache), in what it does.
 */
export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #timing: ReflectorTiming;
  readonly #items = new Map<string, T>();
  readonly #backoff: Backoff;
  #state: ReflectorState = { hasSynced: false, error: undefined, absent: false };
  /** The version of the kind that is asked for. */
  #type: ResourceType;
  /** Where the next watch goes on; undefined: a list is needed. */
  #version: string | undefined;
  /** The version was just listed. */
  #isFresh = false;
  /** The server takes `sendInitialEvents`; found out by trying. */
  #streaming = true;
  #emptyWatches = 0;
  /** Ends the reflector. */
  readonly #stop = new AbortController();
  /** Ends what is waited for now: a watch, or a pause. */
  #hurry = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#type = options.type;
    this.#timing = { ...TIMING, ...options.timing };
    this.#backoff = new Backoff(this.#timing.leastBackoffMs, this.#timing.mostBackoffMs);
  }

  get items(): ReadonlyMap<string, T> {
    return this.#items;
  }

  get state(): ReflectorState {
    return this.#state;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#hurry.abort();
    await this.#running;
  }

  /** Drops what is under way and tries again now: the server is known to have come back. */
  hurry(): void {
    this.#backoff.reset();
    this.#hurry.abort();
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#hurry = new AbortController();
      const pause = await this.#attempt(this.#hurry.signal);
      if (pause > 0) await setTimeout(pause, undefined, { signal: this.#hurry.signal }).catch(() => {});
    }
  }

  /** One list, or one watch. @returns how long to pause, in milliseconds */
  async #attempt(signal: AbortSignal): Promise<number> {
    try {
      if (this.#version === undefined) {
        this.#version = await (this.#streaming ? this.#streamList(signal) : this.#pagedList(signal));
        this.#isFresh = true;
        return 0;
      }
      if (!this.#isFresh && (await this.#hasGoneBack(this.#version, signal))) {
        this.#version = undefined;
        return 0;
      }
      this.#isFresh = false;
      return await this.#watch(this.#version, signal);
    } catch (error) {
      // Whoever aborted knows why.
      return signal.aborted ? 0 : this.#failed(error);
    }
  }

  /**
   * Whether the server's storage was restored from before a version: a watch from there would be accepted, and say
   * nothing for as long as it takes to come so far again. Versions are compared as numbers (KEP-5504).
   */
  async #hasGoneBack(version: string, signal: AbortSignal): Promise<boolean> {
    const { cluster, namespace } = this.#options;
    const { resourceVersion } = await cluster.list(this.#type, { namespace, limit: 1, signal });
    return Number(resourceVersion) < Number(version);
  }

  #failed(error: unknown): number {
    const { optional = false, type, olderTypes = [] } = this.#options;
    if (isStatus(error, 404) && this.#items.size === 0) {
      const types = [type, ...olderTypes];
      const next = types[types.indexOf(this.#type) + 1];
      this.#type = next ?? type;
      this.#version = undefined;
      if (next !== undefined) return 0;
    }
    if (optional && isStatus(error, 403, 404) && this.#items.size === 0) {
      this.#version = undefined;
      this.#setState({ hasSynced: true, error: isStatus(error, 403) ? error.message : undefined, absent: true });
      return this.#timing.absentMs * (0.5 + Math.random());
    }
    // 410: history is gone. Others that are neither about load nor about rights: a version from a server's other life.
    if (error instanceof ApiError && !isStatus(error, 401, 403, 429)) this.#version = undefined;
    const reason = messageOf(error);
    this.#setState({ ...this.#state, error: reason });
    const pause = this.#backoff.next();
    if (isStatus(error, 410) && this.#backoff.failures === 1) return 0;
    const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    return Math.max(pause, Math.min(asked, this.#timing.mostBackoffMs));
  }

  #well(): void {
    this.#backoff.reset();
    if (!this.#state.hasSynced || this.#state.error !== undefined || this.#state.absent)
      this.#setState({ hasSynced: true, error: undefined, absent: false });
  }

  #setState(state: ReflectorState): void {
    const { hasSynced, error, absent } = this.#state;
    if (state.hasSynced === hasSynced && state.error === error && state.absent === absent) return;
    this.#state = state;
    this.#options.onState?.(state);
  }

  /** All objects by a watch that begins with them. Nothing is taken over before the last of them came. */
  async #streamList(signal: AbortSignal): Promise<string> {
    const { cluster, namespace } = this.#options;
    const type = this.#type;
    const { inactivityMs } = this.#timing;
    const found = new Map<string, KubeObject>();
    try {
      const timeoutSeconds = Math.ceil(inactivityMs / 1000);
      const events = cluster.watch(type, { namespace, sendInitialEvents: true, timeoutSeconds, inactivityMs, signal });
      for await (const event of events) {
        if (event.type === 'ERROR') throw apiErrorOf(event.object);
        const { metadata } = event.object;
        if (event.type === 'BOOKMARK') {
          if (metadata.annotations?.[INITIAL_EVENTS_END] !== 'true') continue;
          this.#replace(found);
          return metadata.resourceVersion!;
        }
        const key = keyOf(event.object);
        if (event.type === 'DELETED') found.delete(key);
        else found.set(key, event.object);
      }
    } catch (error) {
      // Refused by servers without it: 400 or 422 for the unknown parameter.
      if (!isStatus(error, 400, 422)) throw error;
      this.#streaming = false;
      return this.#pagedList(signal);
    }
    throw new Error('the list ended before it was whole');
  }

  async #pagedList(signal: AbortSignal): Promise<string> {
    const { cluster, namespace } = this.#options;
    const type = this.#type;
    const found = new Map<string, KubeObject>();
    let from: string | undefined;
    for (;;) {
      const page = await cluster.list(type, { namespace, limit: this.#timing.pageSize, continue: from, signal });
      for (const object of page.items) found.set(keyOf(object), object);
      from = page.continue;
      if (from !== undefined) continue;
      this.#replace(found);
      return page.resourceVersion;
    }
  }

  #replace(found: ReadonlyMap<string, KubeObject>): void {
    const changes: Change<T>[] = [];
    for (const [key, object] of found) this.#take(key, this.#project(object), changes);
    for (const key of this.#items.keys()) if (!found.has(key)) this.#take(key, undefined, changes);
    this.#emptyWatches = 0;
    const first = !this.#state.hasSynced;
    // The state goes first, so that who hears of the changes finds it synced.
    this.#well();
    if (changes.length > 0 || first) this.#tell(changes, 'list');
  }

  /** Once it is to stop nothing is told any more, though it may come. */
  #tell(changes: readonly Change<T>[], learnt: Learnt): void {
    if (!this.#stop.signal.aborted) this.#options.onChange(changes, learnt);
  }

  #project(object: KubeObject): T | undefined {
    return this.#options.project(object);
  }

  #take(key: string, value: T | undefined, changes: Change<T>[]): void {
    const before = this.#items.get(key);
    const { same = Object.is } = this.#options;
    if (value === undefined ? before === undefined : before !== undefined && same(before, value)) return;
    if (value === undefined) this.#items.delete(key);
    else this.#items.set(key, value);
    changes.push({ key, value, before });
  }

  async #watch(version: string, signal: AbortSignal): Promise<number> {
    const { cluster, namespace } = this.#options;
    const type = this.#type;
    const { inactivityMs, watchSeconds } = this.#timing;
    const timeoutSeconds = Math.ceil(watchSeconds * (1 + Math.random()));
    const start = performance.now();
    let events = 0;
    const options = { namespace, resourceVersion: version, timeoutSeconds, inactivityMs, signal };
    for await (const event of cluster.watch(type, options)) {
      if (event.type === 'ERROR') throw apiErrorOf(event.object);
      events++;
      this.#emptyWatches = 0;
      this.#well();
      const { resourceVersion } = event.object.metadata;
      if (event.type !== 'BOOKMARK') {
        const changes: Change<T>[] = [];
        const value = event.type === 'DELETED' ? undefined : this.#project(event.object);
        this.#take(keyOf(event.object), value, changes);
        if (changes.length > 0) this.#tell(changes, 'watch');
      }
      // Only now: what failed to be taken over is asked for again.
      if (resourceVersion !== undefined) this.#version = resourceVersion;
    }
    if (events === 0 && performance.now() - start < AT_ONCE_MS) {
      if (++this.#emptyWatches < EMPTY_WATCHES) return this.#backoff.next();
      this.#emptyWatches = 0;
      this.#version = undefined;
    }
    this.#well();
    return 0;
  }
}

function apiErrorOf(status: { code?: number; reason?: string; message?: string }): ApiError {
  return new ApiError(status.code ?? 500, status);
}
