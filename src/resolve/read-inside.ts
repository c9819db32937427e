import { dirname, isAbsolute, join } from 'node:path';
import { ok, type Result } from '../lib/result.ts';
import { includeFrom } from '../zone/mod.ts';

/** Reads a file that another one names, by a path relative to that file; the result's `file` is for messages. */
export type ReadFile = (path: string, from: string) => Result<{ octets: Buffer; file: string }, string>;

/** Messages have the path as it was written, not what links make of it. */
export function readInside(directory: string): ReadFile {
  const include = includeFrom(directory);
  return (path, from) => {
    const read = include(path, from);
    return read.ok
      ? ok({ octets: read.value.octets, file: isAbsolute(path) ? path : join(dirname(from), path) })
      : read;
  };
}
