import { Class, Type } from '../wire/codes.ts';
import { isAtOrBelow, labelCount, nameKey, parentOf, ROOT, type WireName } from '../wire/name.ts';
import { hashName } from '../wire/name-hash.ts';
import { hasNames, namesIn } from '../wire/rdata/mod.ts';
import type { ZoneData } from '../zone/zone.ts';
import { NameTableBuilder } from './name-table.ts';
import { isService, serviceTargets, type ServiceZone } from './service-targets.ts';
import {
  ALIAS,
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
const MAX_WORDS = 2 ** 29 - 64;

/** Nodes by number while tables are built. */
class NodeColumns {
  count = 0;
  name: Int32Array<ArrayBuffer>;
  zone: Int32Array<ArrayBuffer>;
  /** The name's number in its zone, where its sets are; NONE for one without sets. */
  own: Int32Array<ArrayBuffer>;
  flags: Int32Array<ArrayBuffer>;
  cover: Int32Array<ArrayBuffer>;
  wildcard: Int32Array<ArrayBuffer>;
  steer: Int32Array<ArrayBuffer>;
  parentSide: Int32Array<ArrayBuffer>;

  /** @param expected about how many there will be; more are no error */
  constructor(expected: number) {
    const column = (): Int32Array<ArrayBuffer> => new Int32Array(Math.max(1024, expected));
    this.name = column();
    this.zone = column();
    this.own = column();
    this.flags = column();
    this.cover = column();
    this.wildcard = column();
    this.steer = column();
    this.parentSide = column();
  }

  add(name: number, zone: number, own: number, parentSide: number): number {
    const node = this.count++;
    if (node === this.name.length) this.#grow();
    this.name[node] = name;
    this.zone[node] = zone;
    this.own[node] = own;
    this.cover[node] = UNKNOWN;
    this.wildcard[node] = NONE;
    this.steer[node] = NONE;
    this.parentSide[node] = parentSide;
    return node;
  }

  #grow(): void {
    const wider = (column: Int32Array): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(column.length * 2);
      grown.set(column);
      return grown;
    };
    this.name = wider(this.name);
    this.zone = wider(this.zone);
    this.own = wider(this.own);
    this.flags = wider(this.flags);
    this.cover = wider(this.cover);
    this.wildcard = wider(this.wildcard);
    this.steer = wider(this.steer);
    this.parentSide = wider(this.parentSide);
  }
}

/** Names above zones, about: they are few. */
const ABOVE_ZONES = 64;

/** In place of a cover: not looked for yet. */
const UNKNOWN = -3;

/** Lays zones out as tables. `steer` places exports; then `build`. */
export class ZoneTableBuilder {
  readonly #names: NameTableBuilder;
  readonly #zones: readonly ZoneData[];
  /** Zone by the key of its apex. */
  readonly #apexes = new Map<string, number>();
  readonly #nodes: NodeColumns;
  /** Number of each apex's name. */
  readonly #origins: number[] = [];

  constructor(zones: readonly ZoneData[]) {
    const expected = zones.reduce((sum, { nameCount }) => sum + nameCount + 1, ABOVE_ZONES);
    this.#names = new NameTableBuilder(expected);
    this.#nodes = new NodeColumns(expected);
    // Parents before children, so that a child's apex takes its name over from the parent's delegation.
    this.#zones = [...zones].sort((a, b) => labelCount(a.origin) - labelCount(b.origin));
    for (const [zone, { key }] of this.#zones.entries()) this.#apexes.set(key, zone);
    const isAlone = this.#areApart();
    for (const [zone, data] of this.#zones.entries()) this.#addZone(zone, data, isAlone);
  }

  /** Whether no zone is within another one. */
  #areApart(): boolean {
    const labels = labelCount(this.#zones[0]?.origin ?? ROOT);
    if (this.#zones.every(({ origin }) => labelCount(origin) === labels)) return true;
    for (const key of this.#apexes.keys())
      for (let rest = key; rest.length > 1;) {
        rest = rest.slice(rest.charCodeAt(0) + 1);
        if (this.#apexes.has(rest)) return false;
      }
    return true;
  }

  #addZone(zone: number, data: ZoneData, isAlone: boolean): void {
    const { origin, bytes } = data;
    const id = this.#names.intern(origin, 0, origin.length, hashName(origin, 0, origin.length));
    this.#origins.push(id);
    const apex = this.#nodeOf(id, zone);
    this.#nodes.flags[apex]! |= NodeFlag.APEX;
    for (let own = 0; own < data.nameCount; own++) {
      const name = this.#names.intern(bytes, data.nameStart(own), data.nameStart(own + 1), data.nameHash(own));
      const deeper = isAlone ? undefined : this.#zoneBetween(nameKey(data.nameAt(own)), data.key);
      if (deeper === undefined) this.#nodes.own[this.#nodeOf(name, zone)] = own;
      // Until the child's apex takes the name over, which also links back to this node.
      else if (deeper === name) this.#names.setNode(name, this.#nodes.add(name, zone, own, NONE));
      // What a parent says of names inside a zone that is served here as well is glue that nobody needs.
    }
  }

  /** The name of the apex of another served zone at or above `key` and below `origin`. */
  #zoneBetween(key: string, origin: string): number | undefined {
    for (let rest = key; rest.length > origin.length; rest = rest.slice(rest.charCodeAt(0) + 1)) {
      const zone = this.#apexes.get(rest);
      if (zone === undefined) continue;
      const apex = this.#zones[zone]!.origin;
      return this.#names.intern(apex, 0, apex.length, hashName(apex, 0, apex.length));
    }
    return undefined;
  }

  /** The node of a name by number, made with all its ancestors up to the apex when it is new. */
  #nodeOf(name: number, zone: number): number {
    const before = this.#names.node(name);
    if (before !== NONE && this.#nodes.zone[before] === zone) return before;
    const node = this.#nodes.add(name, zone, NONE, before);
    this.#names.setNode(name, node);
    if (name !== this.#origins[zone]) {
      const parent = this.#nodeOf(this.#names.parent(name), zone);
      if (this.#names.isWildcard(name)) this.#nodes.wildcard[parent] = node;
    }
    return node;
  }

  /** Makes a name answer with an export. False when it is in no served zone. */
  steer(host: WireName, exportIndex: number): boolean {
    for (let rest = host; ; rest = parentOf(rest)) {
      const zone = this.#apexes.get(nameKey(rest));
      if (zone !== undefined) {
        const name = this.#names.intern(host, 0, host.length, hashName(host, 0, host.length));
        this.#nodes.steer[this.#nodeOf(name, zone)] = exportIndex;
        return true;
      }
      if (rest[0] === 0) return false;
    }
  }

  build(): ZoneTables {
    const nodes = this.#nodes;
    const { count } = nodes;
    this.#setFlags();
    for (let node = 0; node < count; node++) this.#cover(node);
    for (let node = 0; node < count; node++) if ((nodes.flags[node]! & NodeFlag.APEX) !== 0) this.#linkToCutAbove(node);
    const sets = new RecordSets(this.#names);
    for (let node = 0; node < count; node++) {
      const own = nodes.own[node]!;
      if (own === NONE) continue;
      const zone = this.#zones[nodes.zone[node]!]!;
      for (let set = zone.firstSet(own), last = zone.firstSet(own + 1); set < last; set++) {
        const services = isService(zone.setType(set))
          ? serviceTargets(set, nodes.name[node]!, this.#serviceZone(nodes.zone[node]!))
          : NO_EXTRAS;
        sets.measure(zone, set, services);
      }
    }
    // Record data brings names of its own, so names are complete only now.
    const { places: names, end } = this.#names.layOut();
    const places = new Int32Array(count);
    let next = end;
    let at = 0;
    for (let node = 0; node < count; node++) {
      places[node] = next;
      const setCount = this.#setsOf(node);
      next += Node.SETS + setCount * 2;
      for (let i = 0; i < setCount; i++) next += sets.size(at++);
    }
    if (next > MAX_WORDS)
      throw new Error(`zones of ${next * 4} octets: more than 2 GiB in one table; divide the largest`);
    const negatives = this.#zones.map(negativeOf);
    const negativePlaces = negatives.map((negative) => {
      const place = next;
      if (negative !== undefined) next += Negative.RECORD + Math.ceil(negative.record.length / 4);
      return place;
    });
    // Comparing names reads a little beyond a name's end when they differ in length.
    const memory = new SharedArrayBuffer(next * 4 + 256);
    const words = new Int32Array(memory);
    const bytes = new Uint8Array(memory);
    this.#names.write(words, bytes, names, places);
    const zones = this.#writeZones(words, bytes, negatives, negativePlaces);
    const writer = sets.writer(words, bytes, names);
    for (let node = 0; node < count; node++) this.#writeNode(node, words, places, names, zones, writer);
    return { slots: this.#names.slots(names), words, bytes, zones };
  }

  #setFlags(): void {
    const nodes = this.#nodes;
    for (let node = 0; node < nodes.count; node++) {
      const own = nodes.own[node]!;
      if (own === NONE) continue;
      const zone = this.#zones[nodes.zone[node]!]!;
      for (let set = zone.firstSet(own), end = zone.firstSet(own + 1); set < end; set++) {
        const type = zone.setType(set);
        if (type === Type.NS && (nodes.flags[node]! & NodeFlag.APEX) === 0) nodes.flags[node]! |= NodeFlag.CUT;
        if (type === Type.DNAME) nodes.flags[node]! |= NodeFlag.DNAME;
        if (type === Type.CNAME) nodes.flags[node]! |= NodeFlag.CNAME;
      }
    }
  }

  /** How many record sets a node has. */
  #setsOf(node: number): number {
    const own = this.#nodes.own[node]!;
    if (own === NONE) return 0;
    const zone = this.#zones[this.#nodes.zone[node]!]!;
    return zone.firstSet(own + 1) - zone.firstSet(own);
  }

  #serviceZone(zone: number): ServiceZone {
    const nodes = this.#nodes;
    const names = this.#names;
    const data = this.#zones[zone]!;
    return {
      data,
      intern: (b, start, end) => names.intern(b, start, end, hashName(b, start, end)),
      find: (name, type) => {
        let node = names.node(name);
        if (node === NONE) {
          let closest = name;
          while (closest !== 0 && names.node(closest) === NONE) closest = names.parent(closest);
          const encloser = names.node(closest);
          node = encloser === NONE ? NONE : nodes.wildcard[encloser]!;
        }
        if (node === NONE || nodes.zone[node] !== zone || nodes.own[node] === NONE) return NONE;
        // What is below a delegation or a DNAME is not answered with.
        if (nodes.cover[node] !== NONE) return NONE;
        return data.setOf(nodes.own[node]!, type);
      },
    };
  }

  #writeZones(
    words: Int32Array,
    bytes: Uint8Array,
    negatives: readonly (NegativeRecord | undefined)[],
    places: readonly number[],
  ): Int32Array {
    const zones = new Int32Array(new SharedArrayBuffer(this.#zones.length * ZONE_SIZE * 4)).fill(NONE);
    for (const [zone, negative] of negatives.entries()) {
      const at = zone * ZONE_SIZE;
      zones[at + Zone.LABELS] = labelCount(this.#zones[zone]!.origin);
      if (negative === undefined) continue;
      const place = places[zone]!;
      zones[at + Zone.NEGATIVE] = place;
      words[place + Negative.LENGTH] = negative.record.length;
      words.set(negative.pointers, place + Negative.POINTERS);
      bytes.set(negative.record, (place + Negative.RECORD) * 4);
    }
    return zones;
  }

  #writeNode(
    node: number,
    words: Int32Array,
    places: Int32Array,
    names: Int32Array,
    zones: Int32Array,
    writer: SetWriter,
  ): void {
    const nodes = this.#nodes;
    const place = places[node]!;
    const zoneNumber = nodes.zone[node]!;
    const setCount = this.#setsOf(node);
    const flags = nodes.flags[node]!;
    const isApex = (flags & NodeFlag.APEX) !== 0;
    words[place + Node.NAME] = names[nodes.name[node]!]!;
    words[place + Node.ZONE] = zoneNumber * ZONE_SIZE;
    words[place + Node.FLAGS] = flags | (setCount << 8);
    words[place + Node.COVER] = placeIn(places, nodes.cover[node]!);
    words[place + Node.WILDCARD] = placeIn(places, nodes.wildcard[node]!);
    words[place + Node.STEER] = nodes.steer[node]!;
    words[place + Node.PARENT_SIDE] = placeIn(places, nodes.parentSide[node]!);
    if (isApex) zones[zoneNumber * ZONE_SIZE + Zone.NAME] = names[nodes.name[node]!]!;
    if (setCount === 0) return;
    const zone = this.#zones[zoneNumber]!;
    const first = zone.firstSet(nodes.own[node]!);
    let at = place + Node.SETS + setCount * 2;
    for (let i = 0; i < setCount; i++) {
      const set = first + i;
      const type = zone.setType(set);
      words[place + Node.SETS + i * 2] = type;
      words[place + Node.SETS + i * 2 + 1] = at;
      if (isApex && type === Type.SOA) {
        zones[zoneNumber * ZONE_SIZE + Zone.SOA] = at;
        const minimum = soaMinimum(zone.dataAt(zone.firstData(set)));
        zones[zoneNumber * ZONE_SIZE + Zone.NEGATIVE_TTL] = Math.min(zone.setTtl(set), minimum);
      }
      at = writer.write(zone, set, at);
    }
  }

  /** A zone's parent may be served only in so far as it delegates a name above the zone: DS is asked for there. */
  #linkToCutAbove(apex: number): void {
    const nodes = this.#nodes;
    if (nodes.parentSide[apex] !== NONE || nodes.name[apex] === 0) return;
    let name = this.#names.parent(nodes.name[apex]!);
    while (name !== 0 && this.#names.node(name) === NONE) name = this.#names.parent(name);
    const closest = this.#names.node(name);
    const cover = closest === NONE ? NONE : nodes.cover[closest]!;
    if (cover !== NONE && (nodes.flags[cover]! & NodeFlag.CUT) !== 0) nodes.parentSide[apex] = cover;
  }

  /** The highest delegation or DNAME at or above a node. */
  #cover(node: number): number {
    const nodes = this.#nodes;
    if (nodes.cover[node] !== UNKNOWN) return nodes.cover[node]!;
    const own = (nodes.flags[node]! & (NodeFlag.CUT | NodeFlag.DNAME)) === 0 ? NONE : node;
    const isApex = (nodes.flags[node]! & NodeFlag.APEX) !== 0;
    const above = isApex ? NONE : this.#cover(this.#names.node(this.#names.parent(nodes.name[node]!)));
    if (above !== NONE && (nodes.flags[above]! & NodeFlag.CUT) !== 0) nodes.flags[node]! |= NodeFlag.BELOW_CUT;
    return (nodes.cover[node] = above === NONE ? own : above);
  }
}

function placeIn(places: Int32Array, node: number): number {
  return node === NONE ? NONE : places[node]!;
}

interface NegativeRecord {
  readonly record: Uint8Array;
  readonly pointers: readonly number[];
}

/** Octets of a record without names before its data: owner, type, class, TTL and length. */
const RECORD_HEAD = 12;

/** What `negativeOf` writes to. */
const negativeScratch = new Uint8Array(0x10000 + RECORD_HEAD);

/** The SOA of a zone as negative answers have it; undefined for the root, whose name is no shorter as a pointer. */
function negativeOf(zone: ZoneData): NegativeRecord | undefined {
  const { origin } = zone;
  const apex = zone.find(origin);
  const soa = apex < 0 ? NONE : zone.setOf(apex, Type.SOA);
  if (soa === NONE || origin.length === 1) return undefined;
  const rdata = zone.dataAt(zone.firstData(soa));
  const ttl = Math.min(zone.setTtl(soa), soaMinimum(rdata));
  const record = negativeScratch;
  record.set([0xc0, 0, 0, Type.SOA, 0, Class.IN, ttl >>> 24, (ttl >>> 16) & 255, (ttl >>> 8) & 255, ttl & 255]);
  let at = RECORD_HEAD;
  const write = (from: number, to: number): void => {
    for (let i = from; i < to; i++) record[at++] = rdata[i]!;
  };
  const pointers = [0, 0, 0];
  let from = 0;
  for (const [index, { offset, length }] of namesIn(Type.SOA, rdata).entries()) {
    if (isAtOrBelow(rdata.subarray(offset, offset + length), origin)) {
      write(offset, offset + length - origin.length);
      pointers[index + 1] = at;
      record[at++] = 0xc0;
      record[at++] = 0;
    } else write(offset, offset + length);
    from = offset + length;
  }
  write(from, rdata.length);
  record[10] = (at - RECORD_HEAD) >>> 8;
  record[11] = (at - RECORD_HEAD) & 255;
  return { record: record.slice(0, at), pointers };
}

function soaMinimum(rdata: Uint8Array): number {
  return new DataView(rdata.buffer, rdata.byteOffset, rdata.length).getUint32(rdata.length - 4);
}

/** Record sets: first all are measured, which numbers the names in their data, then all are written, in one order. */
class RecordSets {
  readonly #names: NameTableBuilder;
  #count = 0;
  /** Words of each set. */
  #sizes = new Int32Array(1024);
  /** Numbers of the names in data, in the order of sets; those in types that allow no compression are inverted. */
  #targets = new Int32Array(1024);
  #targetCount = 0;
  /** By set: names whose addresses belong into the additional section. */
  readonly #extras = new Map<number, readonly number[]>();

  constructor(names: NameTableBuilder) {
    this.#names = names;
  }

  /** @param services what else the additional section has: see `serviceTargets` */
  measure(zone: ZoneData, set: number, services: readonly number[]): void {
    const type = zone.setType(set);
    const first = zone.firstData(set);
    const end = zone.firstData(set + 1);
    let octets = zone.dataStart(end) - zone.dataStart(first);
    let extraCount = 0;
    if (!hasNames(type)) octets += (end - first) * RECORD_HEAD;
    else {
      const extras = new Set<number>(services);
      octets = 0;
      for (let data = first; data < end; data++) octets += this.#measureNamed(type, zone, data, extras);
      extraCount = extras.size;
      if (extraCount > 0) this.#extras.set(this.#count, [...extras]);
    }
    if (this.#count === this.#sizes.length) this.#sizes = widen(this.#sizes);
    this.#sizes[this.#count++] = RecordSet.NAMES + extraCount + ((octets + 3) >>> 2);
  }

  /** @returns octets of its pieces */
  #measureNamed(type: number, zone: ZoneData, data: number, extras: Set<number>): number {
    const rdata = zone.dataAt(data);
    let octets = rdata.length + PIECE;
    for (const { offset, length, compress, additional } of namesIn(type, rdata)) {
      const name = this.#names.intern(rdata, offset, offset + length, hashName(rdata, offset, offset + length));
      // The root, which means none, is `OWNER` among the extras.
      if (additional && name !== 0) extras.add(name);
      if (this.#targetCount === this.#targets.length) this.#targets = widen(this.#targets);
      this.#targets[this.#targetCount++] = compress ? name : ~name;
      octets += PIECE - length;
    }
    return octets;
  }

  /** Words that a set takes. */
  size(set: number): number {
    return this.#sizes[set]!;
  }

  /** Writes sets in the order in which they were measured. @param names place of each name by number */
  writer(words: Int32Array, bytes: Uint8Array, names: Int32Array): SetWriter {
    return new SetWriter(words, bytes, names, this.#sizes, this.#targets, this.#extras);
  }
}

/** Octets of a piece of record data beside its own: a length, and a name or NONE. */
const PIECE = 6;

class SetWriter {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #names: Int32Array;
  readonly #sizes: Int32Array;
  readonly #targets: Int32Array;
  readonly #extras: ReadonlyMap<number, readonly number[]>;
  #set = 0;
  #target = 0;

  constructor(
    words: Int32Array,
    bytes: Uint8Array,
    names: Int32Array,
    sizes: Int32Array,
    targets: Int32Array,
    extras: ReadonlyMap<number, readonly number[]>,
  ) {
    this.#words = words;
    this.#bytes = bytes;
    this.#names = names;
    this.#sizes = sizes;
    this.#targets = targets;
    this.#extras = extras;
  }

  /** @returns the place behind it */
  write(zone: ZoneData, set: number, place: number): number {
    const words = this.#words;
    const number = this.#set++;
    const type = zone.setType(set);
    const ttl = zone.setTtl(set);
    const first = zone.firstData(set);
    const end = zone.firstData(set + 1);
    const isNamed = hasNames(type);
    const extras = isNamed ? (this.#extras.get(number) ?? NO_EXTRAS) : NO_EXTRAS;
    const from = (place + RecordSet.NAMES + extras.length) * 4;
    let at = from;
    for (let data = first; data < end; data++) {
      at = isNamed ? this.#writePieces(type, zone.dataAt(data), at) : this.#writeReady(type, ttl, zone, data, at);
    }
    words[place + RecordSet.TYPE] = type | ((end - first) << 16);
    words[place + RecordSet.TTL] = ttl;
    words[place + RecordSet.LENGTH] = (at - from) | (isNamed ? NAMED : 0);
    words[place + RecordSet.EXTRAS] = extras.length;
    for (const [i, extra] of extras.entries())
      words[place + RecordSet.NAMES + i] = this.#names[extra & ~ALIAS]! | (extra & ALIAS);
    return place + this.#sizes[number]!;
  }

  #writeReady(type: number, ttl: number, zone: ZoneData, data: number, start: number): number {
    const bytes = this.#bytes;
    const from = zone.dataStart(data);
    const length = zone.dataStart(data + 1) - from;
    const source = zone.bytes;
    let at = start;
    bytes[at++] = 0xc0;
    bytes[at++] = 0x0c;
    bytes[at++] = type >>> 8;
    bytes[at++] = type;
    bytes[at++] = 0;
    bytes[at++] = Class.IN;
    bytes[at++] = ttl >>> 24;
    bytes[at++] = ttl >>> 16;
    bytes[at++] = ttl >>> 8;
    bytes[at++] = ttl;
    bytes[at++] = length >>> 8;
    bytes[at++] = length;
    for (let i = 0; i < length; i++) bytes[at++] = source[from + i]!;
    return at;
  }

  #writePieces(type: number, rdata: Uint8Array, start: number): number {
    let at = start;
    let from = 0;
    for (const { offset, length } of namesIn(type, rdata)) {
      const target = this.#targets[this.#target++]!;
      const name = target < 0 ? this.#names[~target]! | UNCOMPRESSED : this.#names[target]!;
      at = this.#writePiece(rdata, from, offset, name, at);
      from = offset + length;
    }
    return this.#writePiece(rdata, from, rdata.length, NONE, at);
  }

  #writePiece(rdata: Uint8Array, from: number, to: number, name: number, start: number): number {
    const bytes = this.#bytes;
    let at = start;
    bytes[at++] = (to - from) >>> 8;
    bytes[at++] = to - from;
    for (let i = from; i < to; i++) bytes[at++] = rdata[i]!;
    bytes[at++] = name >>> 24;
    bytes[at++] = name >>> 16;
    bytes[at++] = name >>> 8;
    bytes[at++] = name;
    return at;
  }
}

const NO_EXTRAS: readonly number[] = [];

function widen(column: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(column.length * 2);
  grown.set(column);
  return grown;
}
