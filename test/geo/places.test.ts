import fc from 'fast-check';
import { expect, test } from 'vitest';
import { placesOf, type Spot } from '../../src/geo/places.ts';
import { greatCircleKm } from '../../src/steering/plan/nearness.ts';

const spot = fc.record({
  region: fc.constantFrom('DE', 'CN', 'US'),
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
  networks: fc.nat(1000),
});
/** Most are near to others. */
const spots = fc
  .tuple(
    fc.array(spot, { maxLength: 8 }),
    fc.array(fc.tuple(fc.nat(7), fc.nat(20), fc.nat(20), fc.nat(99)), { maxLength: 60 }),
  )
  .map(([centres, near]) => [
    ...centres,
    ...near.flatMap(([index, north, east, networks]): Spot[] => {
      const centre = centres[index];
      if (centre === undefined || Math.abs(centre.latitude) > 80 || Math.abs(centre.longitude) > 170) return [];
      return [{ ...centre, latitude: centre.latitude + north / 10, longitude: centre.longitude + east / 10, networks }];
    }),
  ]);

test('every spot is near to its place, which is of its region and where networks are', () => {
  fc.assert(
    fc.property(spots, (all) => {
      const places = placesOf(all);
      expect(places).toHaveLength(all.length);
      const regionOf = new Map<object, string>();
      for (const [index, place] of places.entries()) {
        // Places are rounded to a hundredth of a degree.
        expect(greatCircleKm(place, all[index]!)).toBeLessThan(50 + 2);
        expect(regionOf.get(place) ?? all[index]!.region).toBe(all[index]!.region);
        regionOf.set(place, all[index]!.region);
      }
      // The place of a region's largest spot is that spot.
      for (const region of new Set(all.map((each) => each.region))) {
        const own = all.flatMap((each, index) => (each.region === region ? [index] : []));
        const most = Math.max(...own.map((index) => all[index]!.networks));
        const largest = own.filter((index) => all[index]!.networks === most);
        expect(largest.some((index) => greatCircleKm(places[index]!, all[index]!) < 2)).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});

test('the same spots in another order have the same places', () => {
  fc.assert(
    fc.property(spots, (all) => {
      const forwards = placesOf(all).map(({ latitude, longitude }) => `${latitude},${longitude}`);
      const backwards = placesOf(all.toReversed()).map(({ latitude, longitude }) => `${latitude},${longitude}`);
      expect(backwards.toReversed()).toEqual(forwards);
    }),
  );
});

test('there are as few as wanted, but one for each region at least', () => {
  const everywhere = Array.from({ length: 4000 }, (_, i): Spot => {
    const latitude = Math.asin(1 - (2 * i + 1) / 4000) * (180 / Math.PI);
    return { region: `R${i % 3}`, latitude, longitude: ((i * 137.508) % 360) - 180, networks: 1 };
  });
  const count = (most?: number): number => new Set(placesOf(everywhere, most)).size;
  expect(count()).toBe(4000);
  expect(count(1000)).toBeLessThanOrEqual(1000);
  expect(count(1000)).toBeGreaterThan(500);
  const many = everywhere.map((each, index) => ({ ...each, region: `R${index}` }));
  expect(new Set(placesOf(many, 500)).size).toBe(4000);
  expect(placesOf([])).toEqual([]);
});
