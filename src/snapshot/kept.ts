import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import { mkdir, open, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { checksum } from '../lib/checksum.ts';
import { putTogether, takeApart, type Skeleton } from './skeleton.ts';
import type { Snapshot } from './snapshot.ts';

// A compiled snapshot on disk: `MAGIC`, the header's checksum and length, the header as JSON, and the buffers, each at a
// multiple of 8 octets.

const MAGIC = 'edgeward-kept-1 ';
/** The magic, 32 hexadecimal digits, a blank, ten digits, a line feed. */
const PREFIX = MAGIC.length + 32 + 1 + 10 + 1;
/** More is no header. */
const MAX_HEADER = 256 * 1024 * 1024;
/** Octets that are written at once: between two, others have the thread. */
const STRETCH = 4 * 1024 * 1024;

/** What is known of a kept snapshot before it is read. */
export interface About {
  /** What it was made from. */
  readonly inputs: unknown;
  /** A digest of these as they were then. */
  readonly key: string;
  /** It holds until then, whatever is done to the inputs: milliseconds since 1970. */
  readonly until?: number;
  readonly zones: number;
  readonly exports: number;
  readonly sites: number;
}

interface Header extends About {
  readonly skeleton: Skeleton;
  /** By number. */
  readonly buffers: readonly { readonly size: number; readonly checksum: string }[];
}

/** Words that the live table is made of, and tables that grow, are written on; all others stay as they are. */
const isWritten = (path: string): boolean => path.startsWith('.steering.') && !path.startsWith('.steering.maps');

/**
 * Keeps a snapshot as it is now. The file is there whole or not at all.
 * @throws the system's error
 */
export async function writeKept(path: string, about: About, snapshot: Snapshot): Promise<void> {
  const numbers = new Map<ArrayBufferLike, number>();
  const { skeleton, buffers } = takeApart(snapshot, (buffer) => {
    const number = numbers.get(buffer) ?? numbers.size;
    numbers.set(buffer, number);
    return number;
  });
  const parts = [...numbers.keys()].map((buffer) => {
    const now = new Uint8Array(buffer);
    return isWritten(buffers.get(buffer)!) ? Uint8Array.from(now) : now;
  });
  const described = parts.map((part) => ({ size: part.length, checksum: checksum(part) }));
  const header = Buffer.from(JSON.stringify({ ...about, skeleton, buffers: described } satisfies Header));
  await mkdir(dirname(path), { recursive: true });
  // One name, so that what a writer that was killed has left is written over.
  const partial = `${path}.partial`;
  try {
    const file = await open(partial, 'w', 0o600);
    try {
      const length = String(header.length).padStart(10, '0');
      await writeAll(file, Buffer.from(`${MAGIC}${checksum(header)} ${length}\n`));
      await writeAll(file, header);
      let at = PREFIX + header.length;
      for (const part of parts) {
        await writeAll(file, new Uint8Array(padding(at)));
        await writeAll(file, part);
        at += padding(at) + part.length;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    // On a full disk it would take the room that the next try needs.
    rmSync(partial, { force: true });
    throw error;
  }
}

async function writeAll(file: FileHandle, octets: Uint8Array): Promise<void> {
  for (let at = 0; at < octets.length;)
    at += (await file.write(octets, at, Math.min(STRETCH, octets.length - at))).bytesWritten;
}

const padding = (at: number): number => -at & 7;

/**
 * The snapshot that was kept.
 * @param accepts whether it is still what its inputs would give
 * @returns undefined when there is none, or it is not accepted
 * @throws Error when it is damaged, or the system's error
 */
export function readKept(
  path: string,
  accepts: (about: About) => boolean,
): { readonly snapshot: Snapshot; readonly about: About } | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const damaged = (): Error => new Error(`${path} is damaged`);
    const prefix = Buffer.alloc(PREFIX);
    if (!readWhole(file, prefix, 0)) throw damaged();
    const [, sum, size] = /^edgeward-kept-1 ([0-9a-f]{32}) ([0-9]{10})\n$/u.exec(prefix.toString('latin1')) ?? [];
    if (sum === undefined || Number(size) > MAX_HEADER) throw damaged();
    const text = Buffer.alloc(Number(size));
    if (!readWhole(file, text, PREFIX) || checksum(text) !== sum) throw damaged();
    const header = JSON.parse(text.toString()) as Header;
    if (!accepts(header)) return undefined;
    let at = PREFIX + text.length;
    const buffers = header.buffers.map((each) => {
      const octets = new Uint8Array(new SharedArrayBuffer(each.size));
      at += padding(at);
      if (!readWhole(file, octets, at) || checksum(octets) !== each.checksum) throw damaged();
      at += each.size;
      return octets.buffer;
    });
    const { snapshot } = putTogether(header.skeleton, (number) => buffers[number]);
    return { snapshot: { ...snapshot, serial: 0, generation: 0 }, about: header };
  } finally {
    closeSync(file);
  }
}

/** False when the file ends before the octets are full. */
function readWhole(file: number, octets: Uint8Array, from: number): boolean {
  for (let at = 0; at < octets.length;) {
    const count = readSync(file, octets, at, octets.length - at, from + at);
    if (count === 0) return false;
    at += count;
  }
  return true;
}
