import { Type } from '../wire/codes.ts';
import { namesIn } from '../wire/rdata/mod.ts';
import type { ZoneData } from '../zone/zone.ts';
import { ALIAS, NONE, OWNER } from './snapshot.ts';

/** Aliases that one additional section follows: a loop or a long chain must end (RFC 9460 3). */
const MAX_ALIASES = 8;

/** What targets are looked up in: the zone of the record set. */
export interface ServiceZone {
  readonly data: ZoneData;
  /** Number of the name that stands in data from `start` up to `end`. */
  intern(data: Uint8Array, start: number, end: number): number;
  /** The set of a type that the zone answers with for a name, by wildcard too; NONE when there is none. */
  find(name: number, type: number): number;
}

export function isService(type: number): boolean {
  return type === Type.SVCB || type === Type.HTTPS;
}

/**
 * What the additional section of an SVCB or HTTPS answer has (RFC 9460 4.1, 4.2), as `RecordSet.EXTRAS` lists it: the
 * names of targets, whose addresses clients look up next; and of an alias's target its set of the same type as well,
 * and so on along a chain of aliases, each name once. The nearest come first, since what does not fit is left out.
 * @param owner number of the name that has the set
 */
export function serviceTargets(set: number, owner: number, zone: ServiceZone): number[] {
  const { data } = zone;
  const type = data.setType(set);
  const found = new Set<number>();
  const followed = new Set([owner]);
  follow(set, OWNER);
  return [...found];

  function follow(followedSet: number, own: number): void {
    for (let at = data.firstData(followedSet), end = data.firstData(followedSet + 1); at < end; at++) {
      const rdata = data.dataAt(at);
      const { offset, length } = namesIn(type, rdata)[0]!;
      const number = zone.intern(rdata, offset, offset + length);
      const isAlias = rdata[0] === 0 && rdata[1] === 0;
      // `.` is the owner of a service, and of an alias that there is no service (RFC 9460 2.5).
      const target = number === 0 ? own : number === owner ? OWNER : number;
      if (isAlias && (number === 0 || target === OWNER)) continue;
      const next = isAlias && followed.size <= MAX_ALIASES && !followed.has(number) ? zone.find(number, type) : NONE;
      if (next !== NONE) found.add(number | ALIAS);
      found.add(target);
      if (next === NONE) continue;
      followed.add(number);
      follow(next, number);
    }
  }
}
