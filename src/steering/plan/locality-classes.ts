import type { Coordinates } from '../../model/regions.ts';
import type { ClientLocality } from './input.ts';

/** Localities that steering cannot tell apart, as one class. */
export interface LocalityClasses {
  /** Per locality: its class. Class 0 has locality 0. */
  readonly of: Uint32Array;
  /** Per class: a locality that stands for all of it. */
  readonly representatives: readonly ClientLocality[];
}

/**
 * Divides localities by region, by place in it where coordinates are known, and by those ISPs that are named anywhere; the others are all alike, except that one
 * whose ISP is not known differs from one whose ISP nothing names.
 * @param named carriers and `AS<number>`s
 */
export function classifyLocalities(localities: readonly ClientLocality[], named: ReadonlySet<string>): LocalityClasses {
  const regions = new Map<string, number>();
  const places = new Map<Coordinates, number>();
  let wheres = 0;
  const isps = new Map<string, number>();
  const width = named.size + 2;
  // 0: no ISP known; 1: one that nothing names, and that has its price whichever it is; then the named ones.
  const classOfIsp = new Map<string, number>([['', 0]]);
  const classOfNumber = new Map<number, number>();
  for (const isp of named) {
    if (isp === '') continue;
    const index = classOfIsp.size + 1;
    classOfIsp.set(isp, index);
    if (/^AS\d+$/u.test(isp)) classOfNumber.set(Number(isp.slice(2)), index);
  }
  const known = new Map<number, number>();
  const representatives: ClientLocality[] = [];
  const of = new Uint32Array(localities.length);
  for (let i = 0; i < localities.length; i++) {
    const { region, isp, asn, coordinates } = localities[i]!;
    // A place is in one region, so it stands for that as well.
    let where = coordinates === undefined ? regions.get(region) : places.get(coordinates);
    if (where === undefined) {
      where = wheres++;
      if (coordinates === undefined) regions.set(region, where);
      else places.set(coordinates, where);
    }
    let ispNumber = isps.get(isp);
    if (ispNumber === undefined) isps.set(isp, (ispNumber = classOfIsp.get(isp) ?? 1));
    let key = where * width + ispNumber;
    // A carrier and one of its AS numbers may both be named, so both count.
    if (classOfNumber.size > 0) key = key * width + (classOfNumber.get(asn) ?? 0);
    let found = known.get(key);
    if (found === undefined) known.set(key, (found = representatives.push(localities[i]!) - 1));
    of[i] = found;
  }
  return { of, representatives };
}
