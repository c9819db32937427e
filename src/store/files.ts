import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { fingerprint, readTree } from '../lib/file-tree.ts';
import type { Problem } from '../lib/problem.ts';
import { readFailure } from '../lib/read-failure.ts';
import { watchTree, type WatchOptions } from '../lib/watch-tree.ts';
import { parseYaml } from '../lib/yaml.ts';
import type { HeldChange } from '../model/held.ts';
import { keyOfInvalid, type Resource } from '../model/kinds.ts';
import type { InvalidResource, Listing, ResourceStore, StoredResource } from '../model/stored.ts';
import { validateResource } from '../model/validate.ts';

/** The server's own configuration, at the top of the directory: no resource. */
export const SERVER_FILE = 'edgeward.yaml';

export interface FileStoreOptions {
  readonly watching?: WatchOptions;
  /** Whether an operator has accepted a change that was held. */
  readonly accepts?: (id: string) => boolean;
}

/**
 * Resources from all `*.yaml` and `*.yml` below a directory, any number in a file, apart by `---`. Watching it sees
 * every file there, so master files and matrices that resources name as well.
 */
export function fileStore(directory: string, options: FileStoreOptions = {}): ResourceStore {
  const { watching, accepts = () => false } = options;
  let kept: ReadFiles = new Map();
  return {
    list: () => {
      const { listing, files } = listFiles(directory, watching?.ignored ?? [], kept, accepts);
      // A directory that is gone for a moment does not make its files forgotten.
      if (!listing.failed) kept = files;
      return listing;
    },
    watch: (onChange) => {
      const watch = watchTree(directory, onChange, watching);
      return () => watch.close();
    },
  };
}

/** What one file holds. */
interface FileContent {
  readonly resources: readonly StoredResource[];
  readonly problems: readonly Problem[];
  readonly invalid: readonly InvalidResource[];
  /** Some of it could not be read. */
  readonly isPartial: boolean;
}

interface FileVersion {
  readonly text: string;
  readonly content: FileContent;
}

interface ReadFile {
  /** Parsing is slow beside reading, and most files stay as they are. */
  readonly current: FileVersion;
  /** The last version without errors: a file that is only the beginning of it was cut short. */
  readonly sound: FileVersion | undefined;
}

type ReadFiles = ReadonlyMap<string, ReadFile>;

function listFiles(
  directory: string,
  ignored: readonly string[],
  kept: ReadFiles,
  accepts: (id: string) => boolean,
): { listing: Listing; files: ReadFiles } {
  const files = new Map<string, ReadFile>();
  const resources: StoredResource[] = [];
  const problems: Problem[] = [];
  const invalid: InvalidResource[] = [];
  const unreadable: string[] = [];
  const held: HeldChange[] = [];
  const own = join(directory, SERVER_FILE);
  const tree = readTree(directory, ignored);
  if (!tree.directories.has(directory)) {
    const error = tree.unreadable.get(directory);
    const missing = { message: 'no such directory', remedy: 'name the directory that holds the resources' };
    problems.push({ severity: 'error', file: directory, ...(error === undefined ? missing : readFailure(error)) });
    return { listing: { resources, problems, invalid, unreadable, held, failed: true }, files };
  }
  for (const [path, error] of tree.unreadable) {
    problems.push({ severity: 'error', file: path, ...readFailure(error) });
    for (const [file, before] of kept) {
      if (!file.startsWith(join(path, sep))) continue;
      unreadable.push(file);
      files.set(file, before);
    }
  }
  for (const { path } of tree.files) {
    if (!/\.ya?ml$/u.test(path) || path === own) continue;
    const before = kept.get(path);
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      problems.push({ severity: 'error', file: path, ...readFailure(error) });
      unreadable.push(path);
      if (before !== undefined) files.set(path, before);
      continue;
    }
    const current = before?.current.text === text ? before.current : { text, content: readResources(text, path) };
    const cut = cutShort(path, current, before?.sound);
    if (cut !== undefined && !accepts(cut.id)) {
      held.push(cut);
      files.set(path, { current, sound: before!.sound });
      resources.push(...before!.sound!.content.resources);
      continue;
    }
    const { content } = current;
    files.set(path, { current, sound: content.problems.length === 0 ? current : before?.sound });
    resources.push(...content.resources);
    problems.push(...content.problems);
    invalid.push(...content.invalid);
    if (content.isPartial) unreadable.push(path);
  }
  const seen = fingerprint(tree);
  return { listing: { resources, problems, invalid, unreadable, held, failed: false, seen }, files };
}

/**
 * Whether a file was cut short, as by a write that stopped half-way: it is the beginning of what it was, or holds
 * nothing, and resources are missing. Somebody who removes the last resource of a file does the same.
 */
function cutShort(
  path: string,
  { text, content }: FileVersion,
  sound: FileVersion | undefined,
): HeldChange | undefined {
  if (sound === undefined || sound.content.resources.length === 0 || content.problems.length > 0) return undefined;
  const isBeginning = text.length < sound.text.length && sound.text.startsWith(text);
  if (!isBeginning && content.resources.length > 0) return undefined;
  const valuesOf = ({ resources }: FileContent): unknown[] => resources.map(({ resource }) => resource);
  if (isDeepStrictEqual(valuesOf(content), valuesOf(sound.content))) return undefined;
  const id = createHash('sha256').update(`${path}\n${text}`).digest('hex').slice(0, 10);
  const left = content.resources.length / sound.content.resources.length;
  return { what: path, id, lost: 1 - Math.min(left, text.length / sound.text.length), limit: 0 };
}

function readResources(text: string, file: string): FileContent {
  const { documents, problems } = parseYaml(text, file);
  const resources: StoredResource[] = [];
  const invalid: InvalidResource[] = [];
  let isPartial = problems.length > 0;
  for (const { value, locate } of documents) {
    const found = validateResource(value);
    for (const problem of found) problems.push({ ...problem, file, ...locate(problem.field ?? '') });
    if (found.length === 0) {
      resources.push({ resource: value as Resource, file, locate });
      continue;
    }
    const key = keyOfInvalid(value);
    if (key === undefined) isPartial = true;
    else invalid.push({ key, value });
  }
  return { resources, problems, invalid, isPartial };
}
