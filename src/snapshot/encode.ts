import { createHash } from 'node:crypto';
import { putTogether, takeApart } from './skeleton.ts';
import type { Snapshot } from './snapshot.ts';

/**
 * Snapshots as bytes: whole, or as what changed since the one before. A snapshot is numbers in shared memory (buffers)
 * and a little structure around them (the skeleton); of a buffer that changed only the stretches that differ are sent.
 */

/** One buffer in a frame. Its octets are in the frame's payload, patch after patch, in the order of the header. */
export interface BufferEntry {
  readonly id: number;
  /** Octets. */
  readonly size: number;
  /** A new buffer that begins as a copy of this one. */
  readonly from?: number;
  /** SHA-256 of what it holds, for large ones that are never written again; who has it needs no octets. */
  readonly hash?: string;
  /** Offset and length of each stretch. Elsewhere a new buffer without `from` is 0, and an old one as it was. */
  readonly patches: readonly (readonly [number, number])[];
}

export interface FrameHeader {
  readonly type: 'snapshot';
  /** Which run of which control plane: numbers mean something only within it. */
  readonly epoch: string;
  readonly generation: number;
  /** The generation that this is the difference to; null: to nothing. */
  readonly from: number | null;
  /** Absent: as before. */
  readonly skeleton?: unknown;
  readonly buffers: readonly BufferEntry[];
  /** Buffers that nothing refers to any more. */
  readonly dropped: readonly number[];
}

export interface Frame {
  readonly header: FrameHeader;
  readonly payload: readonly Uint8Array[];
}

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

/** Stretches nearer to each other than this are sent as one. */
const GAP = 32;
const BLOCK = 4096;

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

function cut(bytes: Uint8Array, patches: readonly (readonly [number, number])[]): Uint8Array[] {
  // A copy: the memory is written on.
  return patches.map(([at, length]) => Uint8Array.from(bytes.subarray(at, at + length)));
}

/** Aligned words in one go each, since others read them meanwhile. */
function writeWords(bytes: Uint8Array, part: Uint8Array, offset: number): void {
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

const whole = ({ length }: Uint8Array): [number, number][] => [[0, length]];

function nonZero(bytes: Uint8Array): [number, number][] {
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

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
