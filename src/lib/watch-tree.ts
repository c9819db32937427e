import { statSync, watch, type FSWatcher } from 'node:fs';
import { fingerprint, identityOf, readTree } from './file-tree.ts';

export interface WatchOptions {
  /** Changes are told after this long without another one. Milliseconds. */
  readonly quietMs?: number;
  /** But not later than this after the first, so that a file that is written to all the time is seen. Milliseconds. */
  readonly latestMs?: number;
  /**
   * The tree is also looked at this often, or less often when looking takes long. Events do not come from network file
   * systems, for files behind links that lead out, when the kernel has no watches left, or once the directory itself was
   * deleted. Milliseconds.
   */
  readonly pollMs?: number;
  /** Directories that are no part of the tree, such as one that the program itself writes to. */
  readonly ignored?: readonly string[];
  /** Stamps of files are kept. */
  readonly stamps?: boolean;
}

/** File systems tell times in steps: a file that was just written to may be again, within the same step. Milliseconds. */
const TOO_NEW_MS = 2000;

export interface TreeWatch {
  /** The fingerprint of the tree when it was looked at last. What is read after that is as new, or newer. */
  readonly seen: string;
  /**
   * What a file was then: equal only if it was neither replaced nor written to in between. Undefined when that cannot be
   * told: it is too new, or not there, or stamps are not kept.
   */
  stampOf(path: string): string | undefined;
  close(): void;
}

/** Looking takes at most this share of the time. */
const POLL_SHARE = 0.02;

/**
 * Calls back after files below `root` changed, once for changes that come together. It follows editors that write a
 * new file and rename it, links that are swapped (mounted ConfigMaps), and a root that is deleted and comes back.
 */
export function watchTree(root: string, onChange: () => void, options: WatchOptions = {}): TreeWatch {
  const { quietMs = 100, latestMs = 1000, pollMs = 5000, ignored = [], stamps: keepsStamps = false } = options;
  const watchers = new Map<string, { readonly watcher: FSWatcher; readonly identity: string }>();
  let lookMs = 0;
  let stamps = new Map<string, string>();
  let seen = look();
  let timer: NodeJS.Timeout | undefined;
  let firstEvent = 0;
  let closed = false;
  let poll = pollSoon();

  function pollSoon(): NodeJS.Timeout {
    return setTimeout(compare, Math.max(pollMs, lookMs / POLL_SHARE));
  }

  /** A change between reading a directory and watching it would be missed: hence again after new watches. */
  function look(): string {
    const start = performance.now();
    const newest = Date.now() - TOO_NEW_MS;
    // Often there is no directory but this one.
    const own = watchers.size > 0 ? undefined : statSync(root, { bigint: true, throwIfNoEntry: false });
    if (own?.isDirectory() === true) arm(new Map([[root, identityOf(own)]]));
    let tree = readTree(root, ignored);
    for (let round = 0; round < 3 && arm(tree.directories); round++) tree = readTree(root, ignored);
    stamps = new Map();
    const found = fingerprint(tree, ({ path, stats }, stamp) => {
      if (keepsStamps && Math.max(stats.mtimeMs, stats.ctimeMs) < newest) stamps.set(path, stamp);
    });
    lookMs = performance.now() - start;
    return found;
  }

  /** One watch for each directory: of a recursive one, Node loses parts when directories are replaced. */
  function arm(directories: ReadonlyMap<string, string>): boolean {
    for (const [path, { watcher, identity }] of watchers) {
      if (directories.get(path) === identity) continue;
      watcher.close();
      watchers.delete(path);
    }
    let added = false;
    for (const [path, identity] of directories) {
      if (watchers.has(path)) continue;
      try {
        const watcher = watch(path, event);
        watcher.on('error', () => watcher.close());
        watchers.set(path, { watcher, identity });
        added = true;
      } catch {
        // Gone since, or no watches left: the poll sees to it.
      }
    }
    return added;
  }

  function event(): void {
    const now = Date.now();
    if (timer === undefined) firstEvent = now;
    clearTimeout(timer);
    timer = setTimeout(compare, Math.max(0, Math.min(quietMs, firstEvent + latestMs - now)));
  }

  function compare(): void {
    clearTimeout(timer);
    timer = undefined;
    clearTimeout(poll);
    const now = look();
    if (closed) return;
    poll = pollSoon();
    if (now === seen) return;
    seen = now;
    onChange();
  }

  return {
    get seen(): string {
      return seen;
    },
    stampOf: (path) => stamps.get(path),
    close(): void {
      closed = true;
      clearTimeout(poll);
      clearTimeout(timer);
      for (const { watcher } of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}
