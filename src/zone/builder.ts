import type { Problem } from '../lib/problem.ts';
import { Type } from '../wire/codes.ts';
import { nameKey, nameToText, type WireName } from '../wire/name.ts';
import { hashName } from '../wire/name-hash.ts';
import { rdataCanonical, typeToText } from '../wire/rdata/mod.ts';
import { END, giveBack, takeColumns, type ZoneColumns } from './columns.ts';
import type { Place, ZoneData } from './zone.ts';

/** Sets larger than this find duplicates by hash. */
const FEW = 8;

/** Types of which a name has one record at most. */
const SINGLETONS = new Set<number>([Type.CNAME, Type.DNAME, Type.SOA]);

/** Types whose data is a name and nothing else: letters' case makes no difference (RFC 4034 6.2). */
const NAME_ALONE = new Set<number>([Type.NS, Type.CNAME, Type.PTR, Type.DNAME]);

/** Types that have no names in their data: equal records have equal octets. */
const NO_NAMES = new Set<number>([Type.A, Type.AAAA, Type.TXT]);

/** Collects records into a zone. */
export class ZoneBuilder {
  readonly #origin: WireName;
  readonly #field: string;
  readonly #problems: Problem[];
  #columns: ZoneColumns = takeColumns();
  readonly #files: string[] = [];
  readonly #fileNumbers = new Map<string, number>();
  /** Canonical data of large sets. */
  readonly #seen = new Map<number, Set<string>>();

  /** @param field path of the list that records are from, such as `spec.records`; '' for master files */
  constructor(origin: WireName, problems: Problem[], field = '') {
    this.#origin = origin;
    this.#problems = problems;
    this.#field = field;
  }

  /** Makes room for about so many records, before there are any. */
  reserve(records: number): void {
    this.#columns.reserve(records);
  }

  /** The number of a master file. */
  fileNumber(path: string): number {
    let number = this.#fileNumbers.get(path);
    if (number === undefined) this.#fileNumbers.set(path, (number = this.#files.push(path) - 1));
    return number;
  }

  /**
   * Adds one record; duplicates are dropped, and a set has the lowest TTL of its records (RFC 2181 5).
   * @param line of its file, or its index in the list that it is from
   */
  add(owner: WireName, type: number, ttl: number, rdata: Uint8Array, line: number, file = 0): void {
    const hash = hashName(owner, 0, owner.length);
    this.addAt(owner, 0, owner.length, hash, type, ttl, rdata, 0, rdata.length, line, file);
  }

  /** The same, of octets that lie within others. @param hash `hashName` of the owner */
  addAt(
    owner: Uint8Array,
    ownerStart: number,
    ownerEnd: number,
    hash: number,
    type: number,
    ttl: number,
    rdata: Uint8Array,
    start: number,
    end: number,
    line: number,
    file: number,
  ): void {
    const columns = this.#columns;
    const name = columns.nameOf(owner, ownerStart, ownerEnd, hash);
    let set = columns.setOf(name, type);
    if (set === END) {
      set = columns.addSet(name, type, ttl, line, file);
      columns.addData(set, rdata, start, end);
      return;
    }
    if (this.#isDuplicate(set, type, rdata, start, end)) return;
    const place = { owner: owner.subarray(ownerStart, ownerEnd), type, line, file };
    if (SINGLETONS.has(type)) {
      const first = this.#textOf({ ...place, line: columns.line(set), file: columns.file(set) });
      const message = `a second ${typeToText(type)} for one name`;
      this.#problem('error', place, message, `keep one; the first is at ${first}`);
      return;
    }
    const known = columns.ttl(set);
    // Signatures have the TTL of what they sign, each its own (RFC 4034 3).
    if (known !== ttl && type !== Type.RRSIG) {
      const message = `its TTL ${ttl} differs from the ${known} of the records before it`;
      const remedy = `a record set has one TTL (RFC 2181 5.2): ${Math.min(ttl, known)} is used for all`;
      this.#problem('warning', place, message, remedy);
    }
    columns.setTtl(set, Math.min(ttl, known));
    columns.addData(set, rdata, start, end);
  }

  #isDuplicate(set: number, type: number, rdata: Uint8Array, start: number, end: number): boolean {
    const columns = this.#columns;
    if (columns.size(set) < FEW) {
      if (NO_NAMES.has(type)) return columns.hasData(set, rdata, start, end);
      const wanted = canonicalText(type, rdata.subarray(start, end));
      for (const data of columns.datas(set)) if (canonicalText(type, data) === wanted) return true;
      return false;
    }
    let seen = this.#seen.get(set);
    if (seen === undefined) {
      seen = new Set([...columns.datas(set)].map((data) => canonicalText(type, data)));
      this.#seen.set(set, seen);
    }
    const canonical = canonicalText(type, rdata.subarray(start, end));
    if (seen.has(canonical)) return true;
    seen.add(canonical);
    return false;
  }

  #problem(severity: Problem['severity'], place: RecordPlace, message: string, remedy: string): void {
    const { owner, type, line, file } = place;
    const at = `${nameToText(owner)} ${typeToText(type)}`;
    const where = this.#field === '' ? { field: at, file: this.#files[file], line } : { field: this.#fieldOf(line) };
    this.#problems.push({ severity, ...(where as Place), message, remedy });
  }

  #textOf({ line, file }: RecordPlace): string {
    return this.#field === '' ? `${this.#files[file]}:${line}` : this.#fieldOf(line);
  }

  #fieldOf(index: number): string {
    return index < 0 ? this.#field : `${this.#field}[${index}]`;
  }

  /** The first data that was added of a type; undefined when there is none. */
  firstData(owner: WireName, type: number): Uint8Array | undefined {
    const name = this.#columns.nameOf(owner, 0, owner.length, hashName(owner, 0, owner.length));
    const set = this.#columns.setOf(name, type);
    return set === END ? undefined : [...this.#columns.datas(set)][0];
  }

  /** The zone of all that was added; nothing can be added any more. */
  finish(): ZoneData {
    const zone = this.#columns.pack(this.#origin, { files: this.#files, field: this.#field });
    giveBack(this.#columns);
    return zone;
  }
}

interface RecordPlace {
  readonly owner: WireName;
  readonly type: number;
  readonly line: number;
  readonly file: number;
}

function canonicalText(type: number, rdata: Uint8Array): string {
  const text = Buffer.from(rdata.buffer, rdata.byteOffset, rdata.length).toString('latin1');
  if (NAME_ALONE.has(type)) return nameKey(rdata);
  return NO_NAMES.has(type) ? text : Buffer.from(rdataCanonical(type, rdata)).toString('latin1');
}
