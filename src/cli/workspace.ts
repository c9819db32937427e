import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../config/config.ts';
import { loadCarriers, loadRegions, type GeoSources } from '../geo/mod.ts';
import { openResources, type Loaded } from '../state/source.ts';
import { fileStore } from '../store/files.ts';

/** What comes with the program: regions.csv and carriers.csv. */
export const DATA_DIRECTORY = fileURLToPath(new URL('../../geo-data', import.meta.url));

/** Reads a configuration directory once. */
export function loadDirectory(directory: string): Loaded {
  const regions = loadRegions(DATA_DIRECTORY);
  const carriers = new Set([...loadCarriers(DATA_DIRECTORY).values()].map(({ carrier }) => carrier));
  return openResources(fileStore(directory), { directory, regions, carriers }).load();
}

/** The geo sources that a configuration directory names, or the built-in ones alone without a directory. */
export function geoSources(directory: string | undefined): GeoSources {
  const file = directory === undefined ? undefined : join(directory, 'edgeward.yaml');
  const { config } = loadConfig({ file, env: process.env });
  const geo = config?.geo ?? { overlays: [], mmdb: {}, cacheDirectory: join(homedir(), '.cache', 'edgeward') };
  return { dataDirectory: DATA_DIRECTORY, ...geo };
}
