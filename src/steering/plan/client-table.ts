import { LRUCache } from 'lru-cache';
import type { Coordinates, RegionTree } from '../../model/regions.ts';
import type { MatrixEntry, ResolvedRule, ResolvedSite } from '../../model/resolved.ts';
import { matrixIndex } from './matrix-index.ts';
import { distanceMs, pointOf, sharesIsp } from './nearness.ts';
import type { ClientLocality } from './input.ts';
import { RuleSets } from './rule-sets.ts';

/** Matches are kept for so many lists of rules: exports that are planned one after the other often have the same. */
const MAX_RULE_SETS = 16;

/** Results of nearness are kept for so many lists of sites; see `NearestSites`. */
const MAX_NEAREST = 64;

/** Distances are kept for so many areas times sites: thousands of addresses may have places of their own. */
const MAX_DISTANCES = 4_000_000;

/** Rows of a matrix by client. */
export interface MatrixRows {
  /** Per client: index into `rows`. */
  readonly of: Uint32Array;
  readonly rows: readonly Int32Array[];
}

/**
 * The clients that exports are planned for, by region and ISP, with all figures that do not depend on an export:
 * distances, penalties, rows of matrices, matches of rules.
 */
export class ClientTable {
  readonly clients: readonly ClientLocality[];
  readonly regions: RegionTree;
  /** Per client: index of its area: a place where coordinates are known, else a region. */
  readonly areaOf: Uint32Array;
  /** Per client: index of its ISP and AS number. */
  readonly ispOf: Uint32Array;
  /** Clients of each area, and of each ISP and AS number, that stand for the others. */
  readonly perArea: readonly ClientLocality[];
  readonly perIsp: readonly ClientLocality[];
  readonly #ruleSets = new LRUCache<readonly ResolvedRule[], RuleSets>({ max: MAX_RULE_SETS });
  /** By all that a result depends on: see `NearestEndpoints`. */
  readonly nearest = new LRUCache<string, NearestSites>({ max: MAX_NEAREST });
  readonly #distances = new LRUCache<ResolvedSite, Float64Array>({
    maxSize: MAX_DISTANCES,
    sizeCalculation: ({ length }) => Math.max(1, length),
  });
  readonly #penalties = new WeakMap<ResolvedSite, Float64Array>();
  readonly #matrixRows = new WeakMap<readonly MatrixEntry[], MatrixRows>();
  readonly #areasInside = new Map<string, readonly number[]>();
  readonly #ispsNamed = new Map<string, readonly number[]>();

  constructor(clients: readonly ClientLocality[], regions: RegionTree) {
    this.clients = clients;
    this.regions = regions;
    // A place is in one region, so it stands for that as well.
    const byArea = numbering(clients, ({ region, coordinates }) => coordinates ?? region);
    const byIsp = numbering(clients, ({ isp, asn }) => `${isp} ${asn}`);
    this.areaOf = byArea.of;
    this.perArea = byArea.first;
    this.ispOf = byIsp.of;
    this.perIsp = byIsp.first;
  }

  /** Estimated milliseconds to a site by area; NaN from a region that is not known. */
  distancesTo(place: ResolvedSite): Float64Array {
    let known = this.#distances.get(place);
    if (known === undefined) {
      known = Float64Array.from(this.perArea, (client) => {
        const point = pointOf(client, this);
        return point === undefined ? Number.NaN : distanceMs(point, place);
      });
      this.#distances.set(place, known);
    }
    return known;
  }

  /** Share of the penalty for leaving an ISP that a place costs, by ISP. */
  penaltiesAt(place: ResolvedSite): Float64Array {
    let known = this.#penalties.get(place);
    if (known === undefined) {
      known = Float64Array.from(this.perIsp, (client) => {
        if (client.isp === '' || sharesIsp(place.isps, client)) return 0;
        return place.isps.length === 0 ? 0.5 : 1;
      });
      this.#penalties.set(place, known);
    }
    return known;
  }

  matrixRows(matrix: readonly MatrixEntry[]): MatrixRows {
    let known = this.#matrixRows.get(matrix);
    if (known === undefined) {
      const index = matrixIndex(matrix);
      const rows: Int32Array[] = [];
      const numbers = new Map<string, number>();
      const of = Uint32Array.from(this.clients, (client) => {
        const own = index.rowsFor(client, this.regions);
        const key = own.join(' ');
        let number = numbers.get(key);
        if (number === undefined) numbers.set(key, (number = rows.push(Int32Array.from(own)) - 1));
        return number;
      });
      this.#matrixRows.set(matrix, (known = { of, rows }));
    }
    return known;
  }

  ruleSets(rules: readonly ResolvedRule[]): RuleSets {
    let known = this.#ruleSets.get(rules);
    if (known === undefined) this.#ruleSets.set(rules, (known = new RuleSets(rules, this)));
    return known;
  }

  /** Indexes of the areas that are a region or inside it. */
  areasInside(code: string): readonly number[] {
    let known = this.#areasInside.get(code);
    if (known === undefined) {
      known = indexes(this.perArea, ({ region }) => this.regions.contains(code, region));
      this.#areasInside.set(code, known);
    }
    return known;
  }

  /** Indexes of the ISPs that a name means. */
  ispsNamed(isp: string): readonly number[] {
    let known = this.#ispsNamed.get(isp);
    if (known === undefined) {
      known = indexes(this.perIsp, (client) => sharesIsp([isp], client));
      this.#ispsNamed.set(isp, known);
    }
    return known;
  }
}

/** Per client: which of some sites are nearest, as far as somebody has asked. */
export interface NearestSites {
  /** Per client: index into `sets` + 1, or 0 when nobody has asked. */
  readonly of: Uint32Array;
  /** Positions in the list of sites. */
  readonly sets: (readonly number[])[];
  /** Index into `sets` by content. */
  readonly numbers: Map<string, number>;
}

const tables = new WeakMap<readonly ClientLocality[], ClientTable>();

/** The table of a list of clients, made once. */
export function clientTable(clients: readonly ClientLocality[], regions: RegionTree): ClientTable {
  let table = tables.get(clients);
  if (table?.regions !== regions) tables.set(clients, (table = new ClientTable(clients, regions)));
  return table;
}

/** Numbers values by first appearance. */
function numbering(
  clients: readonly ClientLocality[],
  keyOf: (client: ClientLocality) => string | Coordinates,
): { of: Uint32Array; first: ClientLocality[] } {
  const numbers = new Map<string | Coordinates, number>();
  const first: ClientLocality[] = [];
  const of = Uint32Array.from(clients, (client) => {
    const key = keyOf(client);
    let number = numbers.get(key);
    if (number === undefined) numbers.set(key, (number = first.push(client) - 1));
    return number;
  });
  return { of, first };
}

function indexes<T>(list: readonly T[], passes: (each: T) => boolean): number[] {
  return list.flatMap((each, index) => (passes(each) ? [index] : []));
}
