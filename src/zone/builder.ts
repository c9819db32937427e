import type { Problem } from '../lib/problem.ts';
import { Type } from '../wire/codes.ts';
import { nameKey, nameToText, type WireName } from '../wire/name.ts';
import { rdataCanonical, typeToText } from '../wire/rdata/mod.ts';
import type { RRset, ZoneData, ZoneNode } from './zone.ts';

/** Where something was written. */
export interface Place {
  readonly file?: string;
  readonly line?: number;
  readonly field?: string;
}

/** Where a record set was written: for messages. */
export interface Whereabouts {
  locate(owner: WireName, type: number): Place | undefined;
}

/** A record set that knows where its first record stands. */
interface PlacedRRset extends RRset {
  readonly file: string | undefined;
  readonly line: number;
  readonly field: string | undefined;
}

/** Sets larger than this find duplicates by hash. */
const FEW = 8;

/** Types of which a name has one record at most. */
const SINGLETONS = new Set<number>([Type.CNAME, Type.DNAME, Type.SOA]);

/** A node that makes its name from its key when it is asked for, unless letters' case would be lost: half the memory. */
class CollectedNode implements ZoneNode {
  readonly rrsets: RRset[] = [];
  readonly #key: string;
  readonly #name: WireName | undefined;

  constructor(key: string, name: WireName | undefined) {
    this.#key = key;
    this.#name = name;
  }

  get name(): WireName {
    return this.#name ?? Buffer.from(this.#key, 'latin1');
  }
}

/** Whether a name is in lower case, and so the same as its key. */
function isKeyOf(key: string, name: WireName): boolean {
  for (let i = 0; i < name.length; i++) if (key.charCodeAt(i) !== name[i]) return false;
  return true;
}

/** Where record data is kept: one allocation for many, since each costs more than most data. */
class DataPool {
  #chunk = new ArrayBuffer(0);
  #used = 0;

  keep(data: Uint8Array): Uint8Array {
    if (this.#used + data.length > this.#chunk.byteLength) {
      // Small zones have little data, and there may be many of them.
      const next = Math.min(Math.max(LEAST_CHUNK, this.#chunk.byteLength * 2), MOST_CHUNK);
      this.#chunk = new ArrayBuffer(Math.max(next, data.length));
      this.#used = 0;
    }
    const kept = new Uint8Array(this.#chunk, this.#used, data.length);
    kept.set(data);
    this.#used += data.length;
    return kept;
  }
}

const LEAST_CHUNK = 256;
const MOST_CHUNK = 65_536;

/** Collects records into a zone. */
export class ZoneBuilder implements Whereabouts {
  readonly zone: ZoneData;
  readonly #nodes = new Map<string, ZoneNode>();
  readonly #data = new DataPool();
  readonly #problems: Problem[];
  /** Canonical data of large sets. */
  readonly #seen = new Map<RRset, Set<string>>();

  /** @param isMasterFile see `ZoneData` */
  constructor(origin: WireName, problems: Problem[], isMasterFile = false) {
    this.zone = { origin, nodes: this.#nodes, isMasterFile };
    this.#problems = problems;
  }

  /** Adds one record; duplicates are dropped, and a set has the lowest TTL of its records (RFC 2181 5). */
  add(owner: WireName, type: number, ttl: number, rdata: Uint8Array, place: Place): void {
    const key = nameKey(owner);
    let node = this.#nodes.get(key);
    if (node === undefined) {
      node = new CollectedNode(key, isKeyOf(key, owner) ? undefined : owner);
      this.#nodes.set(key, node);
    }
    const set = node.rrsets.find((rrset) => rrset.type === type);
    if (set === undefined) {
      const placed: PlacedRRset = {
        type,
        ttl,
        rdatas: [this.#data.keep(rdata)],
        file: place.file,
        line: place.line ?? 0,
        field: place.field,
      };
      node.rrsets.push(placed);
      return;
    }
    if (this.#isDuplicate(set, rdata)) return;
    if (SINGLETONS.has(type)) {
      const message = `a second ${typeToText(type)} for one name`;
      this.#problem(
        'error',
        owner,
        type,
        place,
        message,
        `keep one; the first is at ${this.#text(set as PlacedRRset)}`,
      );
      return;
    }
    if (set.ttl !== ttl) {
      const message = `its TTL ${ttl} differs from the ${set.ttl} of the records before it`;
      const remedy = `a record set has one TTL (RFC 2181 5.2): ${Math.min(ttl, set.ttl)} is used for all`;
      this.#problem('warning', owner, type, place, message, remedy);
      set.ttl = Math.min(ttl, set.ttl);
    }
    set.rdatas.push(this.#data.keep(rdata));
  }

  #isDuplicate(set: RRset, rdata: Uint8Array): boolean {
    const { type, rdatas } = set;
    const text = (data: Uint8Array): string => Buffer.from(rdataCanonical(type, data)).toString('latin1');
    const canonical = text(rdata);
    if (rdatas.length < FEW) return rdatas.some((each) => text(each) === canonical);
    let seen = this.#seen.get(set);
    if (seen === undefined) {
      seen = new Set(rdatas.map(text));
      this.#seen.set(set, seen);
    }
    if (seen.has(canonical)) return true;
    seen.add(canonical);
    return false;
  }

  #problem(
    severity: Problem['severity'],
    owner: WireName,
    type: number,
    place: Place,
    message: string,
    remedy: string,
  ): void {
    this.#problems.push({ severity, field: `${nameToText(owner)} ${typeToText(type)}`, ...place, message, remedy });
  }

  #text({ file, line, field }: PlacedRRset): string {
    if (field !== undefined) return field;
    return file === undefined ? `line ${line}` : `${file}:${line}`;
  }

  locate(owner: WireName, type: number): Place | undefined {
    const set = this.#nodes.get(nameKey(owner))?.rrsets.find((rrset) => rrset.type === type) as PlacedRRset | undefined;
    if (set === undefined) return undefined;
    return {
      ...(set.file === undefined ? {} : { file: set.file }),
      ...(set.line === 0 ? {} : { line: set.line }),
      ...(set.field === undefined ? {} : { field: set.field }),
    };
  }
}
