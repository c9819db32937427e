import type { LiveTable } from '../steering/table.ts';

/** A block that was given up is not written again for so long: an answer that reads it takes microseconds. */
const REST_MS = 10_000;

interface FreeBlock {
  readonly at: number;
  /** `performance.now()` of when it was given up. */
  readonly since: number;
}

/** The writing side of the live table. */
export class LiveWriter {
  #current: Int32Array;
  #weights: Float64Array;
  #used = 0;
  /** Size of each row's block. */
  readonly #sizes: number[] = [];
  /** Given-up blocks by size, the oldest first. */
  readonly #free = new Map<number, FreeBlock[]>();
  #grown = false;
  readonly #now: () => number;

  /** @param now milliseconds, ascending */
  constructor(rows = 64, weights = 256, now: () => number = () => performance.now()) {
    this.#current = new Int32Array(new SharedArrayBuffer(rows * 4));
    this.#weights = new Float64Array(new SharedArrayBuffer(weights * 8));
    this.#now = now;
  }

  /** Gives a new row its weights. */
  add(row: number, weights: readonly number[]): void {
    if (row >= this.#current.length) {
      const wider = new Int32Array(new SharedArrayBuffer(Math.max(row + 1, this.#current.length * 2) * 4));
      wider.set(this.#current);
      this.#current = wider;
      this.#grown = true;
    }
    this.#sizes[row] = weights.length;
    this.#show(row, this.#write(weights));
  }

  /** Changes a row's weights, all at once. Nothing happens when they are the same. */
  set(row: number, weights: readonly number[]): void {
    const before = this.#current[row]!;
    if (weights.every((weight, index) => weight === this.#weights[before + index])) return;
    this.#show(row, this.#write(weights));
    const free = this.#free.get(weights.length);
    const block = { at: before, since: this.#now() };
    if (free === undefined) this.#free.set(weights.length, [block]);
    else free.push(block);
  }

  /** Writing may have replaced `current`, so it comes first. */
  #show(row: number, block: number): void {
    Atomics.store(this.#current, row, block);
  }

  #write(weights: readonly number[]): number {
    const at = this.#take(weights.length);
    this.#weights.set(weights, at);
    return at;
  }

  #take(size: number): number {
    const free = this.#free.get(size);
    const [oldest] = free ?? [];
    if (oldest !== undefined && oldest.since + REST_MS < this.#now()) {
      free!.shift();
      return oldest.at;
    }
    if (this.#used + size > this.#weights.length) {
      const wider = new Float64Array(new SharedArrayBuffer(Math.max(this.#used + size, this.#weights.length * 2) * 8));
      wider.set(this.#weights);
      this.#weights = wider;
      // Who reads the narrower one would not see `current` point beyond it.
      const current = new Int32Array(new SharedArrayBuffer(this.#current.byteLength));
      current.set(this.#current);
      this.#current = current;
      this.#grown = true;
    }
    const at = this.#used;
    this.#used += size;
    return at;
  }

  /** Whether the memory was replaced since this was last asked: readers need a new snapshot then. */
  grown(): boolean {
    const was = this.#grown;
    this.#grown = false;
    return was;
  }

  /** Words taken, those of blocks that were given up included. */
  get size(): number {
    return this.#used * 2;
  }

  get table(): LiveTable {
    return { current: this.#current, weights: this.#weights };
  }
}
