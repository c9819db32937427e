//  * Snapshots as bytes: whole, or as what changed since the one before. A snapshot is numbers in shared memory (buffers)
// and a little structure around them (the skeleton); of a buffer that changed only the stretches that differ are sent.

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
