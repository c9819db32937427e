import { U32Column, ByteColumn, shared } from '../lib/column.ts';
import { LOWER, nameKey, parentOf, ROOT, type WireName } from '../wire/name.ts';
import { HASH_START, hashEnd, hashStep } from './find.ts';
import { NONE, type NameTable } from './snapshot.ts';

/** Collects names into a `NameTable`. */
export class NameTableBuilder {
  readonly #ids = new Map<string, number>();
  readonly #bytes = new ByteColumn();
  readonly #at = new U32Column();
  readonly #parent = new U32Column();
  readonly #hash = new U32Column();
  readonly #node = new U32Column();

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

  /** The number of a name; it and its ancestors are added when they are new. */
  intern(name: WireName): number {
    return this.#intern(name, nameKey(name));
  }

  #intern(name: WireName, key: string): number {
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const label = name[0]!;
    const parent = this.#intern(parentOf(name), key.slice(label + 1));
    let hash = this.#hash.get(parent);
    for (let i = label; i >= 0; i--) hash = hashStep(hash, LOWER[name[i]!]!);
    return this.#add(name, key, parent, hash >>> 0);
  }

  parent(id: number): number {
    return this.#parent.get(id);
  }

  node(id: number): number {
    return this.#node.get(id);
  }

  setNode(id: number, node: number): void {
    this.#node.set(id, node);
  }

  build(): NameTable {
    const count = this.#at.length;
    let size = 16;
    while (size < count * 2) size *= 2;
    const slots = new Uint32Array(new SharedArrayBuffer(size * 4));
    const hashes = new Uint32Array(new SharedArrayBuffer(size * 4));
    for (let id = 0; id < count; id++) {
      const hash = hashEnd(this.#hash.get(id));
      let slot = hash & (size - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (size - 1);
      slots[slot] = id + 1;
      hashes[slot] = hash;
    }
    // Looking names up reads a little beyond a name's end when names differ in length.
    const bytes = this.#bytes.toShared();
    const padded = new Uint8Array(bytes.length + 256);
    padded.set(bytes);
    return {
      bytes: shared(Uint8Array, padded),
      at: this.#at.toShared(),
      parent: this.#parent.toShared(),
      node: this.#node.toShared(),
      slots,
      hashes,
    };
  }
}
