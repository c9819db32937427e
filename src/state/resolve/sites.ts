import { Interned } from '../../lib/interned.ts';
import { suggest } from '../../lib/nearest.ts';
import type { RegionTree } from '../../model/regions.ts';
import type { ResolvedSite } from '../../model/resolved.ts';
import type { Site } from '../../model/site.ts';
import type { StoredResource } from '../../model/stored.ts';
import type { Report } from './report.ts';

/** What names in resources are checked against. */
export interface Places {
  readonly regions: RegionTree;
  /** Names of carriers, without AS numbers. */
  readonly carriers: ReadonlySet<string>;
}

/** The compiler goes by the identity of sites: a resource that says the same as before gives the same one. */
const resolvedSites = new Interned<ResolvedSite>();

export function resolveSite(site: Site, stored: StoredResource, places: Places, report: Report): ResolvedSite {
  const { name } = site.metadata;
  const { region, isps = [], coordinates, cost = 0 } = site.spec;
  checkRegion(region, stored, 'spec.region', places, report);
  checkIsps(isps, stored, 'spec.isps', places, report);
  const centre = coordinates ?? places.regions.get(region) ?? { latitude: 0, longitude: 0 };
  const resolved = { name, region, isps, latitude: centre.latitude, longitude: centre.longitude, cost };
  // A copy: its texts must not keep the whole text of the file alive.
  return resolvedSites.get(JSON.stringify(resolved), () => structuredClone(resolved));
}

export function checkRegion(code: string, stored: StoredResource, field: string, places: Places, report: Report): void {
  const trouble = regionTrouble(code, places);
  if (trouble !== undefined) report.error(stored, field, trouble.message, trouble.remedy);
}

export function regionTrouble(code: string, { regions }: Places): { message: string; remedy: string } | undefined {
  if (regions.get(code) !== undefined) return undefined;
  const same = regions.codes().find((known) => known.toLowerCase() === code.toLowerCase());
  const near = suggest(code, same === undefined ? regions.codes() : [same], 'regions');
  // Two-letter codes are near to too many others for a guess to help.
  const guess = same !== undefined || (code.length > 3 && near.startsWith('did you mean'));
  return {
    message: `no region \`${code}\``,
    remedy: guess ? near : 'regions are ISO 3166 codes such as `DE` or `CN-GD`, as in geo-data/regions.csv',
  };
}

export function checkIsps(
  isps: readonly string[],
  stored: StoredResource,
  field: string,
  places: Places,
  report: Report,
): void {
  for (const [index, isp] of isps.entries()) {
    const trouble = ispTrouble(isp, places);
    if (trouble !== undefined) report.warning(stored, `${field}[${index}]`, trouble.message, trouble.remedy);
  }
}

/** An unknown carrier matches nobody, which is no reason not to serve. */
export function ispTrouble(isp: string, { carriers }: Places): { message: string; remedy: string } | undefined {
  if (carriers.has(isp) || /^AS[1-9][0-9]*$/u.test(isp)) return undefined;
  const near = suggest(isp, [...carriers], 'carriers');
  return {
    message: `no carrier \`${isp}\``,
    remedy: near.startsWith('did you mean')
      ? near
      : 'use a name of geo-data/carriers.csv, or an AS number as in `AS3320`',
  };
}
