type NumberArray = Uint8Array | Int32Array | Float64Array;

/**
 * Numbers in shared memory that are only ever added to. Who has `array` may read what was there when it got it, while
 * more is written behind; when the memory is full, a larger copy takes its place.
 */
export class Growing<T extends NumberArray> {
  array: T;
  length = 0;
  readonly #type: { new (buffer: SharedArrayBuffer): T; BYTES_PER_ELEMENT: number };

  constructor(type: { new (buffer: SharedArrayBuffer): T; BYTES_PER_ELEMENT: number }, capacity: number) {
    this.#type = type;
    this.array = this.#make(capacity);
  }

  #make(capacity: number): T {
    return new this.#type(new SharedArrayBuffer(capacity * this.#type.BYTES_PER_ELEMENT));
  }

  /** Room for so many more. @returns where it begins; what is in it is 0. */
  take(count: number): number {
    const at = this.length;
    if (at + count > this.array.length) {
      const wider = this.#make(Math.max(this.array.length * 2, at + count));
      wider.set(this.array);
      this.array = wider;
    }
    this.length = at + count;
    return at;
  }

  /** @returns where they begin. */
  push(values: ArrayLike<number>): number {
    const at = this.take(values.length);
    this.array.set(values, at);
    return at;
  }
}
