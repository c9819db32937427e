import { createHash } from 'node:crypto';
import { readdirSync, realpathSync, statSync, type BigIntStats, type Stats } from 'node:fs';
import { join, resolve } from 'node:path';

export interface TreeFile {
  /** Root and path below it, as an operator would type it. */
  readonly path: string;
  readonly stats: Stats;
}

export interface Tree {
  /** Regular files and links to them, sorted by path. */
  readonly files: readonly TreeFile[];
  /** The root and every directory below it, each with what tells it from another one at the same path. */
  readonly directories: ReadonlyMap<string, string>;
  /** Directories whose contents are not known, with the system's errors: they may hold anything. */
  readonly unreadable: ReadonlyMap<string, Error>;
}

/** Deeper than any configuration; a bound for what symbolic links can make of a tree. */
const MAX_DEPTH = 16;

/** The file system's own, at the root of a disk: nobody but root may read it. */
const LOST_AND_FOUND = 'lost+found';

/**
 * All files below a directory, through symbolic links, without names that begin with a dot: editors' and version
 * control's, and the `..data` of a mounted ConfigMap, whose files the links beside it show. What vanishes while one
 * looks is left out; a root that is not there is an empty tree.
 * @param ignored directories that are no part of it, wherever they are
 */
export function readTree(root: string, ignored: readonly string[] = []): Tree {
  const skipped = new Set(
    ignored.map(
      (path) =>
        unlessGone(
          () => realpathSync(path),
          () => {},
        ) ?? resolve(path),
    ),
  );
  const files: TreeFile[] = [];
  const directories = new Map<string, string>();
  const unreadable = new Map<string, Error>();
  visit(root, 0, new Set());
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files, directories, unreadable };

  function visit(directory: string, depth: number, above: ReadonlySet<string>): void {
    const note = (error: Error): void => void unreadable.set(directory, unreadable.get(directory) ?? error);
    const real = unlessGone(() => realpathSync(directory), note);
    const own = unlessGone(() => statSync(directory, { bigint: true }), note);
    const names = unlessGone(() => readdirSync(directory), note);
    // A link to a directory around it would never end.
    if (real === undefined || names === undefined || above.has(real) || depth > MAX_DEPTH || skipped.has(real)) return;
    directories.set(directory, own === undefined ? '' : identityOf(own));
    for (const name of names) {
      if (name.startsWith('.') || name === LOST_AND_FOUND) continue;
      const path = join(directory, name);
      const stats = unlessGone(() => statSync(path), note);
      if (stats?.isFile()) files.push({ path, stats });
      else if (stats?.isDirectory()) visit(path, depth + 1, new Set([...above, real]));
    }
  }
}

/** Inode numbers are used again at once: the time of birth tells a new directory from a deleted one. */
export function identityOf({ dev, ino, birthtimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${birthtimeNs}`;
}

/** Another one when a file is replaced or written to. */
export function stampOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  // Not put together piece by piece: such a string keeps its pieces.
  return [dev, ino, size, mtimeMs, ctimeMs].join(' ');
}

/**
 * Equal as long as no file of the tree was added, removed, replaced, written to or renamed.
 * @param onStamp told the stamp of each
 */
export function fingerprint({ files }: Tree, onStamp: (file: TreeFile, stamp: string) => void = () => {}): string {
  const lines = files.map((file) => {
    const stamp = stampOf(file.stats);
    onStamp(file, stamp);
    return `${file.path} ${stamp}\n`;
  });
  return createHash('sha256').update(lines.join('')).digest('hex');
}

function unlessGone<T>(read: () => T, noteUnreadable: (error: Error) => void): T | undefined {
  try {
    return read();
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['EACCES', 'EPERM'].includes(code)) noteUnreadable(error as Error);
    else if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(code)) throw error;
    return undefined;
  }
}
