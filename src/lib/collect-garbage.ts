import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/**
 * Collects this thread's garbage now. Memory that threads share is given back when the last of them has collected its
 * view of it, and a thread that allocates nothing never would. Takes a few milliseconds in a small heap.
 */
export function collectGarbage(): void {
  if (collect === undefined) {
    // The flag is the process's, and is left as it is: another thread may be about to do the same.
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}

/** How long garbage may lie, milliseconds: what is replaced often is collected together. */
export const COLLECT_MS = 2000;

let timer: NodeJS.Timeout | undefined;

/**
 * Collects this thread's garbage in a while.
 * @param then called afterwards; the delay is doubled with it, so that other threads have collected theirs as well
 */
export function collectSoon(then?: () => void): void {
  timer ??= setTimeout(
    () => {
      timer = undefined;
      collectGarbage();
      then?.();
    },
    then === undefined ? COLLECT_MS : 2 * COLLECT_MS,
  ).unref();
}
