import { statSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Cluster } from '../kube/cluster.ts';
import { resourceType, type KubeObject, type ResourceType } from '../kube/objects.ts';
import { Reflector, type ReflectorTiming } from '../kube/reflector.ts';
import { readChecked, writeChecked } from '../lib/atomic-file.ts';
import { hasErrors, type Problem } from '../lib/problem.ts';
import { RepeatedFailure } from '../lib/repeated-failure.ts';
import { TENANT_KINDS, type Kind, type Resource } from '../model/kinds.ts';
import { API_VERSION } from '../model/resource.ts';
import {
  soundListing,
  type Listing,
  type ResourceStore,
  type StoreChange,
  type StoredResource,
} from '../model/stored.ts';
import { validateResource } from '../model/validate.ts';

const [GROUP = '', VERSION = ''] = API_VERSION.split('/');

/** Where each kind is on a hub. */
export const HUB_TYPES: Readonly<Record<Kind, ResourceType>> = {
  Site: resourceType(GROUP, VERSION, 'sites', 'Site', false),
  Zone: resourceType(GROUP, VERSION, 'zones', 'Zone', false),
  DomainExport: resourceType(GROUP, VERSION, 'domainexports', 'DomainExport'),
  WeightOverride: resourceType(GROUP, VERSION, 'weightoverrides', 'WeightOverride'),
};

/** A resource on a hub, with what belongs to its status. */
export interface HubObject {
  readonly kind: Kind;
  /** `DomainExport tenant/name`: where problems say they are. */
  readonly file: string;
  readonly object: KubeObject;
  /** Undefined when it is not valid. */
  readonly stored: StoredResource | undefined;
  readonly problems: readonly Problem[];
}

export interface KubernetesStoreOptions {
  readonly cluster: Cluster;
  /** What the hub last had is kept here, for a start while it cannot be reached. Undefined: nowhere. */
  readonly directory: string | undefined;
  /** Which API server this is: what another one had is not used. Undefined when that is not known. */
  readonly identity?: string | undefined;
  readonly onError: (message: string) => void;
  readonly onState?: () => void;
  /** Told when what is served by has changed: all resources, by `Kind namespace/name`, as text that `recall` takes. */
  readonly onRemember?: (entries: ReadonlyMap<string, string>) => void;
  /**
   * Milliseconds to wait for `recall` when nothing is kept here and the hub was served before: others may know of
   * resources that the hub has lost. Default 0.
   */
  readonly recallMs?: number;
  readonly timing?: Partial<ReflectorTiming>;
}

interface KeptHub {
  /** Identity of the API server. */
  readonly cluster: string;
  readonly objects: readonly (readonly [Kind, KubeObject])[];
}

const GATHER_MS = 2;
const KEEP_MS = 1000;
const SHARE_MS = 100;

/**
 * Resources on a hub: a Kubernetes API server that has our CRDs. The namespace of an object is its tenant. Until the
 * hub is seen whole, what it last had stands in for it.
 */
export class KubernetesStore implements ResourceStore {
  readonly #options: KubernetesStoreOptions;
  readonly #reflectors: ReadonlyMap<Kind, Reflector<HubObject>>;
  #remembered: ReadonlyMap<string, HubObject> | undefined;
  #tell: ((change?: StoreChange) => void) | undefined;
  #touched = new Set<string>();
  #learnt: StoreChange['learnt'] = 'watch';
  #gather: NodeJS.Timeout | undefined;
  #keep: NodeJS.Timeout | undefined;
  #share: NodeJS.Timeout | undefined;
  readonly #writeFailure = new RepeatedFailure();
  #synced = false;
  /** Milliseconds since 1970. */
  #seenAt: number | undefined;
  /** Counts changes of the hub's resources; and at which count they were last kept, and told to others. */
  #version = 0;
  #keptVersion = -1;
  #sharedVersion = -1;
  /** Keys of all resources that this process has seen on the hub. */
  readonly #everSeen = new Set<string>();
  /** The hub is seen, and is not believed before others could tell what it had. */
  #recalling: NodeJS.Timeout | undefined;
  #hasRecalled = false;
  /** Whoever follows answers by what it was given. */
  #isServed = false;
  /** What others have told stands in for the hub until it is served. */
  #standsIn = false;
  /** What others have told. */
  readonly #told = new Map<string, string>();

  constructor(options: KubernetesStoreOptions) {
    this.#options = options;
    this.#remembered = this.#recall();
    this.#reflectors = new Map((Object.keys(HUB_TYPES) as Kind[]).map((kind) => [kind, this.#reflect(kind)] as const));
  }

  #reflect(kind: Kind): Reflector<HubObject> {
    const { cluster, timing = {}, onState } = this.#options;
    return new Reflector<HubObject>({
      cluster,
      type: HUB_TYPES[kind],
      project: (object) => hubObject(kind, object),
      // What we ourselves write to the status is no change, but its version is needed.
      same: (a, b) => a.object.metadata.resourceVersion === b.object.metadata.resourceVersion,
      onChange: (changes, learnt) => {
        for (const { value } of changes) if (value !== undefined) this.#everSeen.add(value.file);
        const real = changes.filter(({ value, before }) => !sameContent(value, before));
        if (changes.length > 0) this.#version++;
        if (real.length === 0 && this.#synced) return;
        if (learnt === 'list' || !this.#synced) this.#learnt = 'list';
        else for (const { value, before } of real) this.#touched.add((value ?? before)!.file);
        this.#gather ??= setTimeout(() => this.#changed(), GATHER_MS);
      },
      onState: () => {
        onState?.();
        this.#gather ??= setTimeout(() => this.#changed(), GATHER_MS);
      },
      timing,
    });
  }

  #changed(): void {
    this.#gather = undefined;
    if (!this.hasSynced || this.#standsIn || this.#awaitsRecall()) return;
    const first = !this.#synced;
    this.#synced = true;
    if (!first && this.#learnt === 'watch' && this.#touched.size === 0) return;
    this.#remembered = undefined;
    const change = { learnt: this.#learnt, touched: this.#touched };
    this.#touched = new Set();
    this.#learnt = 'watch';
    this.#tell?.(change);
  }

  /** Whether others are to be heard before the hub is believed for the first time. */
  #awaitsRecall(): boolean {
    if (this.#synced) return false;
    if (this.#recalling !== undefined) return true;
    const { recallMs = 0 } = this.#options;
    if (this.#hasRecalled || this.#remembered !== undefined || recallMs === 0) return false;
    const objects = this.objects();
    // Nobody has served a hub on which no resource has a status: there is nothing to recall.
    if (objects.length > 0 && objects.every(({ object }) => object.status === undefined)) return false;
    this.#recalling = setTimeout(() => this.#endRecall(), recallMs);
    return true;
  }

  #endRecall(): void {
    clearTimeout(this.#recalling);
    this.#recalling = undefined;
    this.#hasRecalled = true;
    this.#changed();
  }

  /**
   * Others tell what was served. What the hub does not have and this process never saw there, or what is older on the
   * hub, counts as served before: its loss is then judged as one that was found.
   * @param entries as `onRemember` gave them
   */
  recall(entries: Iterable<readonly [string, string]>): void {
    const there = new Map(this.objects().map((each) => [each.file, each]));
    const known = new Map<string, HubObject>();
    for (const [key, text] of entries) {
      if (this.#told.get(key) === text) continue;
      this.#told.set(key, text);
      const [kind, object] = JSON.parse(text) as [Kind, KubeObject];
      if (!Object.hasOwn(HUB_TYPES, kind)) continue;
      const now = there.get(key);
      const isNews = now === undefined ? !this.#everSeen.has(key) : isNewer(object, now.object);
      if (isNews) known.set(key, hubObject(kind, object));
    }
    if (known.size > 0) {
      this.#remembered = new Map([...there, ...known]);
      this.#standsIn = !this.#isServed;
      this.#tell?.({ learnt: 'list', touched: new Set() });
      this.#learnt = 'list';
      if (this.#synced && !this.#standsIn) this.#touchAgain();
    }
    if (this.#recalling !== undefined) this.#endRecall();
  }

  /**
   * What was given is served now, with all that belongs to it, such as the endpoints of edge clusters. Only then can the
   * hub's own state be judged by what it takes away.
   */
  served(): void {
    if (this.#isServed) return;
    this.#isServed = true;
    if (!this.#standsIn) return;
    this.#standsIn = false;
    if (this.#synced) this.#touchAgain();
    else this.#changed();
  }

  /** The hub itself follows, as something that was found. */
  #touchAgain(): void {
    this.#remembered = undefined;
    this.#learnt = 'watch';
    this.#tell?.({ learnt: 'list', touched: new Set() });
  }

  get hasSynced(): boolean {
    return [...this.#reflectors.values()].every(({ state }) => state.hasSynced);
  }

  /** Something to go by: the hub itself, or what it last had. */
  get usable(): boolean {
    return this.#synced || this.#remembered !== undefined;
  }

  /** Seconds since the hub was last seen as it is, at most; undefined when it never was. */
  get age(): number | undefined {
    if (this.#synced && this.error === undefined) this.#seenAt = Date.now();
    return this.#seenAt === undefined ? undefined : Math.max(0, (Date.now() - this.#seenAt) / 1000);
  }

  /** Why the hub cannot be seen now. */
  get error(): string | undefined {
    return [...this.#reflectors.values()].find(({ state }) => state.error !== undefined)?.state.error;
  }

  start(): void {
    for (const reflector of this.#reflectors.values()) reflector.start();
  }

  async close(): Promise<void> {
    clearTimeout(this.#gather);
    this.#stopTimers();
    clearTimeout(this.#recalling);
    this.#tell = undefined;
    await Promise.all([...this.#reflectors.values()].map((reflector) => reflector.stop()));
    await this.#options.cluster.close();
  }

  /** All objects, the oldest first: of two that want the same, the older has it. */
  objects(): HubObject[] {
    const all =
      this.#remembered === undefined
        ? [...this.#reflectors.values()].flatMap(({ items }) => [...items.values()])
        : [...this.#remembered.values()];
    const age = ({ object, file }: HubObject): string => `${object.metadata.creationTimestamp ?? ''} ${file}`;
    return all.sort((a, b) => (age(a) < age(b) ? -1 : 1));
  }

  list(): Listing {
    const objects = this.objects();
    return {
      ...soundListing(objects.flatMap(({ stored }) => stored ?? [])),
      problems: objects.flatMap(({ problems }) => problems),
      invalid: objects.flatMap(({ stored, file, object }) =>
        stored === undefined ? { key: file, value: object } : [],
      ),
    };
  }

  watch(onChange: (change?: StoreChange) => void): () => void {
    this.#tell = onChange;
    return () => {
      this.#tell = undefined;
    };
  }

  #file(): string {
    return join(this.#options.directory!, 'hub.json');
  }

  /** What is served now is what the store has, which is to be remembered soon; or it is not, and nothing is. */
  remember(isServed: boolean): void {
    if (!isServed) {
      this.#stopTimers();
      this.#keptVersion = -1;
      this.#sharedVersion = -1;
      return;
    }
    // What others remember stands in for the hub at times: it is no news to anybody.
    if (!this.#synced || this.#remembered !== undefined || this.#keptVersion === this.#version) return;
    this.#keep ??= setTimeout(() => this.writeMemory(), KEEP_MS);
    this.#share ??= setTimeout(() => this.#shareMemory(), SHARE_MS);
  }

  /** Others are told sooner than the disk: what they do not know to be gone would be held. */
  #shareMemory(): void {
    this.#share = undefined;
    if (!this.#synced || this.#sharedVersion === this.#version) return;
    this.#sharedVersion = this.#version;
    this.#options.onRemember?.(new Map(this.objects().map((each) => [each.file, contentText(each)])));
  }

  #stopTimers(): void {
    clearTimeout(this.#keep);
    clearTimeout(this.#share);
    this.#keep = undefined;
    this.#share = undefined;
  }

  writeMemory(): void {
    this.#shareMemory();
    this.#stopTimers();
    if (!this.#synced || this.#keptVersion === this.#version) return;
    this.#keptVersion = this.#version;
    const all = this.objects();
    if (this.#options.directory === undefined) return;
    try {
      const objects = all.map(({ kind, object }) => [kind, object] as const);
      const kept: KeptHub = { cluster: this.#options.identity ?? '', objects };
      writeChecked(this.#file(), Buffer.from(JSON.stringify(kept)));
      this.#writeFailure.succeeded();
    } catch (error) {
      if (!this.#writeFailure.isNews(error)) return;
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.onError(
        `the state of the hub cannot be written: ${reason}; a restart while the hub is away would have nothing to ` +
          'serve; make the directory writable, or set `dataDirectory` in edgeward.yaml',
      );
    }
  }

  #recall(): ReadonlyMap<string, HubObject> | undefined {
    if (this.#options.directory === undefined) return undefined;
    try {
      const content = readChecked(this.#file());
      if (content === undefined) return undefined;
      const kept = JSON.parse(content.toString('utf8')) as KeptHub;
      const { identity = kept.cluster, onError } = this.#options;
      if (kept.cluster !== identity) {
        onError('the hub is another than before: what is remembered of it is not used');
        return undefined;
      }
      const objects = kept.objects.map(([kind, object]) => hubObject(kind, object));
      this.#seenAt = statSync(this.#file()).mtimeMs;
      return new Map(objects.map((each) => [each.file, each]));
    } catch (error) {
      this.#options.onError(`what is remembered of the hub cannot be used: ${String(error)}`);
      return undefined;
    }
  }
}

const contentTexts = new WeakMap<KubeObject, string>();

/** A resource without its status, as text. */
function contentText({ kind, object }: HubObject): string {
  let text = contentTexts.get(object);
  if (text === undefined) {
    const { metadata, spec } = object;
    const { name, namespace, uid, generation, creationTimestamp, labels, annotations } = metadata;
    const own = { name, namespace, uid, generation, creationTimestamp, labels, annotations };
    contentTexts.set(object, (text = JSON.stringify([kind, { metadata: own, spec }])));
  }
  return text;
}

/** Whether an object is of a later time than another of its name: the hub with the other one has gone back. */
function isNewer({ metadata: a }: KubeObject, { metadata: b }: KubeObject): boolean {
  if (a.uid === b.uid) return (a.generation ?? 0) > (b.generation ?? 0);
  return Date.parse(a.creationTimestamp ?? '') > Date.parse(b.creationTimestamp ?? '');
}

function sameContent(a: HubObject | undefined, b: HubObject | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return isDeepStrictEqual(contentOf(a.object), contentOf(b.object));
}

function contentOf({ spec, metadata: { labels, annotations } }: KubeObject): unknown {
  return { spec, labels, annotations };
}

/** What Kubernetes adds is not the operator's: it is left out before the resource is looked at. */
function hubObject(kind: Kind, object: KubeObject): HubObject {
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, labels, annotations } = object.metadata;
  const tenant = TENANT_KINDS.has(kind) ? { tenant: namespace } : {};
  const { 'kubectl.kubernetes.io/last-applied-configuration': applied, ...own } = annotations ?? {};
  void applied;
  const metadata = { name, ...tenant, ...(labels === undefined ? {} : { labels }), annotations: own };
  const resource = { apiVersion: API_VERSION, kind, metadata, spec: object.spec ?? {} };
  const file = TENANT_KINDS.has(kind) ? `${kind} ${namespace}/${name}` : `${kind} ${name}`;
  const kept: KubeObject = {
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(generation === undefined ? {} : { generation }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
      ...(labels === undefined ? {} : { labels }),
      annotations: own,
    },
    spec: object.spec,
    status: object.status,
  };
  const problems = validateResource(resource).map((problem): Problem => ({ ...problem, file }));
  const stored = hasErrors(problems)
    ? undefined
    : { resource: resource as unknown as Resource, file, locate: () => undefined };
  return { kind, file, object: kept, stored, problems };
}
