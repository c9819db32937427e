import { readdirSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { hasErrors, type Problem } from '../lib/problem.ts';
import { err, ok } from '../lib/result.ts';
import { watchTree, type WatchOptions } from '../lib/watch-tree.ts';
import { TENANT_KINDS } from '../model/kinds.ts';
import type { Observations } from '../model/observed.ts';
import type { Site } from '../model/site.ts';
import type { ResourceStore, StoredResource } from '../model/stored.ts';
import { nameFromText, nameKey } from '../wire/name.ts';
import { includeFrom, type Allowance } from '../zone/mod.ts';
import type { ZoneData } from '../zone/zone.ts';
import type { Configuration } from './configuration.ts';
import { ACCEPT_CHANGE, ChangeGuard, explainHeld, type Circumstances, type HeldChange } from './guard.ts';
import { observe, ownerOf, resolve, type Resolution, type ResolveContext } from './resolve.ts';
import { ZoneReader } from './resolve/zone-reader.ts';
import type { ReadText } from './resolve/zones.ts';

export interface Loaded {
  /** Undefined when any problem is an error: keep the last one. */
  readonly configuration: Configuration | undefined;
  readonly problems: readonly Problem[];
  /** Sites with clusters, by name. */
  readonly clusters?: ReadonlyMap<string, Site>;
  /** Changes that are not in the configuration, since they take away too much at once. */
  readonly held?: readonly HeldChange[];
}

/** What an operator wrote, as one configuration: now, or now and after every change. */
export interface ConfigurationSource {
  load(): Loaded;
  /**
   * Calls back with what is there now, before it returns, and again after every change. Watching begins before the
   * first look, so that no change is lost between the two.
   * @returns close
   */
  follow(onLoaded: (loaded: Loaded) => void): () => void;
}

/** A configuration that edge clusters are part of. */
export interface ObservingSource extends ConfigurationSource {
  /**
   * Edge clusters are seen to have changed: whoever follows is told what comes of it.
   * @param changed `namespace/name`s of Services; undefined: all may have
   */
  observed(changed: ReadonlySet<string> | undefined, learnt: 'list' | 'watch'): void;
}

export interface ResourcesContext extends Pick<ResolveContext, 'regions' | 'carriers' | 'localityOf'> {
  /** Master files and matrices that resources name must lie in here. Undefined: resources have no files beside them. */
  readonly directory: string | undefined;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
  /** What edge clusters are seen to have now. */
  readonly observations?: () => Observations;
  /** One resource that is wrong keeps none of the others from being used: where each has an owner of its own. */
  readonly tolerant?: boolean;
}

/** A day: timers count milliseconds in 31 bits. */
const LONGEST_TIMER_MS = 86_400_000;

/** Resources that are left out may be missed by others, which are then left out as well. */
const MOST_ROUNDS = 10;

const NO_FILES: ReadText = () =>
  err('resources on a hub have no files beside them: give the content in place of a path');

/** A configuration from the resources of a store. It changes by itself, too, when an override ends. */
export function openResources(store: ResourceStore, context: ResourcesContext): ObservingSource {
  return new ResourcesSource(store, context);
}

class ResourcesSource implements ObservingSource {
  readonly #store: ResourceStore;
  readonly #context: ResourcesContext;
  readonly #now: () => number;
  readonly #readText: ReadText;
  readonly #reader = new ZoneReader();
  readonly #guard = new ChangeGuard();
  /** Of the resources that were used last, by their places: what stands in for one that is wrong now. */
  #lastGood = new Map<string, StoredResource>();
  #resolution: Resolution | undefined;
  #used: readonly StoredResource[] = [];
  #listed: readonly Problem[] = [];
  #accepts: Circumstances['accepts'] = () => false;
  #tell: ((loaded: Loaded) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(store: ResourceStore, context: ResourcesContext) {
    this.#store = store;
    this.#context = context;
    this.#now = context.now ?? Date.now;
    this.#readText = context.directory === undefined ? NO_FILES : readInside(context.directory);
  }

  load(): Loaded {
    return this.#read({ suspect: false, touched: new Set() });
  }

  follow(onLoaded: (loaded: Loaded) => void): () => void {
    this.#tell = onLoaded;
    const close = this.#store.watch((change) =>
      this.#all({ suspect: change?.learnt === 'list', touched: change?.touched ?? new Set() }),
    );
    this.#all({ suspect: false, touched: new Set() });
    return () => {
      this.#tell = undefined;
      clearTimeout(this.#timer);
      close();
    };
  }

  observed(changed: ReadonlySet<string> | undefined, learnt: 'list' | 'watch'): void {
    if (this.#tell === undefined) return;
    const how = { suspect: learnt === 'list', touched: new Set<string>() };
    const before = this.#resolution;
    if (before === undefined || changed === undefined) return this.#all(how);
    const observations = this.#context.observations?.() ?? new Map();
    const next = observe(before, changed, { ...this.#context, observations, zones: this.#used });
    if (next === undefined) return this.#all(how);
    this.#resolution = next;
    return this.#tell(this.#guarded(next, how));
  }

  #all(how: Pick<Circumstances, 'suspect' | 'touched'>): void {
    clearTimeout(this.#timer);
    this.#tell?.(this.#read(how));
    const until = this.#resolution?.until;
    if (until !== undefined) this.#wait(until.getTime());
  }

  #wait(until: number): void {
    const left = until - this.#now();
    const again = (): void =>
      left <= LONGEST_TIMER_MS ? this.#all({ suspect: false, touched: new Set() }) : this.#wait(until);
    this.#timer = setTimeout(again, Math.min(Math.max(0, left), LONGEST_TIMER_MS));
  }

  #read(how: Pick<Circumstances, 'suspect' | 'touched'>): Loaded {
    const { resources: valid, problems } = this.#store.list();
    this.#resolution = undefined;
    // Resources that could not be read would be missed by all others: their problems alone help.
    if (hasErrors(problems) && this.#context.tolerant !== true) return { configuration: undefined, problems };
    // What is there and not valid any more is what it was when it was.
    const broken = new Set(problems.flatMap(({ severity, file }) => (severity === 'error' ? (file ?? []) : [])));
    const resources = [...valid, ...[...broken].flatMap((file) => this.#lastGood.get(file) ?? [])];
    const { resolution, used, refused } = this.#resolve(resources);
    if (resolution.configuration === undefined) {
      return { configuration: undefined, problems: [...problems, ...refused, ...resolution.problems] };
    }
    this.#resolution = resolution;
    this.#used = used;
    this.#listed = [...problems, ...refused];
    this.#lastGood = new Map(used.map((stored) => [stored.file, stored]));
    this.#accepts = acceptedIn(resources);
    return this.#guarded(resolution, how);
  }

  /** Where it may be, without those that are wrong, or with what they were when they were not. */
  #resolve(resources: readonly StoredResource[]): {
    resolution: Resolution;
    used: readonly StoredResource[];
    refused: readonly Problem[];
  } {
    const { tolerant = false, observations } = this.#context;
    const refused: Problem[] = [];
    let used = resources;
    for (let round = 0; ; round++) {
      const resolution = resolve(used, {
        ...this.#context,
        observations: observations?.() ?? new Map(),
        readText: this.#readText,
        reader: this.#reader,
        now: new Date(this.#now()),
      });
      const errors = resolution.problems.filter(({ severity }) => severity === 'error');
      const blamed = new Set(errors.map(({ file }) => file ?? ''));
      const found = used.some((stored) => blamed.has(stored.file));
      if (errors.length === 0 || !tolerant || !found || round >= MOST_ROUNDS) return { resolution, used, refused };
      refused.push(...errors);
      used = used.flatMap((stored) => {
        if (!blamed.has(stored.file)) return [stored];
        const before = this.#lastGood.get(stored.file);
        return before === undefined || before === stored || round > 0 ? [] : [before];
      });
    }
  }

  #guarded(resolution: Resolution, how: Pick<Circumstances, 'suspect' | 'touched'>): Loaded {
    const { configuration: next, clusters } = resolution;
    const { configuration, held } = this.#guard.pass(next!, { ...how, accepts: this.#accepts });
    const problems = [...this.#listed, ...resolution.problems, ...held.map(heldProblem)];
    return { configuration, problems, clusters, held };
  }
}

function heldProblem(held: HeldChange): Problem {
  const { message, remedy } = explainHeld(held);
  return { severity: 'warning', file: held.what, message, remedy };
}

/** Ids of changes that annotations accept, by who has the annotation: a tenant accepts for its own exports alone. */
function acceptedIn(resources: readonly StoredResource[]): Circumstances['accepts'] {
  const byOwner = new Map<string, Set<string>>();
  for (const { resource } of resources) {
    const text = resource.metadata.annotations?.[ACCEPT_CHANGE];
    if (text === undefined) continue;
    const owner = TENANT_KINDS.has(resource.kind) ? `${resource.kind} ${ownerOf(resource)}` : OPERATOR;
    const ids = byOwner.get(owner) ?? new Set();
    byOwner.set(owner, ids);
    for (const id of text.split(',')) ids.add(id.trim());
  }
  return (what, id) => [what, OPERATOR].some((owner) => byOwner.get(owner)?.has(id) === true);
}

/** Sites and Zones are the operator's, who may accept anything. */
const OPERATOR = 'the operator';

/**
 * Zones alone, from a folder of master files: `NAME.zone` or `NAME.db` is zone NAME. Other files, and those in
 * folders below, are only read by `$INCLUDE`.
 */
export function openZones(
  directory: string,
  watching: WatchOptions = {},
  allowed: Allowance = {},
): ConfigurationSource {
  const reader = new ZoneReader();
  const load = (): Loaded => loadZones(directory, reader, allowed);
  return {
    load,
    follow: (onLoaded) => {
      const close = watchTree(directory, () => onLoaded(load()), watching);
      onLoaded(load());
      return close;
    },
  };
}

function loadZones(directory: string, reader: ZoneReader, allowed: Allowance): Loaded {
  const problems: Problem[] = [];
  const zones = new Map<string, { data: ZoneData; file: string }>();
  const include = readInside(directory);
  reader.begin();
  for (const name of zoneFiles(directory, problems)) {
    const file = join(directory, name);
    const origin = nameFromText(name.replace(/\.(?:zone|db)$/u, ''));
    if (!origin.ok) {
      const remedy = 'name the file after its zone: `example.org.zone`';
      problems.push({ severity: 'error', file, message: origin.error, remedy });
      continue;
    }
    const before = zones.get(nameKey(origin.value));
    if (before !== undefined) {
      const message = `its zone is in ${before.file} already`;
      problems.push({ severity: 'error', file, message, remedy: 'remove one of the two' });
      continue;
    }
    let text: string;
    try {
      // Its octets, one character for each.
      text = readFileSync(file, 'latin1');
    } catch (error) {
      problems.push({ severity: 'error', file, message: `cannot be read: ${codeOf(error)}` });
      continue;
    }
    const zone = reader.read({ text, file, origin: origin.value, include }, allowed);
    problems.push(...zone.problems);
    zones.set(nameKey(origin.value), { data: zone.data, file });
  }
  if (hasErrors(problems)) return { configuration: undefined, problems };
  const all = [...zones.values()].map((zone) => zone.data);
  return { configuration: { sites: new Map(), zones: all, exports: [] }, problems };
}

function zoneFiles(directory: string, problems: Problem[]): string[] {
  let names: string[];
  try {
    names = readdirSync(directory).filter((name) => /^[^.].*\.(?:zone|db)$/u.test(name));
  } catch (error) {
    const message = `cannot be read: ${codeOf(error)}`;
    problems.push({
      severity: 'error',
      file: directory,
      message,
      remedy: 'name the folder that holds the master files',
    });
    return [];
  }
  if (names.length === 0) {
    const remedy = 'name master files after their zones: `example.org.zone` or `example.org.db`';
    problems.push({ severity: 'error', file: directory, message: 'no zones in this folder', remedy });
  }
  return names.sort();
}

/** Messages have the path as it was written, not what links make of it. */
function readInside(directory: string): ReadText {
  const include = includeFrom(directory);
  return (path, from) => {
    const read = include(path, from);
    return read.ok ? ok({ text: read.value.text, file: isAbsolute(path) ? path : join(dirname(from), path) }) : read;
  };
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
