import type { WireName } from '../wire/name.ts';

/** All records of one owner and type (class IN). */
export interface RRset {
  readonly type: number;
  /** Seconds; one for the set, the lowest that was written (RFC 2181 5.2). */
  ttl: number;
  /** Record data with uncompressed names; duplicates removed (RFC 2181 5). */
  readonly rdatas: Uint8Array[];
}

/** An owner name with its record sets. Empty non-terminals have no node. */
export interface ZoneNode {
  /** As first written, letters' case kept. */
  readonly name: WireName;
  readonly rrsets: RRset[];
}

/** A zone's records, by owner; valid as far as `checkZone` says. One without an SOA is unavailable: it answers SERVFAIL. */
export interface ZoneData {
  readonly origin: WireName;
  /** Keyed by `nameKey`. */
  readonly nodes: Map<string, ZoneNode>;
  /** True: from a master file, whose SOA has a serial of the operator's. */
  readonly isMasterFile?: boolean;
}

/** A zone that is known to be there, and whose records are not. */
export function unavailable(origin: WireName): ZoneData {
  return { origin, nodes: new Map() };
}

/** Whether a zone answers SERVFAIL. */
export function isUnavailable({ nodes }: ZoneData): boolean {
  return nodes.size === 0;
}
