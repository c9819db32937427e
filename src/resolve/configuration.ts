import type { ResolvedExport, ResolvedSite } from '../model/resolved.ts';
import type { ZoneData } from '../zone/zone.ts';

/** All that answers are compiled from, besides geo data: whole, checked and consistent. Immutable. */
export interface Configuration {
  readonly sites: ReadonlyMap<string, ResolvedSite>;
  readonly zones: readonly ZoneData[];
  readonly exports: readonly ResolvedExport[];
  /** Hosts of exports that are invalid and never were valid: they answer SERVFAIL. Absolute, lower case. */
  readonly unavailable?: readonly string[];
}
