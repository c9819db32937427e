import { Type } from '../wire/codes.ts';
import { nameKey } from '../wire/name.ts';
import type { RRset, ZoneData } from './zone.ts';

/** A zone that loses fewer record sets than this has lost little, whatever share that is. */
const MIN_LOST = 2;

/**
 * How much of a zone a later version of its master file takes away, by record sets, 0 to 1. 0 when its SOA has a newer
 * serial (RFC 1982): then somebody meant to change it. 0 as well for records that a resource lists: these have no
 * serial that anybody would raise.
 */
export function lossOf(before: ZoneData, after: ZoneData): number {
  if (before.isMasterFile !== true || after.isMasterFile !== true) return 0;
  if (isNewer(serialOf(before), serialOf(after))) return 0;
  let all = 0;
  let lost = 0;
  for (const [key, { rrsets }] of before.nodes) {
    const now = after.nodes.get(key)?.rrsets ?? [];
    for (const { type } of rrsets) {
      all++;
      if (!now.some((rrset) => rrset.type === type)) lost++;
    }
  }
  return lost < MIN_LOST ? 0 : lost / all;
}

function serialOf({ origin, nodes }: ZoneData): number {
  const soa = nodes.get(nameKey(origin))?.rrsets.find(({ type }) => type === Type.SOA);
  return soa === undefined ? 0 : serialIn(soa);
}

function serialIn({ rdatas }: RRset): number {
  const rdata = rdatas[0]!;
  return new DataView(rdata.buffer, rdata.byteOffset, rdata.length).getUint32(rdata.length - 20);
}

/** RFC 1982 3.2. */
function isNewer(before: number, after: number): boolean {
  return ((after - before) | 0) > 0;
}
