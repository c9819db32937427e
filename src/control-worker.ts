import { unwatchFile, watchFile } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { inputFiles, loadCarriers, loadLocalityMap, loadRegions, type GeoSources } from './geo/mod.ts';
import { NOWHERE, type LocalityMap } from './geo/ranges.ts';
import { collectSoon } from './lib/collect-garbage.ts';
import type { Problem } from './lib/problem.ts';
import { Compiler } from './snapshot/compile.ts';
import { snapshotBytes, updateOf, type Snapshot, type SnapshotUpdate } from './snapshot/snapshot.ts';
import { openResources, openZones, type Loaded } from './state/source.ts';
import { State, type Current } from './state/state.ts';
import { fileStore } from './store/files.ts';

/**
 * The control thread: everything between what operators wrote and a compiled snapshot, in data-flow order. It runs
 * apart from the main thread, so that a million records or a new geo database stop neither metrics nor signals.
 */
export interface ControlData {
  readonly source: { readonly kind: 'resources' | 'zones'; readonly directory: string };
  readonly geo: GeoSources;
}

export interface SnapshotSummary {
  readonly generation: number;
  readonly zones: number;
  readonly exports: number;
  readonly sites: number;
  readonly maps: number;
  readonly bytes: number;
  readonly compileSeconds: number;
}

export type FromControl =
  | { readonly type: 'progress'; readonly step: string }
  /** The files were read; unless `usable`, the last good state goes on. */
  | { readonly type: 'loaded'; readonly problems: readonly Problem[]; readonly usable: boolean }
  | {
      readonly type: 'geo';
      readonly problems: readonly Problem[];
      readonly usable: boolean;
      readonly fromCache: boolean;
    }
  /** A configuration is compiled; without `update` all of it was written to the live table. */
  | { readonly type: 'compiled'; readonly update: SnapshotUpdate | undefined; readonly summary: SnapshotSummary }
  /** The same answers with wider scopes. */
  | { readonly type: 'refined'; readonly update: SnapshotUpdate; readonly maps: number; readonly bytes: number };

/** How often geo files are looked at for changes: they are large, rarely replaced, and may lie on network disks. */
const GEO_POLL_MS = 5000;

/** Scopes are widened once nothing has changed for so long. */
const REFINE_MS = 1000;

const port = parentPort!;
const { source, geo } = workerData as ControlData;
const send = (message: FromControl): void => port.postMessage(message);

const regions = loadRegions(geo.dataDirectory);
const carriers = new Set([...loadCarriers(geo.dataDirectory).values()].map(({ carrier }) => carrier));
const files =
  source.kind === 'zones'
    ? openZones(source.directory)
    : openResources(fileStore(source.directory), { directory: source.directory, regions, carriers });
const state = new State();

let localities: LocalityMap | undefined;
let geoChanged = true;

/** Geo data is read only once something is steered: a plain zone server starts without it. */
async function currentLocalities(): Promise<LocalityMap> {
  if (!geoChanged) return localities ?? NOWHERE;
  geoChanged = false;
  const { map, problems, fromCache } = await loadLocalityMap(geo, (step) => send({ type: 'progress', step }));
  send({ type: 'geo', problems, usable: map !== undefined, fromCache });
  // What cannot be used leaves what is in use.
  if (map !== undefined) localities = map;
  return localities ?? NOWHERE;
}

const compiler = new Compiler();
/** What the main thread has. */
let sent: Snapshot | undefined;
let refining: NodeJS.Timeout | undefined;

async function compile({ generation, configuration }: Current): Promise<void> {
  const world = configuration.exports.length === 0 ? NOWHERE : await currentLocalities();
  const start = performance.now();
  const snapshot = compiler.compile({ configuration, regions, geo: world, generation });
  const summary: SnapshotSummary = {
    generation,
    zones: configuration.zones.length,
    exports: configuration.exports.length,
    sites: configuration.sites.size,
    maps: snapshot.steering.maps.length,
    bytes: snapshotBytes(snapshot),
    compileSeconds: (performance.now() - start) / 1000,
  };
  send({ type: 'compiled', update: snapshot === sent ? undefined : updateOf(sent, snapshot), summary });
  const first = sent === undefined;
  // Reading leaves more behind than it keeps; later changes are small, and should not wait for a collection.
  if (first) collectSoon();
  sent = snapshot;
  clearTimeout(refining);
  refining = setTimeout(refine, first ? 0 : REFINE_MS);
}

/** One step at a time, so that a change does not wait for more than one. */
function refine(): void {
  const snapshot = compiler.refine();
  if (snapshot === undefined) return;
  const update = updateOf(sent, snapshot);
  send({ type: 'refined', update, maps: snapshot.steering.maps.length, bytes: snapshotBytes(snapshot) });
  sent = snapshot;
  refining = setTimeout(refine, 0);
}

function accept({ configuration, problems }: Loaded): void {
  send({ type: 'loaded', problems, usable: configuration !== undefined });
  if (configuration !== undefined) state.apply(configuration);
}

state.subscribe(compile);
const close = files.follow(accept);
const geoFiles = source.kind === 'zones' ? [] : inputFiles(geo);
for (const file of geoFiles) {
  watchFile(file, { interval: GEO_POLL_MS, persistent: false }, (now, before) => {
    // A file that is not there is told of once, though nothing has changed.
    if (now.mtimeMs === before.mtimeMs && now.size === before.size && now.ino === before.ino) return;
    geoChanged = true;
    const { generation, configuration } = state.current();
    if (generation > 0 && configuration.exports.length > 0) state.apply(configuration);
  });
}
port.once('message', () => {
  close();
  clearTimeout(refining);
  for (const file of geoFiles) unwatchFile(file);
  port.close();
});
