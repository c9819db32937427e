import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fingerprint, readTree } from '../lib/file-tree.ts';

/** All that a snapshot is made from, as far as it lies on disks. */
export interface Inputs {
  /** What says how the files below are read, such as settings. */
  readonly settings: string;
  /** Directories with all that is below them. */
  readonly trees: readonly string[];
  readonly files: readonly string[];
  /** The state directory: what is remembered of clusters, and which changes were accepted. */
  readonly state: string;
}

/** What this program makes of its inputs is part of what comes of them. */
const PROGRAM = fileURLToPath(new URL('..', import.meta.url));

/**
 * A digest of inputs as they are now: it changes when a file is added, removed, replaced or written to, by its times,
 * size and inode, and for the small files of the state directory by what is in them.
 */
export function inputsKey({ settings, trees, files, state }: Inputs): string {
  const hash = createHash('sha256').update(`${process.version}\n${settings}\n`);
  for (const tree of [PROGRAM, ...trees]) hash.update(`${tree}\n${fingerprint(readTree(tree))}\n`);
  for (const file of files) {
    const stats = statSync(file, { throwIfNoEntry: false });
    hash.update(`${file} ${stats?.ino} ${stats?.size} ${stats?.mtimeMs} ${stats?.ctimeMs}\n`);
  }
  const remembered = join(state, 'sites');
  const sites = namesIn(remembered).map((name) => join(remembered, name));
  for (const path of [join(state, 'accepted.json'), ...sites]) hash.update(`${path}\n`).update(contentOf(path));
  return hash.digest('hex');
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith('.json'))
      .sort();
  } catch {
    return [];
  }
}

function contentOf(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch {
    return new Uint8Array(0);
  }
}
