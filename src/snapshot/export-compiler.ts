import type { LocalityMap } from '../geo/ranges.ts';
import { Interned } from '../lib/interned.ts';
import { ObjectNumbers } from '../lib/object-numbers.ts';
import type { RegionTree } from '../model/regions.ts';
import type { ResolvedEndpoint, ResolvedExport, ResolvedPolicy, ResolvedSite } from '../model/resolved.ts';
import { classifyLocalities, type LocalityClasses } from '../steering/plan/locality-classes.ts';
import { placeOf } from '../steering/plan/nearness.ts';
import type { SteeringContext } from '../steering/plan/input.ts';
import { namedIsps, shapeOf, type Shape } from '../steering/plan/shape.ts';
import { liveWeight, NO_PLAN, PLAN_HEADER } from '../steering/table.ts';
import { nameFromText, nameKey } from '../wire/name.ts';
import { Growing } from './growing.ts';
import { LiveWriter } from './live-writer.ts';
import { PartitionMaps, PRIVATE_CLASS, type Partition, type Refined } from './partition-maps.ts';
import { NONE, Row, ROW_FAMILY, ROW_SIZE, type SteeringTables } from './snapshot.ts';
import type { SteeredHost } from './zone-compiler.ts';

/** Shapes that nothing uses are kept up to so many. */
const MAX_UNUSED = 256;

/** Garbage is left where it is until there is so much of it, in words. */
const MIN_GARBAGE = 1 << 20;

/** Localities as this compiler tells them apart, and the maps by which exports are steered. */
interface World {
  readonly geo: LocalityMap;
  /** ISPs that are told apart: carriers, and all that exports have named so far. */
  readonly named: ReadonlySet<string>;
  readonly classes: LocalityClasses;
  readonly maps: PartitionMaps;
}

/** The part of a policy that shapes are made from: one object for the same content. */
interface PolicyContent {
  readonly number: number;
}

/** A shape, and where it lies in the tables. */
interface PlacedShape {
  readonly key: string;
  /** Its number is in the key, so it must live as long as the shape. */
  readonly content: PolicyContent;
  readonly shape: Shape;
  /** Exports and families that are steered by it. */
  users: number;
  readonly partition: Partition;
  /** Place of each of its plans. */
  readonly places: Uint32Array;
  /** Where in `classes` the world's classes are; made when it is first needed. */
  finestAt: number | undefined;
  /** Where in `classes` the partition's parts, which are the shape's first plans, are. */
  partsAt: number | undefined;
}

/** An export as it lies in the tables. */
interface Entry {
  readonly number: number;
  exp: ResolvedExport;
  hosts: readonly SteeredHost[];
  row: number;
  firstEndpoint: number;
  /** For both families; undefined for one without endpoints. */
  shapes: Shapes;
}

type Shapes = readonly [PlacedShape | undefined, PlacedShape | undefined];
const NO_SHAPES: Shapes = [undefined, undefined];

export interface ExportInput {
  readonly exports: readonly ResolvedExport[];
  readonly sites: ReadonlyMap<string, ResolvedSite>;
  readonly regions: RegionTree;
  readonly geo: LocalityMap;
}

/**
 * Compiles exports, and of a change only those that it touches: what differs in weights alone is written to the live
 * table, what was planned for one export is used for all that differ from it in addresses and weights alone.
 */
export class ExportCompiler {
  #world: World | undefined;
  #entries: Entry[] = [];
  #exports: readonly ResolvedExport[] = [];
  #sites: ReadonlyMap<string, ResolvedSite> = new Map();
  #nextNumber = 0;
  /** Of exports that are gone; no snapshot has both the old and the new one. */
  #numbers: number[] = [];
  #rowOf = new Int32Array(64).fill(NONE);
  #shapes = new Map<string, PlacedShape>();
  /** The longest unused first. */
  #unused = new Set<PlacedShape>();
  #hosts: readonly SteeredHost[] = [];
  /** Of sites and matrices, in keys of shapes. */
  readonly #objectNumbers = new ObjectNumbers();
  readonly #contents = new Interned<PolicyContent>();
  readonly #contentOf = new WeakMap<ResolvedPolicy, PolicyContent>();
  #lastContent = 0;
  #context: SteeringContext | undefined;

  #rows = new Growing(Int32Array, 64 * ROW_SIZE);
  #classes = new Growing(Int32Array, 1024);
  #plans = new Growing(Int32Array, 1024);
  #addresses = new Growing(Uint8Array, 1024);
  #seeds = new Growing(Int32Array, 64);
  #live = new LiveWriter();
  /** Words of the tables when all of them was in use. */
  #sound = 0;

  /**
   * Follows a new configuration; `tables` and `hosts` give the result.
   * @returns whether they have changed; if not, the change is in the live table already, or there was none
   */
  update({ exports, sites, regions, geo }: ExportInput): boolean {
    const changedSites = this.#changedSites(sites);
    this.#context = { sites, regions };
    const again = this.#world?.geo !== geo;
    if (again) this.#world = undefined;
    if (exports === this.#exports && changedSites.size === 0 && !again) return false;
    const { entries, dropped, added } = this.#match(exports);
    this.#exports = exports;
    this.#entries = entries;
    const stale = [...added];
    let hostsChanged = added.length > 0 || dropped.length > 0;
    for (const [index, entry] of entries.entries()) {
      const exp = exports[index]!;
      if (entry.row === NONE || (!again && entry.exp === exp && !standsAt(exp, changedSites))) continue;
      if (!sameTexts(entry.exp.hosts, exp.hosts)) {
        entry.hosts = hostsOf(entry.number, exp);
        hostsChanged = true;
      }
      if (this.#settle(entry, exp, again)) stale.push(entry);
    }
    for (const entry of dropped) {
      this.#use(entry, NO_SHAPES);
      this.#numbers.push(entry.number);
      this.#rowOf[entry.number] = NONE;
    }
    if (hostsChanged) this.#hosts = entries.flatMap((entry) => entry.hosts);
    const newNames = new Set<string>();
    for (const isp of this.#named(stale)) if (this.#world?.named.has(isp) !== true) newNames.add(isp);
    if (entries.length > 0 && (newNames.size > 0 || this.#world === undefined)) {
      this.#see(geo, newNames);
      this.#rebuild();
      return true;
    }
    if (stale.length === 0 && !hostsChanged) return this.#live.grown();
    for (const entry of stale) this.#place(entry);
    this.#forget();
    if (this.#size() > 2 * this.#sound + MIN_GARBAGE) this.#rebuild();
    return true;
  }

  /** Entries in the order of exports: those there were, and new ones. Cheap when only some exports were replaced. */
  #match(exports: readonly ResolvedExport[]): { entries: Entry[]; dropped: readonly Entry[]; added: Entry[] } {
    const before = this.#exports;
    const same = (a: ResolvedExport, b: ResolvedExport): boolean =>
      a === b || (a.name === b.name && a.tenant === b.tenant);
    if (before.length === exports.length && exports.every((exp, index) => same(exp, before[index]!)))
      return { entries: this.#entries, dropped: [], added: [] };
    const left = new Map(this.#entries.map((entry) => [keyOf(entry.exp), entry]));
    const added: Entry[] = [];
    const entries = exports.map((exp) => {
      const key = keyOf(exp);
      const known = left.get(key);
      left.delete(key);
      if (known !== undefined) return known;
      const number = this.#numbers.pop() ?? this.#nextNumber++;
      const entry = { number, exp, hosts: hostsOf(number, exp), row: NONE, firstEndpoint: NONE, shapes: NO_SHAPES };
      added.push(entry);
      return entry;
    });
    return { entries, dropped: [...left.values()], added };
  }

  /** Hosts of all exports; the same array until one changes. */
  get hosts(): readonly SteeredHost[] {
    return this.#hosts;
  }

  #changedSites(sites: ReadonlyMap<string, ResolvedSite>): Set<string> {
    const before = this.#sites;
    this.#sites = sites;
    if (before === sites) return new Set();
    return new Set([...sites].filter(([name, site]) => before.get(name) !== site).map(([name]) => name));
  }

  /** Takes over what needs no new row. @returns whether one is needed as well */
  #settle(entry: Entry, exp: ResolvedExport, again: boolean): boolean {
    const before = entry.exp;
    entry.exp = exp;
    const alike = sameEndpoints(before, exp);
    if (!alike) entry.firstEndpoint = NONE;
    else if (before.endpoints !== exp.endpoints) this.#live.set(entry.row, exp.endpoints.map(liveWeight));
    if (again || !alike || !samePolicy(before.policy, exp.policy)) return true;
    const [key4, key6] = this.#shapeKeysOf(exp);
    return key4 !== (entry.shapes[0]?.key ?? '') || key6 !== (entry.shapes[1]?.key ?? '');
  }

  /** The ISPs that make a difference to some exports. */
  #named(entries: readonly Entry[]): Set<string> {
    const named = new Set<string>();
    const policies = new Set<ResolvedPolicy>();
    const places = new Set<ResolvedSite>();
    for (const { exp } of entries) {
      policies.add(exp.policy);
      for (const endpoint of exp.endpoints) places.add(placeOf(endpoint, this.#context!));
    }
    for (const place of places) for (const isp of place.isps) named.add(isp);
    for (const policy of policies) for (const isp of namedIsps(policy)) named.add(isp);
    return named;
  }

  /** Divides the world anew, by more ISPs than before. Nothing that was planned holds afterwards. */
  #see(geo: LocalityMap, newNames: ReadonlySet<string>): void {
    const named = new Set(this.#world?.named ?? carriersOf(geo));
    if (this.#world === undefined) {
      // What is forgotten together with the world is what nobody names any more.
      for (const isp of this.#named(this.#entries)) named.add(isp);
    }
    for (const isp of newNames) named.add(isp);
    const classes = classifyLocalities(geo.localities, named);
    this.#world = { geo, named, classes, maps: new PartitionMaps(geo, classes) };
    this.#shapes = new Map();
    this.#unused = new Set();
  }

  /** Lays everything out anew, without what is no longer used. */
  #rebuild(): void {
    const count = this.#entries.length;
    this.#rows = new Growing(Int32Array, Math.max(64, 2 * count) * ROW_SIZE);
    this.#classes = new Growing(Int32Array, 1024);
    this.#plans = new Growing(Int32Array, 1024);
    const endpoints = this.#entries.reduce((sum, { exp }) => sum + exp.endpoints.length, 0);
    this.#addresses = new Growing(Uint8Array, Math.ceil(endpoints * 1.25 + 16) * 16);
    this.#seeds = new Growing(Int32Array, Math.ceil(endpoints * 1.25 + 16));
    this.#live = new LiveWriter(Math.max(64, 2 * count), Math.ceil(endpoints * 1.5 + 64));
    const planned = this.#shapes;
    this.#shapes = new Map();
    this.#unused = new Set();
    for (const entry of this.#entries) {
      entry.firstEndpoint = NONE;
      entry.shapes = NO_SHAPES;
      this.#place(entry, planned);
    }
    this.#sound = this.#size();
  }

  #size(): number {
    return this.#rows.length + this.#classes.length + this.#plans.length + this.#addresses.length / 4 + this.#live.size;
  }

  /** Makes an entry one that is steered by shapes; none for one that is no more. */
  #use(entry: Entry, shapes: Shapes): void {
    for (const shape of shapes) {
      if (shape === undefined) continue;
      shape.users++;
      this.#unused.delete(shape);
    }
    for (const shape of entry.shapes) {
      if (shape === undefined || --shape.users > 0) continue;
      this.#unused.add(shape);
    }
    entry.shapes = shapes;
  }

  /** Forgets the oldest shapes that nothing uses: most others come back with an endpoint. */
  #forget(): void {
    for (const shape of this.#unused) {
      if (this.#unused.size <= MAX_UNUSED) return;
      this.#unused.delete(shape);
      this.#shapes.delete(shape.key);
    }
  }

  /** Writes a row for an export as it is now, and all that the row leads to. */
  #place(entry: Entry, planned?: ReadonlyMap<string, PlacedShape>): void {
    const { exp } = entry;
    if (entry.firstEndpoint === NONE) {
      entry.firstEndpoint = this.#seeds.push(
        exp.endpoints.map(({ address }) => seedOf(`${exp.tenant}/${exp.name}/${address}`)),
      );
      const at = this.#addresses.take(exp.endpoints.length * 16);
      for (const [index, { bytes }] of exp.endpoints.entries()) this.#addresses.array.set(bytes, at + index * 16);
    }
    const [key4, key6] = this.#shapeKeysOf(exp);
    this.#use(entry, [this.#shapeOf(exp, 4, key4, planned), this.#shapeOf(exp, 6, key6, planned)]);
    this.#writeRow(entry);
  }

  #shapeOf(
    exp: ResolvedExport,
    family: 4 | 6,
    key: string,
    planned: ReadonlyMap<string, PlacedShape> | undefined,
  ): PlacedShape | undefined {
    if (key === '') return undefined;
    let placed = this.#shapes.get(key);
    if (placed === undefined) {
      const { representatives } = this.#world!.classes;
      const shape = planned?.get(key)?.shape ?? shapeOf(exp, family, representatives, this.#context!);
      this.#shapes.set(key, (placed = this.#placeShape(key, this.#contentOf.get(exp.policy)!, shape)));
    }
    return placed;
  }

  #writeRow(entry: Entry): void {
    const at = this.#rows.take(ROW_SIZE);
    const row = at / ROW_SIZE;
    const { array } = this.#rows;
    const { policy, endpoints } = entry.exp;
    array[at + Row.TTL] = policy.ttl;
    array[at + Row.MAX_ANSWERS] = policy.maxAnswers;
    array[at + Row.SPREAD4] = policy.spread.ipv4;
    array[at + Row.SPREAD6] = policy.spread.ipv6;
    array[at + Row.FIRST_ENDPOINT] = entry.firstEndpoint;
    for (const [index, placed] of entry.shapes.entries()) {
      const to = at + index * ROW_FAMILY;
      if (placed === undefined) {
        array[to + Row.MAP] = NONE;
        continue;
      }
      const { map, classesAt } = this.#mapOf(placed);
      array[to + Row.MAP] = map;
      array[to + Row.CLASSES] = classesAt;
      // Class 0 has locality 0: nothing known.
      array[to + Row.UNKNOWN] = placed.places[placed.shape.planOf[0]!]!;
      array[to + Row.ONE_PLAN] = placed.shape.parts === 1 ? -1 : 0;
    }
    this.#live.add(row, endpoints.map(liveWeight));
    entry.row = row;
    if (entry.number >= this.#rowOf.length) {
      const wider = new Int32Array(Math.max(64, this.#rowOf.length * 2, entry.number + 1)).fill(NONE);
      wider.set(this.#rowOf);
      this.#rowOf = wider;
    }
    this.#rowOf[entry.number] = row;
  }

  /** The map by which a shape's clients are told apart now: its own if that was built, else everybody's. */
  #mapOf(placed: PlacedShape): { map: number; classesAt: number } {
    const { partition, shape, places } = placed;
    const map = this.#world!.maps.numberOf(partition);
    if (map === undefined) {
      if (placed.finestAt === undefined) {
        const { planOf } = shape;
        placed.finestAt = this.#classes.take(planOf.length);
        const { array } = this.#classes;
        for (let i = 0; i < planOf.length; i++) array[placed.finestAt + i] = places[planOf[i]!]!;
      }
      return { map: 0, classesAt: placed.finestAt };
    }
    placed.partsAt ??= this.#classes.push(places.subarray(0, partition.parts));
    return { map, classesAt: placed.partsAt };
  }

  #placeShape(key: string, content: PolicyContent, shape: Shape): PlacedShape {
    const places = new Uint32Array(shape.plans.length);
    const at = this.#plans.take(shape.plans.reduce((sum, { endpoints }) => sum + PLAN_HEADER + endpoints.length, 0));
    let place = at;
    for (const [index, { endpoints }] of shape.plans.entries()) {
      places[index] = place;
      place += PLAN_HEADER + endpoints.length;
    }
    const { array } = this.#plans;
    for (const [index, { endpoints, standIn }] of shape.plans.entries()) {
      array[places[index]!] = endpoints.length;
      array[places[index]! + 1] = standIn === undefined ? NO_PLAN : places[standIn]!;
      array.set(endpoints, places[index]! + PLAN_HEADER);
    }
    const partition = this.#world!.maps.partitionOf(shape.planOf, shape.parts);
    const kept = { ...shape, planOf: partition.partOf };
    return { key, content, shape: kept, users: 0, places, partition, finestAt: undefined, partsAt: undefined };
  }

  /**
   * Builds one map that makes scopes wider, for exports that use everybody's map still. Takes long, so it is done one
   * at a time, after what answers depend on. Those that nothing uses any more are let go.
   * @param isOver asked every few milliseconds: when true, the rest is left to the next call
   * @returns whether the tables have changed, and whether there was no time to finish; if neither, nothing is left to do
   */
  refine(isOver: () => boolean): Pick<Refined, 'changed' | 'unfinished'> {
    if (this.#world === undefined) return { changed: false, unfinished: false };
    const users = new Map<Partition, number>();
    for (const { partition } of this.#unused) {
      // Behind those that were left before.
      users.delete(partition);
      users.set(partition, 0);
    }
    for (const { partition, users: count } of this.#shapes.values())
      users.set(partition, (users.get(partition) ?? 0) + count);
    const { built, changed, unfinished } = this.#world.maps.refine(users, isOver);
    if (built !== undefined)
      for (const entry of this.#entries)
        if (entry.shapes.some((placed) => placed?.partition === built)) this.#writeRow(entry);
    return { changed, unfinished };
  }

  get tables(): SteeringTables {
    const rowOf = new Int32Array(new SharedArrayBuffer(this.#rowOf.byteLength));
    rowOf.set(this.#rowOf);
    // Who asks for them sees what has grown.
    this.#live.grown();
    return {
      rowOf,
      rows: this.#rows.array,
      classes: this.#classes.array,
      plans: this.#plans.array,
      addresses: this.#addresses.array,
      seeds: this.#seeds.array,
      live: this.#live.table,
      maps: this.#world?.maps.all ?? [],
      privateClass: PRIVATE_CLASS,
    };
  }

  /** What a shape is made from, as a text; equal texts have equal shapes as long as the world stays. */
  #shapeKeysOf({ endpoints, policy }: ResolvedExport): [string, string] {
    const { number } = this.#contentFor(policy);
    const keys: [string, string] = ['', ''];
    for (const family of [4, 6] as const) {
      let key = '';
      for (const [index, endpoint] of endpoints.entries()) {
        if (endpoint.family !== family) continue;
        key += ` ${index}:${this.#siteNumber(endpoint)}${STATES[(endpoint.up ? 2 : 0) + (endpoint.weight > 0 ? 1 : 0)]}`;
      }
      if (key !== '') keys[family === 4 ? 0 : 1] = `${family} ${number}${key}`;
    }
    return keys;
  }

  #contentFor(policy: ResolvedPolicy): PolicyContent {
    let content = this.#contentOf.get(policy);
    if (content === undefined) {
      const { objective, ispPenaltyMs, toleranceMs, failover } = policy;
      const rules = policy.rules.map(({ regions, isps, only, deny }) => [regions, isps, only ?? null, deny]);
      const matrix = policy.matrix.length === 0 ? 0 : this.#objectNumbers.of(policy.matrix);
      const key = JSON.stringify([objective, ispPenaltyMs, toleranceMs, failover, rules, matrix]);
      content = this.#contents.get(key, () => ({ number: ++this.#lastContent }));
      this.#contentOf.set(policy, content);
    }
    return content;
  }

  #siteNumber({ site, place }: ResolvedEndpoint): number {
    return this.#objectNumbers.of(place ?? this.#sites.get(site)!);
  }
}

/** Of an endpoint, in keys: down and drained, down, drained, up. */
const STATES = ['z', 'x', 'd', ''] as const;

function keyOf({ tenant, name }: ResolvedExport): string {
  return `${tenant}/${name}`;
}

function hostsOf(number: number, exp: ResolvedExport): SteeredHost[] {
  return exp.hosts.map((host) => {
    const name = nameFromText(host);
    if (!name.ok) throw new Error(`host ${host} of export ${exp.name}: ${name.error}`);
    return { name: name.value, key: nameKey(name.value), exp: number };
  });
}

function standsAt({ endpoints }: ResolvedExport, sites: ReadonlySet<string>): boolean {
  return sites.size > 0 && endpoints.some(({ site }) => sites.has(site));
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((text, index) => text === b[index]));
}

/** Whether endpoints are the same ones in the same order; weights and states may differ. */
function sameEndpoints(a: ResolvedExport, b: ResolvedExport): boolean {
  return (
    a.endpoints === b.endpoints ||
    (a.endpoints.length === b.endpoints.length &&
      a.endpoints.every(({ address, site }, index) => {
        const other = b.endpoints[index]!;
        return address === other.address && site === other.site;
      }))
  );
}

/** Whether rows would say the same of policies, besides what shapes are made from. */
function samePolicy(a: ResolvedPolicy, b: ResolvedPolicy): boolean {
  return (
    a === b ||
    (a.ttl === b.ttl &&
      a.maxAnswers === b.maxAnswers &&
      a.spread.ipv4 === b.spread.ipv4 &&
      a.spread.ipv6 === b.spread.ipv6)
  );
}

const carriers = new WeakMap<LocalityMap, ReadonlySet<string>>();

/** ISPs that geo data knows by a carrier's name. */
function carriersOf(geo: LocalityMap): ReadonlySet<string> {
  let known = carriers.get(geo);
  if (known === undefined) {
    known = new Set(geo.localities.map(({ isp }) => isp).filter((isp) => isp !== '' && !/^AS\d+$/u.test(isp)));
    carriers.set(geo, known);
  }
  return known;
}

/** FNV-1a over UTF-16 units. */
function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
