/**
 * Pieces of work that two threads do: one from the first on, the other from the last back, until they meet. The counter
 * says only how many pieces are taken: what one has not taken from its end, the other has.
 */
export class SharedWork {
  readonly #taken: Int32Array<SharedArrayBuffer>;
  readonly #pieces: number;
  #own = 0;

  /** @param memory of the other side; absent: this is the first side */
  constructor(pieces: number, memory = new SharedArrayBuffer(4)) {
    this.#pieces = pieces;
    this.#taken = new Int32Array(memory);
  }

  /** For the other side. */
  get memory(): SharedArrayBuffer {
    return this.#taken.buffer;
  }

  /** How many pieces this side has taken. */
  get own(): number {
    return this.#own;
  }

  /** Takes one more piece from this side's end. False: none is left. */
  take(): boolean {
    if (Atomics.add(this.#taken, 0, 1) >= this.#pieces) return false;
    this.#own++;
    return true;
  }
}
