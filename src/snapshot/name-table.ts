import { LOWER, ROOT } from '../wire/name.ts';
import { HASH_START, hashEnd, unhashLabels } from '../wire/name-hash.ts';
import { Name, NONE } from './snapshot.ts';

const MIN_NAMES = 1024;

/** Numbers names, and lays them out. */
export class NameTableBuilder {
  #count = 0;
  #bytes: Uint8Array<ArrayBuffer>;
  #byteCount = 0;
  /** Where each name begins; that of the next one is where it ends. */
  #at: Int32Array<ArrayBuffer>;
  #parent: Int32Array<ArrayBuffer>;
  #hash: Int32Array<ArrayBuffer>;
  #node: Int32Array<ArrayBuffer>;
  /** Hash table: number + 1, or 0. */
  #slots: Int32Array<ArrayBuffer>;

  /** @param expected about how many names there will be; more are no error */
  constructor(expected = 0) {
    const names = Math.max(MIN_NAMES, expected);
    this.#bytes = new Uint8Array(16 * names);
    this.#at = new Int32Array(names + 1);
    this.#parent = new Int32Array(names);
    this.#hash = new Int32Array(names);
    this.#node = new Int32Array(names);
    let slots = 4 * MIN_NAMES;
    while (slots < names * 2) slots *= 2;
    this.#slots = new Int32Array(slots);
    this.#add(ROOT, 0, 1, 0, HASH_START, hashEnd(HASH_START) & (this.#slots.length - 1));
  }

  #add(b: Uint8Array, start: number, end: number, parent: number, hash: number, slot: number): number {
    const id = this.#count++;
    if (id === this.#parent.length) this.#grow();
    if (this.#byteCount + end - start > this.#bytes.length) {
      const wider = new Uint8Array(this.#bytes.length * 2);
      wider.set(this.#bytes);
      this.#bytes = wider;
    }
    let at = this.#byteCount;
    for (let i = start; i < end; i++) this.#bytes[at++] = b[i]!;
    this.#byteCount = at;
    this.#at[id + 1] = at;
    this.#parent[id] = parent;
    this.#hash[id] = hash;
    this.#node[id] = NONE;
    this.#slots[slot] = id + 1;
    if (this.#count * 2 > this.#slots.length) this.#rehash();
    return id;
  }

  #grow(): void {
    const wider = (column: Int32Array, length: number): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(length);
      grown.set(column);
      return grown;
    };
    const length = this.#parent.length * 2;
    this.#at = wider(this.#at, length + 1);
    this.#parent = wider(this.#parent, length);
    this.#hash = wider(this.#hash, length);
    this.#node = wider(this.#node, length);
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    for (let id = 0; id < this.#count; id++) {
      let slot = hashEnd(this.#hash[id]!) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = id + 1;
    }
  }

  /**
   * The number of the name from `start` to `end`; it and its ancestors are added when they are new.
   * @param hash `hashName` of it
   */
  intern(b: Uint8Array, start: number, end: number, hash: number): number {
    const length = end - start;
    let slot = hashEnd(hash) & (this.#slots.length - 1);
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & (this.#slots.length - 1)) {
      const id = this.#slots[slot]! - 1;
      if (this.#hash[id] !== hash) continue;
      const from = this.#at[id]!;
      if (this.#at[id + 1]! - from !== length) continue;
      let i = 0;
      while (i < length && LOWER[this.#bytes[from + i]!] === LOWER[b[start + i]!]) i++;
      if (i === length) return id;
    }
    const above = start + b[start]! + 1;
    const count = this.#count;
    const parent = this.intern(b, above, end, unhashLabels(b, start, above, hash));
    // Its ancestors may have taken the slot.
    if (this.#count !== count) {
      slot = hashEnd(hash) & (this.#slots.length - 1);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & (this.#slots.length - 1);
    }
    return this.#add(b, start, end, parent, hash, slot);
  }

  /** Whether a name begins with the label `*`. */
  isWildcard(id: number): boolean {
    const at = this.#at[id]!;
    return this.#bytes[at] === 1 && this.#bytes[at + 1] === 0x2a;
  }

  parent(id: number): number {
    return this.#parent[id]!;
  }

  /** Number of a name's node, as `setNode` gave it, or NONE. */
  node(id: number): number {
    return this.#node[id]!;
  }

  setNode(id: number, node: number): void {
    this.#node[id] = node;
  }

  /** The place of every name when they lie one after the other from 0 on, and where they end. */
  layOut(): { places: Int32Array; end: number } {
    const places = new Int32Array(this.#count);
    let end = 0;
    for (let id = 0; id < places.length; id++) {
      places[id] = end;
      end += Name.WIRE + ((this.#at[id + 1]! - this.#at[id]! + 3) >>> 2);
    }
    return { places, end };
  }

  /** Writes the names to their places. @param nodes place of each node by number */
  write(words: Int32Array, bytes: Uint8Array, places: Int32Array, nodes: Int32Array): void {
    for (let id = 0; id < places.length; id++) {
      const place = places[id]!;
      words[place + Name.PARENT] = places[this.#parent[id]!]!;
      const node = this.#node[id]!;
      words[place + Name.NODE] = node === NONE ? NONE : nodes[node]!;
      let to = (place + Name.WIRE) * 4;
      for (let at = this.#at[id]!, end = this.#at[id + 1]!; at < end; at++) bytes[to++] = this.#bytes[at]!;
    }
  }

  /** The hash table that leads to places. */
  slots(places: Int32Array): Int32Array {
    let size = 16;
    while (size < places.length * 2) size *= 2;
    const slots = new Int32Array(new SharedArrayBuffer(size * 8));
    for (let id = 0; id < places.length; id++) {
      const hash = hashEnd(this.#hash[id]!);
      let slot = hash & (size - 1);
      while (slots[slot * 2 + 1] !== 0) slot = (slot + 1) & (size - 1);
      slots[slot * 2] = hash;
      slots[slot * 2 + 1] = places[id]! + 1;
    }
    return slots;
  }
}
