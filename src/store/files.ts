import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readTree } from '../lib/file-tree.ts';
import type { Problem } from '../lib/problem.ts';
import { watchTree, type WatchOptions } from '../lib/watch-tree.ts';
import { parseYaml } from '../lib/yaml.ts';
import type { Resource } from '../model/kinds.ts';
import type { Listing, ResourceStore, StoredResource } from '../model/stored.ts';
import { validateResource } from '../model/validate.ts';

/** The server's own configuration, at the top of the directory: no resource. */
export const SERVER_FILE = 'edgeward.yaml';

/**
 * Resources from all `*.yaml` and `*.yml` below a directory, any number in a file, apart by `---`. Watching it sees
 * every file there, so master files and matrices that resources name as well.
 */
export function fileStore(directory: string, watching: WatchOptions = {}): ResourceStore {
  let kept: ReadFiles = new Map();
  return {
    list: () => {
      const { listing, files } = listFiles(directory, kept);
      kept = files;
      return listing;
    },
    watch: (onChange) => watchTree(directory, onChange, watching),
  };
}

/** What came of each file when it had which text: parsing is slow beside reading, and most files stay as they are. */
type ReadFiles = ReadonlyMap<string, { readonly text: string; readonly listing: Listing }>;

function listFiles(directory: string, kept: ReadFiles): { listing: Listing; files: ReadFiles } {
  const files = new Map<string, { text: string; listing: Listing }>();
  const resources: StoredResource[] = [];
  const problems: Problem[] = [];
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    const remedy = 'name the directory that holds the resources';
    problems.push({ severity: 'error', file: directory, message: 'no such directory', remedy });
    return { listing: { resources, problems }, files };
  }
  const own = join(directory, SERVER_FILE);
  for (const { path } of readTree(directory).files) {
    if (!/\.ya?ml$/u.test(path) || path === own) continue;
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      const message = `cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
      problems.push({ severity: 'error', file: path, message, remedy: 'check that it exists and may be read' });
      continue;
    }
    const before = kept.get(path);
    const listing = before?.text === text ? before.listing : readResources(text, path);
    files.set(path, { text, listing });
    resources.push(...listing.resources);
    problems.push(...listing.problems);
  }
  return { listing: { resources, problems }, files };
}

function readResources(text: string, file: string): Listing {
  const { documents, problems } = parseYaml(text, file);
  const resources: StoredResource[] = [];
  for (const { value, locate } of documents) {
    const found = validateResource(value);
    for (const problem of found) problems.push({ ...problem, file, ...locate(problem.field ?? '') });
    if (found.length === 0) resources.push({ resource: value as Resource, file, locate });
  }
  return { resources, problems };
}
