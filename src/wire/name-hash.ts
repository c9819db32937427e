import { LOWER } from './name.ts';

/** Hashing goes from a name's end to its start, so that one pass gives the hash of every suffix. */
export const HASH_START = 0x811c9dc5 | 0;

/** FNV-1a, one octet. */
export function hashStep(hash: number, octet: number): number {
  return Math.imul(hash ^ octet, 0x01000193);
}

/** Spreads a hash's entropy to its low bits (the finaliser of MurmurHash3). */
export function hashEnd(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Adds the octets from `end` down to `start`, letters in lower case, to the hash of what follows them. */
export function hashLabels(b: Uint8Array, start: number, end: number, hash: number): number {
  let h = hash;
  for (let i = end - 1; i >= start; i--) h = Math.imul(h ^ LOWER[b[i]!]!, 0x01000193);
  return h;
}

/** 1 / 0x01000193 modulo 2^32. */
const INVERSE = 0x359c449b;

/** Takes the octets from `start` up to `end` out of a hash again: the hash of what follows them. */
export function unhashLabels(b: Uint8Array, start: number, end: number, hash: number): number {
  let h = hash;
  for (let i = start; i < end; i++) h = Math.imul(h, INVERSE) ^ LOWER[b[i]!]!;
  return h;
}

/** The hash of the uncompressed name from `start` to its root's zero octet at `end` - 1, without the finaliser. */
export function hashName(b: Uint8Array, start: number, end: number): number {
  return hashLabels(b, start, end - 1, HASH_START);
}
