/** Bits of 32-bit words, and of four words as one number of 128 bits, most significant word first. */

/** Trailing zero bits of a word; 32 for 0. */
export function trailingZeros(word: number): number {
  return word === 0 ? 32 : 31 - Math.clz32(word & -word);
}

export function trailingZeros64(w0: number, w1: number): number {
  return w1 === 0 ? 32 + trailingZeros(w0) : trailingZeros(w1);
}

export function trailingZeros128(w0: number, w1: number, w2: number, w3: number): number {
  if (w3 !== 0) return trailingZeros(w3);
  if (w2 !== 0) return 32 + trailingZeros(w2);
  if (w1 !== 0) return 64 + trailingZeros(w1);
  return 96 + trailingZeros(w0);
}

/** The highest bit that is set, 0 being the lowest; 0 for none. */
export function highestBit(w0: number, w1: number, w2: number, w3: number): number {
  if (w0 !== 0) return 127 - Math.clz32(w0);
  if (w1 !== 0) return 95 - Math.clz32(w1);
  if (w2 !== 0) return 63 - Math.clz32(w2);
  return w3 === 0 ? 0 : 31 - Math.clz32(w3);
}

/** A mask of the low `count` bits of a word: none for 0 and less, all for 32 and more. */
export function lowBits(count: number): number {
  if (count <= 0) return 0;
  return count >= 32 ? -1 : (1 << count) - 1;
}

/** How many bits of a word are set. */
export function ones(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  n = (n + (n >>> 4)) & 0x0f0f0f0f;
  return Math.imul(n, 0x01010101) >>> 24;
}
