import type { RegionTree } from '../model/regions.ts';
import type { MatrixEntry, ResolvedExport } from '../model/resolved.ts';
import type { LocalityMap } from './ranges.ts';

/** A rule or a matrix that names regions in which the geo data has nobody. */
export interface Unreached {
  /** `tenant/name` of the export. */
  readonly export: string;
  /** `rule NAME` or `matrix`. */
  readonly where: string;
  readonly regions: readonly string[];
}

/**
 * Rules and matrices with subdivisions in which the geo data places no network, so that they never apply: a database
 * of countries has no subdivisions, and not every database has all.
 * @param map undefined when only the built-in data is used: countries, and the provinces of China
 */
export function unreachedRegions(
  exports: Iterable<ResolvedExport>,
  map: LocalityMap | undefined,
  regions: RegionTree,
): Unreached[] {
  const reached = map === undefined ? undefined : reachedBy(map, regions);
  const isUnreached = (code: string): boolean => {
    if (code.charAt(2) !== '-') return false;
    return reached === undefined ? !code.startsWith('CN-') : !reached.has(code);
  };
  const found: Unreached[] = [];
  // Exports share matrices.
  const seen = new Set<readonly MatrixEntry[]>();
  for (const { tenant, name, policy } of exports) {
    const exp = `${tenant}/${name}`;
    for (const rule of policy.rules) {
      const codes = rule.regions.filter(isUnreached);
      if (codes.length > 0) found.push({ export: exp, where: `rule ${rule.name}`, regions: codes });
    }
    const { matrix } = policy;
    if (matrix.length === 0 || seen.has(matrix)) continue;
    seen.add(matrix);
    const codes = [...new Set(matrix.map(({ region }) => region))].filter(isUnreached);
    if (codes.length > 0) found.push({ export: exp, where: 'matrix', regions: codes });
  }
  return found;
}

/** The same as a problem. */
export function describeUnreached({ where, regions }: Unreached): { message: string; remedy: string } {
  const shown = regions.slice(0, 5).map((code) => `\`${code}\``);
  const more = regions.length > shown.length ? ` and ${regions.length - shown.length} more` : '';
  return {
    message: `${where} names ${shown.join(', ')}${more}, where the geo data has no network: it never applies there`,
    remedy: 'use a City database or an overlay that has it, or name the country',
  };
}

const reachedOf = new WeakMap<LocalityMap, ReadonlySet<string>>();

/** Every region in which there is a network, or around one. */
function reachedBy(map: LocalityMap, regions: RegionTree): ReadonlySet<string> {
  const before = reachedOf.get(map);
  if (before !== undefined) return before;
  const reached = new Set<string>();
  for (const { region } of map.localities) {
    if (reached.has(region)) continue;
    for (const { code } of regions.path(region)) reached.add(code);
  }
  reachedOf.set(map, reached);
  return reached;
}
