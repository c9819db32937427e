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
  return {
    list: () => listFiles(directory),
    watch: (onChange) => watchTree(directory, onChange, watching),
  };
}

function listFiles(directory: string): Listing {
  const resources: StoredResource[] = [];
  const problems: Problem[] = [];
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    const problem = { severity: 'error', file: directory, message: 'no such directory' } as const;
    return { resources, problems: [{ ...problem, remedy: 'name the directory that holds the resources' }] };
  }
  const { files } = readTree(directory);
  const own = join(directory, SERVER_FILE);
  for (const { path } of files) {
    if (!/\.ya?ml$/u.test(path) || path === own) continue;
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      const message = `cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
      problems.push({ severity: 'error', file: path, message, remedy: 'check that it exists and may be read' });
      continue;
    }
    const parsed = parseYaml(text, path);
    problems.push(...parsed.problems);
    for (const { value, locate } of parsed.documents) {
      const found = validateResource(value);
      for (const problem of found) problems.push({ ...problem, file: path, ...locate(problem.field ?? '') });
      if (found.length === 0) resources.push({ resource: value as Resource, file: path, locate });
    }
  }
  return { resources, problems };
}
