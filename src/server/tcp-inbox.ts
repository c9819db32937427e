const EMPTY = new Uint8Array(0);
const LENGTH = 2;

/**
 * Octets received on a stream and not used yet, cut into messages by their two-octet lengths (RFC 1035 4.2.2).
 * However the octets come, each is copied a bounded number of times, and the memory held is at most about four times
 * the octets that wait.
 */
export class Inbox {
  #bytes: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  /** `#bytes` is ours to write to, rather than what the socket gave us. */
  #own = false;

  /** Octets that wait. */
  get length(): number {
    return this.#end - this.#start;
  }

  append(chunk: Uint8Array): void {
    if (this.length === 0) {
      this.#bytes = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      this.#own = false;
      return;
    }
    if (!this.#own || this.#end + chunk.length > this.#bytes.length) this.#move((this.length + chunk.length) * 2);
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** A whole message is there. */
  get ready(): boolean {
    const { length } = this;
    return length >= LENGTH && length >= LENGTH + this.#messageLength();
  }

  /** The next whole message, as a view that is valid until the next call; undefined if there is none. */
  next(): Uint8Array | undefined {
    if (!this.ready) return undefined;
    const from = this.#start + LENGTH;
    this.#start = from + this.#messageLength();
    return this.#bytes.subarray(from, this.#start);
  }

  /** Gives back what memory is not needed for the octets that wait. To be called when no message is ready. */
  trim(): void {
    const { length } = this;
    if (length === 0) {
      this.#bytes = EMPTY;
      this.#start = 0;
      this.#end = 0;
      this.#own = false;
    } else if (length * 4 < this.#bytes.length) this.#move(length);
  }

  #messageLength(): number {
    return (this.#bytes[this.#start]! << 8) | this.#bytes[this.#start + 1]!;
  }

  #move(capacity: number): void {
    const bytes = new Uint8Array(capacity);
    bytes.set(this.#bytes.subarray(this.#start, this.#end));
    this.#end -= this.#start;
    this.#start = 0;
    this.#bytes = bytes;
    this.#own = true;
  }
}
