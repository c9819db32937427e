import type { Problem } from '../lib/problem.ts';

export interface Region {
  readonly code: string;
  readonly name: string;
  /** Code of the region around it; undefined for `world` only. */
  readonly parent: string | undefined;
  /** Centre of where its people are or its capital, degrees. */
  readonly latitude: number;
  readonly longitude: number;
}

/** The tree of regions: subdivision, country, continent, `world`. */
export class RegionTree {
  readonly #regions: ReadonlyMap<string, Region>;

  constructor(regions: Iterable<Region>) {
    this.#regions = new Map([...regions].map((region) => [region.code, region]));
  }

  get(code: string): Region | undefined {
    return this.#regions.get(code);
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
}

/** Reads `code,parent,name,latitude,longitude[,...]` with a header line and `#` comments (geo-data/regions.csv). */
export function parseRegions(text: string, file: string): { tree: RegionTree; problems: Problem[] } {
  const regions: Region[] = [];
  const problems: Problem[] = [];
  const lines = text.split(/\r?\n/u);
  for (const [index, line] of lines.entries()) {
    if (line === '' || line.startsWith('#') || line.startsWith('code,')) continue;
    const [code = '', parent = '', name = '', latitude = '', longitude = ''] = line.split(',');
    const lat = Number(latitude);
    const lon = Number(longitude);
    if (code === '' || latitude === '' || longitude === '' || !(Math.abs(lat) <= 90) || !(Math.abs(lon) <= 180)) {
      const message = 'not a region';
      const remedy = 'write code,parent,name,latitude,longitude';
      problems.push({ severity: 'error', file, line: index + 1, message, remedy });
      continue;
    }
    regions.push({ code, parent: parent === '' ? undefined : parent, name, latitude: lat, longitude: lon });
  }
  const codes = new Set(regions.map((region) => region.code));
  for (const region of regions) {
    if (region.parent !== undefined && !codes.has(region.parent)) {
      problems.push({
        severity: 'error',
        file,
        field: region.code,
        message: `its parent ${region.parent} is not in the file`,
      });
    }
  }
  return { tree: new RegionTree(regions), problems };
}
