import { Type } from '../wire/codes.ts';
import type { ZoneData } from './zone.ts';

/** A zone that loses fewer record sets than this has lost little, whatever share that is. */
const MIN_LOST = 2;

/**
 * How much of a zone a later version of its master file takes away, by record sets, 0 to 1. 0 when its SOA has a newer
 * serial (RFC 1982): then somebody meant to change it. 0 as well for records that a resource lists: these have no
 * serial that anybody would raise.
 */
export function lossOf(before: ZoneData, after: ZoneData): number {
  if (before.source.files.length === 0 || after.source.files.length === 0) return 0;
  if (isNewer(serialOf(before), serialOf(after))) return 0;
  let lost = 0;
  for (let name = 0; name < before.nameCount; name++) {
    const now = after.findHashed(
      before.bytes,
      before.nameStart(name),
      before.nameStart(name + 1),
      before.nameHash(name),
    );
    for (let set = before.firstSet(name), end = before.firstSet(name + 1); set < end; set++)
      if (now < 0 || after.setOf(now, before.setType(set)) < 0) lost++;
  }
  return lost < MIN_LOST ? 0 : lost / before.setCount;
}

function serialOf(zone: ZoneData): number {
  const apex = zone.find(zone.origin);
  const soa = apex < 0 ? -1 : zone.setOf(apex, Type.SOA);
  if (soa < 0) return 0;
  const rdata = zone.dataAt(zone.firstData(soa));
  return new DataView(rdata.buffer, rdata.byteOffset, rdata.length).getUint32(rdata.length - 20);
}

/** RFC 1982 3.2. */
function isNewer(before: number, after: number): boolean {
  return ((after - before) | 0) > 0;
}
