import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Reader as GeoIp2Reader, type ReaderModel } from '@maxmind/geoip2-node';
import { open, type Response } from 'maxmind';
import { addressWords, formatAddress, formatPrefix, type Address, type Prefix } from '../lib/address.ts';
import { cutEmbedded } from './embedded-blocks.ts';
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

interface Located {
  readonly locality: Locality;
  /** The widest prefix around the address that has one locality; of the IPv4 address inside where there is one. */
  readonly prefix: Prefix;
  /** The IPv4 address inside, else the address itself. */
  readonly effective: Address;
  /** Bits before the IPv4 address inside, or NOT_EMBEDDED. */
  readonly offset: number;
}

/** Where an address is in a map. */
export function locate(map: LocalityMap, address: Address): Located {
  const [w0, w1, w2, w3] = addressWords(address);
  const offset = address.family === 6 ? embeddedLength(w0, w1, w2) : NOT_EMBEDDED;
  if (offset !== NOT_EMBEDDED) {
    const inner = embeddedIpv4(w0, w1, w2, w3);
    const bytes = Uint8Array.of(inner >>> 24, inner >>> 16, inner >>> 8, inner);
    return { ...locate(map, { family: 4, bytes }), effective: { family: 4, bytes }, offset };
  }
  const value = toBigInt(address);
  const bits = address.bytes.length * 8;
  const { starts, values } = rangesOf(map, address.family);
  const words = bits / 32;
  const start = (i: number): bigint => toBigInt32(starts.subarray(i * words, (i + 1) * words));
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (start(middle) <= value) low = middle;
    else high = middle - 1;
  }
  const first = start(low);
  const last = low + 1 < values.length ? start(low + 1) - 1n : (1n << BigInt(bits)) - 1n;
  for (let length = 0; ; length++) {
    const size = 1n << BigInt(bits - length);
    const block = value - (value % size);
    if (block >= first && block + size - 1n <= last) {
      return {
        locality: map.localities[values[low]!]!,
        prefix: { family: address.family, bytes: fromBigInt(block, bits), length },
        effective: address,
        offset: NOT_EMBEDDED,
      };
    }
  }
}

/** IPv6 without the forms that carry IPv4 addresses: those are not alike whatever is around them. */
function rangesOf({ ranges }: LocalityMap, family: 4 | 6): { starts: Uint32Array; values: Uint32Array } {
  return family === 4 ? { starts: ranges.start4, values: ranges.value4 } : cutEmbedded(ranges);
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

function toBigInt32(words: Uint32Array): bigint {
  let value = 0n;
  for (const word of words) value = (value << 32n) | BigInt(word);
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
