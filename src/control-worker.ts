import { randomUUID } from 'node:crypto';
import { unwatchFile, watchFile } from 'node:fs';
import { hostname } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import type { ControlClusters } from './control-clusters.ts';
import { locate } from './geo/locate.ts';
import { inputFiles, loadCarriers, loadLocalityMap, loadRegions, type GeoSources } from './geo/mod.ts';
import { NOWHERE, type LocalityMap } from './geo/ranges.ts';
import { formatAddress, type Address } from './lib/address.ts';
import { collectSoon } from './lib/collect-garbage.ts';
import type { Problem } from './lib/problem.ts';
import type { Observations } from './model/observed.ts';
import type { Site } from './model/site.ts';
import { Compiler } from './snapshot/compile.ts';
import { SnapshotEncoder } from './snapshot/encode.ts';
import { snapshotBytes, updateOf, type Snapshot, type SnapshotUpdate } from './snapshot/snapshot.ts';
import {
  openResources,
  openZones,
  type ConfigurationSource,
  type Loaded,
  type ObservingSource,
} from './state/source.ts';
import { State, type Current } from './state/state.ts';
import { fileStore } from './store/files.ts';
import { encodeFrame } from './stream/frames.ts';

/**
 * The control thread: everything between what operators wrote, edge clusters have, and a compiled snapshot, in
 * data-flow order. It runs apart from the main thread, so that a million records or a new geo database stop neither
 * metrics nor signals.
 */
export interface ControlData {
  readonly source:
    | { readonly kind: 'resources' | 'zones'; readonly directory: string }
    | { readonly kind: 'hub'; readonly kubeconfig: string | undefined; readonly namespace: string };
  readonly geo: GeoSources;
  /** Where what was last seen of clusters is kept. */
  readonly dataDirectory: string;
  /** Snapshots are for DNS nodes: they are sent as bytes, not as shared memory. */
  readonly stream: boolean;
}

/** Lines for the log, which is the main thread's. */
export type ControlLog = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

export interface SnapshotSummary {
  readonly generation: number;
  readonly zones: number;
  readonly exports: number;
  readonly sites: number;
  readonly maps: number;
  readonly bytes: number;
  readonly compileSeconds: number;
}

/** What is known of one edge cluster. */
export interface SiteSummary {
  readonly site: string;
  readonly hasSynced: boolean;
  readonly error: string | undefined;
  /** Seconds since it was last seen as it is; undefined: not yet. */
  readonly age: number | undefined;
  readonly services: number;
}

export type FromControl =
  | { readonly type: 'progress'; readonly step: string }
  | {
      readonly type: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  /** What operators wrote was read; unless `usable`, the last good state goes on. `observed`: edge clusters changed. */
  | {
      readonly type: 'loaded';
      readonly problems: readonly Problem[];
      readonly usable: boolean;
      readonly observed: boolean;
      readonly held: number;
    }
  | {
      readonly type: 'geo';
      readonly problems: readonly Problem[];
      readonly usable: boolean;
      readonly fromCache: boolean;
    }
  /** A configuration is compiled; without `update` all of it was written to the live table. */
  | { readonly type: 'compiled'; readonly update: SnapshotUpdate | undefined; readonly summary: SnapshotSummary }
  /** The same answers with wider scopes. */
  | {
      readonly type: 'refined';
      readonly update: SnapshotUpdate | undefined;
      readonly maps: number;
      readonly bytes: number;
    }
  /** A generation for DNS nodes. */
  | { readonly type: 'frame'; readonly epoch: string; readonly generation: number; readonly message: Uint8Array }
  | { readonly type: 'full'; readonly id: number; readonly generation: number; readonly message: Uint8Array }
  | {
      readonly type: 'sites';
      readonly sites: readonly SiteSummary[];
      /** Seconds since the hub was last seen as it is; undefined: not yet. */
      readonly hub: { readonly age: number | undefined; readonly leading: boolean } | undefined;
    };

export type ToControl =
  | { readonly type: 'close' }
  | { readonly type: 'full'; readonly id: number; readonly have: readonly string[] };

/** How often geo files are looked at for changes: they are large, rarely replaced, and may lie on network disks. */
const GEO_POLL_MS = 5000;

/** Scopes are widened once nothing has changed for so long. */
const REFINE_MS = 1000;

/** Scopes are widened in slices of so long: a change waits for one at most, and as long a pause leaves room to others. */
const SLICE_MS = 25;

/** Nothing is served before all clusters were seen or are remembered, but for one that cannot be seen in so long. */
const PATIENCE_MS = 15_000;

const SITES_MS = 2000;

const port = parentPort!;
const { source, geo, dataDirectory, stream } = workerData as ControlData;
const send = (message: FromControl): void => port.postMessage(message);
const log: ControlLog = (level, message, fields = {}) => send({ type: 'log', level, message, fields });

const identity = `${hostname()}-${randomUUID().slice(0, 8)}`;
const regions = loadRegions(geo.dataDirectory);
const carriers = new Set([...loadCarriers(geo.dataDirectory).values()].map(({ carrier }) => carrier));
const state = new State();

let localities: LocalityMap | undefined;
let geoChanged = true;
const localityCache = new LRUCache<string, { region: string; isp: string }>({ max: 50_000 });

function localityOf(address: Address): { region: string; isp: string } | undefined {
  if (localities === undefined) return undefined;
  const key = formatAddress(address);
  let known = localityCache.get(key);
  if (known === undefined) localityCache.set(key, (known = locate(localities, address).locality));
  return known;
}

/** Geo data is read only once something is steered: a plain zone server starts without it. */
async function currentLocalities(): Promise<LocalityMap> {
  if (!geoChanged) return localities ?? NOWHERE;
  geoChanged = false;
  const { map, problems, fromCache } = await loadLocalityMap(geo, (step) => send({ type: 'progress', step }));
  send({ type: 'geo', problems, usable: map !== undefined, fromCache });
  // What cannot be used leaves what is in use.
  if (map !== undefined) {
    localities = map;
    localityCache.clear();
  }
  return localities ?? NOWHERE;
}

// --- where configurations come from

/** Kubernetes takes time and memory to load: who has none of it does without. */
async function loadClusters(): Promise<ControlClusters> {
  const { ControlClusters: Clusters } = await import('./control-clusters.ts');
  return new Clusters({
    source,
    dataDirectory,
    identity,
    log,
    onObserved: (changed, learnt) => {
      observing = true;
      resources?.observed(changed, learnt);
      observing = false;
      maybeOpen();
    },
    onState: maybeOpen,
    current: () => ({ loaded, configuration: state.current().configuration }),
  });
}

/** Whether what is accepted now comes from an edge cluster. */
let observing = false;
let clusters = source.kind === 'hub' ? await loadClusters() : undefined;
const hub = clusters?.store;

function openSource(): ConfigurationSource | ObservingSource {
  if (source.kind === 'zones') return openZones(source.directory);
  const observations = (): Observations => clusters?.observations ?? new Map();
  const context = { regions, carriers, localityOf, observations };
  if (source.kind === 'hub') return openResources(hub!, { ...context, directory: undefined, tolerant: true });
  return openResources(fileStore(source.directory), { ...context, directory: source.directory });
}

const files = openSource();
const resources = 'observed' in files ? files : undefined;

// --- compiling

const compiler = new Compiler();
/** What the main thread has. */
let sent: Snapshot | undefined;
let refining: NodeJS.Timeout | undefined;
const encoder = stream ? new SnapshotEncoder(identity) : undefined;

function publish(snapshot: Snapshot): SnapshotUpdate | undefined {
  const before = sent;
  sent = snapshot;
  if (encoder === undefined) return snapshot === before ? undefined : updateOf(before, snapshot);
  const frame = encoder.next(snapshot);
  if (frame !== undefined)
    send({ type: 'frame', epoch: encoder.epoch, generation: encoder.generation, message: encodeFrame(frame) });
  return undefined;
}

async function compile({ generation, configuration }: Current): Promise<void> {
  const world = configuration.exports.length === 0 ? NOWHERE : await currentLocalities();
  const start = performance.now();
  const first = sent === undefined;
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
  send({ type: 'compiled', update: publish(snapshot), summary });
  // Reading leaves more behind than it keeps; later changes are small, and should not wait for a collection.
  if (first) collectSoon();
  clearTimeout(refining);
  refining = setTimeout(refine, first ? 0 : REFINE_MS);
  clusters?.tellStatuses();
}

/** One slice at a time, so that neither a change nor an answering thread on the same core waits for long. */
function refine(): void {
  const end = performance.now() + SLICE_MS;
  const { snapshot, more } = compiler.refineUntil(() => performance.now() > end);
  if (snapshot !== undefined) {
    send({
      type: 'refined',
      update: publish(snapshot),
      maps: snapshot.steering.maps.length,
      bytes: snapshotBytes(snapshot),
    });
    // The old map is large: collect now, right after a slow step, so that the pause goes unnoticed.
    collectSoon();
  }
  if (more) refining = setTimeout(refine, SLICE_MS);
}

// --- what is in force

let loaded: Loaded | undefined;
/** Whether what is known is enough to answer by; once open, it stays so. */
let open = false;
/** When there was first something to wait for clusters with. */
let waitingSince: number | undefined;
let patience: NodeJS.Timeout | undefined;

function accept(next: Loaded): void {
  loaded = next;
  const { configuration, problems, clusters: sites, held = [] } = next;
  if (sites !== undefined && configuration !== undefined) void followClusters(sites);
  if (hub?.usable === false) return;
  send({ type: 'loaded', problems, usable: configuration !== undefined, observed: observing, held: held.length });
  // What is served while a change is held is not what the hub has.
  if (held.length === 0) hub?.remember();
  if (!open) maybeOpen();
  else if (configuration !== undefined) state.apply(configuration);
  clusters?.tellStatuses();
}

async function followClusters(sites: ReadonlyMap<string, Site>): Promise<void> {
  // Never at once: what a cluster tells comes back here.
  await Promise.resolve();
  if (sites.size > 0) {
    // Where an address is has to be known before the address is.
    if (localities === undefined) await currentLocalities();
    loading ??= clusters === undefined ? loadClusters() : Promise.resolve(clusters);
    clusters = await loading;
  }
  if (loaded?.clusters !== sites) return;
  clusters?.follow(sites);
  maybeOpen();
}

let loading: Promise<ControlClusters> | undefined;

/** Serving begins when all clusters were seen, or are remembered, or have had their time. */
function maybeOpen(): void {
  if (open || loaded?.configuration === undefined || hub?.usable === false) return;
  const { clusters: sites = new Map<string, Site>(), configuration } = loaded;
  const waiting = clusters?.unknown(sites.keys()) ?? [...sites.keys()];
  waitingSince ??= performance.now();
  const left = waitingSince + PATIENCE_MS - performance.now();
  clearTimeout(patience);
  if (waiting.length > 0 && left > 0) {
    patience = setTimeout(maybeOpen, left + 1);
    return;
  }
  open = true;
  if (waiting.length > 0)
    log('warn', 'serving without edge clusters that were not seen yet', { sites: waiting.join(',') });
  state.apply(configuration);
}

state.subscribe(compile);
const close = files.follow(accept);
clusters?.start();

const geoFiles = source.kind === 'zones' ? [] : inputFiles(geo);
for (const file of geoFiles) {
  watchFile(file, { interval: GEO_POLL_MS, persistent: false }, (now, before) => {
    // A file that is not there is told of once, though nothing has changed.
    if (now.mtimeMs === before.mtimeMs && now.size === before.size && now.ino === before.ino) return;
    geoChanged = true;
    const { generation, configuration } = state.current();
    if (generation === 0 || configuration.exports.length === 0) return;
    void geoAgain();
  });
}

async function geoAgain(): Promise<void> {
  await currentLocalities();
  state.apply(state.current().configuration);
  resources?.observed(undefined, 'watch');
}

const summaries = setInterval(() => {
  if (clusters !== undefined) send(clusters.summary());
}, SITES_MS);

port.on('message', (message: ToControl) => {
  if (message.type === 'full') {
    const full = encodeFrame(encoder!.full(new Set(message.have)));
    send({ type: 'full', id: message.id, generation: encoder!.generation, message: full });
    return;
  }
  void stop();
});

async function stop(): Promise<void> {
  close();
  clearTimeout(refining);
  clearTimeout(patience);
  clearInterval(summaries);
  for (const file of geoFiles) unwatchFile(file);
  await clusters?.close();
  port.close();
}
