import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadLocalityMap, type GeoSources } from '../../src/geo/mod.ts';
import type { LocalityMap } from '../../src/geo/ranges.ts';
import { formatProblem } from '../../src/lib/problem.ts';

/** The regions and carriers that come with Edgeward. */
export const GEO_DATA = fileURLToPath(new URL('../../geo-data', import.meta.url));

const DAY_MS = 86_400_000;

/** Sources of the data that comes with Edgeward, with a cache that outlives test runs. */
export function builtInSources(): GeoSources {
  const caches = join(tmpdir(), `edgeward-test-localities-${userInfo().uid}`);
  const cacheDirectory = join(caches, codeHash());
  mkdirSync(cacheDirectory, { recursive: true });
  for (const name of readdirSync(caches)) {
    const { mtimeMs } = statSync(join(caches, name), { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
    if (Date.now() - mtimeMs > DAY_MS && join(caches, name) !== cacheDirectory)
      rmSync(join(caches, name), { recursive: true, force: true });
  }
  return { dataDirectory: GEO_DATA, overlays: [], mmdb: {}, cacheDirectory };
}

/** All the data that comes with Edgeward. Seconds at first, then 0.2 s. */
export async function builtInLocalities(): Promise<LocalityMap> {
  const { map, problems } = await loadLocalityMap(builtInSources());
  if (map === undefined) throw new Error(problems.map(formatProblem).join('\n'));
  return map;
}

/** The cache is keyed by its inputs alone; what other code built of them is not what is tested. */
function codeHash(): string {
  const source = fileURLToPath(new URL('../../src/geo', import.meta.url));
  const hash = createHash('sha256');
  for (const name of readdirSync(source).sort()) hash.update(readFileSync(join(source, name)));
  return hash.digest('hex').slice(0, 12);
}
