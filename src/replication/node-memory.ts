import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { readChecked, writeChecked } from '../lib/atomic-file.ts';

/**
 * What a control plane serves by, kept by DNS nodes: a control plane without a disk, or one that takes over from
 * another, learns from them what was served last. To nodes it is text, each entry signed by a control plane.
 */

/** Header of a request for the stream: digest of the node's memory; empty when it has told it. */
export const MEMORY_HEADER = 'edgeward-memory';

/** Status of an answer that asks a node to tell its memory (RFC 9110 15.5.10: Conflict). */
export const TELL_MEMORY = 409;

/** One entry: its name, its content and the signature of both. */
export type MemoryEntry = readonly [key: string, content: string, signature: string];

/** A change of the memory, from a control plane to a DNS node; or all of it, the other way. */
export interface MemoryMessage {
  readonly type: 'memory';
  /** True: what is not in `put` is gone. */
  readonly isWhole: boolean;
  readonly put: readonly MemoryEntry[];
  readonly gone: readonly string[];
}

/** Entries by key, as one side has them. */
export class StreamMemory {
  #entries = new Map<string, MemoryEntry>();
  #digest: string | undefined;

  apply({ isWhole, put, gone }: MemoryMessage): void {
    if (isWhole) this.#entries = new Map();
    for (const entry of put) this.#entries.set(entry[0], entry);
    for (const key of gone) this.#entries.delete(key);
    this.#digest = undefined;
  }

  /** All of it, as a message. */
  whole(): MemoryMessage {
    return { type: 'memory', isWhole: true, put: [...this.#entries.values()], gone: [] };
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Equal for equal contents, whoever signed them. */
  get digest(): string {
    if (this.#digest !== undefined) return this.#digest;
    const hash = createHash('sha256');
    for (const key of [...this.#entries.keys()].sort()) hash.update(`${key}\0${this.#entries.get(key)![1]}\0`);
    return (this.#digest = hash.digest('hex'));
  }
}

/**
 * Signs entries, so that a DNS node can only give back what a control plane gave it. Control planes that are to know
 * each other's entries have the same key.
 */
export class MemorySigner {
  readonly #key: Buffer;

  /** @param secret what only control planes know, such as the private key of the stream */
  constructor(secret: string) {
    this.#key = createHash('sha256').update(`edgeward memory\0${secret}`).digest();
  }

  sign(key: string, content: string): MemoryEntry {
    return [key, content, this.#signature(key, content)];
  }

  /** Entries as they are signed, without those that are not. */
  verified(entries: readonly MemoryEntry[]): (readonly [string, string])[] {
    return entries.flatMap(([key, content, signature]) => {
      const expected = Buffer.from(this.#signature(key, content));
      const given = Buffer.from(signature);
      return given.length === expected.length && timingSafeEqual(given, expected) ? [[key, content] as const] : [];
    });
  }

  #signature(key: string, content: string): string {
    return createHmac('sha256', this.#key).update(`${key}\0${content}`).digest('base64');
  }
}

/** The memory of a DNS node on its disk. */
export class KeptMemory {
  readonly memory = new StreamMemory();
  readonly #file: string;
  #kept = '';

  constructor(directory: string) {
    this.#file = join(directory, 'memory');
  }

  /** @throws Error when it is damaged */
  read(): void {
    const content = readChecked(this.#file);
    if (content === undefined) return;
    this.memory.apply(JSON.parse(content.toString('utf8')) as MemoryMessage);
    this.#kept = this.memory.digest;
  }

  /** @throws the system's error */
  write(): void {
    const { digest } = this.memory;
    if (digest === this.#kept) return;
    writeChecked(this.#file, Buffer.from(JSON.stringify(this.memory.whole())));
    this.#kept = digest;
  }
}
