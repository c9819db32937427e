import { Type } from '../wire/codes.ts';
import { nameKey } from '../wire/name.ts';
import type { RRset, ZoneData, ZoneNode } from './zone.ts';

const CDS = 59;
const CDNSKEY = 60;

/** What a signer adds at and below the apex. A DS at a delegation is the child's, and there without any signature. */
const SIGNATURES = new Set<number>([Type.RRSIG, Type.NSEC, Type.NSEC3, Type.NSEC3PARAM]);
/** Keys alone sign nothing: a zone that leaves a multi-signer set or DNSSEC has them for a time. */
const KEYS = new Set<number>([Type.DNSKEY, CDS, CDNSKEY]);

/** A record set, and the name that has it. */
export interface OwnedSet {
  readonly owner: ZoneNode['name'];
  readonly type: number;
}

/**
 * What of DNSSEC a zone has: signatures when it was signed beforehand, and else keys that a parent may take for a
 * promise of signatures. The first of each, undefined when there is none.
 */
export function dnssecOf({ origin, nodes }: ZoneData): {
  signatures: OwnedSet | undefined;
  keys: OwnedSet | undefined;
} {
  let signatures: OwnedSet | undefined;
  for (const { name, rrsets } of nodes.values()) {
    const found = rrsets.find(({ type }) => SIGNATURES.has(type));
    if (found === undefined) continue;
    signatures = { owner: name, type: found.type };
    break;
  }
  const keys = nodes.get(nameKey(origin))?.rrsets.find((rrset) => KEYS.has(rrset.type) && !asksForRemoval(rrset));
  return { signatures, keys: keys && { owner: origin, type: keys.type } };
}

/** Algorithm 0 in CDS and CDNSKEY asks the parent to remove the DS (RFC 8078 4). */
function asksForRemoval({ type, rdatas }: RRset): boolean {
  return type !== Type.DNSKEY && rdatas.every((rdata) => rdata[type === CDS ? 2 : 3] === 0);
}
