import type { PrefixTable } from '../geo/lookup.ts';
import type { LiveTable, Plans } from '../steering/table.ts';

/** No node, export, map or plan. */
export const NONE = -1;

/** In place of the number of an export: the export is invalid, and its addresses are not known. */
export const UNAVAILABLE = -2;

/** What a node is; one bit each. */
export const NodeFlag = {
  APEX: 1,
  /** Has an NS set below the apex: a delegation. */
  CUT: 2,
  /** Is below a delegation: glue, or occluded. */
  BELOW_CUT: 4,
  /** Has a DNAME: what is below it is renamed. */
  DNAME: 8,
  CNAME: 16,
} as const;

/**
 * Zones that are compiled together, since some lie within others or all are small. Names, nodes and record sets lie
 * in one stretch of memory, what belongs to a name close together: of a question that was not asked lately nothing is
 * in the processor's caches, and every other line of memory costs as much as a hundred steps.
 *
 * Numbers are signed 32-bit ones, since these are what engines are quick with: the whole is at most 2 GiB. A `place` is
 * an index into `words`; four times it is one into `bytes`, which is the same memory.
 */
export interface ZoneTables {
  /**
   * Open-addressed hash table of names, a power of two of pairs: the whole hash, and the name's place + 1, or 0 for
   * free. Linear probing.
   */
  readonly slots: Int32Array;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  /** Per zone `ZONE_SIZE` words: see `Zone`. */
  readonly zones: Int32Array;
}

/**
 * A name, each once, as a tree: it is there because something owns it, points to it, or is below it; so a compressed
 * name can be written by walking up and comparing places. Place 0 is the root.
 */
export const Name = {
  /** Place of the name without its first label; the root's is the root. */
  PARENT: 0,
  /** Place of its node in the deepest zone that has it, or NONE. */
  NODE: 1,
  /** From here on its uncompressed wire form, case as first written. */
  WIRE: 2,
} as const;

/** A name that exists in a zone, empty non-terminals included. */
export const Node = {
  NAME: 0,
  /** Index of the zone in `zones`, in words. */
  ZONE: 1,
  /** `NodeFlag`s in the low 8 bits; above them how many record sets there are. */
  FLAGS: 2,
  /** Place of the highest delegation or DNAME at or above the node in its zone, or NONE; below it, it decides. */
  COVER: 3,
  /** Place of the node of `*.` + this name, or NONE. */
  WILDCARD: 4,
  /** Number of the export that answers A and AAAA here, UNAVAILABLE, or NONE. */
  STEER: 5,
  /** For the apex of a zone whose parent zone is served too: the parent's node of that name (for DS), or NONE. */
  PARENT_SIDE: 6,
  /** From here on its record sets, two words each: type, and place. */
  SETS: 7,
} as const;

/** A record set. */
export const RecordSet = {
  /** Type; from bit 16 on how many records. */
  TYPE: 0,
  /** Seconds. */
  TTL: 1,
  /**
   * Octets of the records; with `NAMED` set if there are names in their data.
   *
   * Without names there are ready records: a two-octet pointer to the question, type, class, TTL, length, data. With
   * names each record is pieces of {u16 octets, those octets, u32 name}, where the last piece of a record has NONE and
   * a name that must not be compressed has bit 31 set.
   */
  LENGTH: 2,
  /**
   * How many names follow whose addresses belong into the additional section; behind them the records. Of SVCB and
   * HTTPS a name may be `OWNER`; with `ALIAS` set it is not addresses that are meant but the name's set of that type.
   */
  EXTRAS: 3,
  NAMES: 4,
} as const;
/** In place of a name: the owner of the set, which a wildcard may have made. The root has no addresses. */
export const OWNER = 0;
/** Of a name of an additional section, the sign. */
export const ALIAS = 1 << 31;
/** In `RecordSet.LENGTH`: the sign. */
export const NAMED = 1 << 31;
/** Of a name in a piece of record data, the sign: it must not be compressed. */
export const UNCOMPRESSED = 1 << 31;

/** A zone. */
export const Zone = {
  /** Place of its name. */
  NAME: 0,
  /** Place of the SOA's record set; NONE: the zone is unavailable. */
  SOA: 1,
  /** TTL of negative answers: min(SOA TTL, MINIMUM) (RFC 2308 5). */
  NEGATIVE_TTL: 2,
  /** Labels of its name. */
  LABELS: 3,
  /** Place of the SOA as negative answers have it: see `Negative`. */
  NEGATIVE: 4,
} as const;
export const ZONE_SIZE = 8;

/** A ready SOA record with the TTL of negative answers, but for pointers to the zone's name in the question. */
export const Negative = {
  /** Octets of the record. */
  LENGTH: 0,
  /** Where the pointers are, by octets from its beginning: the owner's, and 0 or one in MNAME and in RNAME. */
  POINTERS: 1,
  RECORD: 4,
} as const;

/** Which of the zone tables has a name: by the topmost zones that are served. */
export interface ZoneDirectory {
  /** Open-addressed hash table, a power of two long: index of the tables + 1, or 0 for free. Linear probing. */
  readonly slots: Int32Array;
  /** Per slot: the whole hash of the topmost zone's name. Two names may have one hash. */
  readonly hashes: Int32Array;
  /** Where the root zone is, if it is served: then all is below it; else NONE. */
  readonly root: number;
}

/** Where a row of `SteeringTables.rows` has what. From `MAP` on it is once for A and once for AAAA. */
export const Row = {
  /** Seconds. */
  TTL: 0,
  MAX_ANSWERS: 1,
  /** Shortest scopes where a plan splits clients by weight. */
  SPREAD4: 2,
  SPREAD6: 3,
  /** Of the export's endpoints, in `addresses` and `seeds`. */
  FIRST_ENDPOINT: 4,
  /** Index of the map that tells clients apart; NONE when the export has no endpoint of the family. */
  MAP: 5,
  /** Where in `classes` the place of the plan for class 0 of that map is. */
  CLASSES: 6,
  /** Place of the plan for clients of whom nothing is known. */
  UNKNOWN: 7,
  /** All bits set when all clients have one plan; else 0, as in rows of control planes that do not know this yet. */
  ONE_PLAN: 11,
} as const;
/** From A's MAP, CLASSES, UNKNOWN and ONE_PLAN to AAAA's. */
export const ROW_FAMILY = 3;
export const ROW_SIZE = 16;

/**
 * Exports. Arrays of one snapshot and the next are the same as far as nothing changed: what is new is written behind
 * what any earlier snapshot reads.
 */
export interface SteeringTables {
  /** Per number of an export: its row, or NONE. */
  readonly rowOf: Int32Array;
  readonly rows: Int32Array;
  /** Places of plans, by class. */
  readonly classes: Int32Array;
  readonly plans: Plans;
  /** Per endpoint: 16 octets, IPv4 in the first four. */
  readonly addresses: Uint8Array;
  /** Per endpoint: a hash of export and address, the same in every process and across restarts. */
  readonly seeds: Int32Array;
  readonly live: LiveTable;
  /** Locality classes by address. */
  readonly maps: readonly PrefixTable[];
  /** Class, in every map, of private addresses that no operator has placed: the resolver's address decides. */
  readonly privateClass: number;
}

/**
 * Everything that answers depend on, compiled. Immutable but for the live table; all arrays lie in shared memory, so
 * that handing it to a thread copies nothing.
 */
export interface Snapshot {
  /** Counts snapshots. */
  readonly serial: number;
  /** Of the configuration that it was compiled from. */
  readonly generation: number;
  readonly directory: ZoneDirectory;
  readonly tables: readonly ZoneTables[];
  readonly steering: SteeringTables;
}

/** A snapshot without those zone tables that the one before it had in the same place. */
export interface SnapshotUpdate extends Omit<Snapshot, 'tables'> {
  readonly tableCount: number;
  readonly changed: readonly (readonly [number, ZoneTables])[];
}

/** What a thread that has `before` needs to have `after`; everything, if it has nothing. */
export function updateOf(before: Snapshot | undefined, after: Snapshot): SnapshotUpdate {
  const { tables, ...rest } = after;
  const changed = [...tables.entries()].filter(([index, each]) => before?.tables[index] !== each);
  return { ...rest, tableCount: tables.length, changed };
}

export function applyUpdate(before: Snapshot | undefined, update: SnapshotUpdate): Snapshot {
  const { tableCount, changed, ...rest } = update;
  const tables = (before?.tables ?? []).slice(0, tableCount);
  for (const [index, each] of changed) tables[index] = each;
  return { ...rest, tables };
}

/** Octets of all arrays together. */
export function snapshotBytes(snapshot: Snapshot): number {
  const buffers = new Set<ArrayBufferLike>();
  const visit = (value: unknown): void => {
    if (ArrayBuffer.isView(value)) buffers.add(value.buffer);
    else if (Array.isArray(value)) for (const each of value) visit(each);
    else if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) visit(each);
  };
  visit(snapshot);
  let total = 0;
  for (const { byteLength } of buffers) total += byteLength;
  return total;
}
