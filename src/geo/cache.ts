import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Coordinates } from '../model/regions.ts';
import type { Locality, LocalityMap } from './ranges.ts';

/** Raised when what is built from the same inputs changes, or how it is written. */
const FORMAT = 3;
interface Header {
  readonly regions: readonly string[];
  readonly isps: readonly string[];
  /** Latitude and longitude of each. */
  readonly places: readonly (readonly [number, number])[];
  /** Of the arrays that follow. */
  readonly lengths: readonly number[];
}

/** For each locality: index of its region, of its ISP, its AS number, and index of its place plus 1, or 0 for none. */
const COLUMNS = 4;
type Words = Uint32Array<SharedArrayBuffer>;

const NAME = /^localities-[0-9a-f]{16}\.bin$/u;

/** A key for files by path, size and time of change: it changes when any of them does. */
export function cacheKey(files: readonly string[]): string {
  const hash = createHash('sha256').update(`edgeward localities ${FORMAT}\n`);
  for (const file of files) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}

/**
 * Reads a map that was written under a key.
 * @returns undefined when there is none
 * @throws Error when there is one that is damaged
 */
export function readCache(directory: string, key: string): LocalityMap | undefined {
  let file: Buffer;
  try {
    file = readFileSync(cacheFile(directory, key));
  } catch {
    return undefined;
  }
  if (file.length < 40) throw new Error('it is cut short');
  const body = file.subarray(32);
  if (!createHash('sha256').update(body).digest().equals(file.subarray(0, 32)))
    throw new Error('its checksum is wrong');
  const headerLength = body.readUInt32LE(0);
  const header = JSON.parse(body.toString('utf8', 4, 4 + headerLength)) as Header;
  let at = 4 + headerLength;
  const arrays = header.lengths.map((length) => {
    const bytes = new Uint8Array(new SharedArrayBuffer(length * 4));
    bytes.set(body.subarray(at, at + length * 4));
    at += length * 4;
    return new Uint32Array(bytes.buffer);
  });
  // Regions and ISPs are one string each however often they stand: that is quicker to read, and to look up.
  const { regions, isps } = header;
  const places = header.places.map(([latitude, longitude]): Coordinates => ({ latitude, longitude }));
  const [start4, value4, start6, value6, columns] = arrays as [Words, Words, Words, Words, Words];
  const localities: Locality[] = [];
  for (let i = 0; i < columns.length; i += COLUMNS) {
    const region = regions[columns[i]!]!;
    const isp = isps[columns[i + 1]!]!;
    const asn = columns[i + 2]!;
    const place = columns[i + 3]!;
    localities.push(place === 0 ? { region, isp, asn } : { region, isp, asn, coordinates: places[place - 1]! });
  }
  return { localities, ranges: { start4, value4, start6, value6 } };
}

/** Writes a map under a key, whole or not at all, in place of older ones. */
export function writeCache(directory: string, key: string, { localities, ranges }: LocalityMap): void {
  const regions = new Map<string, number>();
  const isps = new Map<string, number>();
  const places = new Map<Coordinates, number>();
  const number = <T>(known: Map<T, number>, one: T): number => {
    let index = known.get(one);
    if (index === undefined) known.set(one, (index = known.size));
    return index;
  };
  const columns = new Uint32Array(localities.length * COLUMNS);
  for (const [index, { region, isp, asn, coordinates }] of localities.entries()) {
    const place = coordinates === undefined ? 0 : number(places, coordinates) + 1;
    columns.set([number(regions, region), number(isps, isp), asn, place], index * COLUMNS);
  }
  const arrays = [ranges.start4, ranges.value4, ranges.start6, ranges.value6, columns];
  const content: Header = {
    regions: [...regions.keys()],
    isps: [...isps.keys()],
    places: Array.from(places.keys(), ({ latitude, longitude }) => [latitude, longitude] as const),
    lengths: arrays.map((array) => array.length),
  };
  const header = Buffer.from(JSON.stringify(content));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const body = Buffer.concat([
    length,
    header,
    ...arrays.map((array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)),
  ]);
  mkdirSync(directory, { recursive: true });
  const temporary = `${cacheFile(directory, key)}.${randomUUID()}`;
  try {
    writeFileSync(temporary, Buffer.concat([createHash('sha256').update(body).digest(), body]));
    renameSync(temporary, cacheFile(directory, key));
  } finally {
    rmSync(temporary, { force: true });
  }
  prune(directory, key);
}

/** Keeps the few newest files: configurations that are used in turn need one each. */
function prune(directory: string, key: string): void {
  const files = readdirSync(directory)
    .filter((name) => NAME.test(name) && !name.includes(key))
    // Another process may have removed it since.
    .map((name) => ({ name, time: statSync(join(directory, name), { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.time - a.time);
  for (const { name } of files.slice(7)) rmSync(join(directory, name), { force: true });
}

/** Where a map is kept. */
export function cacheFile(directory: string, key: string): string {
  return join(directory, `localities-${key}.bin`);
}
