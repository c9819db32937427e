import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const MAGIC = 'edgeward-1 ';
const HASH_LENGTH = 64;

/**
 * Writes a file that is there whole or not at all, with a checksum, and on the disk when this returns.
 * @throws the system's error
 */
export function writeChecked(path: string, content: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}.partial`;
  const hash = createHash('sha256').update(content).digest('hex');
  const file = openSync(partial, 'w', 0o600);
  try {
    try {
      writeAll(file, Buffer.from(`${MAGIC}${hash}\n`));
      writeAll(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
  } catch (error) {
    // On a full disk it would take the room that the next try needs.
    rmSync(partial, { force: true });
    throw error;
  }
  // The name is on the disk when its folder is.
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}

/**
 * What `writeChecked` wrote; undefined when there is no file.
 * @throws Error when it is not as it was written, or cannot be read
 */
export function readChecked(path: string): Buffer | undefined {
  let all: Buffer;
  try {
    all = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const from = MAGIC.length + HASH_LENGTH + 1;
  const content = all.subarray(from);
  const hash = createHash('sha256').update(content).digest('hex');
  if (all.subarray(0, from).toString('latin1') !== `${MAGIC}${hash}\n`) throw new Error(`${path} is damaged`);
  return content;
}
