/** Arrays that grow by doubling while something is built, and end as exact copies in shared memory. */

export class I32Column {
  #data = new Int32Array(64);
  length = 0;

  push(value: number): void {
    if (this.length === this.#data.length) {
      const wider = new Int32Array(this.#data.length * 2);
      wider.set(this.#data);
      this.#data = wider;
    }
    this.#data[this.length++] = value;
  }

  get(index: number): number {
    return this.#data[index]!;
  }

  set(index: number, value: number): void {
    this.#data[index] = value;
  }
}

export class ByteColumn {
  #data = new Uint8Array(1024);
  length = 0;

  #reserve(more: number): void {
    if (this.length + more <= this.#data.length) return;
    const wider = new Uint8Array(Math.max(this.#data.length * 2, this.length + more));
    wider.set(this.#data.subarray(0, this.length));
    this.#data = wider;
  }

  get(index: number): number {
    return this.#data[index]!;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#data[this.length++] = value;
  }

  u16(value: number): void {
    this.u8(value >>> 8);
    this.u8(value & 255);
  }

  u32(value: number): void {
    this.u16(value >>> 16);
    this.u16(value & 0xffff);
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#data.set(value, this.length);
    this.length += value.length;
  }

  /** Copies the octets from `start` up to `end` to another array. */
  copy(start: number, end: number, to: Uint8Array, at: number): void {
    // Most runs are short, and making a view takes longer than copying them.
    for (let i = start; i < end; i++) to[at + i - start] = this.#data[i]!;
  }
}

type NumberArray = Uint8Array | Uint16Array | Int32Array | Float64Array;

/** A copy of numbers as a typed array over a SharedArrayBuffer. */
export function shared<T extends NumberArray>(
  type: { new (buffer: SharedArrayBuffer): T; BYTES_PER_ELEMENT: number },
  values: ArrayLike<number>,
): T {
  const array = new type(new SharedArrayBuffer(values.length * type.BYTES_PER_ELEMENT));
  array.set(values);
  return array;
}
