import { Interned } from '../lib/interned.ts';
import { nearestName } from '../lib/nearest.ts';
import { ispCalled, type CarrierNames } from '../model/isp-names.ts';
import { regionRemedy } from '../model/region-names.ts';
import type { RegionTree } from '../model/regions.ts';
import type { ResolvedSite } from '../model/resolved.ts';
import type { Site } from '../model/site.ts';
import type { StoredResource } from '../model/stored.ts';
import type { Report } from './report.ts';

/** What names in resources are checked against. */
export interface Places {
  readonly regions: RegionTree;
  /** Names of carriers, without AS numbers. */
  readonly carriers: CarrierNames;
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

export function regionTrouble(code: string, places: Places): { message: string; remedy: string } | undefined {
  const { regions, carriers } = places;
  if (regions.get(code) !== undefined) return undefined;
  const message = `no region \`${code}\``;
  if (carriers.has(code)) return { message, remedy: `\`${code}\` is an ISP: name it as one` };
  return { message, remedy: regionRemedy(code, regions) };
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
  if (/^AS[1-9][0-9]*$/u.test(isp) || carriers.has(isp)) return undefined;
  const meant = ispCalled(isp, carriers) ?? nearestName(isp, carriers, 1);
  return {
    message: `no carrier \`${isp}\``,
    remedy:
      meant === undefined
        ? 'use a name of geo-data/carriers.csv, or an AS number as in `AS3320`'
        : `did you mean \`${meant}\`?`,
  };
}
