import type { Coordinates, RegionTree } from '../model/regions.ts';
import { currentCode, foldName } from '../model/region-names.ts';

/** Where the networks of a record are, and by which of its fields. */
export interface Whereabouts {
  /** '' when only the coordinates are known. */
  readonly region: string;
  readonly coordinates: Coordinates | undefined;
  /** The field that gave the region and its content, in words: `continent EU`. */
  readonly basis: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Continents as MaxMind, DB-IP and IPinfo write them. */
const CONTINENTS: Readonly<Record<string, string>> = {
  AF: 'africa',
  AN: 'antarctica',
  AS: 'asia',
  EU: 'europe',
  NA: 'north-america',
  OC: 'oceania',
  SA: 'south-america',
};

/** Codes in place of a country for networks that are all over a part of the world (registries' statistics). */
const WIDE_NETWORKS: Readonly<Record<string, string>> = { EU: 'europe', AP: 'asia' };

/** Coordinates with a larger accuracy radius are the centre of a country. */
const ROUGH_KM = 500;

/**
 * Where a record of an mmdb file says that its networks are; undefined when it does not say. The forms of MaxMind,
 * DB-IP, IP2Location (nested), IPinfo and ip-location-db (flat) are read.
 *
 * `country` and `continent` are about where a network is, `registered_country` only about where its owner is
 * registered: it counts when neither of the others is there, and not for satellites and anonymisers, whose users are
 * elsewhere. It does not refine a continent either: the maker of the database knew it and left the country empty.
 * `represented_country` (an embassy, a base abroad) is not a location.
 */
export function whereabouts(record: unknown, regions: RegionTree): Whereabouts | undefined {
  if (!isFields(record)) return undefined;
  const coordinates = coordinatesOf(record);
  const country = countryOf(record, regions);
  if (country !== undefined) {
    const wide = WIDE_NETWORKS[country.code];
    if (wide !== undefined) return { region: wide, coordinates, basis: `${country.field} ${country.code}` };
    const inner = subdivisionOf(record, country.code, regions);
    const basis = `${country.field} ${country.code}`;
    if (inner === undefined) return { region: country.code, coordinates, basis };
    return { region: inner.code, coordinates, basis: `${basis}, ${inner.field}` };
  }
  const continent = text(fields(record['continent'])['code'] ?? record['continent_code'] ?? record['continent']);
  const wide = CONTINENTS[continent.toUpperCase()];
  if (wide !== undefined) return { region: wide, coordinates, basis: `continent ${continent}` };
  const traits = fields(record['traits']);
  const elsewhere = traits['is_satellite_provider'] === true || traits['is_anonymous_proxy'] === true;
  const registered = isoCode(record['registered_country']);
  if (!elsewhere && regions.get(registered) !== undefined)
    return { region: registered, coordinates, basis: `registered_country ${registered}` };
  return coordinates === undefined ? undefined : { region: '', coordinates, basis: 'location' };
}

/** AS number of a record; undefined for none. MaxMind, DB-IP and ip-location-db give a number, IPinfo `AS4134`. */
export function asNumberOf(record: unknown): number | undefined {
  if (!isFields(record)) return undefined;
  const traits = fields(record['traits']);
  const given =
    record['autonomous_system_number'] ??
    record['asn'] ??
    fields(record['as'])['asn'] ??
    traits['autonomous_system_number'];
  const digits = /^(?:AS)?(?<number>\d{1,10})$/iu.exec(text(given))?.groups!['number'];
  const number = Number(digits ?? Number.NaN);
  return number >= 0 && number <= 0xffffffff ? number : undefined;
}

/** The name of the network's owner in a record; '' for none. */
export function ownerOf(record: unknown): string {
  if (!isFields(record)) return '';
  return text(
    record['isp'] ??
      record['autonomous_system_organization'] ??
      record['as_name'] ??
      record['organization'] ??
      record['name'],
  );
}

/** Names from the inside out, as far as a record has them: `Shenzhen, Guangdong, China`; '' for none. */
export function placeName(record: unknown): string {
  if (!isFields(record)) return '';
  const subdivisions = list(record['subdivisions']).map(englishName).reverse();
  const flat = [record['region'] ?? record['state1']].map(text);
  return [
    englishName(record['city']),
    ...(subdivisions.length > 0 ? subdivisions : flat),
    englishName(record['country']),
  ]
    .filter((name) => name !== '')
    .join(', ');
}

function countryOf(record: Fields, regions: RegionTree): { code: string; field: string } | undefined {
  const candidates: readonly (readonly [string, string])[] = [
    ['country', isoCode(record['country'])],
    ['country_code', isoCode(record['country_code'])],
    ['countryCode', isoCode(record['countryCode'])],
  ];
  const found = candidates.find(([, code]) => regions.get(code) !== undefined || Object.hasOwn(WIDE_NETWORKS, code));
  return found === undefined ? undefined : { field: found[0], code: found[1] };
}

/** The code of a country that is given as a map with `iso_code`, or as the code itself; '' for another text. */
function isoCode(value: unknown): string {
  const code = text(isFields(value) ? value['iso_code'] : value).toUpperCase();
  return /^[A-Z]{2}$/u.test(code) ? code : '';
}

/** The innermost subdivision that the tree has: by code, else by its English name. */
function subdivisionOf(
  record: Fields,
  country: string,
  regions: RegionTree,
): { code: string; field: string } | undefined {
  const flat = [
    { iso_code: record['region_code'] ?? record['subdivision_code'], name: record['region'] ?? record['state1'] },
    { name: record['state2'] },
  ];
  const given = list(record['subdivisions']);
  let found: { code: string; field: string } | undefined;
  for (const each of given.length > 0 ? given : flat) {
    const own = fields(each);
    const iso = text(own['iso_code']).toUpperCase();
    const code = iso.startsWith(`${country}-`) ? iso : `${country}-${iso}`;
    const known = iso === '' ? undefined : currentCode(code, regions);
    const name = text(own['name'] ?? englishName(each));
    if (known !== undefined) found = { code: known, field: `subdivision ${iso}` };
    else if (name !== '') {
      const named = subdivisionsByName(regions).get(`${country} ${foldName(name)}`);
      if (named !== undefined) found = { code: named, field: `subdivision "${name}"` };
    }
  }
  return found;
}

const byName = new WeakMap<RegionTree, ReadonlyMap<string, string>>();

/** `DE bavaria`: `DE-BY`. The outer one of two with one name. */
function subdivisionsByName(regions: RegionTree): ReadonlyMap<string, string> {
  const before = byName.get(regions);
  if (before !== undefined) return before;
  const names = new Map<string, string>();
  for (const { code, name } of regions.regions()) {
    if (code.charAt(2) !== '-') continue;
    const key = `${code.slice(0, 2)} ${foldName(name)}`;
    const other = names.get(key);
    if (other === undefined || regions.contains(code, other)) names.set(key, code);
  }
  byName.set(regions, names);
  return names;
}

function coordinatesOf(record: Fields): Coordinates | undefined {
  const location = fields(record['location']);
  if (Number(location['accuracy_radius']) > ROUGH_KM) return undefined;
  const pair = text(record['loc']).split(',');
  const latitude = degrees(location['latitude'] ?? record['latitude'] ?? record['lat'] ?? pair[0]);
  const longitude = degrees(location['longitude'] ?? record['longitude'] ?? record['lng'] ?? record['lon'] ?? pair[1]);
  // Some makers write 0, 0, a point in the sea, for unknown coordinates.
  if ((latitude === 0 && longitude === 0) || !(Math.abs(latitude) <= 90) || !(Math.abs(longitude) <= 180))
    return undefined;
  return { latitude, longitude };
}

function degrees(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text or a number as a text; '' for anything else. */
function text(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? value.trim() : '';
}

function englishName(value: unknown): string {
  return isFields(value) ? text(fields(value['names'])['en'] ?? value['name']) : text(value);
}
