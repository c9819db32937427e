// Which stretches of buffers differ, and putting them in their places.

/** Stretches nearer to each other than this are sent as one. */
const GAP = 32;
const BLOCK = 4096;

export function cut(bytes: Uint8Array, patches: readonly (readonly [number, number])[]): Uint8Array[] {
  // A copy: the memory is written on.
  return patches.map(([at, length]) => Uint8Array.from(bytes.subarray(at, at + length)));
}

/** Aligned words in one go each, since others read them meanwhile. */
export function writeWords(bytes: Uint8Array, part: Uint8Array, offset: number): void {
  if (offset % 4 !== 0 || part.length % 4 !== 0) {
    bytes.set(part, offset);
    return;
  }
  const to = new Int32Array(bytes.buffer, bytes.byteOffset + offset, part.length / 4);
  const view = new DataView(part.buffer, part.byteOffset, part.length);
  for (let i = 0; i < to.length; i++) Atomics.store(to, i, view.getInt32(i * 4, true));
}

/** Stretches, of whole 8-octet words, in which two buffers of one length differ. */
export function differences(a: Uint8Array, b: Uint8Array): [number, number][] {
  const found: [number, number][] = [];
  const left = Buffer.from(a.buffer, a.byteOffset, a.length);
  const right = Buffer.from(b.buffer, b.byteOffset, b.length);
  for (let block = 0; block < a.length; block += BLOCK) {
    const end = Math.min(block + BLOCK, a.length);
    if (left.compare(right, block, end, block, end) === 0) continue;
    for (let at = block; at < end; at++) if (a[at] !== b[at]) add(found, at, a.length);
  }
  return found;
}

export const whole = ({ length }: Uint8Array): [number, number][] => [[0, length]];

export function nonZero(bytes: Uint8Array): [number, number][] {
  const found: [number, number][] = [];
  const zeros = Buffer.alloc(Math.min(BLOCK, bytes.length));
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let block = 0; block < bytes.length; block += BLOCK) {
    const end = Math.min(block + BLOCK, bytes.length);
    if (all.compare(zeros, 0, end - block, block, end) === 0) continue;
    // Whole blocks: what is not zero is dense.
    const last = found.at(-1);
    if (last !== undefined && last[0] + last[1] === block) last[1] = end - last[0];
    else found.push([block, end - block]);
  }
  return found;
}

function add(found: [number, number][], at: number, size: number): void {
  const from = at & ~7;
  const end = Math.min(size, from + 8);
  const last = found.at(-1);
  if (last !== undefined && from <= last[0] + last[1] + GAP) last[1] = Math.max(last[1], end - last[0]);
  else found.push([from, end - from]);
}
