import type { ByteWriter } from './byte-writer.ts';
import { LOWER, MAX_LABEL, MAX_NAME, type WireName } from './name.ts';

/**
 * Pointers followed for one name. A name has at most 127 labels and a writer has no reason to point at a pointer,
 * so more is an attack on the reader's time.
 */
const MAX_POINTERS = 128;

/** Octets of an uncompressed name at `at`, or -1 when it is malformed, compressed, or runs over `end`. */
export function measureName(bytes: Uint8Array, at: number, end: number): number {
  let position = at;
  for (;;) {
    if (position >= end) return -1;
    const length = bytes[position]!;
    if (length > MAX_LABEL) return -1;
    position += length + 1;
    if (position > end || position - at > MAX_NAME) return -1;
    if (length === 0) return position - at;
  }
}

/**
 * Reads a name that may be compressed (RFC 1035 4.1.4). Pointers must point before the labels that led to them, so it
 * ends on any input. `next` is the offset after the name where it stands; undefined when malformed.
 */
export function readName(message: Uint8Array, offset: number): { name: WireName; next: number } | undefined {
  const name = new Uint8Array(MAX_NAME);
  let length = 0;
  let at = offset;
  let runStart = offset;
  let next = -1;
  for (let pointers = 0; pointers <= MAX_POINTERS;) {
    const octet = message[at];
    if (octet === undefined) return undefined;
    if (octet <= MAX_LABEL) {
      if (length + octet + 1 > MAX_NAME || at + octet + 1 > message.length) return undefined;
      // Not `set` of a view, which takes twice as long: a hostile message of 64 KB can lead through a million labels.
      for (const end = at + octet; at <= end;) name[length++] = message[at++]!;
      if (octet === 0) return { name: name.slice(0, length), next: next < 0 ? at : next };
      continue;
    }
    const low = message[at + 1];
    if (octet < 0xc0 || low === undefined) return undefined;
    if (next < 0) next = at + 2;
    const target = ((octet & 0x3f) << 8) | low;
    if (target >= runStart) return undefined;
    at = target;
    runStart = target;
    pointers++;
  }
  return undefined;
}

/** Writes names into one message, pointing at what was written before where that is allowed. */
export class NameCompressor {
  readonly #writer: ByteWriter;
  /** Offset of each suffix, by its lower-cased octets (RFC 4343: names that differ in case alone are equal). */
  readonly #offsets = new Map<string, number>();

  /** The writer must hold the message from its first octet: pointers count from there. */
  constructor(writer: ByteWriter) {
    this.#writer = writer;
  }

  /** Appends `name`; with `compress` false no pointer is written, but later names may still point into it. */
  write(name: WireName, compress = true): void {
    for (let at = 0; name[at]! !== 0; at += name[at]! + 1) {
      const suffix = suffixKey(name, at);
      const known = this.#offsets.get(suffix);
      if (known !== undefined && compress) {
        this.#writer.u16(0xc000 | known);
        return;
      }
      // A pointer has 14 bits: what stands later cannot be pointed at.
      if (known === undefined && this.#writer.length < 0x4000) this.#offsets.set(suffix, this.#writer.length);
      this.#writer.bytes(name.subarray(at, at + name[at]! + 1));
    }
    this.#writer.u8(0);
  }
}

function suffixKey(name: WireName, from: number): string {
  let key = '';
  for (let i = from; i < name.length; i++) key += String.fromCharCode(LOWER[name[i]!]!);
  return key;
}
