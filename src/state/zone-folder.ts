import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { hasErrors, type Problem } from '../lib/problem.ts';
import { readFailure } from '../lib/read-failure.ts';
import { watchTree, type TreeWatch, type WatchOptions } from '../lib/watch-tree.ts';
import { explainHeld } from '../model/held.ts';
import { nameFromText, nameKey, nameToText, type WireName } from '../wire/name.ts';
import { isUnavailable, plainProblem, unavailable, type Allowance, type ZoneData } from '../zone/mod.ts';
import { AcceptedChanges } from './accepted.ts';
import { ChangeGuard } from './guard.ts';
import type { ConfigurationSource, Loaded } from './loaded.ts';
import { readInside, type ReadFile } from './read-inside.ts';
import { ZoneReader } from './resolve/zone-reader.ts';
import { hasSoa, zoneFileName } from './zone-file-names.ts';

export interface ZoneFolderOptions {
  readonly watching?: WatchOptions;
  readonly accepted?: AcceptedChanges;
  readonly allowed?: Allowance;
}

/**
 * Zones alone, from a folder of master files, each named after its zone (see `zoneFileName`). Other files, and those in
 * folders below, are only read by `$INCLUDE`. Each zone is judged by itself: an invalid file keeps the last valid
 * version of its zone; without one the zone answers SERVFAIL.
 */
export function openZones(directory: string, options: ZoneFolderOptions = {}): ConfigurationSource {
  return new ZoneFolder(directory, options);
}

/** A file that is to hold a zone. */
interface ZoneFile {
  readonly path: string;
  readonly origin: string;
  readonly isPerhaps: boolean;
}

interface ServedFile {
  readonly data: ZoneData;
  readonly file: string;
}

/** Enough of a file to tell whether it is a master file. */
const BEGINNING_BYTES = 65_536;

class ZoneFolder implements ConfigurationSource {
  readonly #directory: string;
  readonly #watching: WatchOptions;
  readonly #allowed: Allowance;
  readonly #accepted: AcceptedChanges;
  readonly #reader = new ZoneReader();
  readonly #guard = new ChangeGuard(true);
  /** By `nameKey` of their origins: the last valid version of each zone. */
  #lastValid = new Map<string, ServedFile>();
  #tell: ((loaded: Loaded) => void) | undefined;
  #watch: TreeWatch | undefined;

  constructor(directory: string, { watching = {}, accepted, allowed = {} }: ZoneFolderOptions) {
    this.#directory = directory;
    this.#watching = watching;
    this.#allowed = allowed;
    this.#accepted = accepted ?? new AcceptedChanges(undefined);
  }

  follow(onLoaded: (loaded: Loaded) => void): () => void {
    this.#tell = onLoaded;
    this.#watch = watchTree(this.#directory, () => this.again(), this.#watching);
    this.again();
    return () => {
      this.#tell = undefined;
      this.#watch?.close();
    };
  }

  again(): void {
    this.#tell?.(this.load());
  }

  load(): Loaded {
    const problems: Problem[] = [];
    const listed = listZoneFiles(this.#directory, problems);
    if (listed === undefined) return { configuration: undefined, problems };
    this.#reader.begin();
    const zones = new Map<string, ServedFile>();
    const valid = new Map<string, ServedFile>();
    const stale: string[] = [];
    const refused: string[] = [];
    const leftOut = [...listed.others];
    const included = new Set<string>();
    const include = noting(readInside(this.#directory), included);
    for (const zoneFile of this.#incumbentsFirst(listed.zones)) {
      const { path, origin: text, isPerhaps } = zoneFile;
      if (isPerhaps && (included.has(path) || !beginsAsZone(path))) {
        leftOut.push(path);
        continue;
      }
      const origin = nameFromText(text);
      if (!origin.ok) {
        const remedy = 'name the file after its zone: `example.org.zone`';
        problems.push({ severity: 'error', file: path, message: origin.error, remedy });
        continue;
      }
      const key = nameKey(origin.value);
      const holder = zones.get(key);
      if (holder !== undefined) {
        const message = `its zone is in ${holder.file} already`;
        problems.push({ severity: 'error', file: path, message, remedy: 'remove one of the two' });
        continue;
      }
      const found = this.#read(path, origin.value, include);
      problems.push(...found.problems);
      const before = this.#lastValid.get(key);
      const read = found.data === undefined ? before : { data: found.data, file: path };
      if (found.data === undefined) (before === undefined ? refused : stale).push(nameToText(origin.value));
      if (read !== undefined) valid.set(key, read);
      zones.set(key, read ?? { data: unavailable(origin.value), file: path });
    }
    this.#lastValid = valid;
    // In the order of their names, whoever came first: what is compiled goes by the order.
    const ordered = [...zones.values()].sort((a, b) => (a.file < b.file ? -1 : 1));
    const result = this.#guarded(ordered.map(({ data }) => data));
    const told = { problems: [...problems, ...result.problems], stale, refused, leftOut: leftOut.sort() };
    return { ...result, ...told, seen: this.#watch?.seen };
  }

  /** Of two files with one zone the one that is served now keeps it; names that are only perhaps zones come last. */
  #incumbentsFirst(files: readonly ZoneFile[]): readonly ZoneFile[] {
    const served = new Set([...this.#lastValid.values()].map(({ file }) => file));
    const rank = ({ path, isPerhaps }: ZoneFile): number => (isPerhaps ? 2 : 0) + (served.has(path) ? 0 : 1);
    return [...files].sort((a, b) => rank(a) - rank(b));
  }

  /** Its zone; undefined when it cannot be served. */
  #read(
    file: string,
    origin: WireName,
    include: ReadFile,
  ): { readonly data: ZoneData | undefined; readonly problems: readonly Problem[] } {
    let octets: Buffer;
    try {
      octets = readFileSync(file);
    } catch (error) {
      return { data: undefined, problems: [{ severity: 'error', file, ...readFailure(error) }] };
    }
    const zone = this.#reader.read({ octets, file, origin, include }, this.#allowed);
    const problems = zone.problems.map(plainProblem);
    return { data: hasErrors(problems) ? undefined : zone.data, problems };
  }

  #guarded(zones: readonly ZoneData[]): Pick<Loaded, 'configuration' | 'held' | 'problems'> {
    const next = { sites: new Map(), zones, exports: [] };
    const accepts = (_: string, id: string): boolean => this.#accepted.has(id);
    const { configuration, held } = this.#guard.pass(next, { cause: 'seen', touched: new Set(), accepts });
    this.#accepted.publish(held);
    const problems = held.map((change): Problem => ({ severity: 'error', file: change.what, ...explainHeld(change) }));
    const isEmpty = configuration.zones.every(isUnavailable);
    return { configuration: isEmpty ? undefined : configuration, held, problems };
  }
}

/** Undefined when the folder cannot be read. */
function listZoneFiles(
  directory: string,
  problems: Problem[],
): { readonly zones: readonly ZoneFile[]; readonly others: readonly string[] } | undefined {
  let names: string[];
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    names = entries.flatMap((entry) => (entry.isDirectory() || entry.name.startsWith('.') ? [] : [entry.name]));
  } catch (error) {
    problems.push({ severity: 'error', file: directory, ...readFailure(error) });
    return undefined;
  }
  const zones: ZoneFile[] = [];
  const others: string[] = [];
  for (const name of names.sort()) {
    const path = join(directory, name);
    const named = zoneFileName(name);
    if (named.kind === 'other') others.push(path);
    else zones.push({ path, origin: named.origin, isPerhaps: named.kind === 'perhaps' });
  }
  if (zones.length === 0) {
    const remedy =
      'name master files after their zones: `example.org.zone`, `example.org.db`, `db.example.org` or `example.org`';
    problems.push({ severity: 'error', file: directory, message: 'no zones in this folder', remedy });
  }
  return { zones, others };
}

/** Notes which files are included. */
function noting(read: ReadFile, included: Set<string>): ReadFile {
  return (path, from) => {
    const result = read(path, from);
    if (result.ok) included.add(result.value.file);
    return result;
  };
}

/** True as well for a file that cannot be read: reading it says why. */
function beginsAsZone(path: string): boolean {
  const buffer = Buffer.allocUnsafe(BEGINNING_BYTES);
  try {
    const file = openSync(path, 'r');
    try {
      return hasSoa(buffer.toString('latin1', 0, readSync(file, buffer)));
    } finally {
      closeSync(file);
    }
  } catch {
    return true;
  }
}
