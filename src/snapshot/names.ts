import { ByteColumn, I32Column } from '../lib/column.ts';
import { LOWER, nameKey, parentOf, ROOT, type WireName } from '../wire/name.ts';
import { HASH_START, hashEnd, hashStep } from './find.ts';
import { Name, NONE } from './snapshot.ts';

/** Numbers names, and lays them out. */
export class NameTableBuilder {
  readonly #ids = new Map<string, number>();
  readonly #bytes = new ByteColumn();
  readonly #at = new I32Column();
  readonly #parent = new I32Column();
  readonly #hash = new I32Column();
  readonly #node = new I32Column();

  constructor() {
    this.#add(ROOT, '\0', 0, HASH_START);
  }

  #add(name: WireName, key: string, parent: number, hash: number): number {
    const id = this.#at.length;
    this.#ids.set(key, id);
    this.#at.push(this.#bytes.length);
    this.#bytes.bytes(name);
    this.#parent.push(parent);
    this.#hash.push(hash);
    this.#node.push(NONE);
    return id;
  }

  /**
   * The number of a name; it and its ancestors are added when they are new.
   * @param key `nameKey` of it, if that is known already
   */
  intern(name: WireName, key = nameKey(name)): number {
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const label = name[0]!;
    const parentKey = key.slice(label + 1);
    const parent = this.#ids.get(parentKey) ?? this.intern(parentOf(name), parentKey);
    let hash = this.#hash.get(parent);
    for (let i = label; i >= 0; i--) hash = hashStep(hash, LOWER[name[i]!]!);
    return this.#add(name, key, parent, hash | 0);
  }

  /** Whether a name begins with the label `*`. */
  isWildcard(id: number): boolean {
    const at = this.#at.get(id);
    return this.#bytes.get(at) === 1 && this.#bytes.get(at + 1) === 0x2a;
  }

  parent(id: number): number {
    return this.#parent.get(id);
  }

  /** Number of a name's node, as `setNode` gave it, or NONE. */
  node(id: number): number {
    return this.#node.get(id);
  }

  setNode(id: number, node: number): void {
    this.#node.set(id, node);
  }

  /** The place of every name when they lie one after the other from 0 on, and where they end. */
  layOut(): { places: Int32Array; end: number } {
    const places = new Int32Array(this.#at.length);
    let end = 0;
    for (let id = 0; id < places.length; id++) {
      places[id] = end;
      end += Name.WIRE + Math.ceil(this.#octets(id) / 4);
    }
    return { places, end };
  }

  #octets(id: number): number {
    return (id + 1 < this.#at.length ? this.#at.get(id + 1) : this.#bytes.length) - this.#at.get(id);
  }

  /** Writes the names to their places. @param nodes place of each node by number */
  write(words: Int32Array, bytes: Uint8Array, places: Int32Array, nodes: Int32Array): void {
    for (let id = 0; id < places.length; id++) {
      const place = places[id]!;
      words[place + Name.PARENT] = places[this.#parent.get(id)]!;
      const node = this.#node.get(id);
      words[place + Name.NODE] = node === NONE ? NONE : nodes[node]!;
      const at = this.#at.get(id);
      this.#bytes.copy(at, at + this.#octets(id), bytes, (place + Name.WIRE) * 4);
    }
  }

  /** The hash table that leads to places. */
  slots(places: Int32Array): Int32Array {
    let size = 16;
    while (size < places.length * 2) size *= 2;
    const slots = new Int32Array(new SharedArrayBuffer(size * 8));
    for (let id = 0; id < places.length; id++) {
      const hash = hashEnd(this.#hash.get(id));
      let slot = hash & (size - 1);
      while (slots[slot * 2 + 1] !== 0) slot = (slot + 1) & (size - 1);
      slots[slot * 2] = hash;
      slots[slot * 2 + 1] = places[id]! + 1;
    }
    return slots;
  }
}
