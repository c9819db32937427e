import { COUNTER } from '../observe/counters.ts';
import { find, Found } from '../snapshot/find.ts';
import {
  ALIAS,
  Name,
  Node,
  NodeFlag,
  NONE,
  OWNER,
  RecordSet,
  Row,
  ROW_FAMILY,
  ROW_SIZE,
  UNAVAILABLE,
  Zone,
  type Snapshot,
  type ZoneTables,
} from '../snapshot/snapshot.ts';
import { Class, Rcode, Type } from '../wire/codes.ts';
import { DROP, Ecs, parseQuery, Query } from '../wire/query.ts';
import type { SourceAddress } from './client-address.ts';
import { Steering } from './steer.ts';
import { pointerOf, Section, Writer } from './writer.ts';

export interface AnswerOptions {
  /** Largest UDP answer, octets (RFC 6891 6.2.5); what we announce as well. */
  readonly udpPayloadSize: number;
  /** What to answer to NSID (RFC 5001): at most 64 octets; empty for nothing. */
  readonly nsid: Uint8Array;
  /** False: client subnets are echoed with SCOPE 0 and not used. */
  readonly ecs: boolean;
}

/** Links of a chain of CNAMEs and DNAMEs that one answer follows. */
const MAX_CHAIN = 16;
const MAX_MESSAGE = 65535;
const MINIMUM_UDP = 512;
/** What a buffer for answers must hold: a record set is written before its size is known. */
export const OUT_SIZE = MAX_MESSAGE + 1024;
const ANY_TTL = 3600;
const HINFO_RFC8482 = Uint8Array.from([7, ...Buffer.from('RFC8482'), 0]);

/** How a walk along a chain goes on. */
const Next = { END: 0, FOLLOW: 1 } as const;

/**
 * Answers queries from a snapshot. One per thread: it holds that thread's scratch, and allocates nothing per query.
 */
export class Answerer {
  readonly #options: AnswerOptions;
  readonly #counters: Float64Array;
  readonly #query = new Query();
  readonly #found = new Found();
  readonly #writer = new Writer();
  readonly #steering: Steering;
  /** The client subnet as it was sent. */
  readonly #ecs = new Uint8Array(4 + 16);
  /** A name made by a DNAME, as if it were a question: octets, and offsets of its labels. */
  readonly #made = new Uint8Array(256);
  readonly #madeLabels = new Uint16Array(128);
  /** The record sets of the chain so far, and the name at which each was followed: once each. */
  readonly #visited = new Int32Array(MAX_CHAIN);
  readonly #visitedAt = new Int32Array(MAX_CHAIN);
  readonly #visitedIn = new Int32Array(MAX_CHAIN);

  #snapshot!: Snapshot;
  // The name that is being resolved; changes along a chain.
  /** Index of the tables that have it. */
  #in = 0;
  #tables!: ZoneTables;
  #node = NONE;
  #exact = false;
  /** Where it stands in the answer, for owners to point to. */
  #ownerAt = 12;
  /** Octets and label offsets that hold it, for DNAME. */
  #nameBytes: Uint8Array = this.#made;
  #nameLabels: Uint16Array = this.#madeLabels;
  #nameLabelCount = 0;
  /** Its number in the name table, or else its hash: tells names of one chain apart. */
  #nameKey = 0;

  #hops = 0;
  #aa = false;
  #tc = false;
  #rcode = 0;
  /** SCOPE of the answer: prefix length. */
  #scope = 0;

  /** @param random seed for the choices that are not by prefix; different in each thread */
  constructor(options: AnswerOptions, counters: Float64Array, random: number) {
    this.#options = options;
    this.#counters = counters;
    this.#steering = new Steering(counters, random);
  }

  /**
   * Answers one message. No I/O, never throws whatever the octets are.
   * @param out at least `OUT_SIZE` octets; may be `message` itself, whose question is then left where it is
   * @param tcp no limit by EDNS or to `udpPayloadSize`
   * @returns octets of the answer in `out`; 0 to send none.
   */
  answer(
    message: Uint8Array,
    length: number,
    source: SourceAddress,
    snapshot: Snapshot,
    out: Uint8Array,
    tcp: boolean,
  ): number {
    const q = this.#query;
    const counters = this.#counters;
    counters[COUNTER.bytesIn]! += length;
    const parsed = parseQuery(message, length, q);
    if (parsed === DROP) {
      counters[length < 12 ? COUNTER.droppedShort : COUNTER.droppedResponse]!++;
      return 0;
    }
    this.#countQuery(q, source, tcp);
    let at = 12;
    let original = message;
    if (out !== message) {
      if (q.nameLength !== 0) for (; at < q.questionEnd; at++) out[at] = message[at]!;
    } else {
      if (q.nameLength !== 0) at = q.questionEnd;
      // Rare enough to make a copy for: what is told of it lies where the answer goes.
      if (q.tsigAt !== 0) original = message.slice(0, length);
    }
    // So does the client subnet.
    if (q.ecs !== Ecs.ABSENT) for (let i = 0; i < q.ecsLength; i++) this.#ecs[i] = message[q.ecsAt + i]!;
    const w = this.#writer;
    this.#rcode = parsed;
    this.#aa = false;
    this.#tc = false;
    this.#scope = 0;
    const optLength = this.#optLength(q);
    const most = tcp ? MAX_MESSAGE : this.#udpLimit(q);
    w.start(out, at, most - optLength - (q.tsigAt === 0 ? 0 : tsigLength(original, q)));
    if (parsed === Rcode.NOERROR) this.#resolve(message, source, snapshot);
    if (this.#tc) counters[COUNTER.truncated]!++;
    w.limit = out.length;
    if (q.edns) this.#writeOpt(q);
    if (q.tsigAt !== 0 && parsed === Rcode.NOTAUTH) this.#writeTsig(q, original);
    this.#writeHeader(q, message, out);
    this.#countAnswer(w.at);
    return w.at;
  }

  #countQuery(q: Query, source: SourceAddress, tcp: boolean): void {
    const counters = this.#counters;
    if (source.family === 4) counters[tcp ? COUNTER.queriesTcp4 : COUNTER.queriesUdp4]!++;
    else counters[tcp ? COUNTER.queriesTcp6 : COUNTER.queriesUdp6]!++;
    counters[q.type === Type.A ? COUNTER.typeA : q.type === Type.AAAA ? COUNTER.typeAAAA : COUNTER.typeOther]!++;
    if (q.edns) counters[COUNTER.edns]!++;
    if (q.ecs !== Ecs.ABSENT) counters[COUNTER.ecs]!++;
    if (q.ecsMalformed) counters[COUNTER.ecsMalformed]!++;
  }

  #countAnswer(length: number): void {
    const counters = this.#counters;
    counters[COUNTER.bytesOut]! += length;
    counters[
      this.#rcode <= 10
        ? COUNTER.rcode0 + this.#rcode
        : this.#rcode === Rcode.BADVERS
          ? COUNTER.rcodeBadvers
          : COUNTER.rcodeOther
    ]!++;
  }

  #udpLimit(q: Query): number {
    if (!q.edns) return MINIMUM_UDP;
    return Math.min(Math.max(q.udpSize, MINIMUM_UDP), this.#options.udpPayloadSize);
  }

  // ---------------------------------------------------------------- resolving

  #resolve(message: Uint8Array, source: SourceAddress, snapshot: Snapshot): void {
    const q = this.#query;
    if (q.class !== Class.IN) {
      this.#rcode = Rcode.REFUSED;
      return;
    }
    if (q.type >= 128 && q.type < 256 && q.type !== Type.ANY) {
      // Meta types (RFC 6895 3.1) that this server does not do as a question.
      this.#rcode = metaTypeRcode(q.type);
      return;
    }
    if (q.type === Type.OPT) {
      this.#rcode = Rcode.FORMERR;
      return;
    }
    const found = this.#found;
    find(snapshot, message, q.labelAt, q.labels, q.questionEnd - 5, found);
    if (found.node === NONE) {
      this.#rcode = Rcode.REFUSED;
      return;
    }
    this.#snapshot = snapshot;
    this.#in = found.tables;
    this.#tables = snapshot.tables[found.tables]!;
    this.#writer.know(this.#tables, found.name, found.nameBelow === q.labels ? 0 : q.labelAt[found.nameBelow]!);
    this.#node = found.node;
    this.#exact = found.exact;
    this.#ownerAt = 12;
    this.#nameBytes = message;
    this.#nameLabels = q.labelAt;
    this.#nameLabelCount = q.labels;
    this.#nameKey = found.nameBelow === 0 ? found.name : found.hashes[0]!;
    this.#hops = 0;
    while (this.#step(source, this.#tables) === Next.FOLLOW);
  }

  /** One name of a chain. */
  #step(source: SourceAddress, s: ZoneTables): number {
    if (this.#node === NONE) return Next.END;
    const { words } = s;
    const type = this.#query.type;
    let node = this.#node;
    const cover = words[node + Node.COVER]!;
    if (this.#exact && type === Type.DS && (words[node + Node.FLAGS]! & NodeFlag.APEX) !== 0) {
      // The parent's side of a cut answers for DS (RFC 4035 3.1.4.1).
      const parentSide = words[node + Node.PARENT_SIDE]!;
      if (parentSide !== NONE && words[parentSide + Node.NAME] !== words[node + Node.NAME])
        return this.#refer(s, parentSide);
      if (parentSide !== NONE) node = parentSide;
    } else if (cover !== NONE && (cover !== node || !this.#exact || !this.#ownsItsType(s, cover, type))) {
      return (words[cover + Node.FLAGS]! & NodeFlag.CUT) !== 0 ? this.#refer(s, cover) : this.#rename(s, cover);
    }
    this.#aa = true;
    if (!this.#exact) {
      const wildcard = words[node + Node.WILDCARD]!;
      if (wildcard === NONE) {
        this.#rcode = Rcode.NXDOMAIN;
        this.#negative(s, words[node + Node.ZONE]!, COUNTER.nxdomain);
        return Next.END;
      }
      node = wildcard;
    }
    if (type === Type.ANY) return this.#any(s, node);
    const steer = words[node + Node.STEER]!;
    if (steer !== NONE && (type === Type.A || type === Type.AAAA)) return this.#steer(s, node, steer, source);
    const rrset = findRRset(s, node, type);
    if (rrset !== NONE) return this.#positive(s, node, rrset);
    if ((words[node + Node.FLAGS]! & NodeFlag.CNAME) !== 0) return this.#follow(s, findRRset(s, node, Type.CNAME));
    return this.#noData(s, node);
  }

  /** True if what is asked of a delegation or a DNAME's owner is answered there, and not passed on. */
  #ownsItsType(s: ZoneTables, cover: number, type: number): boolean {
    return (s.words[cover + Node.FLAGS]! & NodeFlag.CUT) === 0 || type === Type.DS;
  }

  #positive(s: ZoneTables, node: number, rrset: number): number {
    const w = this.#writer;
    if (!w.rrset(Section.ANSWER, rrset, this.#ownerAt, NONE, NONE)) {
      this.#tc = true;
      return Next.END;
    }
    this.#additional(s, rrset, node, NONE);
    return Next.END;
  }

  #noData(s: ZoneTables, node: number): number {
    this.#negative(s, s.words[node + Node.ZONE]!, COUNTER.nodata);
    return Next.END;
  }

  /** The SOA with the TTL of negative answers (RFC 2308 3). @param counter of the kind of negative answer */
  #negative(s: ZoneTables, zone: number, counter: number): void {
    const { zones } = s;
    const negative = zones[zone + Zone.NEGATIVE]!;
    const soa = zones[zone + Zone.SOA]!;
    if (soa === NONE) {
      this.#unavailable();
      return;
    }
    this.#counters[counter]!++;
    if (this.#hops === 0 && negative !== NONE) {
      // The zone's name is the end of the question's.
      const q = this.#query;
      const at = q.labelAt[q.labels - zones[zone + Zone.LABELS]!]!;
      if (!this.#writer.negative(s, negative, at)) this.#tc = true;
      return;
    }
    if (!this.#writer.rrset(Section.AUTHORITY, soa, 0, zones[zone + Zone.NAME]!, zones[zone + Zone.NEGATIVE_TTL]!))
      this.#tc = true;
  }

  /** The records are not known: the resolver is to ask another server (RFC 1035 4.1.1). */
  #unavailable(): void {
    this.#rcode = Rcode.SERVFAIL;
    this.#aa = false;
  }

  /** RFC 8482 4.2, or the CNAME that stands there. */
  #any(s: ZoneTables, node: number): number {
    this.#counters[COUNTER.any]!++;
    const cname = findRRset(s, node, Type.CNAME);
    if (cname !== NONE) return this.#positive(s, node, cname);
    if (s.words[node + Node.FLAGS]! >>> 8 === 0 && s.words[node + Node.STEER] === NONE) return this.#noData(s, node);
    const w = this.#writer;
    w.u16(0xc000 | this.#ownerAt);
    w.u16(Type.HINFO);
    w.u16(Class.IN);
    w.u32(ANY_TTL);
    w.u16(HINFO_RFC8482.length);
    w.copy(HINFO_RFC8482, 0, HINFO_RFC8482.length);
    w.counts[Section.ANSWER]!++;
    return Next.END;
  }

  #steer(s: ZoneTables, node: number, steer: number, source: SourceAddress): number {
    if (steer === UNAVAILABLE) {
      this.#unavailable();
      return Next.END;
    }
    const type = this.#query.type;
    const { steering } = this.#snapshot;
    const row = steering.rowOf[steer]! * ROW_SIZE;
    if (steering.rows[row + Row.MAP + (type === Type.A ? 0 : ROW_FAMILY)] === NONE) return this.#noData(s, node);
    const scope = this.#steering.write(
      steering,
      row,
      type,
      this.#options.ecs ? this.#query : undefined,
      source,
      this.#writer,
      this.#ownerAt,
    );
    if (scope < 0) this.#tc = true;
    else this.#scope = scope;
    return Next.END;
  }

  /** Writes a CNAME and goes on to its target. */
  #follow(s: ZoneTables, rrset: number): number {
    const w = this.#writer;
    if (!this.#firstVisit(rrset)) return Next.END;
    const start = w.at;
    if (!w.rrset(Section.ANSWER, rrset, this.#ownerAt, NONE, NONE)) {
      this.#tc = true;
      return Next.END;
    }
    // Owner, type, class, TTL and length are 12 octets; then the target.
    this.#ownerAt = pointerOf(w.out, start + 12);
    this.#goTo(s, firstName(s, rrset));
    return Next.FOLLOW;
  }

  /** False when the chain has come back to where it was, or is too long. */
  #firstVisit(rrset: number): boolean {
    for (let i = 0; i < this.#hops; i++) {
      if (this.#visited[i] === rrset && this.#visitedAt[i] === this.#nameKey && this.#visitedIn[i] === this.#in)
        return false;
    }
    if (this.#hops === MAX_CHAIN) return false;
    this.#visited[this.#hops] = rrset;
    this.#visitedIn[this.#hops] = this.#in;
    this.#visitedAt[this.#hops++] = this.#nameKey;
    return true;
  }

  /** Makes a name of the table the one to resolve. */
  #goTo(s: ZoneTables, name: number): void {
    const { words, bytes } = s;
    this.#nameKey = name;
    this.#nameLabels = this.#madeLabels;
    let labels = 0;
    let closest = NONE;
    let below = 0;
    for (let rest = name; ; rest = words[rest + Name.PARENT]!) {
      if (closest === NONE && words[rest + Name.NODE] !== NONE) {
        closest = words[rest + Name.NODE]!;
        below = labels;
      }
      if (rest === 0) break;
      labels++;
    }
    const start = (name + Name.WIRE) * 4;
    let offset = start;
    // Label offsets beyond 16 bits cannot be kept, so the octets are copied to where offsets are small.
    for (let i = 0; i < labels; i++) {
      this.#madeLabels[i] = offset - start;
      offset += bytes[offset]! + 1;
    }
    for (let i = start; i <= offset; i++) this.#made[i - start] = bytes[i]!;
    this.#nameBytes = this.#made;
    this.#nameLabelCount = labels;
    if (this.#snapshot.tables.length > 1) {
      // It may be in a zone that other tables have.
      this.#locate(labels, offset - start);
      return;
    }
    this.#node = closest;
    this.#exact = closest !== NONE && below === 0;
  }

  /** RFC 6672: the DNAME, a CNAME made from it with its TTL, and on to the new name. */
  #rename(s: ZoneTables, cover: number): number {
    const w = this.#writer;
    this.#aa = true;
    const { words, bytes } = s;
    const rrset = findRRset(s, cover, Type.DNAME);
    const owner = words[cover + Node.NAME]!;
    const target = firstName(s, rrset);
    // Labels of the name above the DNAME's owner.
    let keep = this.#nameLabelCount;
    for (let rest = owner; rest !== 0; rest = words[rest + Name.PARENT]!) keep--;
    const sent = this.#followed(rrset);
    if (!this.#firstVisit(rrset)) return Next.END;
    if (!sent && !w.rrset(Section.ANSWER, rrset, 0, owner, NONE)) {
      this.#tc = true;
      return Next.END;
    }
    const prefix = this.#prefixLength(keep);
    const targetAt = (target + Name.WIRE) * 4;
    let targetLength = 1;
    for (let p = targetAt; bytes[p] !== 0; p += bytes[p]! + 1) targetLength += bytes[p]! + 1;
    if (prefix + targetLength > 255) {
      this.#rcode = Rcode.YXDOMAIN;
      return Next.END;
    }
    if (w.at + 12 + prefix + targetLength > w.limit) {
      this.#tc = true;
      return Next.END;
    }
    w.u16(0xc000 | this.#ownerAt);
    w.u16(Type.CNAME);
    w.u16(Class.IN);
    w.u32(words[rrset + RecordSet.TTL]!);
    const lengthAt = w.at;
    w.at += 2;
    w.copy(this.#nameBytes, this.#nameLabels[0]!, prefix);
    w.name(target);
    w.out[lengthAt] = (w.at - lengthAt - 2) >>> 8;
    w.out[lengthAt + 1] = w.at - lengthAt - 2;
    w.counts[Section.ANSWER]!++;
    this.#ownerAt = pointerOf(w.out, lengthAt + 2);
    // A question for a CNAME ends at the first one, made or not.
    if (this.#query.type === Type.CNAME || this.#query.type === Type.ANY) return Next.END;
    this.#make(prefix, keep, targetAt, targetLength, s);
    return Next.FOLLOW;
  }

  /** True if the record set is in the answer already. */
  #followed(rrset: number): boolean {
    for (let i = 0; i < this.#hops; i++) if (this.#visited[i] === rrset && this.#visitedIn[i] === this.#in) return true;
    return false;
  }

  /** Octets of the first `labels` labels of the name. */
  #prefixLength(labels: number): number {
    let length = 0;
    for (let i = 0; i < labels; i++) length += this.#nameBytes[this.#nameLabels[i]!]! + 1;
    return length;
  }

  /** Puts the name's first labels before the target, and makes that the one to resolve. */
  #make(prefix: number, keep: number, targetAt: number, targetLength: number, s: ZoneTables): void {
    const made = this.#made;
    const start = this.#nameLabels[0]!;
    for (let i = 0; i < prefix; i++) made[i] = this.#nameBytes[start + i]!;
    for (let i = 0; i < targetLength; i++) made[prefix + i] = s.bytes[targetAt + i]!;
    let labels = 0;
    let at = 0;
    for (; made[at] !== 0; at += made[at]! + 1) this.#madeLabels[labels++] = at;
    this.#nameBytes = made;
    this.#nameLabels = this.#madeLabels;
    this.#nameLabelCount = labels;
    this.#locate(labels, at);
  }

  /** Looks up the name in `#made`, in whichever tables. */
  #locate(labels: number, end: number): void {
    const found = this.#found;
    find(this.#snapshot, this.#made, this.#madeLabels, labels, end, found);
    this.#node = found.node;
    this.#exact = found.exact;
    this.#nameKey = found.nameBelow === 0 ? found.name : found.hashes[0]!;
    if (found.node === NONE || found.tables === this.#in) return;
    this.#in = found.tables;
    this.#tables = this.#snapshot.tables[found.tables]!;
    this.#writer.know(this.#tables, NONE, 0);
  }

  /** RFC 1034 4.3.2 step 3b: the delegation's name servers, and their addresses as far as they fit. */
  #refer(s: ZoneTables, cut: number): number {
    const w = this.#writer;
    this.#counters[COUNTER.referrals]!++;
    const rrset = findRRset(s, cut, Type.NS);
    if (!w.rrset(Section.AUTHORITY, rrset, 0, s.words[cut + Node.NAME]!, NONE)) {
      this.#tc = true;
      return Next.END;
    }
    this.#additional(s, rrset, cut, cut);
    return Next.END;
  }

  /**
   * Addresses of the hosts that a record set names, from its own zone, and of an alias of SVCB or HTTPS the target's own
   * set (RFC 9460 4.1). Steered addresses never: they belong in the answer alone (RFC 9460 4.4, RFC 7871). Glue that a
   * resolver cannot do without and that does not fit sets TC (RFC 9471).
   * @param at the node that has the set
   */
  #additional(s: ZoneTables, rrset: number, at: number, cut: number): void {
    const { words } = s;
    const zone = words[at + Node.ZONE];
    const first = rrset + RecordSet.NAMES;
    const end = first + words[rrset + RecordSet.EXTRAS]!;
    for (let i = first; i < end; i++) {
      const extra = words[i]!;
      if (extra === OWNER) {
        this.#extraSet(s, at, this.#ownerAt, NONE, Type.A);
        this.#extraSet(s, at, this.#ownerAt, NONE, Type.AAAA);
        continue;
      }
      const name = extra & ~ALIAS;
      const own = words[name + Name.NODE]!;
      const node = own === NONE ? wildcardFor(s, name) : own;
      if (node === NONE || words[node + Node.ZONE] !== zone) continue;
      const needed = cut !== NONE && words[node + Node.COVER] === cut;
      if (extra < 0) {
        this.#extraSet(s, node, 0, name, words[rrset + RecordSet.TYPE]! & 0xffff);
        continue;
      }
      if (!this.#extraSet(s, node, 0, name, Type.A) && needed) this.#tc = true;
      if (!this.#extraSet(s, node, 0, name, Type.AAAA) && needed) this.#tc = true;
    }
  }

  /** Adds a set of a node, whose owner is at `pointer` or else is `name`. False when it does not fit. */
  #extraSet(s: ZoneTables, node: number, pointer: number, name: number, type: number): boolean {
    const rrset = findRRset(s, node, type);
    if (rrset === NONE) return true;
    return this.#writer.rrset(Section.ADDITIONAL, rrset, pointer, name, NONE);
  }

  // ---------------------------------------------------------------- header, OPT, TSIG

  #writeHeader(q: Query, message: Uint8Array, out: Uint8Array): void {
    const { counts } = this.#writer;
    out[0] = message[0]!;
    out[1] = message[1]!;
    out[2] = 0x80 | (q.opcode << 3) | (this.#aa ? 4 : 0) | (this.#tc ? 2 : 0) | (q.rd ? 1 : 0);
    // RA, Z, AD and CD are 0 whatever the query has (RFC 4035 3.1.6).
    out[3] = this.#rcode & 15;
    out[4] = 0;
    out[5] = q.nameLength === 0 ? 0 : 1;
    for (let i = 0; i < 3; i++) {
      out[6 + i * 2] = counts[i]! >>> 8;
      out[7 + i * 2] = counts[i]!;
    }
  }

  #optLength(q: Query): number {
    if (!q.edns) return 0;
    let length = 11;
    if (q.ecs !== Ecs.ABSENT) length += 4 + q.ecsLength;
    if (q.nsid && this.#options.nsid.length > 0) length += 4 + this.#options.nsid.length;
    return length;
  }

  #writeOpt(q: Query): void {
    const w = this.#writer;
    const { out } = w;
    const start = w.at;
    out[w.at++] = 0;
    w.u16(Type.OPT);
    w.u16(this.#options.udpPayloadSize);
    out[w.at++] = this.#rcode >>> 4;
    out[w.at++] = 0;
    w.u16(q.dnssecOk ? 0x8000 : 0);
    w.u16(0);
    if (q.ecs !== Ecs.ABSENT) {
      w.u16(8);
      w.u16(q.ecsLength);
      const at = w.at;
      w.copy(this.#ecs, 0, q.ecsLength);
      out[at + 3] = this.#scope;
    }
    const { nsid } = this.#options;
    if (q.nsid && nsid.length > 0) {
      w.u16(3);
      w.u16(nsid.length);
      w.copy(nsid, 0, nsid.length);
    }
    const length = w.at - start - 11;
    out[start + 9] = length >>> 8;
    out[start + 10] = length;
    w.counts[Section.ADDITIONAL]!++;
  }

  /** The client's TSIG without a MAC and with BADKEY (RFC 8945 5.2.1): there is no key to sign with. */
  #writeTsig(q: Query, message: Uint8Array): void {
    const w = this.#writer;
    const { algorithmEnd, at: rdata } = tsigParts(message, q);
    // A compressed owner would point into the query, so the root stands in for it.
    const plain =
      message[q.tsigAt]! < 0xc0 && isPlain(message, q.tsigAt, q.tsigNameEnd) && isPlain(message, rdata, algorithmEnd);
    if (!plain) return;
    w.copy(message, q.tsigAt, q.tsigNameEnd - q.tsigAt);
    w.u16(Type.TSIG);
    w.u16(Class.ANY);
    w.u32(0);
    w.u16(algorithmEnd - rdata + 16);
    w.copy(message, rdata, algorithmEnd - rdata);
    w.copy(message, algorithmEnd, 8);
    w.u16(0);
    w.u16(q.id);
    w.u16(17);
    w.u16(0);
    w.counts[Section.ADDITIONAL]!++;
  }
}

function tsigLength(message: Uint8Array, q: Query): number {
  const { algorithmEnd, at } = tsigParts(message, q);
  return q.tsigNameEnd - q.tsigAt + 10 + (algorithmEnd - at) + 16;
}

/** Where TSIG's data and the end of its algorithm's name are. Rare enough to make an object for. */
function tsigParts(message: Uint8Array, q: Query): { at: number; algorithmEnd: number } {
  const at = q.tsigNameEnd + 10;
  let end = at;
  while (message[end]! > 0 && message[end]! < 0xc0) end += message[end]! + 1;
  return { at, algorithmEnd: end + (message[end] === 0 ? 1 : 2) };
}

/** True if a name has no pointer in it. */
function isPlain(message: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += message[at]! + 1) if (message[at]! > 63) return false;
  return true;
}

/** The wildcard node that makes a name that does not exist, or NONE. */
function wildcardFor({ words }: ZoneTables, name: number): number {
  let rest = name;
  while (rest !== 0 && words[rest + Name.NODE] === NONE) rest = words[rest + Name.PARENT]!;
  const closest = words[rest + Name.NODE]!;
  return closest === NONE || words[closest + Node.COVER] !== NONE ? NONE : words[closest + Node.WILDCARD]!;
}

function metaTypeRcode(type: number): number {
  if (type === Type.AXFR || type === Type.IXFR) return Rcode.REFUSED;
  return type === Type.TSIG || type === Type.TKEY ? Rcode.FORMERR : Rcode.NOTIMP;
}

function findRRset({ words }: ZoneTables, node: number, type: number): number {
  const end = node + Node.SETS + (words[node + Node.FLAGS]! >>> 8) * 2;
  for (let i = node + Node.SETS; i < end; i += 2) if (words[i] === type) return words[i + 1]!;
  return NONE;
}

/** The first name in the data of a record set that has one. */
function firstName({ words, bytes }: ZoneTables, rrset: number): number {
  let at = (rrset + RecordSet.NAMES + words[rrset + RecordSet.EXTRAS]!) * 4;
  at += 2 + ((bytes[at]! << 8) | bytes[at + 1]!);
  const name = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  return name & 0x7fffffff;
}
