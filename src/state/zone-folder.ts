import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { hasErrors, type Problem } from '../lib/problem.ts';
import { readFailure } from '../lib/read-failure.ts';
import type { Result } from '../lib/result.ts';
import { watchTree, type TreeWatch, type WatchOptions } from '../lib/watch-tree.ts';
import { explainHeld } from '../model/held.ts';
import { nameFromText, nameKey, nameToText, type WireName } from '../wire/name.ts';
import { isUnavailable, plainProblem, unavailable, type Allowance, type ZoneData } from '../zone/mod.ts';
import { AcceptedChanges } from './accepted.ts';
import { ChangeGuard } from './guard.ts';
import type { ConfigurationSource, Loaded } from './loaded.ts';
import { readInside, type ReadFile } from '../resolve/read-inside.ts';
import { ZoneReader, type CheckedZone } from '../resolve/zone-reader.ts';
import { hasSoa, zoneFileName } from './zone-file-names.ts';

/** What another thread has read: a file without problems that includes no others. */
export interface AheadZone {
  readonly data: ZoneData;
  readonly problems: readonly Problem[];
  readonly digest: string;
  /** Of the file as it was read, as `TreeWatch` has them. */
  readonly stamp: string;
}

/** Files that another thread reads meanwhile. */
export interface ReadAhead {
  /** What came of a file; undefined: it is to be read here. To be asked for each, in their order. */
  take(index: number): AheadZone | undefined;
}

/** One of the files to be read ahead. */
export interface FileToRead {
  readonly name: string;
  readonly path: string;
  readonly origin: WireName | undefined;
}

export interface ZoneFolderOptions {
  /** Has files of a folder read meanwhile, where there are very many. */
  readonly readAhead?: (files: readonly FileToRead[]) => ReadAhead;
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
  readonly name: string;
  readonly path: string;
  readonly origin: Result<WireName, string>;
  readonly isPerhaps: boolean;
}

interface ZoneFiles {
  /** Names of all that is in the folder, whatever it is. */
  readonly all: readonly string[];
  readonly zones: readonly ZoneFile[];
  /** Paths of files that are no zones by their names. */
  readonly others: readonly string[];
}

interface ServedFile {
  readonly data: ZoneData;
  readonly file: string;
}

/** With so many files another thread is worth its start. */
const MANY_FILES = 5000;

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
  /** Zones that answer SERVFAIL. */
  #unavailable = new Map<string, ZoneData>();
  #tell: ((loaded: Loaded) => void) | undefined;
  #watch: TreeWatch | undefined;
  readonly #readAhead: ZoneFolderOptions['readAhead'];
  #ahead: { readonly read: ReadAhead; readonly listed: ZoneFiles } | undefined;
  #listed: ZoneFiles | undefined;

  constructor(directory: string, { watching = {}, accepted, allowed = {}, readAhead }: ZoneFolderOptions) {
    this.#directory = directory;
    this.#readAhead = readAhead;
    this.#watching = watching;
    this.#allowed = allowed;
    this.#accepted = accepted ?? new AcceptedChanges(undefined);
  }

  follow(onLoaded: (loaded: Loaded) => void): () => void {
    this.#tell = onLoaded;
    this.#startReading();
    this.#watch = watchTree(this.#directory, () => this.again(), { ...this.#watching, stamps: true });
    this.again();
    this.#ahead = undefined;
    return () => {
      this.#tell = undefined;
      this.#watch?.close();
    };
  }

  /** What is read before the folder is watched is used only if it has not changed until then. */
  #startReading(): void {
    if (this.#readAhead === undefined) return;
    const listed = this.#list([]);
    if (listed === undefined) return;
    const files = this.#incumbentsFirst(listed.zones).filter(({ isPerhaps }) => !isPerhaps);
    if (files.length < MANY_FILES) return;
    const read = this.#readAhead(
      files.map(({ name, path, origin }) => ({ name, path, origin: origin.ok ? origin.value : undefined })),
    );
    this.#ahead = { read, listed };
  }

  again(): void {
    this.#tell?.(this.load());
  }

  load(): Loaded {
    const problems: Problem[] = [];
    const listed = this.#list(problems);
    if (listed === undefined) return { configuration: undefined, problems };
    this.#reader.begin();
    const zones = new Map<string, ServedFile>();
    const valid = new Map<string, ServedFile>();
    const refusals = new Map<string, ZoneData>();
    const stale: string[] = [];
    const refused: string[] = [];
    const leftOut = [...listed.others];
    const included = new Set<string>();
    const include = noting(readInside(this.#directory), included);
    const ahead = this.#ahead?.listed === listed ? this.#ahead.read : undefined;
    for (const [index, { path, origin, isPerhaps }] of this.#incumbentsFirst(listed.zones).entries()) {
      if (isPerhaps && (included.has(path) || !beginsAsZone(path))) {
        leftOut.push(path);
        continue;
      }
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
      const found = this.#read(path, origin.value, include, () => ahead?.take(index));
      problems.push(...found.problems);
      const before = this.#lastValid.get(key);
      const read = found.data === undefined ? before : { data: found.data, file: path };
      if (found.data === undefined) (before === undefined ? refused : stale).push(nameToText(origin.value));
      if (read !== undefined) valid.set(key, read);
      if (read === undefined) {
        // The same one as long as it stays so: nothing has changed then.
        const none = this.#unavailable.get(key) ?? unavailable(origin.value);
        refusals.set(key, none);
        zones.set(key, { data: none, file: path });
      } else zones.set(key, read);
    }
    this.#lastValid = valid;
    this.#unavailable = refusals;
    // In the order of their names, whoever came first: what is compiled goes by the order.
    const ordered = [...zones.values()].sort((a, b) => (a.file < b.file ? -1 : 1));
    const result = this.#guarded(ordered.map(({ data }) => data));
    const told = { problems: [...problems, ...result.problems], stale, refused, leftOut: leftOut.sort() };
    return { ...result, ...told, seen: this.#watch?.seen };
  }

  /** The same object while the same files are there. */
  #list(problems: Problem[]): ZoneFiles | undefined {
    return (this.#listed = listZoneFiles(this.#directory, problems, this.#listed));
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
    early: () => AheadZone | undefined,
  ): { readonly data: ZoneData | undefined; readonly problems: readonly Problem[] } {
    const stamp = this.#watch?.stampOf(file);
    if (stamp !== undefined) {
      const same = this.#reader.unchanged({ file, origin, include }, this.#allowed, stamp);
      if (same !== undefined) return usable(same);
      const ahead = early();
      if (ahead?.stamp === stamp) {
        this.#reader.adopt(ahead.data, file, this.#allowed, ahead);
        return ahead;
      }
    }
    let octets: Buffer;
    try {
      octets = readFileSync(file);
    } catch (error) {
      return { data: undefined, problems: [{ severity: 'error', file, ...readFailure(error) }] };
    }
    return usable(this.#reader.read({ octets, file, origin, include }, this.#allowed, stamp));
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

const NOTHING: readonly never[] = [];

/** Undefined data: it cannot be served. */
function usable({ data, problems: found }: CheckedZone): {
  readonly data: ZoneData | undefined;
  readonly problems: readonly Problem[];
} {
  if (found.length === 0) return { data, problems: NOTHING };
  const problems = found.map(plainProblem);
  return { data: hasErrors(problems) ? undefined : data, problems };
}

/** Undefined when the folder cannot be read. */
function listZoneFiles(directory: string, problems: Problem[], before: ZoneFiles | undefined): ZoneFiles | undefined {
  let names: string[];
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    names = entries.flatMap((entry) => (entry.isDirectory() || entry.name.startsWith('.') ? [] : [entry.name]));
  } catch (error) {
    problems.push({ severity: 'error', file: directory, ...readFailure(error) });
    return undefined;
  }
  names.sort();
  const isSame = before?.all.length === names.length && before.all.every((name, index) => name === names[index]);
  const { zones, others } = isSame ? before : filesOf(directory, names);
  if (zones.length === 0) {
    const remedy =
      'name master files after their zones: `example.org.zone`, `example.org.db`, `db.example.org` or `example.org`';
    problems.push({ severity: 'error', file: directory, message: 'no zones in this folder', remedy });
  }
  return isSame ? before : { all: names, zones, others };
}

function filesOf(directory: string, names: readonly string[]): Omit<ZoneFiles, 'all'> {
  const zones: ZoneFile[] = [];
  const others: string[] = [];
  for (const name of names) {
    const path = join(directory, name);
    const named = zoneFileName(name);
    if (named.kind === 'other') others.push(path);
    else zones.push({ name, path, origin: nameFromText(named.origin), isPerhaps: named.kind === 'perhaps' });
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
