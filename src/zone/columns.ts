import { LOWER, type WireName } from '../wire/name.ts';
import { hashEnd } from '../wire/name-hash.ts';
import { wordsOf, ZoneData, type ZoneShape, type ZoneSource } from './zone.ts';

/** Behind the last of a list. */
export const END = -1;

const MIN_ITEMS = 64;

/** Of a name and its data, about. */
const OCTETS = 24;

/** Columns that have grown larger than this are not kept for the next zone. */
const KEPT_ITEMS = 65_536;
const KEPT_BYTES = 4 * 1024 * 1024;

/**
 * Records while their zone is being read, in arrays rather than objects. A record is appended to what was read before
 * and linked to the others of its set, a set to those of its name; `pack` puts all of them in order.
 */
export class ZoneColumns {
  bytes = new Uint8Array(8192);
  byteCount = 0;

  nameCount = 0;
  #nameAt = new Int32Array(MIN_ITEMS);
  #nameLength = new Uint8Array(MIN_ITEMS);
  #nameHash = new Int32Array(MIN_ITEMS);
  #firstSet = new Int32Array(MIN_ITEMS);
  #lastSet = new Int32Array(MIN_ITEMS);
  /** Hash table of names: number + 1, or 0; `#slotCount` of it are in use. */
  #slots = new Int32Array(2 * MIN_ITEMS);
  #slotCount = 2 * MIN_ITEMS;

  setCount = 0;
  #setType = new Int32Array(MIN_ITEMS);
  #setTtl = new Int32Array(MIN_ITEMS);
  #setLine = new Int32Array(MIN_ITEMS);
  #setFile = new Int32Array(MIN_ITEMS);
  #nextSet = new Int32Array(MIN_ITEMS);
  #firstData = new Int32Array(MIN_ITEMS);
  #lastData = new Int32Array(MIN_ITEMS);
  #dataOfSet = new Int32Array(MIN_ITEMS);

  dataCount = 0;
  #dataAt = new Int32Array(MIN_ITEMS);
  #dataLength = new Int32Array(MIN_ITEMS);
  #nextData = new Int32Array(MIN_ITEMS);

  /** Makes room for so many names with a set and data each, before there are any. */
  reserve(names: number): void {
    while (this.#nameAt.length < names) this.#growNames();
    while (this.#setType.length < names) this.#growSets();
    while (this.#dataAt.length < names) this.#growDatas();
    while (this.#slotCount < names * 2) this.#growSlots();
    if (this.bytes.length < names * OCTETS) this.bytes = widerBytes(this.bytes, names * OCTETS);
  }

  /** Whether it is small enough to be kept for another zone. */
  get isSmall(): boolean {
    return this.#nameAt.length + this.#dataAt.length <= KEPT_ITEMS && this.bytes.length <= KEPT_BYTES;
  }

  /** Makes it empty. */
  reset(): void {
    this.#slots.fill(0, 0, this.#slotCount);
    this.#slotCount = 2 * MIN_ITEMS;
    this.byteCount = 0;
    this.nameCount = 0;
    this.setCount = 0;
    this.dataCount = 0;
  }

  /**
   * The number of a name, which is added when it is new.
   * @param hash `hashName` of it
   */
  nameOf(b: Uint8Array, start: number, end: number, hash: number): number {
    const length = end - start;
    const mask = this.#slotCount - 1;
    let slot = hashEnd(hash) & mask;
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const name = this.#slots[slot]! - 1;
      if (this.#nameHash[name] !== hash || this.#nameLength[name] !== length) continue;
      const from = this.#nameAt[name]!;
      let i = 0;
      while (i < length && LOWER[this.bytes[from + i]!] === LOWER[b[start + i]!]) i++;
      if (i === length) return name;
    }
    const name = this.nameCount++;
    if (name === this.#nameAt.length) this.#growNames();
    this.#nameAt[name] = this.#append(b, start, end);
    this.#nameLength[name] = length;
    this.#nameHash[name] = hash;
    this.#firstSet[name] = END;
    this.#slots[slot] = name + 1;
    if (this.nameCount * 2 > this.#slotCount) this.#growSlots();
    return name;
  }

  /** The first set of a name, or END. */
  firstSet(name: number): number {
    return this.#firstSet[name]!;
  }

  /** The next set of the same name, or END. */
  nextSet(set: number): number {
    return this.#nextSet[set]!;
  }

  setType(set: number): number {
    return this.#setType[set]!;
  }

  ttl(set: number): number {
    return this.#setTtl[set]!;
  }

  setTtl(set: number, ttl: number): void {
    this.#setTtl[set] = ttl;
  }

  line(set: number): number {
    return this.#setLine[set]!;
  }

  file(set: number): number {
    return this.#setFile[set]!;
  }

  /** How many data a set has. */
  size(set: number): number {
    return this.#dataOfSet[set]!;
  }

  /** The set of a type that a name has, or END. */
  setOf(name: number, type: number): number {
    let set = this.#firstSet[name]!;
    while (set !== END && this.#setType[set] !== type) set = this.#nextSet[set]!;
    return set;
  }

  /** Adds a set without data to a name. */
  addSet(name: number, type: number, ttl: number, line: number, file: number): number {
    const set = this.setCount++;
    if (set === this.#setType.length) this.#growSets();
    this.#setType[set] = type;
    this.#setTtl[set] = ttl;
    this.#setLine[set] = line;
    this.#setFile[set] = file;
    this.#nextSet[set] = END;
    this.#firstData[set] = END;
    this.#dataOfSet[set] = 0;
    if (this.#firstSet[name] === END) this.#firstSet[name] = set;
    else this.#nextSet[this.#lastSet[name]!] = set;
    this.#lastSet[name] = set;
    return set;
  }

  /** Adds data to a set. */
  addData(set: number, b: Uint8Array, start: number, end: number): void {
    const data = this.dataCount++;
    if (data === this.#dataAt.length) this.#growDatas();
    this.#dataAt[data] = this.#append(b, start, end);
    this.#dataLength[data] = end - start;
    this.#nextData[data] = END;
    if (this.#firstData[set] === END) this.#firstData[set] = data;
    else this.#nextData[this.#lastData[set]!] = data;
    this.#lastData[set] = data;
    this.#dataOfSet[set]!++;
  }

  /** Whether a set has data of just these octets. */
  hasData(set: number, b: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    for (let data = this.#firstData[set]!; data !== END; data = this.#nextData[data]!) {
      if (this.#dataLength[data] !== length) continue;
      const from = this.#dataAt[data]!;
      let i = 0;
      while (i < length && this.bytes[from + i] === b[start + i]) i++;
      if (i === length) return true;
    }
    return false;
  }

  /** The data of a set, as views that hold until the next is added. */
  *datas(set: number): Generator<Uint8Array> {
    for (let data = this.#firstData[set]!; data !== END; data = this.#nextData[data]!) {
      const from = this.#dataAt[data]!;
      yield this.bytes.subarray(from, from + this.#dataLength[data]!);
    }
  }

  #append(b: Uint8Array, start: number, end: number): number {
    const at = this.byteCount;
    const length = end - start;
    if (at + length > this.bytes.length) this.bytes = widerBytes(this.bytes, at + length);
    // Most are short, and making a view takes longer than copying them.
    for (let i = 0; i < length; i++) this.bytes[at + i] = b[start + i]!;
    this.byteCount = at + length;
    return at;
  }

  #growNames(): void {
    this.#nameAt = wider(this.#nameAt);
    this.#nameLength = widerBytes(this.#nameLength, 0);
    this.#nameHash = wider(this.#nameHash);
    this.#firstSet = wider(this.#firstSet);
    this.#lastSet = wider(this.#lastSet);
  }

  #growSets(): void {
    this.#setType = wider(this.#setType);
    this.#setTtl = wider(this.#setTtl);
    this.#setLine = wider(this.#setLine);
    this.#setFile = wider(this.#setFile);
    this.#nextSet = wider(this.#nextSet);
    this.#firstData = wider(this.#firstData);
    this.#lastData = wider(this.#lastData);
    this.#dataOfSet = wider(this.#dataOfSet);
  }

  #growDatas(): void {
    this.#dataAt = wider(this.#dataAt);
    this.#dataLength = wider(this.#dataLength);
    this.#nextData = wider(this.#nextData);
  }

  #growSlots(): void {
    this.#slotCount *= 2;
    if (this.#slots.length < this.#slotCount) this.#slots = new Int32Array(this.#slotCount);
    else this.#slots.fill(0, 0, this.#slotCount);
    fillSlots(this.#slots, 0, this.#slotCount, this.#nameHash, this.nameCount);
  }

  /** All of it in order, in memory of its own. */
  pack(origin: WireName, source: ZoneSource): ZoneData {
    const names = this.nameCount;
    const shape = { names, sets: this.setCount, datas: this.dataCount, slots: slotsFor(names) };
    const { words, bytes } = allocate(shape, this.byteCount);
    // The parts in the order of `wordsOf`.
    const hashes = names + 1;
    const firstSets = hashes + names;
    const types = firstSets + names + 1;
    const ttls = types + shape.sets;
    const lines = ttls + shape.sets;
    const files = lines + shape.sets;
    const firstDatas = files + shape.sets;
    const datas = firstDatas + shape.sets + 1;
    let at = 0;
    for (let name = 0; name < names; name++) {
      words[name] = at;
      words[hashes + name] = this.#nameHash[name]!;
      at = copy(this.bytes, this.#nameAt[name]!, this.#nameLength[name]!, bytes, at);
    }
    words[names] = at;
    let set = 0;
    let data = 0;
    for (let name = 0; name < names; name++) {
      words[firstSets + name] = set;
      for (let from = this.#firstSet[name]!; from !== END; from = this.#nextSet[from]!, set++) {
        words[types + set] = this.#setType[from]!;
        words[ttls + set] = this.#setTtl[from]!;
        words[lines + set] = this.#setLine[from]!;
        words[files + set] = this.#setFile[from]!;
        words[firstDatas + set] = data;
        for (let d = this.#firstData[from]!; d !== END; d = this.#nextData[d]!, data++) {
          words[datas + data] = at;
          at = copy(this.bytes, this.#dataAt[d]!, this.#dataLength[d]!, bytes, at);
        }
      }
    }
    words[firstSets + names] = set;
    words[firstDatas + shape.sets] = data;
    words[datas + shape.datas] = at;
    fillSlots(words, datas + shape.datas + 1, shape.slots, this.#nameHash, names);
    return new ZoneData(origin, source, shape, words, bytes);
  }
}

function wider(column: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(column.length * 2);
  grown.set(column);
  return grown;
}

function widerBytes(bytes: Uint8Array<ArrayBuffer>, needed: number): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(Math.max(bytes.length * 2, needed));
  grown.set(bytes);
  return grown;
}

/** @returns where the copy ends */
function copy(from: Uint8Array, start: number, length: number, to: Uint8Array, at: number): number {
  for (let i = 0; i < length; i++) to[at + i] = from[start + i]!;
  return at + length;
}

/** A power of two with room for names. */
function slotsFor(names: number): number {
  let slots = 1;
  while (slots < names * 2) slots *= 2;
  return slots;
}

/** Fills a hash table of `count` slots, which are 0, that begins at `at`. */
function fillSlots(words: Int32Array, at: number, count: number, hashes: Int32Array, names: number): void {
  const mask = count - 1;
  for (let name = 0; name < names; name++) {
    let slot = hashEnd(hashes[name]!) & mask;
    while (words[at + slot] !== 0) slot = (slot + 1) & mask;
    words[at + slot] = name + 1;
  }
}

/** Small zones share stretches of memory of this many octets, since a stretch costs more than such a zone. */
const CHUNK_BYTES = 65_536;
/** A zone of more has a stretch of its own. */
const LARGE_BYTES = 8192;

let chunk = new SharedArrayBuffer(0);
let chunkUsed = 0;

function allocate(shape: ZoneShape, byteCount: number): Pick<ZoneData, 'words' | 'bytes'> {
  const wordBytes = wordsOf(shape) * 4;
  // Words must begin at a multiple of 4, so the octets come last.
  const total = wordBytes + ((byteCount + 3) & ~3);
  let buffer = chunk;
  let at = chunkUsed;
  if (total > LARGE_BYTES) {
    buffer = new SharedArrayBuffer(total);
    at = 0;
  } else if (at + total > buffer.byteLength) {
    buffer = chunk = new SharedArrayBuffer(CHUNK_BYTES);
    at = 0;
    chunkUsed = total;
  } else chunkUsed += total;
  return {
    words: new Int32Array(buffer, at, wordBytes / 4),
    bytes: new Uint8Array(buffer, at + wordBytes, byteCount),
  };
}

let spare: ZoneColumns | undefined;

/** Empty columns; `giveBack` makes them another zone's. */
export function takeColumns(): ZoneColumns {
  const columns = spare ?? new ZoneColumns();
  spare = undefined;
  return columns;
}

export function giveBack(columns: ZoneColumns): void {
  if (!columns.isSmall) return;
  columns.reset();
  spare = columns;
}
