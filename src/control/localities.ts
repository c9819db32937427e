import { unwatchFile, watchFile } from 'node:fs';
import { LRUCache } from 'lru-cache';
import type { ControlLog, FromControl } from './messages.ts';
import { carrierNames } from '../geo/carrier-names.ts';
import { locate } from '../geo/locate.ts';
import { inputFiles, loadLocalityMap, loadRegions, type GeoSources } from '../geo/mod.ts';
import { NOWHERE, type LocalityMap } from '../geo/ranges.ts';
import { describeUnreached, unreachedRegions } from '../geo/reach.ts';
import { formatAddress, type Address } from '../lib/address.ts';
import { memoryLimit } from '../lib/memory-limit.ts';
import type { RegionTree } from '../model/regions.ts';
import type { ResolvedExport } from '../model/resolved.ts';
import { filesFingerprint } from '../state/inputs.ts';

/** How often geo files are looked at for changes: they are large, rarely replaced, and may lie on network disks. */
const POLL_MS = 5000;

/** Measured with the built-in data: at most 660 MiB while it is built, 320 MiB when it comes from the cache. */
const BUILD_MIB = 700;

/** Of rules and matrices that name regions without networks, so many are told of. */
const MAX_UNREACHED = 3;

export interface ControlGeoOptions {
  readonly sources: GeoSources;
  readonly send: (message: FromControl) => void;
  readonly log: ControlLog;
}

/** What the control thread knows of where clients are. Loaded only where something may be steered. */
export class ControlGeo {
  readonly regions: RegionTree;
  readonly carriers: ReturnType<typeof carrierNames>;
  /** What localities are made from. */
  readonly files: readonly string[];
  readonly #options: ControlGeoOptions;
  readonly #known = new LRUCache<string, { region: string; isp: string }>({ max: 50_000 });
  #localities: LocalityMap | undefined;
  #changed = true;
  #seen: string | undefined;
  #hasWarnedOfMemory = false;
  /** The result that was logged last: it is not repeated after every change. */
  #unreached = '';

  constructor(options: ControlGeoOptions) {
    const { sources } = options;
    this.#options = options;
    this.regions = loadRegions(sources.dataDirectory);
    this.carriers = carrierNames(sources);
    this.files = inputFiles(sources);
  }

  /** Whether there are localities. */
  get isLoaded(): boolean {
    return this.#localities !== undefined;
  }

  /** Fingerprint of the files that the localities in use were made from; undefined: they were not read. */
  get seen(): string | undefined {
    return this.#seen;
  }

  localityOf(address: Address): { region: string; isp: string } | undefined {
    if (this.#localities === undefined) return undefined;
    const key = formatAddress(address);
    let known = this.#known.get(key);
    if (known === undefined) this.#known.set(key, (known = locate(this.#localities, address).locality));
    return known;
  }

  /** The localities of the files as they are. Read only once something is steered, and after a change. */
  async current(): Promise<LocalityMap> {
    if (!this.#changed) return this.#localities ?? NOWHERE;
    this.#changed = false;
    const { sources, send } = this.#options;
    const seen = filesFingerprint(this.files);
    const { map, problems, fromCache } = await loadLocalityMap(sources, (step) => {
      this.#warnOfMemory();
      send({ type: 'progress', step });
    });
    send({ type: 'geo', problems, usable: map !== undefined, fromCache });
    // What cannot be used leaves what is in use, which these files do not give.
    this.#seen = map === undefined ? '' : seen;
    if (map !== undefined) {
      this.#localities = map;
      this.#known.clear();
    }
    return this.#localities ?? NOWHERE;
  }

  /** The kernel ends a process that exceeds its limit, and no line in any log of ours can say so afterwards. */
  #warnOfMemory(): void {
    const limit = memoryLimit() / 1024 ** 2;
    if (this.#hasWarnedOfMemory || limit >= BUILD_MIB) return;
    this.#hasWarnedOfMemory = true;
    const message =
      'memory is short: building the geo data may exceed the limit, and the kernel then ends this process; ' +
      `raise the limit to ${BUILD_MIB} MiB, or build the geo cache with more memory first`;
    this.#options.log('warn', message, { limitMiB: Math.round(limit) });
  }

  warnOfUnreached(exports: readonly ResolvedExport[], world: LocalityMap): void {
    if (world === NOWHERE) return;
    const unreached = unreachedRegions(exports, world, this.regions);
    const now = JSON.stringify(unreached);
    if (now === this.#unreached) return;
    this.#unreached = now;
    const { log } = this.#options;
    for (const each of unreached.slice(0, MAX_UNREACHED))
      log('warn', describeUnreached(each).message, { export: each.export });
    const more = unreached.length - MAX_UNREACHED;
    if (more > 0) log('warn', 'more rules and matrices name regions without networks', { count: more });
  }

  /** Calls back after a file has changed. @returns a function that ends it */
  watch(onChange: () => void): () => void {
    for (const file of this.files) {
      watchFile(file, { interval: POLL_MS, persistent: false }, (now, before) => {
        // A file that is not there is told of once, though nothing has changed.
        if (now.mtimeMs === before.mtimeMs && now.size === before.size && now.ino === before.ino) return;
        this.#changed = true;
        onChange();
      });
    }
    return () => {
      for (const file of this.files) unwatchFile(file);
    };
  }
}
