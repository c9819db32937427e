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

async function regionOrigin(address: Address, { mmdb }: GeoSources, { region }: Locality): Promise<Origin> {
  if (region === '') return UNKNOWN;
  if (mmdb.city !== undefined) {
    const typed = fromTyped(mmdb.city, (reader) => {
      const { city, subdivisions, country, traits } = reader.city(formatAddress(address));
      const names = [city?.names?.en, subdivisions?.[0]?.names?.en, country?.names?.en];
      return `${names.filter((name) => name !== undefined).join(', ')} (${traits.network ?? 'network not stated'})`;
    });
    return typed ?? (await networkIn(mmdb.city, mmdb.city, address));
  }
  if (mmdb.country === undefined && region.startsWith('CN-')) {
    return { source: 'ip2region 2.3.0', detail: `${basename(BUILT_IN.province())}: province inside China` };
  }
  return mmdb.country === undefined
    ? await networkIn(BUILT_IN.country(), '@ip-location-db/geo-whois-asn-country-mmdb', address)
    : await networkIn(mmdb.country, mmdb.country, address);
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
  const typed =
    mmdb.isp === undefined
      ? undefined
      : fromTyped(file, (reader) => {
          const record = reader.isp(formatAddress(address));
          return `ISP "${record.isp ?? ''}" (${record.network ?? 'network not stated'})`;
        });
  const { source, detail } = typed ?? (await networkIn(file, file, address));
  return { source, detail: `${named}; ${detail}` };
}

/** What a file says with the fields of its type; undefined when it is of another type, which serves as well. */
function fromTyped(file: string, describe: (reader: ReaderModel) => string): Origin | undefined {
  try {
    return { source: file, detail: describe(GeoIp2Reader.openBuffer(readFileSync(file))) };
  } catch {
    return undefined;
  }
}

async function networkIn(file: string, source: string, address: Address): Promise<Origin> {
  const [, length] = (await open<Response>(file)).getWithPrefixLength(formatAddress(address));
  return { source, detail: `network of /${length}` };
}
