import { statSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../config/config.ts';
import { hasErrors, type Problem } from '../lib/problem.ts';
import { DATA_DIRECTORY } from '../geo/built-in.ts';
import { carrierNames } from '../geo/carrier-names.ts';
import { loadLocalityMap, loadRegions, type GeoSources } from '../geo/mod.ts';
import type { LocalityMap } from '../geo/ranges.ts';
import type { Resource } from '../model/kinds.ts';
import type { Site } from '../model/site.ts';
import type { Loaded } from '../state/loaded.ts';
import { openResources } from '../state/resources.ts';
import { fileStore, SERVER_FILE } from '../store/files.ts';

/** What is in a configuration directory; its clusters are not looked at. */
export interface Workspace extends Loaded {
  /** Those that are valid by their schemas. */
  readonly resources: readonly Resource[];
  readonly clusters: ReadonlyMap<string, Site>;
}

/** Reads a configuration directory once. */
export function loadDirectory(directory: string): Workspace {
  const regions = loadRegions(DATA_DIRECTORY);
  const { sources = { dataDirectory: DATA_DIRECTORY, overlays: [] } } = geoSources(directory);
  const carriers = carrierNames(sources);
  const store = fileStore(directory);
  const loaded = openResources(store, { directory, regions, carriers }).load();
  // The store parses only files that have changed since.
  const resources = store.list().resources.map(({ resource }) => resource);
  return { ...loaded, resources, clusters: loaded.clusters ?? new Map() };
}

/** `edgeward.yaml` of a directory as far as commands need it that do not serve: flags and the environment do not count. */
export function loadServerFile(directory: string | undefined): ReturnType<typeof loadConfig> {
  const file = directory === undefined ? undefined : join(directory, SERVER_FILE);
  const { XDG_CACHE_HOME, XDG_STATE_HOME } = process.env;
  return loadConfig({ file, env: { XDG_CACHE_HOME, XDG_STATE_HOME } });
}

/**
 * The geo sources that a configuration directory names, or the built-in ones alone without a directory. Undefined when
 * they cannot be known: never others than those that `serve` would use.
 */
function geoSources(directory: string | undefined): { sources: GeoSources | undefined; problems: Problem[] } {
  if (directory !== undefined && statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    const remedy = 'name the directory that holds edgeward.yaml';
    const problem = { severity: 'error', file: directory, message: 'no such directory', remedy } as const;
    return { sources: undefined, problems: [problem] };
  }
  const { config, problems } = loadServerFile(directory);
  const sources = config === undefined ? undefined : { dataDirectory: DATA_DIRECTORY, ...config.geo };
  return { sources, problems };
}

/** Geo data as `serve` would use it; undefined when `problems` say why not. */
export async function loadGeo(
  directory: string | undefined,
): Promise<{ geo: { sources: GeoSources; map: LocalityMap } | undefined; problems: Problem[] }> {
  const { sources, problems } = geoSources(directory);
  if (sources === undefined) return { geo: undefined, problems };
  const loaded = await loadLocalityMap(sources);
  const all = [...problems, ...loaded.problems];
  return { geo: loaded.map === undefined || hasErrors(all) ? undefined : { sources, map: loaded.map }, problems: all };
}
