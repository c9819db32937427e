import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { formatProblem, hasErrors, type Problem } from '../lib/problem.ts';
import { parseRegions, type Coordinates, type RegionTree } from '../model/regions.ts';
import { readAutonomousSystems } from './autonomous-systems.ts';
import { cacheFile, cacheKey, readCache, writeCache } from './cache.ts';
import { parseCarriers, type Carrier } from './carriers.ts';
import { ispOfAsn, LocalityMapBuilder, moved, overlayLayer, type Layer } from './localities.ts';
import { readMmdb, UnsuitableFile } from './mmdb.ts';
import { parseOverlay } from './overlay.ts';
import { placesOf } from './places.ts';
import { readProvinces } from './provinces.ts';
import type { Locality, LocalityMap } from './ranges.ts';
import { asNumberOf, whereabouts } from './records.ts';
import { ORDER4, ORDER6 } from './space.ts';

export { buildPrefixTable, prefixTableSteps } from './prefix-table.ts';

/** Where localities come from. */
export interface GeoSources {
  /** Directory with regions.csv and carriers.csv. */
  readonly dataDirectory: string;
  /** Operators' CSVs `prefix,region,isp`, the later over the earlier. */
  readonly overlays: readonly string[];
  /** mmdb files in place of the built-in data: the city or country file gives regions, the ISP or ASN file gives ISPs. */
  readonly mmdb: { readonly city?: string; readonly country?: string; readonly isp?: string; readonly asn?: string };
  /** Where what was built is kept; undefined for nowhere. */
  readonly cacheDirectory: string | undefined;
}

export interface LoadedLocalities {
  /** Undefined when an input cannot be used: the caller keeps what it has. */
  readonly map: LocalityMap | undefined;
  readonly problems: readonly Problem[];
  readonly fromCache: boolean;
}

const resolveModule = createRequire(import.meta.url).resolve;

/** A file inside an installed data package. */
function packaged(name: string, file: string): string {
  return join(dirname(resolveModule(`${name}/package.json`)), file);
}

/** The data that comes with Edgeward. */
export const BUILT_IN = {
  country: (): string => packaged('@ip-location-db/geo-whois-asn-country-mmdb', 'geo-whois-asn-country.mmdb'),
  asn4: (): string => packaged('@ip-location-db/asn', 'asn-ipv4-num.csv'),
  asn6: (): string => packaged('@ip-location-db/asn', 'asn-ipv6-num.csv'),
  province: (): string => join(dirname(resolveModule('ip2region')), '../../data/ip2region.db'),
} as const;

/**
 * The tree of regions.
 * @throws Error when the file, which comes with Edgeward, cannot be used
 */
export function loadRegions(dataDirectory: string): RegionTree {
  return throwFirst(readRegions(dataDirectory)).tree;
}

/** Carriers by AS number. @throws Error like `loadRegions` */
export function loadCarriers(dataDirectory: string): ReadonlyMap<number, Carrier> {
  return throwFirst(readCarriers(dataDirectory)).carriers;
}

function regionFiles(dataDirectory: string): string[] {
  return [join(dataDirectory, 'regions.csv'), join(dataDirectory, 'subdivisions.csv')];
}

/** By directory: a look-up reads them several times, and they hardly ever change. */
const knownRegions = new Map<string, { readonly key: string; readonly parsed: ReturnType<typeof parseRegions> }>();

function readRegions(dataDirectory: string): { tree: RegionTree; problems: Problem[] } {
  const files = regionFiles(dataDirectory);
  const key = cacheKey(files);
  let known = knownRegions.get(dataDirectory);
  if (known?.key !== key) {
    const parsed = parseRegions(files.map((file) => ({ text: readFileSync(file, 'utf8'), file })));
    knownRegions.set(dataDirectory, (known = { key, parsed }));
  }
  return known.parsed;
}

function readCarriers(dataDirectory: string): { carriers: ReadonlyMap<number, Carrier>; problems: Problem[] } {
  const file = join(dataDirectory, 'carriers.csv');
  return parseCarriers(readFileSync(file, 'utf8'), file);
}

function throwFirst<T extends { readonly problems: readonly Problem[] }>(parsed: T): T {
  const error = parsed.problems.find(({ severity }) => severity === 'error');
  if (error !== undefined) throw new Error(formatProblem(error));
  return parsed;
}

/**
 * Builds the localities of all addresses, or reads them from the cache when no input has changed. Takes seconds when
 * built anew.
 * @param progress is told of each long step before it
 */
export async function loadLocalityMap(
  sources: GeoSources,
  progress?: (step: string) => void,
): Promise<LoadedLocalities> {
  const problems: Problem[] = [];
  const files = inputFiles(sources);
  let key: string;
  try {
    key = cacheKey(files);
  } catch (error) {
    const file = (error as NodeJS.ErrnoException).path ?? '';
    problems.push({ severity: 'error', file, message: 'cannot be read', remedy: `check the path: ${reason(error)}` });
    return { map: undefined, problems, fromCache: false };
  }
  if (sources.cacheDirectory !== undefined) {
    try {
      const map = readCache(sources.cacheDirectory, key);
      if (map !== undefined) return { map, problems, fromCache: true };
    } catch (error) {
      const remedy = 'it is built anew';
      problems.push({
        severity: 'warning',
        file: cacheFile(sources.cacheDirectory, key),
        message: `the cached geo data is damaged: ${reason(error)}`,
        remedy,
      });
    }
  }
  const map = build(sources, problems, progress ?? (() => {}));
  // Between the long steps above nothing else ran; let what waits run before the caller goes on.
  await Promise.resolve();
  if (map !== undefined && sources.cacheDirectory !== undefined) {
    try {
      writeCache(sources.cacheDirectory, key, map);
    } catch (error) {
      const remedy =
        'every start builds it anew; make the directory writable, or set `geo.cacheDirectory` in edgeward.yaml';
      problems.push({
        severity: 'warning',
        file: sources.cacheDirectory,
        message: `geo data cannot be cached: ${reason(error)}`,
        remedy,
      });
    }
  }
  return { map, problems, fromCache: false };
}

/** The files that localities are made from. */
export function inputFiles({ dataDirectory, overlays, mmdb }: GeoSources): string[] {
  const files = [...regionFiles(dataDirectory), join(dataDirectory, 'carriers.csv')];
  if (mmdb.city === undefined) files.push(mmdb.country ?? BUILT_IN.country(), BUILT_IN.province());
  else files.push(mmdb.city);
  const isp = mmdb.isp ?? mmdb.asn;
  if (isp === undefined) files.push(BUILT_IN.asn4(), BUILT_IN.asn6());
  else files.push(isp);
  return [...files, ...overlays];
}

function build(sources: GeoSources, problems: Problem[], progress: (step: string) => void): LocalityMap | undefined {
  const builder = new LocalityMapBuilder();
  let sound = true;
  /** What a file gives; undefined, and a problem, when it cannot be used. */
  const use = <T>(file: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      sound = false;
      const remedy =
        error instanceof UnsuitableFile
          ? error.remedy
          : 'the data from before stays in use; replace the file by a whole one';
      problems.push({ severity: 'error', file, message: `cannot be used: ${reason(error)}`, remedy });
      return undefined;
    }
  };
  const parse = <T extends { readonly problems: readonly Problem[] }>(file: string, read: () => T): T | undefined => {
    const parsed = use(file, read);
    if (parsed === undefined) return undefined;
    problems.push(...parsed.problems.slice(0, MAX_PROBLEMS));
    const more = parsed.problems.length - MAX_PROBLEMS;
    if (more > 0) problems.push({ severity: 'warning', file, message: `${more} more lines are wrong` });
    if (!hasErrors(parsed.problems)) return parsed;
    sound = false;
    return undefined;
  };
  const add = (file: string, step: string, make: () => Layer): void => {
    progress(step);
    use(file, () => builder.add(make()));
  };
  const { dataDirectory, mmdb, overlays } = sources;
  const regions = parse(join(dataDirectory, 'regions.csv'), () => readRegions(dataDirectory))?.tree;
  const carriers = parse(join(dataDirectory, 'carriers.csv'), () => readCarriers(dataDirectory))?.carriers;
  if (regions === undefined || carriers === undefined) return undefined;
  const regionFile = mmdb.city ?? mmdb.country ?? BUILT_IN.country();
  add(regionFile, 'regions', () => regionLayer(regionFile, regions, mmdb.city === undefined ? 'country' : 'city'));
  const ispFile = mmdb.isp ?? mmdb.asn;
  if (ispFile === undefined) add(BUILT_IN.asn4(), 'autonomous systems', () => asnLayer(carriers));
  else add(ispFile, 'ISPs', () => ispLayer(ispFile, carriers, regions, mmdb.isp === undefined ? 'asn' : 'isp'));
  if (mmdb.city === undefined) add(BUILT_IN.province(), 'provinces', () => provinceLayer(BUILT_IN.province()));
  for (const file of overlays) {
    const overlay = parse(file, () => parseOverlay(readFileSync(file, 'utf8'), file, regions));
    if (overlay !== undefined) add(file, `overlay ${file}`, () => overlayLayer(overlay.entries, carriers));
  }
  return sound ? builder.build() : undefined;
}

/** Told of one file: a file of another format is wrong in every line. */
const MAX_PROBLEMS = 50;

function regionLayer(file: string, regions: RegionTree, setting: 'city' | 'country'): Layer {
  let hasAsn = false;
  // Many records differ in postal codes and the like alone.
  const spots: { readonly region: string; readonly coordinates: Coordinates | undefined; networks: number }[] = [];
  const numbers = new Map<string, number>();
  const { v4, v6, records, type, seen } = readMmdb(file, (record) => {
    const where = whereabouts(record, regions);
    if (where === undefined) {
      hasAsn ||= asNumberOf(record) !== undefined;
      return undefined;
    }
    const { region, coordinates } = where;
    const key = coordinates === undefined ? region : `${region} ${coordinates.latitude} ${coordinates.longitude}`;
    let number = numbers.get(key);
    if (number === undefined) numbers.set(key, (number = spots.push({ region, coordinates, networks: 0 }) - 1));
    return number;
  });
  if (records.length === 0) {
    const wanted = `a City or Country database under geo.mmdb.${setting}`;
    throw new UnsuitableFile(
      `its type is \`${type}\`, and none of its ${seen} records says where a network is`,
      hasAsn ? `it has AS numbers: name it under geo.mmdb.asn, and ${wanted}` : `name ${wanted}`,
    );
  }
  for (const { value } of v4) spots[records[value]!]!.networks++;
  for (const { value } of v6) spots[records[value]!]!.networks++;
  const placed = spots.flatMap(({ coordinates }, index) => (coordinates === undefined ? [] : [index]));
  const places = placesOf(placed.map((index) => ({ ...spots[index]!, ...spots[index]!.coordinates! })));
  const placeOf = new Map(placed.map((index, at) => [index, places[at]!]));
  const blend = ({ isp, asn }: Locality, value: number): Locality => {
    const spot = records[value]!;
    const { region } = spots[spot]!;
    const coordinates = placeOf.get(spot);
    return coordinates === undefined ? { region, isp, asn } : { region, isp, asn, coordinates };
  };
  return { v4, v6, blend };
}

function ispLayer(
  file: string,
  carriers: ReadonlyMap<number, Carrier>,
  regions: RegionTree,
  setting: 'isp' | 'asn',
): Layer {
  let hasRegion = false;
  const { v4, v6, records, type, seen } = readMmdb(file, (record) => {
    const asn = asNumberOf(record);
    if (asn === undefined) hasRegion ||= whereabouts(record, regions) !== undefined;
    return asn;
  });
  if (records.length === 0) {
    const wanted = `an ISP or ASN database under geo.mmdb.${setting}`;
    throw new UnsuitableFile(
      `its type is \`${type}\`, and none of its ${seen} records has an AS number`,
      hasRegion ? `it says where networks are: name it under geo.mmdb.city, and ${wanted}` : `name ${wanted}`,
    );
  }
  return { v4, v6, blend: (under, value) => ({ ...under, ...ispOfAsn(records[value]!, carriers) }) };
}

function asnLayer(carriers: ReadonlyMap<number, Carrier>): Layer {
  const v4 = readAutonomousSystems(BUILT_IN.asn4(), Number, ORDER4);
  const v6 = readAutonomousSystems(BUILT_IN.asn6(), BigInt, ORDER6);
  return { v4, v6, blend: (under, asn) => ({ ...under, ...ispOfAsn(asn, carriers) }) };
}

/** Provinces refine what is in China, and nothing else: the two sources were made at different times. */
function provinceLayer(file: string): Layer {
  const { claims, codes } = readProvinces(file);
  const blend = (under: Locality, value: number): Locality =>
    under.region === 'CN' ? moved(under, codes[value]!) : under;
  return { v4: claims, v6: [], blend };
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
