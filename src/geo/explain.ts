import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Reader as GeoIp2Reader, type ReaderModel } from '@maxmind/geoip2-node';
import { open, type Response } from 'maxmind';
import { formatAddress, formatPrefix, type Address, type Prefix } from '../lib/address.ts';
import { locate, toBigInt } from './locate.ts';
import { NOT_EMBEDDED } from './lookup.ts';
import { BUILT_IN, loadCarriers, loadRegions, type GeoSources } from './mod.ts';
import { parseOverlay, type OverlayEntry } from './overlay.ts';
import type { Locality, LocalityMap } from './ranges.ts';
import { ownerOf, placeName, whereabouts } from './records.ts';

/** Where one part of a locality came from. */
export interface Origin {
  /** File, or data package. */
  readonly source: string;
  /** Line, record or network in it. */
  readonly detail: string;
}

/** What is known of an address, and from where. */
export interface AddressExplanation {
  readonly address: string;
  /** The IPv4 address inside an IPv6 form, which is what counts. */
  readonly embedded?: string;
  readonly locality: Locality;
  /** Names from the inside out: `Guangdong, China, Asia, World`. */
  readonly regionPath: readonly string[];
  /** The widest prefix around the address in which all are alike. */
  readonly prefix: string;
  readonly region: Origin;
  readonly isp: Origin;
}

/** Explains an address; reads the sources again to name the lines and records that count. */
export async function explainAddress(
  address: Address,
  sources: GeoSources,
  map: LocalityMap,
): Promise<AddressExplanation> {
  const { locality, prefix, effective, offset } = locate(map, address);
  const regions = loadRegions(sources.dataDirectory);
  const overlay = findOverlay(effective, sources);
  return {
    address: formatAddress(address),
    ...(offset === NOT_EMBEDDED ? {} : { embedded: formatAddress(effective) }),
    locality,
    regionPath: regions.path(locality.region).map(({ name }) => name),
    prefix: formatPrefix(prefix),
    region: overlay.region ?? (await regionOrigin(effective, sources, locality)),
    isp: overlay.isp ?? (await ispOrigin(effective, sources, locality)),
  };
}

function findOverlay(address: Address, sources: GeoSources): { region?: Origin; isp?: Origin } {
  const regions = loadRegions(sources.dataDirectory);
  const found: { region?: Origin; isp?: Origin } = {};
  for (const file of sources.overlays) {
    const { entries } = parseOverlay(readFileSync(file, 'utf8'), file, regions);
    const covering = entries
      .filter(({ prefix }) => contains(prefix, address))
      .sort((a, b) => a.prefix.length - b.prefix.length);
    for (const entry of covering) {
      if (entry.region !== '') found.region = overlayOrigin(file, entry);
      if (entry.isp !== '') found.isp = overlayOrigin(file, entry);
    }
  }
  return found;
}

function overlayOrigin(file: string, { line, prefix }: OverlayEntry): Origin {
  return { source: file, detail: `line ${line}, ${formatPrefix(prefix)}` };
}

function contains(prefix: Prefix, address: Address): boolean {
  if (prefix.family !== address.family) return false;
  const shift = BigInt(prefix.bytes.length * 8 - prefix.length);
  return toBigInt(prefix) >> shift === toBigInt(address) >> shift;
}

const UNKNOWN: Origin = { source: 'none', detail: 'no source knows it' };

async function regionOrigin(
  address: Address,
  { mmdb, dataDirectory }: GeoSources,
  { region, coordinates }: Locality,
): Promise<Origin> {
  if (region === '' && coordinates === undefined) return UNKNOWN;
  if (mmdb.city === undefined && mmdb.country === undefined && region.startsWith('CN-'))
    return { source: 'ip2region 2.3.0', detail: `${basename(BUILT_IN.province())}: province inside China` };
  const file = mmdb.city ?? mmdb.country;
  const { record, length } = await recordIn(file ?? BUILT_IN.country(), address);
  const basis = whereabouts(record, loadRegions(dataDirectory))?.basis ?? 'not used';
  const detail = `${basis}, network of /${length}`;
  if (file === undefined) return { source: '@ip-location-db/geo-whois-asn-country-mmdb', detail };
  const name = typedPlace(file, address) ?? placeName(record);
  return { source: file, detail: name === '' ? detail : `${name}; ${detail}` };
}

async function ispOrigin(
  address: Address,
  { mmdb, dataDirectory }: GeoSources,
  { isp, asn }: Locality,
): Promise<Origin> {
  if (isp === '') return UNKNOWN;
  const carrier = loadCarriers(dataDirectory).get(asn);
  const named =
    carrier === undefined ? `AS${asn}, no carrier` : `AS${asn}, carriers.csv line ${carrier.line}: ${carrier.name}`;
  const file = mmdb.isp ?? mmdb.asn;
  if (file === undefined) return { source: '@ip-location-db/asn', detail: named };
  const { record, length } = await recordIn(file, address);
  const owner = typedOwner(file, address, mmdb.isp !== undefined) ?? ownerOf(record);
  return { source: file, detail: `${named}; ${owner === '' ? '' : `"${owner}", `}network of /${length}` };
}

/** Names in MaxMind's own databases, with how far off the place may be; undefined for other makers' files. */
function typedPlace(file: string, address: Address): string | undefined {
  const ip = formatAddress(address);
  const whole = (names: readonly (string | undefined)[]): string =>
    names.filter((name) => name !== undefined).join(', ');
  return (
    typed(file, (reader) => {
      const { city, subdivisions = [], country, location } = reader.city(ip);
      const inner = subdivisions.map(({ names }) => names.en).reverse();
      const name = whole([city?.names.en, ...inner, country?.names.en]);
      const radius = location?.accuracyRadius;
      return name === '' || radius === undefined ? name : `${name}, within ${radius} km`;
    }) ?? typed(file, (reader) => whole([reader.country(ip).country?.names.en]))
  );
}

function typedOwner(file: string, address: Address, isIsp: boolean): string | undefined {
  const ip = formatAddress(address);
  return typed(file, (reader) =>
    isIsp ? (reader.isp(ip).isp ?? '') : (reader.asn(ip).autonomousSystemOrganization ?? ''),
  );
}

/** Undefined when the file is of another type than is asked for, or of another maker. */
function typed(file: string, read: (reader: ReaderModel) => string): string | undefined {
  try {
    return read(GeoIp2Reader.openBuffer(readFileSync(file)));
  } catch {
    return undefined;
  }
}

async function recordIn(file: string, address: Address): Promise<{ record: unknown; length: number }> {
  const [record, length] = (await open<Response>(file)).getWithPrefixLength(formatAddress(address));
  return { record, length };
}
