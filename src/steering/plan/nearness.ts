import type { Coordinates } from '../../model/regions.ts';
import type { MatrixEntry, ResolvedEndpoint, ResolvedExport, ResolvedSite } from '../../model/resolved.ts';
import { matrixIndex } from './matrix-index.ts';
import type { ClientLocality, SteeringContext } from './input.ts';

const EARTH_RADIUS_KM = 6371;
/** Light in fibre covers about 200 km in a millisecond (refractive index 1.47). */
const KM_PER_MS = 200;
/** Fibre and routing are longer than the great circle; measured round trips are about this many times as long. */
const PATH_STRETCH = 1.6;

/** Great-circle distance in kilometres between two points in degrees (haversine formula). */
export function greatCircleKm(
  a: { latitude: number; longitude: number },
  b: { latitude: number; longitude: number },
): number {
  const radians = Math.PI / 180;
  const dLat = Math.sin(((b.latitude - a.latitude) * radians) / 2);
  const dLon = Math.sin(((b.longitude - a.longitude) * radians) / 2);
  const h = dLat * dLat + Math.cos(a.latitude * radians) * Math.cos(b.latitude * radians) * dLon * dLon;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** Estimated round trip in milliseconds over so many kilometres of great circle, without the last mile. */
export function estimateMs(km: number): number {
  return ((2 * km) / KM_PER_MS) * PATH_STRETCH;
}

/** Whether a client's ISP is among a site's. */
export function sharesIsp(isps: readonly string[], client: ClientLocality): boolean {
  return isps.includes(client.isp) || (client.asn !== 0 && isps.includes(`AS${client.asn}`));
}

/** Where an endpoint is: a place of its own, else its site. */
export function placeOf({ place, site }: ResolvedEndpoint, { sites }: SteeringContext): ResolvedSite {
  return place ?? sites.get(site)!;
}

/** Where distances to a client are measured to: its coordinates, else the centre of its region. */
export function pointOf(
  client: ClientLocality,
  { regions }: Pick<SteeringContext, 'regions'>,
): Coordinates | undefined {
  return client.coordinates ?? regions.get(client.region);
}

/** What it costs to serve a client from a site, and in words why. */
export interface Nearness {
  /** Milliseconds, ISP penalty included; undefined when the client's region is not known. */
  readonly ms: number | undefined;
  /** Kilometres; undefined with a matrix entry or an unknown region. */
  readonly km: number | undefined;
  readonly penaltyMs: number;
  readonly measured: MatrixEntry | undefined;
}

/**
 * How near a site is to a client: the measured round trip of the matrix, else an estimate from the distance between
 * the site and the client's coordinates or the centre of its region; plus a penalty for leaving the client's ISP. A neutral site (no
 * ISPs) is between all of them and costs half the penalty. A measured figure has its ISP's cost in it already, when
 * it names the ISP.
 */
export function nearness(
  exp: ResolvedExport,
  site: ResolvedSite,
  client: ClientLocality,
  context: SteeringContext,
): Nearness {
  const measured = matrixEntry(exp.policy.matrix, site.name, client, context);
  const penaltyMs = measured !== undefined && measured.isp !== '' ? 0 : ispPenaltyMs(exp, site, client);
  if (measured !== undefined) return { ms: measured.ms + penaltyMs, km: undefined, penaltyMs, measured };
  const point = pointOf(client, context);
  if (point === undefined) return { ms: undefined, km: undefined, penaltyMs, measured };
  const km = greatCircleKm(point, site);
  return { ms: estimateMs(km) + penaltyMs, km, penaltyMs, measured };
}

/** What a client's leaving its ISP counts for, milliseconds; 0 when its ISP is not known. */
export function ispPenaltyMs({ policy }: ResolvedExport, site: ResolvedSite, client: ClientLocality): number {
  if (client.isp === '' || sharesIsp(site.isps, client)) return 0;
  return site.isps.length === 0 ? policy.ispPenaltyMs / 2 : policy.ispPenaltyMs;
}

/** Estimated round trip in milliseconds between a client's point and a site. */
export function distanceMs(point: Coordinates, site: ResolvedSite): number {
  return estimateMs(greatCircleKm(point, site));
}

/** The most particular entry for a site: the innermost region first, and there the client's ISP before any. */
function matrixEntry(
  matrix: readonly MatrixEntry[],
  site: string,
  client: ClientLocality,
  context: SteeringContext,
): MatrixEntry | undefined {
  if (matrix.length === 0) return undefined;
  const index = matrixIndex(matrix);
  const column = index.columns.get(site);
  return column === undefined ? undefined : index.entry(index.rowsFor(client, context.regions), column);
}
