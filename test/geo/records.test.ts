import { describe, expect, it, test } from 'vitest';
import { loadRegions } from '../../src/geo/mod.ts';
import { asNumberOf, ownerOf, placeName, whereabouts } from '../../src/geo/records.ts';
import { GEO_DATA } from '../support/localities.ts';

const regions = loadRegions(GEO_DATA);

/** `region basis [latitude,longitude]`. */
function where(record: unknown): string | undefined {
  const found = whereabouts(record, regions);
  if (found === undefined) return undefined;
  const { region, basis, coordinates } = found;
  return [region, basis, coordinates === undefined ? '' : `${coordinates.latitude},${coordinates.longitude}`].join('|');
}

const at = { location: { latitude: 49.2, longitude: -123.1 } };
const EU = { continent: { code: 'EU', names: { en: 'Europe' } } };
const US = { registered_country: { iso_code: 'US' } };

describe('where networks are', () => {
  it.each<[string, unknown, string | undefined]>([
    // MaxMind, DB-IP, IP2Location.
    ['country', { country: { iso_code: 'DE' } }, 'DE|country DE|'],
    ['country, others say more', { country: { iso_code: 'DE' }, ...EU, ...US }, 'DE|country DE|'],
    ['only a continent', EU, 'europe|continent EU|'],
    ['a continent and a registered country', { ...EU, ...US }, 'europe|continent EU|'],
    [
      'a registered country in the continent',
      { ...EU, registered_country: { iso_code: 'GB' } },
      'europe|continent EU|',
    ],
    ['only a registered country', US, 'US|registered_country US|'],
    ['a satellite', { ...US, traits: { is_satellite_provider: true } }, undefined],
    ['an anonymiser', { ...US, traits: { is_anonymous_proxy: true } }, undefined],
    [
      'a satellite whose users are known',
      { country: { iso_code: 'NG' }, traits: { is_satellite_provider: true } },
      'NG|country NG|',
    ],
    ['an embassy', { country: { iso_code: 'DE' }, represented_country: { iso_code: 'US' } }, 'DE|country DE|'],
    ['only whom they represent', { represented_country: { iso_code: 'US' } }, undefined],
    ['a country that is none', { country: { iso_code: 'XX' }, ...US }, 'US|registered_country US|'],
    ['Europe in place of a country', { country: { iso_code: 'EU' } }, 'europe|country EU|'],
    ['Asia and Pacific in place of a country', { country_code: 'AP' }, 'asia|country_code AP|'],
    ['Namibia', { country: { iso_code: 'NA' }, continent: { code: 'AF' } }, 'NA|country NA|'],
    ['the continent NA', { continent: { code: 'NA' } }, 'north-america|continent NA|'],
    ...(['AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA'] as const).map((code, index): [string, unknown, string] => [
      `continent ${code}`,
      { continent: { code } },
      `${['africa', 'antarctica', 'asia', 'europe', 'north-america', 'oceania', 'south-america'][index]}|continent ${code}|`,
    ]),
    [
      'a subdivision',
      { country: { iso_code: 'CA' }, subdivisions: [{ iso_code: 'BC' }], ...at },
      'CA-BC|country CA, subdivision BC|49.2,-123.1',
    ],
    [
      'two subdivisions',
      { country: { iso_code: 'GB' }, subdivisions: [{ iso_code: 'ENG' }, { iso_code: 'LND' }] },
      'GB-LND|country GB, subdivision LND|',
    ],
    [
      'a second subdivision that is unknown',
      { country: { iso_code: 'GB' }, subdivisions: [{ iso_code: 'ENG' }, { iso_code: 'Q' }] },
      'GB-ENG|country GB, subdivision ENG|',
    ],
    [
      'a code that was replaced',
      { country: { iso_code: 'FR' }, subdivisions: [{ iso_code: 'IDF' }, { iso_code: '75' }] },
      'FR-75C|country FR, subdivision 75|',
    ],
    [
      'a numeric code of China',
      { country: { iso_code: 'CN' }, subdivisions: [{ iso_code: '44' }] },
      'CN-GD|country CN, subdivision 44|',
    ],
    [
      'a subdivision without a code',
      { country: { iso_code: 'DE' }, subdivisions: [{ names: { en: 'Bavaria' } }] },
      'DE-BY|country DE, subdivision "Bavaria"|',
    ],
    [
      'a name with other accents',
      { country: { iso_code: 'FR' }, subdivisions: [{ names: { en: 'Ile-de-France' } }] },
      'FR-IDF|country FR, subdivision "Ile-de-France"|',
    ],
    [
      'a name of another country',
      { country: { iso_code: 'DE' }, subdivisions: [{ names: { en: 'Tyrol' } }] },
      'DE|country DE|',
    ],
    [
      'coordinates of a whole country',
      { country: { iso_code: 'US' }, location: { latitude: 37.751, longitude: -97.822, accuracy_radius: 1000 } },
      'US|country US|',
    ],
    [
      'coordinates of a city',
      { country: { iso_code: 'US' }, location: { latitude: 37.7, longitude: -97.8, accuracy_radius: 20 } },
      'US|country US|37.7,-97.8',
    ],
    ['coordinates alone', at, '|location|49.2,-123.1'],
    [
      'no coordinates as 0, 0',
      { country: { iso_code: 'DE' }, location: { latitude: 0, longitude: 0 } },
      'DE|country DE|',
    ],
    [
      'coordinates beyond the poles',
      { country: { iso_code: 'DE' }, location: { latitude: 91, longitude: 0 } },
      'DE|country DE|',
    ],
    // ip-location-db, IPinfo and others, flat.
    ['country_code', { country_code: 'DE' }, 'DE|country_code DE|'],
    [
      'ip-location-db, city',
      { city: 'Munich', country_code: 'DE', latitude: 48.13, longitude: 11.57, state1: 'Bavaria' },
      'DE-BY|country_code DE, subdivision "Bavaria"|48.13,11.57',
    ],
    [
      'IPinfo, location',
      { city: 'Munich', country: 'DE', lat: '48.13', lng: '11.57', region: 'Bavaria', region_code: 'BY' },
      'DE-BY|country DE, subdivision BY|48.13,11.57',
    ],
    ['IPinfo, loc', { country: 'DE', loc: '48.13,11.57' }, 'DE|country DE|48.13,11.57'],
    [
      'IPinfo, lite',
      {
        asn: 'AS3320',
        as_name: 'Deutsche Telekom AG',
        continent: 'Europe',
        continent_code: 'EU',
        country: 'Germany',
        country_code: 'DE',
      },
      'DE|country_code DE|',
    ],
    [
      'IPinfo, country',
      { continent: 'EU', continent_name: 'Europe', country: 'DE', country_name: 'Germany' },
      'DE|country DE|',
    ],
    ['only a flat continent', { continent_code: 'eu' }, 'europe|continent eu|'],
    // What is none.
    ['an AS record', { autonomous_system_number: 4134, autonomous_system_organization: 'Chinanet' }, undefined],
    ['nothing', {}, undefined],
    ['null', null, undefined],
    ['a list', ['DE'], undefined],
    ['a text', 'DE', undefined],
    [
      'fields of other types',
      { country: 5, continent: ['EU'], location: 'here', subdivisions: { iso_code: 'BY' }, traits: 1 },
      undefined,
    ],
  ])('%s', (_, record, expected) => {
    expect(where(record)).toBe(expected);
  });
});

test.each<[unknown, number | undefined]>([
  [{ autonomous_system_number: 4134 }, 4134],
  [{ asn: 'AS4134' }, 4134],
  [{ asn: 'as4134' }, 4134],
  [{ asn: 4134 }, 4134],
  [{ as: { asn: 4134 } }, 4134],
  [{ traits: { autonomous_system_number: 4134 } }, 4134],
  [{ autonomous_system_number: 4294967295 }, 4294967295],
  [{ autonomous_system_number: 4294967296 }, undefined],
  [{ autonomous_system_number: -1 }, undefined],
  [{ asn: 'AS1.5' }, undefined],
  [{ asn: '' }, undefined],
  [{ country: { iso_code: 'DE' } }, undefined],
  [null, undefined],
])('AS number of %j', (record, expected) => {
  expect(asNumberOf(record)).toBe(expected);
});

test('names', () => {
  expect(
    placeName({
      city: { names: { en: 'Shenzhen' } },
      subdivisions: [{ names: { en: 'Guangdong' } }],
      country: { names: { en: 'China' } },
    }),
  ).toBe('Shenzhen, Guangdong, China');
  expect(placeName({ city: 'Munich', region: 'Bavaria', country: 'DE' })).toBe('Munich, Bavaria, DE');
  expect(placeName({ country: { iso_code: 'DE' } })).toBe('');
  expect(placeName(undefined)).toBe('');
  expect(ownerOf({ isp: 'A', organization: 'B' })).toBe('A');
  expect(ownerOf({ as_name: 'Deutsche Telekom AG' })).toBe('Deutsche Telekom AG');
  expect(ownerOf(7)).toBe('');
});
