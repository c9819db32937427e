import type { Problem } from '../lib/problem.ts';

/** A point in degrees. */
export interface Coordinates {
  readonly latitude: number;
  readonly longitude: number;
}

/** Its coordinates are the centre of where its people are, or its capital. */
export interface Region extends Coordinates {
  readonly code: string;
  readonly name: string;
  /** Code of the region around it; undefined for `world` only. */
  readonly parent: string | undefined;
}

/** The tree of regions: subdivisions, country, continent, `world`. */
export class RegionTree {
  readonly #regions: ReadonlyMap<string, Region>;
  readonly #otherCodes: ReadonlyMap<string, string>;

  /** @param otherCodes codes of other standards (`DEU`, `276`), with the code of the region */
  constructor(regions: Iterable<Region>, otherCodes: ReadonlyMap<string, string> = new Map()) {
    const byCode = new Map<string, Region>();
    for (const region of regions) byCode.set(region.code, region);
    this.#regions = byCode;
    this.#otherCodes = otherCodes;
  }

  get(code: string): Region | undefined {
    return this.#regions.get(code);
  }

  /** The region that another standard has a code for: ISO 3166-1 alpha-3 (`DEU`) or UN M49 (`276`). */
  ofOtherCode(code: string): Region | undefined {
    return this.#regions.get(this.#otherCodes.get(code) ?? '');
  }

  /** The region itself, then each one around it, up to `world`. Empty for an unknown code. */
  path(code: string): Region[] {
    const path: Region[] = [];
    for (
      let region = this.#regions.get(code);
      region !== undefined;
      region = region.parent === undefined ? undefined : this.#regions.get(region.parent)
    ) {
      path.push(region);
      if (path.length > 8) break;
    }
    return path;
  }

  /** True if `code` is `ancestor` or inside it; every known region is inside `world`. */
  contains(ancestor: string, code: string): boolean {
    return this.path(code).some((region) => region.code === ancestor);
  }

  codes(): string[] {
    return [...this.#regions.keys()];
  }

  regions(): Iterable<Region> {
    return this.#regions.values();
  }
}

/**
 * Reads `code,parent,name,latitude,longitude[,alpha3,m49]` with a header line and `#` comments (geo-data/regions.csv and
 * subdivisions.csv), one text after the other. The parent of a region may be in any of them.
 */
export function parseRegions(texts: readonly { readonly text: string; readonly file: string }[]): {
  tree: RegionTree;
  problems: Problem[];
} {
  const regions = new Map<string, Region>();
  const otherCodes = new Map<string, string>();
  const problems: Problem[] = [];
  for (const { text, file } of texts) {
    // Thousands of lines at every start, before anything is compiled: no iterators.
    const lines = text.split('\n');
    for (let index = 0; index < lines.length; index++) {
      const line = lines[index]!.trimEnd();
      if (line === '' || line.startsWith('#') || line.startsWith('code,')) continue;
      const fields = line.split(',');
      const code = fields[0]!;
      const latitude = Number(fields[3] || Number.NaN);
      const longitude = Number(fields[4] || Number.NaN);
      if (code === '' || !(Math.abs(latitude) <= 90) || !(Math.abs(longitude) <= 180)) {
        const message = 'not a region';
        const remedy = 'write code,parent,name,latitude,longitude';
        problems.push({ severity: 'error', file, line: index + 1, message, remedy });
        continue;
      }
      const parent = fields[1] === '' ? undefined : fields[1];
      regions.set(code, { code, name: fields[2]!, parent, latitude, longitude });
      for (let i = 5; i < fields.length; i++) if (fields[i] !== '') otherCodes.set(fields[i]!, code);
    }
  }
  for (const { code, parent } of regions.values()) {
    if (parent === undefined || regions.has(parent)) continue;
    const file = texts.map((each) => each.file).join(', ');
    problems.push({ severity: 'error', file, field: code, message: `its parent ${parent} is not there` });
  }
  return { tree: new RegionTree(regions.values(), otherCodes), problems };
}
