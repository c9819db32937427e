import type { Coordinates, RegionTree } from '../../model/regions.ts';
import type { ResolvedSite } from '../../model/resolved.ts';

/** What of a client steering goes by; '' and 0 for what is not known. */
export interface ClientLocality {
  readonly region: string;
  /** Carrier, or `AS<number>`. */
  readonly isp: string;
  readonly asn: number;
  /** Where in the region, when geo data says so; one object for one place. Absent: the region's centre counts. */
  readonly coordinates?: Coordinates;
}

export interface SteeringContext {
  readonly sites: ReadonlyMap<string, ResolvedSite>;
  readonly regions: RegionTree;
}
