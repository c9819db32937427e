import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fingerprint, readTree } from '../lib/file-tree.ts';

/** All that a snapshot is made from, as far as it lies on disks. */
export interface Inputs {
  /** What says how the files are read. */
  readonly settings: string;
  /** The directory with the configuration or the zones. */
  readonly directory: string;
  /** Other files, such as geo data. */
  readonly files: readonly string[];
  /** The state directory: what is remembered of clusters, and which changes were accepted. */
  readonly state: string;
  /** Directories that are no part of the configuration, though they may lie in it. */
  readonly ignored: readonly string[];
}

/** Inputs as they are at one time. */
export interface SeenInputs {
  /** A digest of all. */
  readonly key: string;
  /** Fingerprint of the directory. */
  readonly directory: string;
  /** Fingerprint of the other files. */
  readonly files: string;
}

/** What this program makes of its inputs is part of what comes of them: its files as they were when it started. */
const PROGRAM = fingerprint(readTree(fileURLToPath(new URL('..', import.meta.url))));

/**
 * Looks at inputs. The key changes when a file is added, removed, replaced or written to, by its times, size and inode,
 * and for the small files of the state directory by what is in them.
 */
export function seeInputs({ settings, directory, files, state, ignored }: Inputs): SeenInputs {
  const tree = fingerprint(readTree(directory, ignored));
  const others = filesFingerprint(files);
  const hash = createHash('sha256').update([process.version, PROGRAM, settings, directory, tree, others].join('\n'));
  const remembered = join(state, 'sites');
  const sites = namesIn(remembered).map((name) => join(remembered, name));
  for (const path of [join(state, 'accepted.json'), ...sites]) hash.update(`\n${path}\n`).update(contentOf(path));
  return { key: hash.digest('hex'), directory: tree, files: others };
}

/** Equal as long as none of the files was replaced or written to. */
export function filesFingerprint(files: readonly string[]): string {
  const lines = files.map((file) => {
    const stats = statSync(file, { throwIfNoEntry: false });
    return `${file} ${stats?.dev}:${stats?.ino} ${stats?.size} ${stats?.mtimeMs} ${stats?.ctimeMs}\n`;
  });
  return createHash('sha256').update(lines.join('')).digest('hex');
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
