import { libc } from './libc.ts';

const M_MMAP_THRESHOLD = -3;
/** Of snapshots and geo data nearly all is in larger buffers. */
const MMAP_OCTETS = 256 * 1024;

/**
 * Gives memory that was freed back to the system: the C library keeps what it takes for likely to be wanted again, and
 * old snapshots are large. Does nothing where there is no such call.
 */
export function returnMemory(): void {
  const calls = libc();
  if (typeof calls !== 'string') calls.mallocTrim?.(0);
}

/**
 * Has large buffers lie apart, so that the system has them back as soon as they are freed. Without it the C library
 * raises its bar with the first large buffer that it frees (mallopt(3), M_MMAP_THRESHOLD), puts later ones among small
 * things, and cannot give back what lies around those that stay. For whole processes, early: it changes nothing about
 * what is there. Does nothing where there is no such call.
 */
export function keepMemorySmall(): void {
  const calls = libc();
  if (typeof calls !== 'string') calls.mallopt?.(M_MMAP_THRESHOLD, MMAP_OCTETS);
}
