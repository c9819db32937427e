import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Reader as GeoIp2Reader } from '@maxmind/geoip2-node';
import { open, type Response } from 'maxmind';
import { addressWords, formatAddress, formatPrefix, type Address, type Prefix } from '../lib/address.ts';
import { embeddedIpv4, embeddedLength, NOT_EMBEDDED } from './lookup.ts';
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

/** The locality of an address in a map, and the widest prefix around it that has one locality. */
export function locate(
  map: LocalityMap,
  address: Address,
): { locality: Locality; prefix: Prefix; effective: Address; offset: number } {
  const [w0, w1, w2, w3] = addressWords(address);
  const offset = address.family === 6 ? embeddedLength(w0, w1, w2) : NOT_EMBEDDED;
  if (offset !== NOT_EMBEDDED) {
    const inner = embeddedIpv4(w0, w1, w2, w3);
    const bytes = Uint8Array.of(inner >>> 24, inner >>> 16, inner >>> 8, inner);
    return { ...locate(map, { family: 4, bytes }), effective: { family: 4, bytes }, offset };
  }
  const value = toBigInt(address);
  const bits = address.bytes.length * 8;
  const count = address.family === 4 ? map.ranges.start4.length : map.ranges.start6.length / 4;
  const start = (i: number): bigint => (address.family === 4 ? BigInt(map.ranges.start4[i]!) : start6(map, i));
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (start(middle) <= value) low = middle;
    else high = middle - 1;
  }
  const first = start(low);
  const last = low + 1 < count ? start(low + 1) - 1n : (1n << BigInt(bits)) - 1n;
  const locality = map.localities[(address.family === 4 ? map.ranges.value4 : map.ranges.value6)[low]!]!;
  for (let length = 0; ; length++) {
    const size = 1n << BigInt(bits - length);
    const block = value - (value % size);
    if (block >= first && block + size - 1n <= last) {
      return {
        locality,
        prefix: { family: address.family, bytes: fromBigInt(block, bits), length },
        effective: address,
        offset: 0,
      };
    }
  }
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
    ...(offset === 0 ? {} : { embedded: formatAddress(effective) }),
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
  const text = formatAddress(address);
  if (mmdb.city !== undefined) {
    const city = GeoIp2Reader.openBuffer(readFileSync(mmdb.city)).city(text);
    const names = [city.city?.names?.en, city.subdivisions?.[0]?.names?.en, city.country?.names?.en].filter(
      (name) => name !== undefined,
    );
    return { source: mmdb.city, detail: `${names.join(', ')} (${city.traits.network ?? 'network not stated'})` };
  }
  if (mmdb.country === undefined && region.startsWith('CN-')) {
    return { source: 'ip2region 2.3.0', detail: `${basename(BUILT_IN.province())}: province inside China` };
  }
  const file = mmdb.country ?? BUILT_IN.country();
  const [, length] = (await open<Response>(file)).getWithPrefixLength(text);
  const source = mmdb.country ?? '@ip-location-db/geo-whois-asn-country-mmdb';
  return { source, detail: `network of /${length}` };
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
  const text = formatAddress(address);
  if (mmdb.isp !== undefined) {
    const record = GeoIp2Reader.openBuffer(readFileSync(mmdb.isp)).isp(text);
    return {
      source: mmdb.isp,
      detail: `${named}; ISP "${record.isp ?? ''}" (${record.network ?? 'network not stated'})`,
    };
  }
  if (mmdb.asn !== undefined) {
    const record = GeoIp2Reader.openBuffer(readFileSync(mmdb.asn)).asn(text);
    return { source: mmdb.asn, detail: `${named} (${record.network ?? 'network not stated'})` };
  }
  return { source: '@ip-location-db/asn', detail: named };
}

function start6({ ranges: { start6: words } }: LocalityMap, index: number): bigint {
  const at = index * 4;
  let value = 0n;
  for (let i = 0; i < 4; i++) value = (value << 32n) | BigInt(words[at + i]!);
  return value;
}

function toBigInt({ bytes }: Address): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

function fromBigInt(value: bigint, bits: number): Uint8Array {
  return Uint8Array.from({ length: bits / 8 }, (_, i) => Number((value >> BigInt(bits - 8 - i * 8)) & 255n));
}
