import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../config/config.ts';
import { hasErrors, type Problem } from '../lib/problem.ts';
import { carrierNames } from '../geo/carrier-names.ts';
import { loadLocalityMap, loadRegions, type GeoSources } from '../geo/mod.ts';
import type { LocalityMap } from '../geo/ranges.ts';
import type { Loaded } from '../state/loaded.ts';
import { openResources } from '../state/resources.ts';
import { fileStore } from '../store/files.ts';

/** What comes with the program: regions.csv and carriers.csv. */
export const DATA_DIRECTORY = fileURLToPath(new URL('../../geo-data', import.meta.url));

/** Reads a configuration directory once. */
export function loadDirectory(directory: string): Loaded {
  const regions = loadRegions(DATA_DIRECTORY);
  const { sources = { dataDirectory: DATA_DIRECTORY, overlays: [] } } = geoSources(directory);
  const carriers = carrierNames(sources);
  return openResources(fileStore(directory), { directory, regions, carriers }).load();
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
  const file = directory === undefined ? undefined : join(directory, 'edgeward.yaml');
  // How to serve is no matter here, only where the cache is.
  const { config, problems } = loadConfig({ file, env: { XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] } });
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
