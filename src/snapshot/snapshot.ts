import type { PrefixTable } from '../geo/lookup.ts';
import type { LiveTable, Plans } from '../steering/table.ts';

/** No node, export, map or plan. */
export const NONE = 0xffffffff;

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
 * Names, each once, as a tree. Name 0 is the root. A name is there because something owns it, points to it, or is
 * below it; so a compressed name can be written by walking up and comparing numbers.
 */
export interface NameTable {
  /** Uncompressed wire form of every name, case as first written. */
  readonly bytes: Uint8Array;
  /** Per name: where its wire form starts. */
  readonly at: Uint32Array;
  /** Per name: the name without its first label; the root's is the root. */
  readonly parent: Uint32Array;
  /** Per name: its node in the deepest zone that has it, or NONE. */
  readonly node: Uint32Array;
  /** Open-addressed hash table, a power of two long: name + 1, or 0 for free. Linear probing. */
  readonly slots: Uint32Array;
  /** Per slot: the whole hash. */
  readonly hashes: Uint32Array;
}

/** Nodes: the names that exist in a zone, empty non-terminals included. */
export interface NodeTable {
  readonly name: Uint32Array;
  readonly zone: Uint32Array;
  readonly flags: Uint8Array;
  /** The highest delegation or DNAME at or above the node in its zone, or NONE; below it, it decides. */
  readonly cover: Uint32Array;
  /** The node of `*.` + this name, or NONE. */
  readonly wildcard: Uint32Array;
  /** RRsets first[n] .. first[n + 1] are the node's. One entry more than there are nodes. */
  readonly first: Uint32Array;
  /** Number of the export that answers A and AAAA here, or NONE. */
  readonly steer: Uint32Array;
  /** For the apex of a zone whose parent zone is served too: the parent's node of that name (for DS), or NONE. */
  readonly parentSide: Uint32Array;
}

/** Record sets. */
export interface RRsetTable {
  readonly type: Uint16Array;
  readonly count: Uint16Array;
  /** Seconds. */
  readonly ttl: Uint32Array;
  /**
   * Where the records lie in `bytes`. A set without names in its data (`named` 0) lies there as ready records: a
   * two-octet owner, type, class, TTL, length, data. One with names (`named` 1) has for each record pieces of
   * {u16 octets, those octets, u32 name}, where name is NONE at the record's last piece and has bit 31 set when it
   * must not be compressed.
   */
  readonly at: Uint32Array;
  readonly length: Uint32Array;
  readonly named: Uint8Array;
  readonly bytes: Uint8Array;
  /** Names whose addresses belong into the additional section: extra[firstExtra[s] .. firstExtra[s + 1]]. */
  readonly firstExtra: Uint32Array;
  readonly extra: Uint32Array;
}

export interface ZoneTable {
  /** Per zone: node of the apex. */
  readonly apex: Uint32Array;
  /** Per zone: the SOA's RRset. */
  readonly soa: Uint32Array;
  /** Per zone: TTL of negative answers: min(SOA TTL, MINIMUM) (RFC 2308 5). */
  readonly negativeTtl: Uint32Array;
}

/** Zones that are compiled together, since some lie within others or all are small; and the names in them. */
export interface ZoneTables {
  readonly names: NameTable;
  readonly nodes: NodeTable;
  readonly rrsets: RRsetTable;
  readonly zones: ZoneTable;
}

/** Which of the zone tables has a name: by the topmost zones that are served. */
export interface ZoneDirectory {
  /** Open-addressed hash table, a power of two long: index of the tables + 1, or 0 for free. Linear probing. */
  readonly slots: Uint32Array;
  /** Per slot: the whole hash of the topmost zone's name. Two names may have one hash. */
  readonly hashes: Uint32Array;
  /** Where the root zone is, if it is served: then all is below it; else NONE. */
  readonly root: number;
}

/** Where a row of `SteeringTables.rows` has what. The last three are once for A and once for AAAA. */
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
} as const;
/** From A's MAP, CLASSES and UNKNOWN to AAAA's. */
export const ROW_FAMILY = 3;
export const ROW_SIZE = 16;

/**
 * Exports. Arrays of one snapshot and the next are the same as far as nothing changed: what is new is written behind
 * what any earlier snapshot reads.
 */
export interface SteeringTables {
  /** Per number of an export: its row, or NONE. */
  readonly rowOf: Uint32Array;
  readonly rows: Uint32Array;
  /** Places of plans, by class. */
  readonly classes: Uint32Array;
  readonly plans: Plans;
  /** Per endpoint: 16 octets, IPv4 in the first four. */
  readonly addresses: Uint8Array;
  /** Per endpoint: a hash of export and address, the same in every process and across restarts. */
  readonly seeds: Uint32Array;
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
