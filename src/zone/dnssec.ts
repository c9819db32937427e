import { Type } from '../wire/codes.ts';
import type { WireName } from '../wire/name.ts';
import type { ZoneData } from './zone.ts';

const CDS = 59;
const CDNSKEY = 60;

/** What a signer adds at and below the apex. A DS at a delegation is the child's, and there without any signature. */
const SIGNATURES = new Set<number>([Type.RRSIG, Type.NSEC, Type.NSEC3, Type.NSEC3PARAM]);
/** Keys alone sign nothing: a zone that leaves a multi-signer set or DNSSEC has them for a time. */
const KEYS = new Set<number>([Type.DNSKEY, CDS, CDNSKEY]);

/** A record set, and the name that has it. */
export interface OwnedSet {
  readonly owner: WireName;
  readonly type: number;
}

/**
 * What of DNSSEC a zone has: signatures when it was signed beforehand, and else keys that a parent may take for a
 * promise of signatures. The first of each, undefined when there is none.
 */
export function dnssecOf(zone: ZoneData): { signatures: OwnedSet | undefined; keys: OwnedSet | undefined } {
  return { signatures: signaturesOf(zone), keys: keysOf(zone) };
}

function signaturesOf(zone: ZoneData): OwnedSet | undefined {
  for (let name = 0; name < zone.nameCount; name++)
    for (let set = zone.firstSet(name), end = zone.firstSet(name + 1); set < end; set++)
      if (SIGNATURES.has(zone.setType(set))) return { owner: zone.nameAt(name), type: zone.setType(set) };
  return undefined;
}

function keysOf(zone: ZoneData): OwnedSet | undefined {
  const apex = zone.find(zone.origin);
  if (apex < 0) return undefined;
  for (let set = zone.firstSet(apex); set < zone.firstSet(apex + 1); set++) {
    const type = zone.setType(set);
    if (KEYS.has(type) && !asksForRemoval(zone, set, type)) return { owner: zone.origin, type };
  }
  return undefined;
}

/** Algorithm 0 in CDS and CDNSKEY asks the parent to remove the DS (RFC 8078 4). */
function asksForRemoval(zone: ZoneData, set: number, type: number): boolean {
  if (type === Type.DNSKEY) return false;
  for (let data = zone.firstData(set); data < zone.firstData(set + 1); data++)
    if (zone.dataAt(data)[type === CDS ? 2 : 3] !== 0) return false;
  return true;
}
