import type { Coordinates } from '../model/regions.ts';

/** What a client's address tells of it. */
export interface Locality {
  /** Code of geo-data/regions.csv; '' when not known. */
  readonly region: string;
  /** Carrier's name, or `AS<number>` for an AS number with no carrier, or '' when not known. */
  readonly isp: string;
  /** AS number; 0 when not known. */
  readonly asn: number;
  /**
   * The place in the region, accurate to 50 or 100 km; absent when no source has coordinates (see `placesOf`). Each place
   * is one object and belongs to one region, so the object identifies it.
   */
  readonly coordinates?: Coordinates;
}

/**
 * A value for every address: range i goes from its start to the next one's start less one, the first starts at 0,
 * neighbours differ. IPv6 starts have four 32-bit words, most significant first.
 */
export interface Ranges {
  readonly start4: Uint32Array;
  readonly value4: Uint32Array;
  readonly start6: Uint32Array;
  readonly value6: Uint32Array;
}

/** The world as localities: `ranges`' values index `localities`; locality 0 is nothing known (`'', '', 0`). */
export interface LocalityMap {
  readonly localities: readonly Locality[];
  readonly ranges: Ranges;
}

/** Everybody is of unknown locality: when nothing is steered, or no geo data can be read. */
export const NOWHERE: LocalityMap = {
  localities: [{ region: '', isp: '', asn: 0 }],
  ranges: {
    start4: new Uint32Array(1),
    value4: new Uint32Array(1),
    start6: new Uint32Array(4),
    value6: new Uint32Array(1),
  },
};
