import { Class, Type } from '../wire/codes.ts';
import { Name, Negative, NONE, RecordSet, type ZoneTables } from '../snapshot/snapshot.ts';

const MEMO = 256;
/** Beyond this load look-ups get slow; further names of so large a message go uncompressed. */
const MEMO_FULL = 192;
const POINTER_LIMIT = 0x4000;

/** Which count of the header a record adds to. */
export const Section = { ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 2 } as const;

/**
 * Writes one answer into a caller's buffer. A record set is written whole or not at all. Names are compressed by
 * their number in the name table: where each was written is remembered in a small hash table, emptied between
 * messages by a change of generation.
 */
export class Writer {
  out: Uint8Array = new Uint8Array(0);
  /** Where the next octet goes. */
  at = 0;
  /** Records must end here. */
  limit = 0;
  readonly counts = new Uint16Array(3);
  #tables!: ZoneTables;
  readonly #memoName = new Int32Array(MEMO);
  readonly #memoGeneration = new Int32Array(MEMO);
  readonly #memoAt = new Uint16Array(MEMO);
  #generation = 0;
  #memoUsed = 0;
  /** What the question's name holds of the name table, entered only when a name is first compressed. */
  #questionName = NONE;
  #questionAt = 0;

  /** @param at where the first record goes, behind the question */
  start(out: Uint8Array, at: number, limit: number): void {
    this.out = out;
    this.at = at;
    this.limit = limit;
    this.counts[0] = 0;
    this.counts[1] = 0;
    this.counts[2] = 0;
  }

  /**
   * From here on names are those of these tables; what was written of others is not pointed to.
   * @param name longest suffix of the question's name that is in the name table; NONE for no suffix
   * @param nameAt where that suffix starts in `out`
   */
  know(tables: ZoneTables, name: number, nameAt: number): void {
    this.#tables = tables;
    this.#generation = (this.#generation + 1) >>> 0;
    if (this.#generation === 0) {
      this.#memoGeneration.fill(0);
      this.#generation = 1;
    }
    this.#memoUsed = 0;
    this.#questionName = name;
    this.#questionAt = nameAt;
  }

  /** Forgets what was written from `at` on, names included. */
  rewind(at: number): void {
    if (this.#questionName === NONE) {
      for (let i = 0; i < MEMO; i++) if (this.#memoAt[i]! >= at) this.#memoGeneration[i] = 0;
    }
    this.at = at;
  }

  #recall(name: number): number {
    for (let i = Math.imul(name, 0x9e3779b1) >>> 24; ; i = (i + 1) & (MEMO - 1)) {
      if (this.#memoGeneration[i] !== this.#generation) return 0;
      if (this.#memoName[i] === name) return this.#memoAt[i]!;
    }
  }

  #remember(name: number, at: number): void {
    if (this.#memoUsed >= MEMO_FULL || at >= POINTER_LIMIT) return;
    this.#memoUsed++;
    for (let i = Math.imul(name, 0x9e3779b1) >>> 24; ; i = (i + 1) & (MEMO - 1)) {
      if (this.#memoGeneration[i] === this.#generation) continue;
      this.#memoGeneration[i] = this.#generation;
      this.#memoName[i] = name;
      this.#memoAt[i] = at;
      return;
    }
  }

  #rememberQuestion(): void {
    const { words, bytes } = this.#tables;
    let name = this.#questionName;
    this.#questionName = NONE;
    for (let offset = this.#questionAt; name !== 0 && name !== NONE; name = words[name + Name.PARENT]!) {
      this.#remember(name, offset);
      offset += bytes[(name + Name.WIRE) * 4]! + 1;
    }
  }

  u16(value: number): void {
    this.out[this.at++] = value >>> 8;
    this.out[this.at++] = value;
  }

  u32(value: number): void {
    this.u16(value >>> 16);
    this.u16(value & 0xffff);
  }

  copy(from: Uint8Array, start: number, length: number): void {
    const { out } = this;
    let { at } = this;
    // For short runs a loop is quicker than making a view to call set() with.
    if (length <= 64) for (let i = 0; i < length; i++) out[at++] = from[start + i]!;
    else {
      out.set(from.subarray(start, start + length), at);
      at += length;
    }
    this.at = at;
  }

  /** Writes a name of the table, ending in a pointer to where the rest of it stands already. At most 255 octets. */
  name(name: number): void {
    const { words, bytes } = this.#tables;
    if (this.#questionName !== NONE) this.#rememberQuestion();
    for (let rest = name; rest !== 0; rest = words[rest + Name.PARENT]!) {
      const known = this.#recall(rest);
      if (known !== 0) {
        this.u16(0xc000 | known);
        return;
      }
      this.#remember(rest, this.at);
      const start = (rest + Name.WIRE) * 4;
      this.copy(bytes, start, bytes[start]! + 1);
    }
    this.out[this.at++] = 0;
  }

  #uncompressedName(name: number): void {
    const { words, bytes } = this.#tables;
    for (let rest = name; rest !== 0; rest = words[rest + Name.PARENT]!) {
      const start = (rest + Name.WIRE) * 4;
      this.copy(bytes, start, bytes[start]! + 1);
    }
    this.out[this.at++] = 0;
  }

  /** An owner: a pointer to `pointer`, or, when that is 0, the name. */
  owner(pointer: number, name: number): void {
    if (pointer === 0) this.name(name);
    else this.u16(0xc000 | pointer);
  }

  /**
   * Writes a record set.
   * @param set place of it
   * @param pointer where its owner's name stands in the message; 0 to write `owner` from the name table
   * @param ttl seconds in place of the set's own; NONE for its own
   * @returns false, and nothing written, when it does not fit.
   */
  rrset(section: number, set: number, pointer: number, owner: number, ttl: number): boolean {
    const before = this.at;
    const { words, bytes } = this.#tables;
    const length = words[set + RecordSet.LENGTH]!;
    if (length >= 0 && pointer !== 0 && ttl === NONE) {
      if (before + length > this.limit) return false;
      this.copy(bytes, (set + RecordSet.NAMES) * 4, length);
      if (pointer !== 12) this.#moveOwners(before, pointer);
    } else if (!this.#records(set, pointer, owner, ttl === NONE ? words[set + RecordSet.TTL]! : ttl)) {
      this.rewind(before);
      return false;
    }
    this.counts[section]! += words[set + RecordSet.TYPE]! >>> 16;
    return true;
  }

  /**
   * Writes a zone's SOA as negative answers have it.
   * @param place of its `Negative`
   * @param apex where the zone's name stands in the message
   * @returns false, and nothing written, when it does not fit.
   */
  negative({ words, bytes }: ZoneTables, place: number, apex: number): boolean {
    const start = this.at;
    const length = words[place + Negative.LENGTH]!;
    if (start + length > this.limit) return false;
    this.copy(bytes, (place + Negative.RECORD) * 4, length);
    const { out } = this;
    for (let i = 0; i < 3; i++) {
      const at = words[place + Negative.POINTERS + i]!;
      if (i > 0 && at === 0) continue;
      out[start + at] = 0xc0 | (apex >>> 8);
      out[start + at + 1] = apex;
    }
    this.counts[Section.AUTHORITY]!++;
    return true;
  }

  /** Points the owners of ready records, from `start` to here, to another place. */
  #moveOwners(start: number, pointer: number): void {
    const { out } = this;
    for (let at = start; at < this.at; at += 12 + ((out[at + 10]! << 8) | out[at + 11]!)) {
      out[at] = 0xc0 | (pointer >>> 8);
      out[at + 1] = pointer;
    }
  }

  #records(set: number, pointer: number, owner: number, ttl: number): boolean {
    const { words, bytes } = this.#tables;
    const named = words[set + RecordSet.LENGTH]! < 0;
    let from = (set + RecordSet.NAMES + words[set + RecordSet.EXTRAS]!) * 4;
    let ownerAt = pointer;
    for (let i = words[set + RecordSet.TYPE]! >>> 16; i > 0; i--) {
      // Room for the owner, type, class, TTL and length; a name is at most 255 octets.
      if (this.at + 265 > this.out.length) return false;
      if (ownerAt === 0) {
        const here = this.at;
        this.name(owner);
        const there = pointerOf(this.out, here);
        if (there < POINTER_LIMIT) ownerAt = there;
      } else this.u16(0xc000 | ownerAt);
      this.u16(words[set + RecordSet.TYPE]! & 0xffff);
      this.u16(Class.IN);
      this.u32(ttl);
      const lengthAt = this.at;
      this.at += 2;
      if (named) {
        for (;;) {
          const octets = (bytes[from]! << 8) | bytes[from + 1]!;
          if (this.at + octets + 255 > this.out.length) return false;
          this.copy(bytes, from + 2, octets);
          from += octets + 6;
          const name = (bytes[from - 4]! << 24) | (bytes[from - 3]! << 16) | (bytes[from - 2]! << 8) | bytes[from - 1]!;
          if (name === NONE) break;
          if (name < 0) this.#uncompressedName(name & 0x7fffffff);
          else this.name(name);
        }
      } else {
        // A ready record, of which only the data is wanted.
        const octets = (bytes[from + 10]! << 8) | bytes[from + 11]!;
        if (this.at + octets > this.out.length) return false;
        this.copy(bytes, from + 12, octets);
        from += 12 + octets;
      }
      if (this.at > this.limit) return false;
      const octets = this.at - lengthAt - 2;
      this.out[lengthAt] = octets >>> 8;
      this.out[lengthAt + 1] = octets;
    }
    return true;
  }

  /** An A or AAAA record made from an endpoint's address. False when it does not fit. */
  address(pointer: number, type: number, ttl: number, from: Uint8Array, start: number): boolean {
    const octets = type === Type.A ? 4 : 16;
    if (this.at + 12 + octets > this.limit) return false;
    this.u16(0xc000 | pointer);
    this.u16(type);
    this.u16(Class.IN);
    this.u32(ttl);
    this.u16(octets);
    this.copy(from, start, octets);
    this.counts[Section.ANSWER]!++;
    return true;
  }
}

/** Where a name at `at` can be pointed to: itself, or what it points to when it is a pointer alone. */
export function pointerOf(out: Uint8Array, at: number): number {
  return out[at]! >= 0xc0 ? ((out[at]! & 0x3f) << 8) | out[at + 1]! : at;
}
