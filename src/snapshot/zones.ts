import { ByteColumn } from '../lib/column.ts';
import { Class, Type } from '../wire/codes.ts';
import { isAtOrBelow, labelCount, nameKey, parentOf, type WireName } from '../wire/name.ts';
import { namesIn } from '../wire/rdata/mod.ts';
import type { RRset, ZoneData } from '../zone/zone.ts';
import { NameTableBuilder } from './names.ts';
import {
  NAMED,
  Negative,
  Node,
  NodeFlag,
  NONE,
  RecordSet,
  UNCOMPRESSED,
  Zone,
  ZONE_SIZE,
  type ZoneTables,
} from './snapshot.ts';

/** Offsets are signed 32-bit numbers of octets. */
const MOST_WORDS = 2 ** 29 - 64;

interface BuildNode {
  readonly name: number;
  readonly zone: number;
  rrsets: readonly RRset[];
  flags: number;
  cover: number | undefined;
  wildcard: number;
  steer: number;
  parentSide: number;
}

/** Lays zones out as tables. `steer` places exports; then `build`. */
export class ZoneTableBuilder {
  readonly #names = new NameTableBuilder();
  readonly #zones: readonly ZoneData[];
  /** Zone by the key of its apex. */
  readonly #apexes = new Map<string, number>();
  readonly #nodes: BuildNode[] = [];
  /** Number of each apex's name. */
  readonly #origins: number[] = [];

  constructor(zones: readonly ZoneData[]) {
    // Parents before children, so that a child's apex takes its name over from the parent's delegation.
    this.#zones = [...zones].sort((a, b) => labelCount(a.origin) - labelCount(b.origin));
    for (const [zone, { origin }] of this.#zones.entries()) this.#apexes.set(nameKey(origin), zone);
    for (const [zone, data] of this.#zones.entries()) this.#addZone(zone, data);
  }

  #addZone(zone: number, data: ZoneData): void {
    const origin = nameKey(data.origin);
    const id = this.#names.intern(data.origin, origin);
    this.#origins.push(id);
    this.#nodes[this.#nodeOf(id, zone)]!.flags |= NodeFlag.APEX;
    const alone = this.#zones.length === 1;
    for (const [key, { name, rrsets }] of data.nodes) {
      if (rrsets.length === 0) continue;
      const deeper = alone ? undefined : this.#zoneBetween(key, origin);
      if (deeper === undefined) this.#nodes[this.#nodeOf(this.#names.intern(name, key), zone)]!.rrsets = rrsets;
      else if (deeper === key) this.#addParentSide(this.#names.intern(name, key), zone, rrsets);
      // What a parent says of names inside a zone that is served here as well is glue that nobody needs.
    }
  }

  /** The key of the apex of another served zone at or above `key` and below `origin`. */
  #zoneBetween(key: string, origin: string): string | undefined {
    for (let rest = key; rest.length > origin.length; rest = rest.slice(rest.charCodeAt(0) + 1)) {
      if (this.#apexes.has(rest)) return rest;
    }
    return undefined;
  }

  #addParentSide(name: number, zone: number, rrsets: readonly RRset[]): void {
    const node = this.#nodes.length;
    this.#nodes.push({ name, zone, rrsets, flags: 0, cover: NONE, wildcard: NONE, steer: NONE, parentSide: NONE });
    // Until the child's apex takes the name over, which also links back to this node.
    this.#names.setNode(name, node);
  }

  /** The node of a name by number, made with all its ancestors up to the apex when it is new. */
  #nodeOf(name: number, zone: number): number {
    const before = this.#names.node(name);
    if (before !== NONE && this.#nodes[before]!.zone === zone) return before;
    const node = this.#nodes.length;
    this.#nodes.push({
      name,
      zone,
      rrsets: [],
      flags: 0,
      cover: undefined,
      wildcard: NONE,
      steer: NONE,
      parentSide: before,
    });
    this.#names.setNode(name, node);
    if (name !== this.#origins[zone]) {
      const parent = this.#nodeOf(this.#names.parent(name), zone);
      if (this.#names.isWildcard(name)) this.#nodes[parent]!.wildcard = node;
    }
    return node;
  }

  /** Makes a name answer with an export. False when it is in no served zone. */
  steer(host: WireName, exportIndex: number): boolean {
    for (let rest = host; ; rest = parentOf(rest)) {
      const zone = this.#apexes.get(nameKey(rest));
      if (zone !== undefined) {
        this.#nodes[this.#nodeOf(this.#names.intern(host), zone)]!.steer = exportIndex;
        return true;
      }
      if (rest[0] === 0) return false;
    }
  }

  build(): ZoneTables {
    for (const node of this.#nodes) {
      for (const { type } of node.rrsets) {
        if (type === Type.NS && (node.flags & NodeFlag.APEX) === 0) node.flags |= NodeFlag.CUT;
        if (type === Type.DNAME) node.flags |= NodeFlag.DNAME;
        if (type === Type.CNAME) node.flags |= NodeFlag.CNAME;
      }
    }
    for (let n = 0; n < this.#nodes.length; n++) this.#cover(n);
    for (const node of this.#nodes) if ((node.flags & NodeFlag.APEX) !== 0) this.#linkToCutAbove(node);
    const sets = new RecordSets(this.#names);
    for (const node of this.#nodes) for (const rrset of node.rrsets) sets.add(rrset);
    // Record data brings names of its own, so names are complete only now.
    const { places: names, end } = this.#names.layOut();
    const nodes = new Int32Array(this.#nodes.length);
    let next = end;
    let set = 0;
    for (const [index, { rrsets }] of this.#nodes.entries()) {
      nodes[index] = next;
      next += Node.SETS + rrsets.length * 2;
      for (const _ of rrsets) next += sets.size(set++);
    }
    if (next > MOST_WORDS)
      throw new Error(`zones of ${next * 4} octets: more than 2 GiB in one table; divide the largest`);
    const negatives = this.#zones.map((zone) => negativeOf(zone));
    const negativePlaces = negatives.map((negative) => {
      const place = next;
      if (negative !== undefined) next += Negative.RECORD + Math.ceil(negative.record.length / 4);
      return place;
    });
    // Comparing names reads a little beyond a name's end when they differ in length.
    const memory = new SharedArrayBuffer(next * 4 + 256);
    const words = new Int32Array(memory);
    const bytes = new Uint8Array(memory);
    this.#names.write(words, bytes, names, nodes);
    const zones = new Int32Array(new SharedArrayBuffer(this.#zones.length * ZONE_SIZE * 4)).fill(NONE);
    for (const [zone, negative] of negatives.entries()) {
      const at = zone * ZONE_SIZE;
      zones[at + Zone.LABELS] = labelCount(this.#zones[zone]!.origin);
      if (negative === undefined) continue;
      const place = negativePlaces[zone]!;
      zones[at + Zone.NEGATIVE] = place;
      words[place + Negative.LENGTH] = negative.record.length;
      words.set(negative.pointers, place + Negative.POINTERS);
      bytes.set(negative.record, (place + Negative.RECORD) * 4);
    }
    set = 0;
    for (const [index, node] of this.#nodes.entries()) {
      const place = nodes[index]!;
      const placeOf = (other: number): number => (other === NONE ? NONE : nodes[other]!);
      words[place + Node.NAME] = names[node.name]!;
      words[place + Node.ZONE] = node.zone * ZONE_SIZE;
      words[place + Node.FLAGS] = node.flags | (node.rrsets.length << 8);
      words[place + Node.COVER] = placeOf(node.cover!);
      words[place + Node.WILDCARD] = placeOf(node.wildcard);
      words[place + Node.STEER] = node.steer;
      words[place + Node.PARENT_SIDE] = placeOf(node.parentSide);
      const isApex = (node.flags & NodeFlag.APEX) !== 0;
      if (isApex) zones[node.zone * ZONE_SIZE + Zone.NAME] = names[node.name]!;
      let at = place + Node.SETS + node.rrsets.length * 2;
      for (const [i, { type, ttl, rdatas }] of node.rrsets.entries()) {
        words[place + Node.SETS + i * 2] = type;
        words[place + Node.SETS + i * 2 + 1] = at;
        sets.write(set, words, bytes, at, names);
        if (isApex && type === Type.SOA) {
          zones[node.zone * ZONE_SIZE + Zone.SOA] = at;
          zones[node.zone * ZONE_SIZE + Zone.NEGATIVE_TTL] = Math.min(ttl, soaMinimum(rdatas[0]!));
        }
        at += sets.size(set++);
      }
    }
    return { slots: this.#names.slots(names), words, bytes, zones };
  }

  /** A zone's parent may be served only in so far as it delegates a name above the zone: DS is asked for there. */
  #linkToCutAbove(apex: BuildNode): void {
    if (apex.parentSide !== NONE || apex.name === 0) return;
    let name = this.#names.parent(apex.name);
    while (name !== 0 && this.#names.node(name) === NONE) name = this.#names.parent(name);
    const closest = this.#names.node(name);
    const cover = closest === NONE ? NONE : this.#nodes[closest]!.cover!;
    if (cover !== NONE && (this.#nodes[cover]!.flags & NodeFlag.CUT) !== 0) apex.parentSide = cover;
  }

  /** The highest delegation or DNAME at or above a node. */
  #cover(index: number): number {
    const node = this.#nodes[index]!;
    if (node.cover !== undefined) return node.cover;
    const own = (node.flags & (NodeFlag.CUT | NodeFlag.DNAME)) === 0 ? NONE : index;
    let above = NONE;
    if ((node.flags & NodeFlag.APEX) === 0) above = this.#cover(this.#names.node(this.#names.parent(node.name)));
    node.cover = above === NONE ? own : above;
    if (above !== NONE && (this.#nodes[above]!.flags & NodeFlag.CUT) !== 0) node.flags |= NodeFlag.BELOW_CUT;
    return node.cover;
  }
}

/** The SOA of a zone as negative answers have it; undefined for the root, whose name is no shorter as a pointer. */
function negativeOf({ origin, nodes }: ZoneData): { record: Uint8Array; pointers: number[] } | undefined {
  const soa = nodes.get(nameKey(origin))?.rrsets.find(({ type }) => type === Type.SOA);
  if (soa === undefined || origin.length === 1) return undefined;
  const rdata = soa.rdatas[0]!;
  const ttl = Math.min(soa.ttl, soaMinimum(rdata));
  const record = [
    0xc0,
    0,
    0,
    Type.SOA,
    0,
    Class.IN,
    ttl >>> 24,
    (ttl >>> 16) & 255,
    (ttl >>> 8) & 255,
    ttl & 255,
    0,
    0,
  ];
  const pointers = [0, 0, 0];
  let from = 0;
  for (const [index, { offset, length }] of namesIn(Type.SOA, rdata).entries()) {
    const name = rdata.subarray(offset, offset + length);
    if (isAtOrBelow(name, origin)) {
      record.push(...name.subarray(0, length - origin.length));
      pointers[index + 1] = record.length;
      record.push(0xc0, 0);
    } else record.push(...name);
    from = offset + length;
  }
  record.push(...rdata.subarray(from));
  record[10] = (record.length - 12) >>> 8;
  record[11] = (record.length - 12) & 255;
  return { record: Uint8Array.from(record), pointers };
}

function soaMinimum(rdata: Uint8Array): number {
  return new DataView(rdata.buffer, rdata.byteOffset, rdata.length).getUint32(rdata.length - 4);
}

/** Record sets as they will lie in memory, with numbers of names where places will be. */
class RecordSets {
  readonly #names: NameTableBuilder;
  readonly #sets: { readonly head: number; readonly ttl: number; readonly from: number; readonly named: boolean }[] =
    [];
  readonly #extras = new Map<number, readonly number[]>();
  readonly #bytes = new ByteColumn();
  /** Where in the data numbers of names are, ascending. */
  readonly #nameAt: number[] = [];
  #nextName = 0;

  constructor(names: NameTableBuilder) {
    this.#names = names;
  }

  add({ type, ttl, rdatas }: RRset): void {
    const bytes = this.#bytes;
    const named = rdatas.some((rdata) => namesIn(type, rdata).length > 0);
    const extras = new Set<number>();
    const from = bytes.length;
    for (const rdata of rdatas) {
      if (named) this.#addPieces(type, rdata, extras);
      else {
        bytes.u16(0xc00c);
        bytes.u16(type);
        bytes.u16(Class.IN);
        bytes.u32(ttl);
        bytes.u16(rdata.length);
        bytes.bytes(rdata);
      }
    }
    if (extras.size > 0) this.#extras.set(this.#sets.length, [...extras]);
    this.#sets.push({ head: type | (rdatas.length << 16), ttl, from, named });
  }

  #addPieces(type: number, rdata: Uint8Array, extras: Set<number>): void {
    let from = 0;
    for (const { offset, length, compress, additional } of namesIn(type, rdata)) {
      // A copy, since the name table keeps what it is given.
      const name = this.#names.intern(rdata.slice(offset, offset + length));
      this.#piece(rdata.subarray(from, offset), compress ? name : name | UNCOMPRESSED);
      if (additional) extras.add(name);
      from = offset + length;
    }
    this.#piece(rdata.subarray(from), NONE);
  }

  #piece(octets: Uint8Array, name: number): void {
    this.#bytes.u16(octets.length);
    this.#bytes.bytes(octets);
    if (name !== NONE) this.#nameAt.push(this.#bytes.length);
    this.#bytes.u32(name);
  }

  #octets(set: number): number {
    return (this.#sets[set + 1]?.from ?? this.#bytes.length) - this.#sets[set]!.from;
  }

  /** Words that a set takes. */
  size(set: number): number {
    return RecordSet.NAMES + (this.#extras.get(set)?.length ?? 0) + Math.ceil(this.#octets(set) / 4);
  }

  /** Writes a set to its place; all of them in their order. @param names place of each name by number */
  write(set: number, words: Int32Array, bytes: Uint8Array, place: number, names: Int32Array): void {
    const { head, ttl, from, named } = this.#sets[set]!;
    const octets = this.#octets(set);
    const extras = this.#extras.get(set) ?? [];
    words[place + RecordSet.TYPE] = head;
    words[place + RecordSet.TTL] = ttl;
    words[place + RecordSet.LENGTH] = octets | (named ? NAMED : 0);
    words[place + RecordSet.EXTRAS] = extras.length;
    for (const [i, extra] of extras.entries()) words[place + RecordSet.NAMES + i] = names[extra]!;
    const to = (place + RecordSet.NAMES + extras.length) * 4;
    this.#bytes.copy(from, from + octets, bytes, to);
    for (; (this.#nameAt[this.#nextName] ?? Number.POSITIVE_INFINITY) < from + octets; this.#nextName++) {
      const at = to + this.#nameAt[this.#nextName]! - from;
      const number = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
      const name = names[number & 0x7fffffff]!;
      bytes[at] = (name >>> 24) | (number < 0 ? 0x80 : 0);
      bytes[at + 1] = name >>> 16;
      bytes[at + 2] = name >>> 8;
      bytes[at + 3] = name;
    }
  }
}
