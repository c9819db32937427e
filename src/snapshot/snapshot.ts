import type { PrefixTable } from '../geo/lookup.ts';
import type { PlanTable } from '../steering/table.ts';

/** No node, export or plan. */
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
  /** Export that answers A and AAAA here, or NONE. */
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

/** Exports, for both families: index = 2 * export + (0 for A, 1 for AAAA). */
export interface ExportTable {
  /** Which of `maps` partitions the clients; NONE when the export has no endpoint of the family. */
  readonly map: Uint32Array;
  /** plan = plans[firstPlan + class]. */
  readonly firstPlan: Uint32Array;
  readonly plans: Uint32Array;
  /** Per export: seconds. */
  readonly ttl: Uint32Array;
  readonly maxAnswers: Uint8Array;
  /** Per export: shortest scopes where a plan splits clients by weight. */
  readonly spread4: Uint8Array;
  readonly spread6: Uint8Array;
  /** Per export: the class index of clients of whom nothing is known, by export and family like `map`. */
  readonly unknownPlan: Uint32Array;
  /** `tenant/export`, for people. */
  readonly names: readonly string[];
}

/**
 * Everything that answers depend on, compiled. Immutable; all arrays lie in shared memory, so that handing it to a
 * thread copies nothing.
 */
export interface Snapshot {
  readonly generation: number;
  readonly names: NameTable;
  readonly nodes: NodeTable;
  readonly rrsets: RRsetTable;
  readonly zones: ZoneTable;
  readonly exports: ExportTable;
  /** Locality classes by address, one table for all exports that partition the world alike. */
  readonly maps: readonly PrefixTable[];
  /** Class, in every map, of private addresses that no operator has placed: the resolver's address decides. */
  readonly privateClass: number;
  readonly plans: PlanTable;
  /** Per plan: 1 if all endpoints were down and it answers as if all were up. */
  readonly failOpen: Uint8Array;
  /** Per endpoint: 16 octets, IPv4 in the first four. */
  readonly addresses: Uint8Array;
}

/** Octets of all arrays together. */
export function snapshotBytes(snapshot: Snapshot): number {
  let total = 0;
  const visit = (value: unknown): void => {
    if (ArrayBuffer.isView(value)) total += value.byteLength;
    else if (Array.isArray(value)) for (const each of value) visit(each);
    else if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) visit(each);
  };
  visit(snapshot);
  return total;
}
