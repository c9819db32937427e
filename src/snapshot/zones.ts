import { ByteColumn, shared, U32Column } from '../lib/column.ts';
import { Class, Type } from '../wire/codes.ts';
import { labelCount, nameKey, parentOf, type WireName } from '../wire/name.ts';
import { namesIn } from '../wire/rdata/mod.ts';
import type { RRset, ZoneData } from '../zone/zone.ts';
import { NameTableBuilder } from './names.ts';
import { NodeFlag, NONE, type RRsetTable, type NodeTable, type ZoneTables } from './snapshot.ts';

/** Bit of a name in a piece of record data: it must not be compressed. */
export const UNCOMPRESSED = 0x80000000;

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

  constructor(zones: readonly ZoneData[]) {
    // Parents before children, so that a child's apex takes its name over from the parent's delegation.
    this.#zones = [...zones].sort((a, b) => labelCount(a.origin) - labelCount(b.origin));
    for (const [zone, { origin }] of this.#zones.entries()) this.#apexes.set(nameKey(origin), zone);
    for (const [zone, data] of this.#zones.entries()) this.#addZone(zone, data);
  }

  #addZone(zone: number, data: ZoneData): void {
    const origin = nameKey(data.origin);
    const apex = this.#nodeOf(data.origin, zone);
    this.#nodes[apex]!.flags |= NodeFlag.APEX;
    for (const [key, { name, rrsets }] of data.nodes) {
      if (rrsets.length === 0) continue;
      const deeper = this.#zoneBetween(key, origin);
      if (deeper === undefined) this.#nodes[this.#nodeOf(name, zone)]!.rrsets = rrsets;
      else if (deeper === key) this.#addParentSide(name, zone, rrsets);
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

  #addParentSide(name: WireName, zone: number, rrsets: readonly RRset[]): void {
    const id = this.#names.intern(name);
    const node = this.#nodes.length;
    this.#nodes.push({ name: id, zone, rrsets, flags: 0, cover: NONE, wildcard: NONE, steer: NONE, parentSide: NONE });
    // Until the child's apex takes the name over, which also links back to this node.
    this.#names.setNode(id, node);
  }

  /** The node of a name, made with all its ancestors up to the apex when it is new. */
  #nodeOf(name: WireName, zone: number): number {
    const id = this.#names.intern(name);
    const before = this.#names.node(id);
    if (before !== NONE && this.#nodes[before]!.zone === zone) return before;
    const node = this.#nodes.length;
    const parentSide = before;
    this.#nodes.push({
      name: id,
      zone,
      rrsets: [],
      flags: 0,
      cover: undefined,
      wildcard: NONE,
      steer: NONE,
      parentSide,
    });
    this.#names.setNode(id, node);
    if (nameKey(name) !== nameKey(this.#zones[zone]!.origin)) {
      const parent = this.#nodeOf(parentOf(name), zone);
      if (name[0] === 1 && name[1] === 0x2a) this.#nodes[parent]!.wildcard = node;
    }
    return node;
  }

  /** Makes a name answer with an export. False when it is in no served zone. */
  steer(host: WireName, exportIndex: number): boolean {
    for (let rest = host; ; rest = parentOf(rest)) {
      const zone = this.#apexes.get(nameKey(rest));
      if (zone !== undefined) {
        this.#nodes[this.#nodeOf(host, zone)]!.steer = exportIndex;
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
    const rrsets = new RRsetTableBuilder(this.#names);
    const first = new U32Column();
    const soa = shared(
      Uint32Array,
      Array.from(this.#zones, () => NONE),
    );
    const negativeTtl = shared(
      Uint32Array,
      Array.from(this.#zones, () => 0),
    );
    const apex = shared(
      Uint32Array,
      Array.from(this.#zones, () => NONE),
    );
    for (const [index, node] of this.#nodes.entries()) {
      first.push(rrsets.length);
      if ((node.flags & NodeFlag.APEX) !== 0) apex[node.zone] = index;
      for (const rrset of node.rrsets) {
        if (rrset.type === Type.SOA && (node.flags & NodeFlag.APEX) !== 0) {
          soa[node.zone] = rrsets.length;
          negativeTtl[node.zone] = Math.min(rrset.ttl, soaMinimum(rrset.rdatas[0]!));
        }
        rrsets.add(rrset);
      }
    }
    first.push(rrsets.length);
    const column = (pick: (node: BuildNode) => number): Uint32Array => shared(Uint32Array, this.#nodes.map(pick));
    const nodes: NodeTable = {
      name: column((node) => node.name),
      zone: column((node) => node.zone),
      flags: shared(
        Uint8Array,
        this.#nodes.map((node) => node.flags),
      ),
      cover: column((node) => node.cover!),
      wildcard: column((node) => node.wildcard),
      first: first.toShared(),
      steer: column((node) => node.steer),
      parentSide: column((node) => node.parentSide),
    };
    // Record data brings names of its own, so names come last.
    const built = rrsets.build();
    return { names: this.#names.build(), nodes, rrsets: built, zones: { apex, soa, negativeTtl } };
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

function soaMinimum(rdata: Uint8Array): number {
  return new DataView(rdata.buffer, rdata.byteOffset, rdata.length).getUint32(rdata.length - 4);
}

class RRsetTableBuilder {
  readonly #names: NameTableBuilder;
  readonly #type: number[] = [];
  readonly #count: number[] = [];
  readonly #named: number[] = [];
  readonly #ttl = new U32Column();
  readonly #at = new U32Column();
  readonly #length = new U32Column();
  readonly #bytes = new ByteColumn();
  readonly #firstExtra = new U32Column();
  readonly #extra = new U32Column();

  constructor(names: NameTableBuilder) {
    this.#names = names;
  }

  get length(): number {
    return this.#type.length;
  }

  add({ type, ttl, rdatas }: RRset): void {
    const bytes = this.#bytes;
    const at = bytes.length;
    const named = rdatas.some((rdata) => namesIn(type, rdata).length > 0);
    this.#type.push(type);
    this.#count.push(rdatas.length);
    this.#named.push(named ? 1 : 0);
    this.#ttl.push(ttl);
    this.#at.push(at);
    this.#firstExtra.push(this.#extra.length);
    const extras = new Set<number>();
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
    for (const extra of extras) this.#extra.push(extra);
    this.#length.push(bytes.length - at);
  }

  #addPieces(type: number, rdata: Uint8Array, extras: Set<number>): void {
    let from = 0;
    for (const { offset, length, compress, additional } of namesIn(type, rdata)) {
      // A copy, since the name table keeps what it is given.
      const name = this.#names.intern(rdata.slice(offset, offset + length));
      this.#piece(rdata.subarray(from, offset), compress ? name : (name | UNCOMPRESSED) >>> 0);
      if (additional) extras.add(name);
      from = offset + length;
    }
    this.#piece(rdata.subarray(from), NONE);
  }

  #piece(octets: Uint8Array, name: number): void {
    this.#bytes.u16(octets.length);
    this.#bytes.bytes(octets);
    this.#bytes.u32(name);
  }

  build(): RRsetTable {
    this.#firstExtra.push(this.#extra.length);
    return {
      type: shared(Uint16Array, this.#type),
      count: shared(Uint16Array, this.#count),
      named: shared(Uint8Array, this.#named),
      ttl: this.#ttl.toShared(),
      at: this.#at.toShared(),
      length: this.#length.toShared(),
      bytes: this.#bytes.toShared(),
      firstExtra: this.#firstExtra.toShared(),
      extra: this.#extra.toShared(),
    };
  }
}
