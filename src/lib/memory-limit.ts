import { totalmem } from 'node:os';

/** Octets that this process may use at most: the limit of its container or service, or else what the machine has. */
export function memoryLimit(): number {
  const limit = process.constrainedMemory();
  // 0: not known. Without a limit some systems give a number near 2^64.
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
