import { shared } from '../lib/shared.ts';
import { labelCount, type WireName } from '../wire/name.ts';
import type { ZoneData } from '../zone/zone.ts';
import { hashEnd, hashName } from '../wire/name-hash.ts';
import { NONE, type ZoneDirectory, type ZoneTables } from './snapshot.ts';
import { ZoneTableBuilder } from './zone-tables.ts';

/** A host name that an export answers. */
export interface SteeredHost {
  readonly name: WireName;
  /** `nameKey` of it. */
  readonly key: string;
  /** Number of the export. */
  readonly exp: number;
}

/** Zones with so many names have tables of their own; smaller ones share, so that there are not too many arrays. */
const LARGE_ZONE = 8192;
/** About how many names tables have that zones share. */
const SHARED_NAMES = 4096;

/** Zones that lie within one another, by the topmost. */
interface Family {
  readonly key: string;
  readonly topmost: WireName;
  readonly zones: ZoneData[];
  names: number;
}

/** What tables were compiled from. */
interface Compiled {
  readonly zones: readonly ZoneData[];
  readonly hosts: readonly SteeredHost[];
  readonly tables: ZoneTables;
}

export interface CompiledZones {
  readonly tables: readonly ZoneTables[];
  readonly directory: ZoneDirectory;
}

/** Another thread that lays zones out meanwhile. */
export interface TableHelper {
  /** `take`: tables of a group; undefined: they are to be made here. To be asked for each, in their order. */
  build(groups: readonly (readonly ZoneData[])[]): { take(group: number): ZoneTables | undefined };
}

/** With fewer groups it is not worth while. */
const MANY_GROUPS = 8;

/** Compiles zones, and of a change only the tables that it touches. */
export class ZoneCompiler {
  #zones: readonly ZoneData[] = [];
  #hosts: readonly SteeredHost[] = [];
  #buckets = 0;
  #families: readonly Family[] = [];
  /** Zones by the tables that they are in. */
  #groups: ZoneData[][] = [];
  /** Per zone: index of its group. */
  #groupOf: readonly number[] = [];
  #compiled: Compiled[] = [];
  #result: CompiledZones | undefined;
  /** By the key of its topmost zone, which of the tables has it; '' for the root's. */
  #tablesOf = new Map<string, number>();

  /**
   * The tables; the same objects as before where nothing has changed.
   * @throws when a host is in none of the zones: a defect of who resolved it
   */
  compile(zones: readonly ZoneData[], hosts: readonly SteeredHost[], helper?: TableHelper): CompiledZones {
    if (this.#result !== undefined && same(zones, this.#zones) && same(hosts, this.#hosts)) return this.#result;
    // Most changes are to what is in zones, not to which zones there are.
    const regrouped = !this.#replace(zones);
    if (regrouped) this.#families = this.#group(groupFamilies(zones), zones);
    const groups = this.#groups;
    const hostsOf = groups.map((): SteeredHost[] => []);
    for (const host of hosts) {
      const index = this.#tablesFor(host.key);
      if (index === undefined) throw new Error(`host ${host.key} is in no zone`);
      hostsOf[index]!.push(host);
    }
    let unchanged = !regrouped;
    const helped =
      hosts.length === 0 && groups.length >= MANY_GROUPS && this.#result === undefined
        ? helper?.build(groups)
        : undefined;
    this.#compiled = groups.map((group, index) => {
      const before = this.#compiled[index];
      const own = hostsOf[index]!;
      if (before !== undefined && same(before.zones, group) && same(before.hosts, own)) return before;
      unchanged = false;
      const made = helped?.take(index);
      if (made !== undefined) return { zones: group, hosts: own, tables: made };
      const builder = new ZoneTableBuilder(group);
      for (const { name, key, exp } of own) if (!builder.steer(name, exp)) throw new Error(`host ${key} is in no zone`);
      return { zones: group, hosts: own, tables: builder.build() };
    });
    this.#zones = zones;
    this.#hosts = hosts;
    if (unchanged && this.#result !== undefined) return this.#result;
    const directory =
      regrouped || this.#result === undefined ? buildDirectory(this.#families, this.#tablesOf) : this.#result.directory;
    this.#result = { tables: this.#compiled.map(({ tables }) => tables), directory };
    return this.#result;
  }

  /** Puts changed zones where they were; false when there are others than before, or in another order. */
  #replace(zones: readonly ZoneData[]): boolean {
    const before = this.#zones;
    if (this.#result === undefined || zones.length !== before.length) return false;
    for (const [index, zone] of zones.entries())
      if (zone !== before[index] && zone.key !== before[index]!.key) return false;
    for (const [index, zone] of zones.entries()) {
      if (zone === before[index]) continue;
      const group = this.#groupOf[index]!;
      this.#groups[group] = this.#groups[group]!.map((each) => (each === before[index] ? zone : each));
    }
    return true;
  }

  /** Divides families into groups, one for each of the tables: shared ones first. */
  #group(families: readonly Family[], zones: readonly ZoneData[]): readonly Family[] {
    const large = families.filter(({ names }) => names >= LARGE_ZONE);
    const small = families.filter(({ names }) => names < LARGE_ZONE);
    const total = small.reduce((sum, { names }) => sum + names, 0);
    // Their number changes only when zones have become many more or fewer: every change of it compiles all anew.
    const wanted = total === 0 ? 0 : 2 ** Math.ceil(Math.log2(Math.max(1, total / SHARED_NAMES)));
    if (wanted > this.#buckets * 2 || wanted * 4 < this.#buckets || (this.#buckets === 0) !== (wanted === 0))
      this.#buckets = wanted;
    const groups: ZoneData[][] = Array.from({ length: this.#buckets }, () => []);
    const groupOf = new Map<ZoneData, number>();
    this.#tablesOf = new Map();
    for (const family of [...small, ...large]) {
      const index = family.names < LARGE_ZONE ? hashOf(family.topmost) & (this.#buckets - 1) : groups.push([]) - 1;
      groups[index]!.push(...family.zones);
      for (const zone of family.zones) groupOf.set(zone, index);
      this.#tablesOf.set(family.key, index);
    }
    this.#groups = groups;
    this.#groupOf = zones.map((zone) => groupOf.get(zone)!);
    return families;
  }

  #tablesFor(key: string): number | undefined {
    let index: number | undefined;
    for (let rest = key; ; rest = rest.slice(rest.charCodeAt(0) + 1)) {
      index = this.#tablesOf.get(rest) ?? index;
      if (rest.charCodeAt(0) === 0) return index;
    }
  }
}

function same<T>(a: readonly T[], b: readonly T[]): boolean {
  return a === b || (a.length === b.length && a.every((each, index) => each === b[index]));
}

function groupFamilies(zones: readonly ZoneData[]): Family[] {
  const labelCounts = zones.map(({ origin }) => labelCount(origin));
  const fewest = labelCounts.reduce((least, labels) => Math.min(least, labels), Infinity);
  // Often all are alike, and none is in another one.
  if (labelCounts.every((labels) => labels === fewest))
    return zones.map((zone) => ({ key: zone.key, topmost: zone.origin, zones: [zone], names: zone.nameCount }));
  const byKey = new Map(zones.map((zone) => [zone.key, zone]));
  const families = new Map<string, Family>();
  for (const [index, zone] of zones.entries()) {
    const own = zone.key;
    let topmost = own;
    let labels = labelCounts[index]!;
    // Above that no zone begins.
    for (let rest = own; labels > fewest; labels--) {
      rest = rest.slice(rest.charCodeAt(0) + 1);
      if (byKey.has(rest)) topmost = rest;
    }
    let family = families.get(topmost);
    if (family === undefined) {
      family = { key: topmost, topmost: byKey.get(topmost)!.origin, zones: [], names: 0 };
      families.set(topmost, family);
    }
    family.zones.push(zone);
    family.names += zone.nameCount;
  }
  return [...families.values()];
}

/** The hash of a name as `find` makes it. */
function hashOf(name: WireName): number {
  return hashEnd(hashName(name, 0, name.length));
}

function buildDirectory(families: readonly Family[], tablesOf: ReadonlyMap<string, number>): ZoneDirectory {
  let size = 16;
  while (size < families.length * 2) size *= 2;
  const slots = new Int32Array(size);
  const hashes = new Int32Array(size);
  let root = NONE;
  for (const { key, topmost } of families) {
    const index = tablesOf.get(key)!;
    if (topmost.length === 1) root = index;
    const hash = hashOf(topmost);
    let slot = hash & (size - 1);
    while (slots[slot] !== 0) slot = (slot + 1) & (size - 1);
    slots[slot] = index + 1;
    hashes[slot] = hash;
  }
  return { slots: shared(Int32Array, slots), hashes: shared(Int32Array, hashes), root };
}
