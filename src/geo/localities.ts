import { formatPrefix } from '../lib/address.ts';
import type { Carrier } from './carriers.ts';
import { bounds4, bounds6, type OverlayEntry } from './overlay.ts';
import type { Locality, LocalityMap } from './ranges.ts';
import { blank, ORDER4, ORDER6, paint, toClaims, toRanges, type Claim, type Space } from './space.ts';

/** What a source knows of addresses; absent parts are left as they were. */
export interface Layer {
  readonly v4: readonly Claim<number>[];
  readonly v6: readonly Claim<bigint>[];
  /** The locality where `under` was and a claim with `value` comes. */
  blend(under: Locality, value: number): Locality;
}

/** Paints layers over a world of which nothing is known. */
export class LocalityMapBuilder {
  readonly #localities: Locality[] = [];
  readonly #ids = new Map<string, number>();
  #v4: Space<number>;
  #v6: Space<bigint>;

  constructor() {
    this.#v4 = blank(ORDER4, this.#id({ region: '', isp: '', asn: 0 }));
    this.#v6 = blank(ORDER6, 0);
  }

  #id(locality: Locality): number {
    const { region, isp, asn, coordinates } = locality;
    const place = coordinates === undefined ? '' : `${coordinates.latitude},${coordinates.longitude}`;
    const key = `${region}|${isp}|${asn}|${place}`;
    let id = this.#ids.get(key);
    if (id === undefined) {
      id = this.#localities.push(locality) - 1;
      this.#ids.set(key, id);
    }
    return id;
  }

  add(layer: Layer): void {
    const known = new Map<number, number>();
    const blend = (under: number, over: number): number => {
      // Values are below 2^33 (AS numbers at most), so that the sum is exact.
      const key = under * 2 ** 33 + over;
      let id = known.get(key);
      if (id === undefined) {
        id = this.#id(layer.blend(this.#localities[under]!, over));
        known.set(key, id);
      }
      return id;
    };
    this.#v4 = paint(this.#v4, layer.v4, ORDER4, blend);
    this.#v6 = paint(this.#v6, layer.v6, ORDER6, blend);
  }

  build(): LocalityMap {
    return { localities: this.#localities, ranges: toRanges(this.#v4, this.#v6) };
  }
}

/** A locality in another region: coordinates are of the region that they came with. */
export function moved(locality: Locality, region: string): Locality {
  const { isp, asn } = locality;
  return region === locality.region ? locality : { region, isp, asn };
}

/** An ISP's name and AS number from what a source or an operator calls it. */
export function ispOf(text: string, carriers: ReadonlyMap<number, Carrier>): { isp: string; asn: number } {
  const asn = /^AS(?<number>\d+)$/u.exec(text)?.groups!['number'];
  return asn === undefined ? { isp: text, asn: 0 } : ispOfAsn(Number(asn), carriers);
}

export function ispOfAsn(asn: number, carriers: ReadonlyMap<number, Carrier>): { isp: string; asn: number } {
  if (asn === 0) return { isp: '', asn: 0 };
  return { isp: carriers.get(asn)?.carrier ?? `AS${asn}`, asn };
}

/** What an operator says of a prefix, his wider prefixes included. */
interface Said {
  readonly region: string;
  readonly isp: string;
}

/** An operator's CSV as a layer: the longer prefix wins over the shorter, of two alike the later. */
export function overlayLayer(lines: readonly OverlayEntry[], carriers: ReadonlyMap<number, Carrier>): Layer {
  const entries = onePerPrefix(lines);
  const said: Said[] = [{ region: '', isp: '' }];
  const ids = new Map<string, number>([['|', 0]]);
  const combine = (under: number, over: number): number => {
    const before = said[under]!;
    const { region, isp } = entries[over]!;
    const both = { region: region === '' ? before.region : region, isp: isp === '' ? before.isp : isp };
    const key = `${both.region}|${both.isp}`;
    let id = ids.get(key);
    if (id === undefined) {
      id = said.push(both) - 1;
      ids.set(key, id);
    }
    return id;
  };
  const claims4 = byLength(entries, 4, (entry, value) => ({ ...bounds4(entry.prefix), value }));
  const claims6 = byLength(entries, 6, (entry, value) => ({ ...bounds6(entry.prefix), value }));
  const v4 = claims4.reduce((space, claims) => paint(space, claims, ORDER4, combine), blank(ORDER4, 0));
  const v6 = claims6.reduce((space, claims) => paint(space, claims, ORDER6, combine), blank(ORDER6, 0));
  return {
    v4: toClaims(v4, ORDER4),
    v6: toClaims(v6, ORDER6),
    blend: (under, value) => {
      const { region, isp } = said[value]!;
      const where = region === '' ? under : moved(under, region);
      return isp === '' || isp === under.isp ? where : { ...where, ...ispOf(isp, carriers) };
    },
  };
}

/** Joins lines for one prefix: what a later one leaves empty stays as an earlier one says. */
function onePerPrefix(lines: readonly OverlayEntry[]): OverlayEntry[] {
  const entries = new Map<string, OverlayEntry>();
  for (const line of lines) {
    const key = formatPrefix(line.prefix);
    const { region, isp } = entries.get(key) ?? line;
    entries.set(key, {
      ...line,
      region: line.region === '' ? region : line.region,
      isp: line.isp === '' ? isp : line.isp,
    });
  }
  return [...entries.values()];
}

/** Claims of one family, shorter prefixes first; each list has prefixes of one length, so they are disjoint. */
function byLength<T>(
  entries: readonly OverlayEntry[],
  family: 4 | 6,
  claim: (entry: OverlayEntry, index: number) => Claim<T>,
): Claim<T>[][] {
  const levels = new Map<number, Claim<T>[]>();
  for (const [index, entry] of entries.entries()) {
    if (entry.prefix.family !== family) continue;
    let level = levels.get(entry.prefix.length);
    if (level === undefined) levels.set(entry.prefix.length, (level = []));
    level.push(claim(entry, index));
  }
  return [...levels].sort(([a], [b]) => a - b).map(([, level]) => level.sort((a, b) => (a.first < b.first ? -1 : 1)));
}
