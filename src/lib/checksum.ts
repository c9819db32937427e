const PRIME = 0x01000193;

/** Lanes are mixed after so many words: a product's high bits never reach its low ones. */
const MIXED = 4096;

/**
 * A checksum against damage, not against forgery: FNV-1a over 32-bit words, in four lanes that do not wait for one
 * another. It is as fast as memory is read, where SHA-256 takes half a second for a hundred megabytes.
 */
export function checksum(octets: Uint8Array): string {
  const { buffer, byteOffset, length } = (octets.byteOffset & 3) === 0 ? octets : Uint8Array.from(octets);
  const words = new Int32Array(buffer, byteOffset, length >>> 2);
  const lanes = Int32Array.of(0x811c9dc5, 0x811c9dc5 ^ length, 0x7ee3623a, 0x7ee3623a ^ length);
  const end = words.length & ~3;
  for (let from = 0; from < end; from += MIXED) {
    let [a, b, c, d] = lanes as unknown as [number, number, number, number];
    for (let i = from, to = Math.min(end, from + MIXED); i < to; i += 4) {
      a = Math.imul(a ^ words[i]!, PRIME);
      b = Math.imul(b ^ words[i + 1]!, PRIME);
      c = Math.imul(c ^ words[i + 2]!, PRIME);
      d = Math.imul(d ^ words[i + 3]!, PRIME);
    }
    lanes.set([a ^ (a >>> 15), b ^ (b >>> 15), c ^ (c >>> 15), d ^ (d >>> 15)]);
  }
  const rest = new Uint8Array(buffer, byteOffset + end * 4, length - end * 4);
  for (const octet of rest) lanes[0] = Math.imul(lanes[0]! ^ octet, PRIME);
  return Buffer.from(lanes.buffer).toString('hex');
}
