import { readdirSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { hasErrors, type Problem } from '../lib/problem.ts';
import { ok } from '../lib/result.ts';
import { watchTree, type WatchOptions } from '../lib/watch-tree.ts';
import type { ResourceStore } from '../model/stored.ts';
import { nameFromText, nameKey } from '../wire/name.ts';
import { includeFrom } from '../zone/mod.ts';
import type { ZoneData } from '../zone/zone.ts';
import type { Configuration } from './configuration.ts';
import { resolve, type ResolveContext } from './resolve.ts';
import { ZoneReader } from './resolve/zone-reader.ts';
import type { ReadText } from './resolve/zones.ts';

export interface Loaded {
  /** Undefined when any problem is an error: keep the last one. */
  readonly configuration: Configuration | undefined;
  readonly problems: readonly Problem[];
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

export interface ResourcesContext extends Pick<ResolveContext, 'regions' | 'carriers'> {
  /** Master files and matrices that resources name must lie in here. */
  readonly directory: string;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
}

/** A day: timers count milliseconds in 31 bits. */
const LONGEST_TIMER_MS = 86_400_000;

/** A configuration from the resources of a store. It changes by itself, too, when an override ends. */
export function openResources(store: ResourceStore, context: ResourcesContext): ConfigurationSource {
  const { directory, now = Date.now } = context;
  const readText = readInside(directory);
  const reader = new ZoneReader();
  const read = (): Loaded & { until?: Date | undefined } => {
    const { resources, problems } = store.list();
    // Resources that could not be read would be missed by all others: their problems alone help.
    if (hasErrors(problems)) return { configuration: undefined, problems };
    const resolved = resolve(resources, { ...context, readText, reader, now: new Date(now()) });
    return { ...resolved, problems: [...problems, ...resolved.problems] };
  };
  return {
    load: read,
    follow: (onLoaded) => {
      let timer: NodeJS.Timeout | undefined;
      const tell = (): void => {
        clearTimeout(timer);
        const loaded = read();
        onLoaded(loaded);
        if (loaded.until !== undefined) wait(loaded.until.getTime());
      };
      const wait = (until: number): void => {
        const left = until - now();
        timer = left <= 0 ? setTimeout(tell, 0) : setTimeout(wait, Math.min(left, LONGEST_TIMER_MS), until);
      };
      const close = store.watch(tell);
      tell();
      return () => {
        clearTimeout(timer);
        close();
      };
    },
  };
}

/**
 * Zones alone, from a folder of master files: `NAME.zone` or `NAME.db` is zone NAME. Other files, and those in
 * folders below, are only read by `$INCLUDE`.
 */
export function openZones(directory: string, watching: WatchOptions = {}): ConfigurationSource {
  const reader = new ZoneReader();
  const load = (): Loaded => loadZones(directory, reader);
  return {
    load,
    follow: (onLoaded) => {
      const close = watchTree(directory, () => onLoaded(load()), watching);
      onLoaded(load());
      return close;
    },
  };
}

function loadZones(directory: string, reader: ZoneReader): Loaded {
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
      text = readFileSync(file, 'utf8');
    } catch (error) {
      problems.push({ severity: 'error', file, message: `cannot be read: ${codeOf(error)}` });
      continue;
    }
    const zone = reader.read({ text, file, origin: origin.value, include });
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
