import type { Coordinates } from '../model/regions.ts';

/** Where networks are, as a source says: a region, and a point in it. */
export interface Spot extends Coordinates {
  readonly region: string;
  /** How many networks are there: places are put where most are. */
  readonly networks: number;
}

/** Of a map at most: plans are made for every place, region and ISP. */
const MAX_PLACES = 8192;

/** Spots so near to a place are one with it, if there are not too many: 50 km are 0.8 ms of estimated round trip. */
const NEAR_KM = 50;
/** Wider than this no region is divided into more places than it must be, however many regions there are. */
const FAR_KM = 1000;
const STEP = 1.25;

const EARTH_RADIUS_KM = 6371;

/**
 * Puts spots together into places: the spot with the most networks of those around it, and all spots of its region
 * that are nearer to it than to other places. Every spot is within the same distance of its place: the least one, of
 * 50 km and more, that gives few enough places.
 * @param most places; regions are never joined, so that there may be more when there are as many regions
 * @returns for each spot its place; the same object for the same place, and for no two regions
 */
export function placesOf(spots: readonly Spot[], most = MAX_PLACES): Coordinates[] {
  const regions = new Map<string, number[]>();
  for (let i = 0; i < spots.length; i++) {
    const region = regions.get(spots[i]!.region);
    if (region === undefined) regions.set(spots[i]!.region, [i]);
    else region.push(i);
  }
  for (const indexes of regions.values()) indexes.sort((a, b) => order(spots[a]!, spots[b]!));
  const vectors = unitVectors(spots);
  const centreOf = new Uint32Array(spots.length);
  for (let km = NEAR_KM; ; km *= STEP) {
    let count = 0;
    for (const indexes of regions.values()) count += gather(indexes, vectors, km, centreOf);
    if (count <= most || km > FAR_KM) break;
  }
  const places = new Map<number, Coordinates>();
  return Array.from(centreOf, (centre) => {
    let place = places.get(centre);
    if (place === undefined) {
      const { latitude, longitude } = spots[centre]!;
      places.set(centre, (place = { latitude: round(latitude), longitude: round(longitude) }));
    }
    return place;
  });
}

/** The most networks first; the rest only so that the same data gives the same places. */
function order(a: Spot, b: Spot): number {
  return b.networks - a.networks || a.latitude - b.latitude || a.longitude - b.longitude;
}

/** A hundredth of a degree is a kilometre. */
function round(degrees: number): number {
  return Math.round(degrees * 100) / 100;
}

/** Three numbers for each spot: the cosine of an angle between two is a sum of products. */
function unitVectors(spots: readonly Spot[]): Float64Array {
  const vectors = new Float64Array(spots.length * 3);
  const radians = Math.PI / 180;
  for (let i = 0; i < spots.length; i++) {
    const { latitude, longitude } = spots[i]!;
    const flat = Math.cos(latitude * radians);
    vectors[i * 3] = flat * Math.cos(longitude * radians);
    vectors[i * 3 + 1] = flat * Math.sin(longitude * radians);
    vectors[i * 3 + 2] = Math.sin(latitude * radians);
  }
  return vectors;
}

/** Divides the spots of one region, given in their order. @returns the number of places */
function gather(indexes: readonly number[], vectors: Float64Array, km: number, centreOf: Uint32Array): number {
  const least = Math.cos(km / EARTH_RADIUS_KM);
  const centres: number[] = [];
  for (const index of indexes) {
    const x = vectors[index * 3]!;
    const y = vectors[index * 3 + 1]!;
    const z = vectors[index * 3 + 2]!;
    let nearest = index;
    let best = least;
    for (const centre of centres) {
      const cosine = x * vectors[centre * 3]! + y * vectors[centre * 3 + 1]! + z * vectors[centre * 3 + 2]!;
      if (cosine < best) continue;
      best = cosine;
      nearest = centre;
    }
    if (nearest === index) centres.push(index);
    centreOf[index] = nearest;
  }
  return centres.length;
}
