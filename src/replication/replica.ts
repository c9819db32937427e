import { putTogether } from '../snapshot/skeleton.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { BufferEntry, FrameHeader } from './frame.ts';
import { cut, nonZero, writeWords } from './patches.ts';

/** The same, at a DNS node: puts frames together into snapshots. */
export class SnapshotReplica {
  #buffers = new Map<number, { buffer: SharedArrayBuffer; hash: string | undefined }>();
  #skeleton: unknown;
  #tables: ReadonlyMap<string, unknown> = new Map();
  #serial = 0;
  #snapshot: Snapshot | undefined;
  #epoch = '';
  #generation = 0;

  get epoch(): string {
    return this.#epoch;
  }

  get generation(): number {
    return this.#generation;
  }

  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** Hashes of the buffers that need not be sent again, and the buffers. */
  get known(): ReadonlyMap<string, SharedArrayBuffer> {
    const known = new Map<string, SharedArrayBuffer>();
    for (const { buffer, hash } of this.#buffers.values()) if (hash !== undefined) known.set(hash, buffer);
    return known;
  }

  /**
   * Takes a frame over: all of it, or nothing when it does not fit.
   * @param known buffers by their hashes, besides those that are there
   * @returns the snapshot when it is another object; what changed in place is in the one before
   * @throws Error when the frame is not the next one, or does not make sense
   */
  apply({ header, octets }: { header: FrameHeader; octets: Uint8Array }, known = this.known): Snapshot | undefined {
    const { epoch, generation, from, skeleton, buffers, dropped } = header;
    const follows = from !== null && epoch === this.#epoch && from === this.#generation;
    if (!follows && from !== null) throw new Error(`generation ${from} is to be known for generation ${generation}`);
    const next = new Map(follows ? this.#buffers : []);
    // Numbers of another run mean other buffers.
    if (!follows) this.#tables = new Map();
    // Everything is looked at before anything is written.
    let total = 0;
    for (const { id, size, from: base, patches } of buffers) {
      const end = base === undefined ? size : (this.#buffers.get(base)?.buffer.byteLength ?? -1);
      if (end !== size) throw new Error(`buffer ${id} does not fit the one that it is made from`);
      const before = next.get(id);
      if (before !== undefined && before.buffer.byteLength !== size) throw new Error(`buffer ${id} has another size`);
      for (const [at, length] of patches) {
        if (!(at >= 0 && length >= 0 && at + length <= size)) throw new Error(`a patch is outside buffer ${id}`);
        total += length;
      }
    }
    if (total !== octets.length) throw new Error(`${octets.length} octets came in place of ${total}`);
    const inPlace: (() => void)[] = [];
    let at = 0;
    for (const { id, size, from: base, hash, patches } of buffers) {
      const old = follows && base === undefined ? this.#buffers.get(id) : undefined;
      const same = hash === undefined || patches.length > 0 ? undefined : known.get(hash);
      if (hash !== undefined && patches.length === 0 && same === undefined && size > 0)
        throw new Error(`buffer ${id} is to be known`);
      const buffer = old?.buffer ?? same ?? new SharedArrayBuffer(size);
      const bytes = new Uint8Array(buffer);
      if (base !== undefined && old === undefined) bytes.set(new Uint8Array(this.#buffers.get(base)!.buffer));
      for (const [offset, length] of patches) {
        const part = octets.subarray(at, at + length);
        at += length;
        // What answers are made from now changes last, and in the order of the frame.
        if (old === undefined) bytes.set(part, offset);
        else inPlace.push(() => writeWords(bytes, part, offset));
      }
      next.set(id, { buffer, hash });
    }
    for (const id of dropped) next.delete(id);
    const structure = skeleton ?? this.#skeleton;
    const unchanged = skeleton === undefined && this.#snapshot !== undefined && follows;
    const snapshot = unchanged ? undefined : this.#build(structure, next, generation);
    for (const write of inPlace) write();
    this.#buffers = next;
    this.#skeleton = structure;
    this.#epoch = epoch;
    this.#generation = generation;
    if (snapshot !== undefined) this.#snapshot = snapshot;
    return snapshot;
  }

  #build(skeleton: unknown, buffers: ReadonlyMap<number, { buffer: SharedArrayBuffer }>, generation: number): Snapshot {
    // Tables that did not change stay the same objects: threads are only given the others.
    const { snapshot, tables } = putTogether(skeleton, (id) => buffers.get(id)?.buffer, this.#tables);
    this.#tables = tables;
    return { ...snapshot, serial: ++this.#serial, generation };
  }

  /** All that is needed to make the same replica; for the disk. */
  save(): { header: FrameHeader; octets: Uint8Array[]; fixed: ReadonlyMap<string, Uint8Array> } {
    const entries: BufferEntry[] = [];
    const octets: Uint8Array[] = [];
    const fixed = new Map<string, Uint8Array>();
    for (const [id, { buffer, hash }] of this.#buffers) {
      const bytes = new Uint8Array(buffer);
      if (hash !== undefined) fixed.set(hash, bytes);
      const patches = hash === undefined ? nonZero(bytes) : [];
      entries.push({ id, size: bytes.length, ...(hash === undefined ? {} : { hash }), patches });
      octets.push(...cut(bytes, patches));
    }
    const { epoch, generation } = this;
    const header = { epoch, generation, from: null, skeleton: this.#skeleton, buffers: entries, dropped: [] };
    return { header: { type: 'snapshot', ...header }, octets, fixed };
  }
}
