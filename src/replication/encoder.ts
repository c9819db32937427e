import { createHash } from 'node:crypto';
import { takeApart } from '../snapshot/skeleton.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { BufferEntry, Frame } from './frame.ts';
import { cut, differences, nonZero, whole } from './patches.ts';

interface Tracked {
  readonly id: number;
  readonly buffer: ArrayBufferLike;
  readonly path: string;
  /** What receivers have; undefined for buffers that are never written again. */
  readonly shadow: Uint8Array | undefined;
  hash: string | undefined;
}

/** From so many octets on a buffer is known by its content. */
const HASHED = 64 * 1024;

/** Buffers that grow and are written in place; all others are replaced when they change. */
const isWritten = (path: string): boolean => path.startsWith('.steering.') && !path.startsWith('.steering.maps');

/** These say where to look in the others, so they change last. */
const isPointer = (path: string): boolean => path === '.steering.live.current' || path === '.steering.rowOf';

/** Follows one control plane's snapshots. */
export class SnapshotEncoder {
  readonly epoch: string;
  #generation = 0;
  #nextId = 1;
  #tracked = new Map<ArrayBufferLike, Tracked>();
  #skeleton = '';

  /** @param epoch a text that no other run has */
  constructor(epoch: string) {
    this.epoch = epoch;
  }

  get generation(): number {
    return this.#generation;
  }

  /** What changed since the last call; undefined when nothing did. */
  next(snapshot: Snapshot): Frame | undefined {
    const { skeleton, buffers } = takeApart(snapshot, (buffer) => this.#numberOf(buffer));
    const before = new Map([...this.#tracked.values()].map((each) => [each.path, each]));
    const entries: { entry: BufferEntry; octets: Uint8Array[]; last: boolean }[] = [];
    const tracked = new Map<ArrayBufferLike, Tracked>();
    for (const [buffer, path] of buffers) {
      const now = new Uint8Array(buffer);
      const same = this.#tracked.get(buffer);
      if (same !== undefined) {
        tracked.set(buffer, same);
        if (same.shadow === undefined) continue;
        const patches = differences(same.shadow, now);
        if (patches.length === 0) continue;
        const octets = cut(now, patches);
        for (const [at, length] of patches) same.shadow.set(now.subarray(at, at + length), at);
        entries.push({ entry: { id: same.id, size: now.length, patches }, octets, last: isPointer(path) });
        continue;
      }
      const id = this.#ids.get(buffer)!;
      const old = before.get(path);
      const written = isWritten(path);
      const hash = !written && now.length >= HASHED ? sha256(now) : undefined;
      const base = old?.shadow !== undefined && old.buffer.byteLength === now.length ? old : undefined;
      const patches =
        hash !== undefined ? whole(now) : base === undefined ? nonZero(now) : differences(base.shadow!, now);
      const entry = {
        id,
        size: now.length,
        ...(base === undefined || hash !== undefined ? {} : { from: base.id }),
        ...(hash === undefined ? {} : { hash }),
        patches,
      };
      entries.push({ entry, octets: cut(now, patches), last: isPointer(path) });
      tracked.set(buffer, { id, buffer, path, shadow: written ? Uint8Array.from(now) : undefined, hash });
    }
    const dropped = [...this.#tracked.values()].filter(({ buffer }) => !tracked.has(buffer)).map(({ id }) => id);
    const text = JSON.stringify(skeleton);
    if (entries.length === 0 && text === this.#skeleton) return undefined;
    const from = this.#generation === 0 ? null : this.#generation;
    const changed = text === this.#skeleton ? {} : { skeleton };
    this.#skeleton = text;
    this.#tracked = tracked;
    this.#generation++;
    entries.sort((a, b) => Number(a.last) - Number(b.last));
    return {
      header: {
        type: 'snapshot',
        epoch: this.epoch,
        generation: this.#generation,
        from,
        ...changed,
        buffers: entries.map(({ entry }) => entry),
        dropped,
      },
      payload: entries.flatMap(({ octets }) => octets),
    };
  }

  /**
   * All of the generation that `next` last gave.
   * @param have hashes of buffers that the receiver has: their octets are left out
   */
  full(have: ReadonlySet<string>): Frame {
    const buffers: BufferEntry[] = [];
    const payload: Uint8Array[] = [];
    for (const { id, buffer, shadow, hash } of this.#tracked.values()) {
      const octets = shadow ?? new Uint8Array(buffer);
      const known = hash !== undefined && have.has(hash);
      const patches = known ? [] : hash === undefined ? nonZero(octets) : whole(octets);
      buffers.push({ id, size: octets.length, ...(hash === undefined ? {} : { hash }), patches });
      payload.push(...cut(octets, patches));
    }
    const skeleton: unknown = JSON.parse(this.#skeleton);
    const { epoch } = this;
    const header = { epoch, generation: this.#generation, from: null, skeleton, buffers, dropped: [] };
    return { header: { type: 'snapshot', ...header }, payload };
  }

  readonly #ids = new WeakMap<ArrayBufferLike, number>();

  #numberOf(buffer: ArrayBufferLike): number {
    let id = this.#ids.get(buffer);
    if (id === undefined) this.#ids.set(buffer, (id = this.#nextId++));
    return id;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
