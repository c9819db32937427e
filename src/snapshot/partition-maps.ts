import type { PrefixTable } from '../geo/lookup.ts';
import { buildPrefixTable } from '../geo/mod.ts';
import type { LocalityMap, Ranges } from '../geo/ranges.ts';
import type { LocalityClasses } from '../steering/plan/locality-classes.ts';
import { markPrivate } from './private.ts';

/** A class that no map has: values of prefix tables have 24 bits. */
export const PRIVATE_CLASS = 0xffffff;

/** Maps of their own for so many ways to divide clients, the most used first. */
const MOST_MAPS = 32;

/** And for so many octets: a map of the whole world takes some twenty megabytes. */
const MOST_MAP_OCTETS = 256 * 1024 * 1024;

/** Maps that nothing uses any more are kept up to so many: what a site's going has changed, its coming back undoes. */
const MOST_SPARE_MAPS = 1;

/** A way to divide classes of localities; exports that divide them alike share a map, whatever their plans are. */
export interface Partition {
  /** Per class of the world: the part that it is in; parts are numbered by first appearance. */
  readonly partOf: Uint32Array;
  readonly parts: number;
}

interface BuiltMap {
  readonly partition: Partition;
  readonly map: PrefixTable;
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
  #partitions: readonly Partition[] = [];
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

  /** @param planOf per class of the world, which plan it has */
  partitionOf(planOf: Uint32Array): Partition {
    const numbers = new Map<number, number>();
    const partOf = planOf.map((plan) => {
      let part = numbers.get(plan);
      if (part === undefined) numbers.set(plan, (part = numbers.size));
      return part;
    });
    const parts = numbers.size;
    const known = this.#partitions.find((each) => each.parts === parts && equal(each.partOf, partOf));
    if (known !== undefined) return known;
    const partition = { partOf, parts };
    this.#partitions = [...this.#partitions, partition];
    return partition;
  }

  /** Number of a partition's own map; undefined while there is none. */
  numberOf(partition: Partition): number | undefined {
    const index = this.#built.findIndex((built) => built?.partition === partition);
    return index < 0 ? undefined : index + 1;
  }

  /**
   * Builds the map that is wanted most, and lets go of those that nothing uses any more.
   * @param users how many use each partition; those that nothing uses in the order in which they were left
   * @returns the partition that has a map now, if any; and whether maps have changed
   */
  refine(users: ReadonlyMap<Partition, number>): { readonly built: Partition | undefined; readonly changed: boolean } {
    this.#partitions = [...users.keys()];
    const [next] = [...users]
      .filter(([each, count]) => count > 0 && each.parts < this.#classes.representatives.length)
      .filter(([each]) => this.numberOf(each) === undefined)
      .sort(([, a], [, b]) => b - a);
    let changed = this.#release(users, MOST_SPARE_MAPS);
    if (next === undefined) return { built: undefined, changed };
    if (!this.#hasRoom) changed = this.#release(users, 0) || changed;
    if (!this.#hasRoom) return { built: undefined, changed };
    const [partition] = next;
    let ranges = this.#ranges.deref();
    if (ranges === undefined) this.#ranges = new WeakRef((ranges = rangesOf(this.#geo)));
    const map = buildPrefixTable(ranges, withPrivate(this.#classes.of.map((c) => partition.partOf[c]!)));
    const free = this.#built.indexOf(undefined);
    this.#built[free < 0 ? this.#built.length : free] = { partition, map };
    return { built: partition, changed: true };
  }

  /** Whether one more may be built: it is at most as large as everybody's. */
  get #hasRoom(): boolean {
    const maps = this.#built.filter((built) => built !== undefined).map(({ map }) => map);
    const octets = maps.reduce((sum, map) => sum + octetsOf(map), octetsOf(this.#finest));
    return maps.length < MOST_MAPS && octets <= MOST_MAP_OCTETS;
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

function equal(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}
