import type { Problem } from '../lib/problem.ts';
import { err } from '../lib/result.ts';
import { ACCEPT_CHANGE, explainHeld } from '../model/held.ts';
import { resourceKey, TENANT_KINDS } from '../model/kinds.ts';
import type { Observations } from '../model/observed.ts';
import type { Listing, ResourceStore, StoreChange, StoredResource } from '../model/stored.ts';
import { isUnavailable } from '../zone/mod.ts';
import { AcceptedChanges } from './accepted.ts';
import type { Configuration } from '../resolve/configuration.ts';
import { ChangeGuard, type Circumstances } from './guard.ts';
import { HostOwners } from './host-owners.ts';
import type { Change, Loaded, ObservingSource } from './loaded.ts';
import { readInside, type ReadFile } from '../resolve/read-inside.ts';
import { observe, resolve, type Resolution, type ResolveContext } from '../resolve/resolve.ts';
import { ZoneReader } from '../resolve/zone-reader.ts';

export interface ResourcesContext extends Pick<ResolveContext, 'regions' | 'carriers' | 'localityOf' | 'tenancy'> {
  /** Master files and matrices that resources name must lie in here. Undefined: resources have no files beside them. */
  readonly directory: string | undefined;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
  /** What edge clusters are seen to have now. Without it no cluster is looked at. */
  readonly observations?: () => Observations;
  /** What operators have accepted beside the resources' annotations. */
  readonly accepted?: AcceptedChanges;
  /** Who had which host before a restart; asked for once, when resources are first read. */
  readonly recallOwners?: () => Pick<HostOwners, 'owners' | 'reserved'>;
  /** What a configuration was when it was last served, before a restart; asked for once, with the first one. */
  readonly recallServed?: (configuration: Configuration) => Configuration;
}

/** A minute: machines without a clock of their own start in 1970, and learn the time while a timer runs. */
const LONGEST_TIMER_MS = 60_000;

const NO_FILES: ReadFile = () =>
  err('resources on a hub have no files beside them: give the content in place of a path');

/** A configuration from the resources of a store. It changes by itself, too, when an override ends. */
export function openResources(store: ResourceStore, context: ResourcesContext): ObservingSource {
  return new ResourcesSource(store, context);
}

class ResourcesSource implements ObservingSource {
  readonly #store: ResourceStore;
  readonly #context: ResourcesContext;
  readonly #now: () => number;
  readonly #readFile: ReadFile;
  readonly #reader = new ZoneReader();
  readonly #guard: ChangeGuard;
  readonly #accepted: AcceptedChanges;
  readonly #owners = new HostOwners();
  #hasRecalled = false;
  /** By `resourceKey`: the last version of each resource that was valid by its schema. */
  #lastValid = new Map<string, StoredResource>();
  #resolution: Resolution | undefined;
  #used: readonly StoredResource[] = [];
  #listing: Pick<Listing, 'problems' | 'held' | 'seen'> = { problems: [], held: [] };
  /** Keys of resources that keep their last valid version, since the present one breaks its schema. */
  #stale: readonly string[] = [];
  #refused: readonly string[] = [];
  #accepts: Circumstances['accepts'] = () => false;
  #tell: ((loaded: Loaded) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(store: ResourceStore, context: ResourcesContext) {
    this.#store = store;
    this.#context = context;
    this.#now = context.now ?? Date.now;
    this.#readFile = context.directory === undefined ? NO_FILES : readInside(context.directory);
    this.#guard = new ChangeGuard(context.directory !== undefined);
    this.#accepted = context.accepted ?? new AcceptedChanges(undefined);
  }

  load(): Loaded {
    return this.#read({ cause: 'seen', touched: new Set() });
  }

  follow(onLoaded: (loaded: Loaded) => void): () => void {
    this.#tell = onLoaded;
    const close = this.#store.watch((change) => this.#all(this.#changeOf(change)));
    this.#all({ cause: 'seen', touched: new Set() });
    return () => {
      this.#tell = undefined;
      clearTimeout(this.#timer);
      close();
    };
  }

  #changeOf(change: StoreChange | undefined): Change {
    return { cause: change?.learnt === 'list' ? 'found' : 'seen', touched: change?.touched ?? new Set() };
  }

  again(): void {
    this.#all({ cause: 'seen', touched: new Set() });
  }

  observed(changed: ReadonlySet<string> | undefined, learnt: 'list' | 'watch'): void {
    if (this.#tell === undefined) return;
    const how: Change = { cause: learnt === 'list' ? 'found' : 'seen', touched: new Set() };
    const before = this.#resolution;
    if (before === undefined || changed === undefined) return this.#all(how);
    const observations = this.#context.observations?.() ?? new Map();
    const next = observe(before, changed, { ...this.#context, observations, zones: this.#used });
    if (next === undefined) return this.#all(how);
    this.#resolution = next;
    this.#tell(this.#guarded(next, how));
    return this.#schedule();
  }

  #all(how: Change): void {
    this.#tell?.(this.#read(how));
    this.#schedule();
  }

  /** Reads everything again when the same files mean something else. */
  #schedule(): void {
    clearTimeout(this.#timer);
    const end = this.#until();
    if (end !== undefined && this.#tell !== undefined) this.#wait(end);
  }

  /** When an override ends, or a host is reserved no longer. */
  #until(): number | undefined {
    const ends = [...this.#owners.reserved.values()].map(({ until }) => until);
    if (this.#resolution?.until !== undefined) ends.push(this.#resolution.until.getTime());
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  #wait(until: number): void {
    const left = until - this.#now();
    const again = (): void =>
      left <= LONGEST_TIMER_MS ? this.#all({ cause: 'seen', touched: new Set() }) : this.#wait(until);
    this.#timer = setTimeout(again, Math.min(Math.max(0, left), LONGEST_TIMER_MS));
  }

  #read(how: Change): Loaded {
    const listing = this.#store.list();
    if (listing.failed) return { configuration: undefined, problems: listing.problems };
    const { used, stale, refused, invalid } = this.#withLastValid(listing);
    const isFirst = !this.#hasRecalled && used.length > 0;
    if (isFirst) {
      this.#hasRecalled = true;
      const recalled = this.#context.recallOwners?.();
      if (recalled !== undefined) this.#owners.recall(recalled.owners, recalled.reserved);
    }
    const usedFiles = new Map([...this.#lastValid].map(([key, { file }]) => [key, file]));
    const resolution = resolve(used, {
      ...this.#context,
      observations: this.#context.observations?.() ?? new Map(),
      readFile: this.#readFile,
      reader: this.#reader,
      now: new Date(this.#now()),
      previous: this.#resolution,
      owners: this.#owners.owners,
      reserved: this.#owners.reserved,
      invalid,
      usedFiles,
    });
    this.#resolution = resolution;
    this.#used = used;
    this.#listing = listing;
    this.#stale = stale;
    this.#refused = refused;
    this.#lastValid = new Map(used.map((stored) => [resourceKey(stored.resource), stored]));
    this.#accepts = this.#acceptedIn(used);
    const before = isFirst ? this.#context.recallServed?.(resolution.configuration) : undefined;
    if (before !== undefined) this.#guard.pass(before, { cause: 'seen', touched: new Set(), accepts: this.#accepts });
    return this.#guarded(resolution, how);
  }

  /** The resources that are valid now, and the last valid versions of those that are there and are not. */
  #withLastValid({ resources, invalid, unreadable }: Listing): {
    used: readonly StoredResource[];
    stale: string[];
    refused: string[];
    invalid: Listing['invalid'];
  } {
    const valid = new Set(resources.map(({ resource }) => resourceKey(resource)));
    const broken = new Set(invalid.map(({ key }) => key));
    const files = new Set(unreadable);
    const kept = [...this.#lastValid].filter(
      ([key, { file }]) => !valid.has(key) && (broken.has(key) || files.has(file)),
    );
    const stale = kept.map(([key]) => key);
    const without = invalid.filter(({ key }) => !valid.has(key) && !this.#lastValid.has(key));
    const refused = without.map(({ key }) => key);
    return { used: [...resources, ...kept.map(([, stored]) => stored)], stale, refused, invalid: without };
  }

  #guarded(resolution: Resolution, how: Change): Loaded {
    const { clusters } = resolution;
    const guarded = this.#guard.pass(resolution.configuration, { ...how, accepts: this.#accepts });
    this.#owners.follow(guarded.configuration, (host) => resolution.rules.hold(host), this.#now());
    const held = [...this.#listing.held, ...guarded.held];
    this.#accepted.publish(held);
    // On a hub a held change is a condition of its resource; a file has only the log to say so.
    const severity = this.#context.directory === undefined ? 'warning' : 'error';
    const heldProblems = held.map((change): Problem => ({ severity, file: change.what, ...explainHeld(change) }));
    const problems = [...this.#listing.problems, ...this.#problemsOf(resolution), ...heldProblems];
    const stale = [...this.#stale, ...resolution.stale];
    const refused = [...this.#refused, ...resolution.refused];
    const { configuration } = guarded;
    // With not one zone to serve there is nothing to answer.
    const isEmpty = configuration.zones.every(isUnavailable);
    if (configuration.zones.length === 0) problems.push(nothingToServe(this.#context.directory));
    const reserved = [...this.#owners.reserved].map(([host, { tenant, until }]) => {
      return { host, tenant, until, origin: resolution.rules.originOf(host) ?? '' };
    });
    const contested = [...resolution.contested].map(([host, namespace]) => {
      return { host, namespace, origin: resolution.rules.originOf(host) ?? '' };
    });
    const { seen } = this.#listing;
    const told = { problems, stale, refused, clusters, held, reserved, contested, seen, until: this.#until() };
    return { configuration: isEmpty ? undefined : configuration, ...told };
  }

  /** Where no cluster is looked at, nothing is known of what it has: that is no problem. */
  #problemsOf({ problems, observed }: Resolution): readonly Problem[] {
    const isLooking = this.#context.observations !== undefined;
    return isLooking ? problems : problems.slice(0, problems.length - observed.flat().length);
  }

  /** Ids of changes that annotations accept, by who has the annotation: a tenant accepts for its own exports alone. */
  #acceptedIn(resources: readonly StoredResource[]): Circumstances['accepts'] {
    const byOwner = new Map<string, Set<string>>();
    for (const { resource } of resources) {
      const text = resource.metadata.annotations?.[ACCEPT_CHANGE];
      if (text === undefined) continue;
      const owner = TENANT_KINDS.has(resource.kind) ? resourceKey(resource) : OPERATOR;
      const ids = byOwner.get(owner) ?? new Set();
      byOwner.set(owner, ids);
      for (const id of text.split(',')) ids.add(id.trim());
    }
    return (what, id) =>
      this.#accepted.has(id) || [what, OPERATOR].some((owner) => byOwner.get(owner)?.has(id) === true);
  }
}

function nothingToServe(directory: string | undefined): Problem {
  const message = 'there is no Zone: nothing can be served';
  if (directory === undefined) return { severity: 'warning', file: 'hub', message, remedy: 'apply a Zone' };
  const remedy = 'write one, as in config/demo/zones.yaml; a folder of master files is served by --zones';
  return { severity: 'error', file: directory, message, remedy };
}

/** Sites and Zones are the operator's, who may accept anything. */
const OPERATOR = 'the operator';
