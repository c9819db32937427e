import { LOWER, nameKey, type WireName } from '../wire/name.ts';
import { hashEnd, hashName } from '../wire/name-hash.ts';

/** All records of one owner and type (class IN). */
export interface RRset {
  readonly type: number;
  /** Seconds; one for the set, the lowest that was written (RFC 2181 5.2). */
  readonly ttl: number;
  /** Record data with uncompressed names; duplicates removed (RFC 2181 5). */
  readonly rdatas: readonly Uint8Array[];
}

/** An owner name with its record sets. Empty non-terminals have no node. */
export interface ZoneNode {
  /** As first written, letters' case kept. */
  readonly name: WireName;
  readonly rrsets: readonly RRset[];
}

/** Where something was written. */
export interface Place {
  readonly file?: string;
  readonly line?: number;
  readonly field?: string;
}

/** Where the records of a zone were written: master files, or a list in a resource. */
export interface ZoneSource {
  /** Paths of master files; empty for a list. */
  readonly files: readonly string[];
  /** Path of the list, such as `spec.records`; '' for files. */
  readonly field: string;
}

/** The parts of a zone's memory, in the order in which they lie there. */
export interface ZoneShape {
  readonly names: number;
  readonly sets: number;
  readonly datas: number;
  /** Slots of the hash table of names: a power of two. */
  readonly slots: number;
}

/** Words that a zone takes. */
export function wordsOf({ names, sets, datas, slots }: ZoneShape): number {
  return 3 * names + 2 + 5 * sets + 1 + datas + 1 + slots;
}

/**
 * A zone's records, valid as far as `checkZone` says; one without any is unavailable and answers SERVFAIL. They lie in
 * two stretches of memory rather than in objects: a zone of a million records is read in a second, and a hundred
 * thousand zones take little beside their records. Names, sets and data have numbers from 0, in the order in which they
 * were written; the sets of one name lie together, and so do the data of one set.
 */
export class ZoneData {
  readonly origin: WireName;
  /** `nameKey` of the origin. */
  readonly key: string;
  readonly source: ZoneSource;
  readonly nameCount: number;
  readonly setCount: number;
  readonly dataCount: number;
  /** Names, then data, each without a gap. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly words: Int32Array<SharedArrayBuffer>;
  // Where in `words` each part begins; the starts of names are at 0.
  readonly #hashes: number;
  readonly #firstSets: number;
  readonly #types: number;
  readonly #ttls: number;
  readonly #lines: number;
  readonly #files: number;
  readonly #firstDatas: number;
  readonly #datas: number;
  readonly #slots: number;
  readonly #mask: number;

  /** @param words and `bytes` as `ZoneColumns.pack` lays them out */
  constructor(
    origin: WireName,
    source: ZoneSource,
    shape: ZoneShape,
    words: Int32Array<SharedArrayBuffer>,
    bytes: Uint8Array<SharedArrayBuffer>,
  ) {
    const { names, sets, datas, slots } = shape;
    this.origin = origin;
    this.key = nameKey(origin);
    this.source = source;
    this.nameCount = names;
    this.setCount = sets;
    this.dataCount = datas;
    this.words = words;
    this.bytes = bytes;
    this.#hashes = names + 1;
    this.#firstSets = this.#hashes + names;
    this.#types = this.#firstSets + names + 1;
    this.#ttls = this.#types + sets;
    this.#lines = this.#ttls + sets;
    this.#files = this.#lines + sets;
    this.#firstDatas = this.#files + sets;
    this.#datas = this.#firstDatas + sets + 1;
    this.#slots = this.#datas + datas + 1;
    this.#mask = slots - 1;
  }

  get shape(): ZoneShape {
    const { nameCount: names, setCount: sets, dataCount: datas } = this;
    return { names, sets, datas, slots: this.#mask + 1 };
  }

  /** Where in `bytes` a name begins; that of the next one is where it ends. */
  nameStart(name: number): number {
    return this.words[name]!;
  }

  /** `hashName` of a name. */
  nameHash(name: number): number {
    return this.words[this.#hashes + name]!;
  }

  /** The first set of a name; that of the next one is behind its last. */
  firstSet(name: number): number {
    return this.words[this.#firstSets + name]!;
  }

  setType(set: number): number {
    return this.words[this.#types + set]!;
  }

  /** Seconds. */
  setTtl(set: number): number {
    return this.words[this.#ttls + set]!;
  }

  /** The first data of a set; that of the next one is behind its last. */
  firstData(set: number): number {
    return this.words[this.#firstDatas + set]!;
  }

  /** Where in `bytes` data begins; that of the next is where it ends. */
  dataStart(data: number): number {
    return this.words[this.#datas + data]!;
  }

  /** A name, as a view. */
  nameAt(name: number): WireName {
    return this.bytes.subarray(this.nameStart(name), this.nameStart(name + 1));
  }

  /** Data, as a view. */
  dataAt(data: number): Uint8Array {
    return this.bytes.subarray(this.dataStart(data), this.dataStart(data + 1));
  }

  /** The number of a name, or -1. */
  find(name: WireName, start = 0, end = name.length): number {
    return this.findHashed(name, start, end, hashName(name, start, end));
  }

  /** @param hash `hashName` of it */
  findHashed(b: Uint8Array, start: number, end: number, hash: number): number {
    const { words, bytes } = this;
    const length = end - start;
    for (let slot = hashEnd(hash) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const name = words[this.#slots + slot]! - 1;
      if (name < 0) return -1;
      if (words[this.#hashes + name] !== hash) continue;
      const from = words[name]!;
      if (words[name + 1]! - from !== length) continue;
      let i = 0;
      while (i < length && LOWER[bytes[from + i]!] === LOWER[b[start + i]!]) i++;
      if (i === length) return name;
    }
  }

  /** The set of a type that a name has, or -1. */
  setOf(name: number, type: number): number {
    for (let set = this.firstSet(name), end = this.firstSet(name + 1); set < end; set++)
      if (this.words[this.#types + set] === type) return set;
    return -1;
  }

  /** Where the first record of a set was written. */
  placeOf(set: number): Place {
    const line = this.words[this.#lines + set]!;
    const { files, field } = this.source;
    if (field !== '') return { field: line < 0 ? field : `${field}[${line}]` };
    const file = files[this.words[this.#files + set]!];
    return { ...(file === undefined ? {} : { file }), ...(line <= 0 ? {} : { line }) };
  }

  /** The same as objects, made when they are asked for. */
  get nodes(): ZoneNodes {
    return new ZoneNodes(this);
  }
}

/** A zone's names with their record sets, as objects by `nameKey`. */
export class ZoneNodes {
  readonly #zone: ZoneData;

  constructor(zone: ZoneData) {
    this.#zone = zone;
  }

  get size(): number {
    return this.#zone.nameCount;
  }

  get(key: string): ZoneNode | undefined {
    const name = this.#zone.find(Buffer.from(key, 'latin1'));
    return name < 0 ? undefined : this.#node(name);
  }

  has(key: string): boolean {
    return this.#zone.find(Buffer.from(key, 'latin1')) >= 0;
  }

  *values(): Generator<ZoneNode> {
    for (let name = 0; name < this.#zone.nameCount; name++) yield this.#node(name);
  }

  *[Symbol.iterator](): Generator<readonly [string, ZoneNode]> {
    for (const node of this.values()) yield [nameKey(node.name), node];
  }

  #node(name: number): ZoneNode {
    const zone = this.#zone;
    const rrsets: RRset[] = [];
    for (let set = zone.firstSet(name); set < zone.firstSet(name + 1); set++) {
      const rdatas: Uint8Array[] = [];
      for (let data = zone.firstData(set); data < zone.firstData(set + 1); data++) rdatas.push(zone.dataAt(data));
      rrsets.push({ type: zone.setType(set), ttl: zone.setTtl(set), rdatas });
    }
    return { name: zone.nameAt(name), rrsets };
  }
}

const NO_SOURCE: ZoneSource = { files: [], field: '' };

/** A zone that is known to be there, and whose records are not. */
export function unavailable(origin: WireName): ZoneData {
  const shape = { names: 0, sets: 0, datas: 0, slots: 1 };
  const words = new Int32Array(new SharedArrayBuffer(wordsOf(shape) * 4));
  return new ZoneData(origin, NO_SOURCE, shape, words, new Uint8Array(words.buffer, 0, 0));
}

/** Whether a zone answers SERVFAIL. */
export function isUnavailable({ nameCount }: ZoneData): boolean {
  return nameCount === 0;
}
