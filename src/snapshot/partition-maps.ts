import type { PrefixTable } from '../geo/lookup.ts';
import { buildPrefixTable, prefixTableSteps } from '../geo/mod.ts';
import type { LocalityMap, Ranges } from '../geo/ranges.ts';
import type { LocalityClasses } from '../steering/plan/locality-classes.ts';
import type { PlanNumbers } from '../steering/plan/shape.ts';
import { markPrivate } from '../geo/special-purpose.ts';

/** A class that no map has: values of prefix tables have 24 bits. */
export const PRIVATE_CLASS = 0xffffff;

/** Maps of their own for so many ways to divide clients, the most used first. */
const MAX_MAPS = 32;

/** And for so many octets: a map of the whole world takes some twenty megabytes. */
const MAX_MAP_OCTETS = 256 * 1024 * 1024;

/** A partition gets a map of its own only if at least this share of all exports uses it: a map takes megabytes. */
const MIN_SHARE = 1 / 256;

/** Maps that nothing uses any more are kept up to so many: what a site's going has changed, its coming back undoes. */
const MAX_SPARE_MAPS = 1;

/** A way to divide classes of localities; exports that divide them alike share a map, whatever their plans are. */
export interface Partition {
  /** Per class of the world: the part that it is in; parts are numbered by first appearance. */
  readonly partOf: PlanNumbers;
  readonly parts: number;
  /** Of `partOf`. */
  readonly hash: number;
}

interface BuiltMap {
  readonly partition: Partition;
  readonly map: PrefixTable;
}

/** A map that is being built, step by step. */
interface Building {
  readonly partition: Partition;
  readonly steps: Generator<void, PrefixTable | undefined, void>;
}

/** What a call of `refine` has done. */
export interface Refined {
  /** The partition that has a map of its own now, if any. */
  readonly built: Partition | undefined;
  /** Maps are others than before. */
  readonly changed: boolean;
  /** There was no time left: call again. */
  readonly unfinished: boolean;
}

/**
 * Maps of one world: everybody's, which tells all classes apart, and those of partitions, in which neighbours that are
 * answered alike are one, so that scopes are wider.
 */
export class PartitionMaps {
  readonly #geo: LocalityMap;
  readonly #classes: LocalityClasses;
  readonly #finest: PrefixTable;
  /** For maps that are built one after the other, not to be kept for the next time. */
  #ranges: WeakRef<Ranges>;
  /** By a hash of what they are. */
  #partitions = new Map<number, Partition[]>();
  /** Partitions whose maps would have the same prefixes as everybody's. */
  readonly #futile = new WeakSet<Partition>();
  #building: Building | undefined;
  /** Numbers of maps less one: they stay, since rows have them. */
  readonly #built: (BuiltMap | undefined)[] = [];

  /** Builds everybody's map. */
  constructor(geo: LocalityMap, classes: LocalityClasses) {
    this.#geo = geo;
    this.#classes = classes;
    const ranges = rangesOf(geo);
    this.#ranges = new WeakRef(ranges);
    this.#finest = buildPrefixTable(ranges, withPrivate(classes.of));
  }

  /** All maps by their numbers. */
  get all(): PrefixTable[] {
    return [this.#finest, ...this.#built.map((built) => built?.map ?? this.#finest)];
  }

  /** The partition that is like these parts: the same object for the same parts. */
  partitionOf(partOf: PlanNumbers, parts: number): Partition {
    const hash = hashOf(partOf);
    const known = this.#partitions.get(hash)?.find((each) => each.parts === parts && equal(each.partOf, partOf));
    if (known !== undefined) return known;
    const partition = { partOf, parts, hash };
    this.#remember(partition);
    return partition;
  }

  #remember(partition: Partition): void {
    const alike = this.#partitions.get(partition.hash);
    if (alike === undefined) this.#partitions.set(partition.hash, [partition]);
    else alike.push(partition);
  }

  /** Number of a partition's own map; undefined while there is none. */
  numberOf(partition: Partition): number | undefined {
    const index = this.#built.findIndex((built) => built?.partition === partition);
    return index < 0 ? undefined : index + 1;
  }

  /**
   * Builds the map that is wanted most, and lets go of those that nothing uses any more.
   * @param users how many use each partition; those that nothing uses in the order in which they were left
   * @param isOver asked between steps of a few milliseconds: when true, the rest is left to the next call
   */
  refine(users: ReadonlyMap<Partition, number>, isOver: () => boolean): Refined {
    // All others are forgotten.
    this.#partitions = new Map();
    for (const partition of users.keys()) this.#remember(partition);
    if (this.#building !== undefined && (users.get(this.#building.partition) ?? 0) === 0) this.#building = undefined;
    let changed = this.#release(users, MAX_SPARE_MAPS);
    for (;;) {
      const partition = this.#building?.partition ?? this.#mostWanted(users);
      if (partition === undefined) return { built: undefined, changed, unfinished: false };
      if (!this.#hasRoom) changed = this.#release(users, 0) || changed;
      if (!this.#hasRoom) return { built: undefined, changed, unfinished: false };
      const { steps } = (this.#building ??= this.#begin(partition));
      let step = steps.next();
      while (step.done !== true && !isOver()) step = steps.next();
      if (step.done !== true) return { built: undefined, changed, unfinished: true };
      this.#building = undefined;
      if (step.value !== undefined) {
        const free = this.#built.indexOf(undefined);
        this.#built[free < 0 ? this.#built.length : free] = { partition, map: step.value };
        return { built: partition, changed: true, unfinished: false };
      }
      this.#futile.add(partition);
      if (isOver()) return { built: undefined, changed, unfinished: true };
    }
  }

  /** The partition that most use, of those that are without a map and would gain by one. */
  #mostWanted(users: ReadonlyMap<Partition, number>): Partition | undefined {
    let wanted: Partition | undefined;
    let total = 0;
    for (const count of users.values()) total += count;
    let most = Math.max(0, Math.ceil(total * MIN_SHARE) - 1);
    for (const [partition, count] of users) {
      if (count <= most || partition.parts >= this.#classes.representatives.length) continue;
      if (this.#futile.has(partition) || this.numberOf(partition) !== undefined) continue;
      wanted = partition;
      most = count;
    }
    return wanted;
  }

  #begin(partition: Partition): Building {
    let ranges = this.#ranges.deref();
    if (ranges === undefined) this.#ranges = new WeakRef((ranges = rangesOf(this.#geo)));
    const { of } = this.#classes;
    const parts = new Uint32Array(of.length);
    for (let locality = 0; locality < of.length; locality++) parts[locality] = partition.partOf[of[locality]!]!;
    return { partition, steps: prefixTableSteps(ranges, withPrivate(parts), this.#finest) };
  }

  /** Whether one more may be built: it is at most as large as everybody's. */
  get #hasRoom(): boolean {
    const maps = this.#built.filter((built) => built !== undefined).map(({ map }) => map);
    const octets = maps.reduce((sum, map) => sum + octetsOf(map), octetsOf(this.#finest));
    return maps.length < MAX_MAPS && octets <= MAX_MAP_OCTETS;
  }

  /** @returns whether there were any to let go */
  #release(users: ReadonlyMap<Partition, number>, spare: number): boolean {
    const unused = [...users.keys()].filter((each) => users.get(each) === 0 && this.numberOf(each) !== undefined);
    const kept = new Set(unused.slice(Math.max(0, unused.length - spare)));
    let released = false;
    for (const [index, built] of this.#built.entries()) {
      if (built === undefined || kept.has(built.partition) || (users.get(built.partition) ?? 0) > 0) continue;
      this.#built[index] = undefined;
      released = true;
    }
    while (this.#built.length > 0 && this.#built.at(-1) === undefined) this.#built.pop();
    return released;
  }
}

/** A world's ranges, where private addresses that nobody has placed have a value of their own: one more than all. */
function rangesOf({ ranges, localities }: LocalityMap): Ranges {
  return markPrivate(ranges, localities.length);
}

/** Values for prefix tables: those given, and one more for unplaced private addresses. */
function withPrivate(classes: Uint32Array): Uint32Array {
  const out = new Uint32Array(classes.length + 1);
  out.set(classes);
  out[classes.length] = PRIVATE_CLASS;
  return out;
}

function octetsOf(map: PrefixTable): number {
  return Object.values(map).reduce((sum, { byteLength }) => sum + byteLength, 0);
}

function equal(a: PlanNumbers, b: PlanNumbers): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}

/** FNV-1a over whole elements. */
function hashOf(numbers: PlanNumbers): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < numbers.length; i++) hash = Math.imul(hash ^ numbers[i]!, 0x01000193);
  return hash;
}
