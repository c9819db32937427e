import { randomUUID } from 'node:crypto';
import { unwatchFile, watchFile } from 'node:fs';
import { hostname } from 'node:os';
import { isAbsolute, resolve as resolvePath } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import { servicesFromStatuses } from './controllers/recall.ts';
import { StatusWriter, type StatusWorld } from './controllers/status.ts';
import { inputFiles, loadCarriers, loadLocalityMap, loadRegions, type GeoSources } from './geo/mod.ts';
import { locate } from './geo/explain.ts';
import { NOWHERE, type LocalityMap } from './geo/ranges.ts';
import type { Cluster } from './kube/cluster.ts';
import { defaultKubeconfig, kubeconfigFile, type CredentialSource } from './kube/credentials.ts';
import { HttpCluster } from './kube/http-cluster.ts';
import { Election } from './kube/lease.ts';
import { SecretKubeconfigs } from './kube/secret-kubeconfigs.ts';
import { formatAddress, type Address } from './lib/address.ts';
import { collectSoon } from './lib/collect-garbage.ts';
import type { Problem } from './lib/problem.ts';
import type { ObservedService, ObservedSite } from './model/observed.ts';
import type { Site } from './model/site.ts';
import { Compiler } from './snapshot/compile.ts';
import { SnapshotEncoder } from './snapshot/encode.ts';
import { returnMemory } from './server/udp/system-calls.ts';
import { snapshotBytes, updateOf, type Snapshot, type SnapshotUpdate } from './snapshot/snapshot.ts';
import { ClusterMemory } from './sources/kubernetes/memory.ts';
import { EdgeClusters } from './sources/kubernetes/mod.ts';
import {
  openResources,
  openZones,
  type ConfigurationSource,
  type Loaded,
  type ObservingSource,
} from './state/source.ts';
import { State, type Current } from './state/state.ts';
import { fileStore } from './store/files.ts';
import { HUB_TYPES, KubernetesStore } from './store/kubernetes.ts';
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
      readonly hub: { readonly error: string | undefined; readonly age: number; readonly leading: boolean } | undefined;
    };

export type ToControl =
  | { readonly type: 'close' }
  | { readonly type: 'full'; readonly id: number; readonly have: readonly string[] };

/** How often geo files are looked at for changes: they are large, rarely replaced, and may lie on network disks. */
const GEO_POLL_MS = 5000;

/** Scopes are widened once nothing has changed for so long. */
const REFINE_MS = 1000;

/** Nothing is served before all clusters were seen or are remembered, but for one that cannot be seen in so long. */
const PATIENCE_MS = 15_000;

const SITES_MS = 2000;

const port = parentPort!;
const { source, geo, dataDirectory, stream } = workerData as ControlData;
const send = (message: FromControl): void => port.postMessage(message);
const log = (level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
  send({ type: 'log', level, message, fields });
const warn = (message: string): void => log('warn', message);

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

// --- edge clusters

const memory = new ClusterMemory(source.kind === 'zones' ? undefined : dataDirectory, warn);

function credentialsOf({ metadata, spec }: Site): CredentialSource {
  const { file, secret } = spec.cluster!.kubeconfig;
  if (secret !== undefined) {
    if (secrets === undefined)
      return failing(metadata.name, 'a kubeconfig in a Secret needs a hub; name a `file` in its place');
    return secrets.source(secret.name, secret.key ?? 'kubeconfig');
  }
  if (source.kind === 'hub' && !isAbsolute(file!))
    return failing(metadata.name, 'on a hub the path of a kubeconfig must be absolute; or use a `secret`');
  return kubeconfigFile(source.kind === 'hub' ? file! : resolvePath(source.directory, file!));
}

function failing(site: string, reason: string): CredentialSource {
  return {
    name: site,
    read: () => {
      throw new Error(reason);
    },
  };
}

const toldErrors = new Map<string, string | undefined>();

const edges = new EdgeClusters({
  open: (site) => new HttpCluster(credentialsOf(site)),
  remembered: (site) => memory.recall(site) ?? rememberedByHub(site),
  onChange: (changed, learnt) => {
    observing = true;
    resources?.observed(changed, learnt);
    observing = false;
    memory.keep([...edges.observations.keys()], () => edges.observations);
    maybeOpen();
  },
  onState: (observed) => {
    tellOfSite(observed);
    // Listing leaves much behind.
    if (edges.hasSynced) collectSoon(returnMemory);
    maybeOpen();
    statuses?.soon();
  },
});

function tellOfSite({ site, error, hasSynced, services }: ObservedSite): void {
  const before = toldErrors.get(site);
  if (error !== undefined && before !== error) {
    const message = hasSynced
      ? 'an edge cluster cannot be seen: its last endpoints stay'
      : 'an edge cluster cannot be seen yet';
    log('warn', message, { site, reason: error });
  } else if (error === undefined && hasSynced && (before !== undefined || !toldErrors.has(site))) {
    log('info', 'an edge cluster is seen', { site, services: services.size });
  }
  if (error !== undefined || hasSynced) toldErrors.set(site, error);
}

// --- resources

let hubCluster: Cluster | undefined;
let hub: KubernetesStore | undefined;
let secrets: SecretKubeconfigs | undefined;
let hubError: string | undefined;
let hubSeenAt = performance.now();
let observing = false;

function openSource(): ConfigurationSource {
  if (source.kind === 'zones') return openZones(source.directory);
  const context = { regions, carriers, localityOf, observations: () => edges.observations };
  if (source.kind !== 'hub')
    return openResources(fileStore(source.directory), { ...context, directory: source.directory });
  hubCluster = new HttpCluster(
    source.kubeconfig === undefined ? defaultKubeconfig() : kubeconfigFile(source.kubeconfig),
  );
  secrets = new SecretKubeconfigs({
    cluster: hubCluster,
    namespace: source.namespace,
    directory: dataDirectory,
    onError: warn,
  });
  hub = new KubernetesStore({ cluster: hubCluster, directory: dataDirectory, onError: warn, onState: hubChanged });
  return openResources(hub, { ...context, directory: undefined, tolerant: true });
}

/** What the hub's statuses say of a site: for a control plane without a disk that starts while the site is away. */
function rememberedByHub(site: string): ReadonlyMap<string, ObservedService> | undefined {
  return hub === undefined ? undefined : servicesFromStatuses(site, hub.objects());
}

function hubChanged(): void {
  const error = hub?.error;
  if (error !== undefined && error !== hubError)
    log('warn', 'the hub cannot be seen: what it last had stays', { reason: error });
  if (error === undefined && hubError !== undefined) log('info', 'the hub is seen again');
  hubError = error;
}

const files = openSource();
const resources = 'observed' in files ? (files as ObservingSource) : undefined;

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
  statuses?.soon();
}

/** One step at a time, so that a change does not wait for more than one. */
function refine(): void {
  const snapshot = compiler.refine();
  if (snapshot === undefined) return;
  send({
    type: 'refined',
    update: publish(snapshot),
    maps: snapshot.steering.maps.length,
    bytes: snapshotBytes(snapshot),
  });
  refining = setTimeout(refine, 0);
}

// --- what is in force

let loaded: Loaded | undefined;
/** Whether what is known is enough to answer by; once open, it stays so. */
let open = false;
/** When there was first something to wait for clusters with. */
let waitingSince: number | undefined;

function accept(next: Loaded): void {
  loaded = next;
  const { configuration, problems, clusters, held = [] } = next;
  if (clusters !== undefined && configuration !== undefined) void followClusters(clusters);
  if (hub?.usable === false) return;
  send({ type: 'loaded', problems, usable: configuration !== undefined, observed: observing, held: held.length });
  // What is served while a change is held is not what the hub has.
  if (held.length === 0) hub?.remember();
  maybeOpen();
  if (open && configuration !== undefined) state.apply(configuration);
  statuses?.soon();
}

async function followClusters(clusters: ReadonlyMap<string, Site>): Promise<void> {
  // Where an address is has to be known before the address is. Never at once: what a cluster tells comes back here.
  await (clusters.size > 0 && localities === undefined ? currentLocalities() : undefined);
  if (loaded?.clusters !== clusters) return;
  edges.follow(clusters);
  maybeOpen();
}

/** Serving begins when all clusters were seen, or are remembered, or have had their time. */
function maybeOpen(): void {
  if (open || loaded?.configuration === undefined || hub?.usable === false) return;
  const { clusters = new Map<string, Site>(), configuration } = loaded;
  const waiting = [...clusters.keys()].filter((site) => {
    const observed = edges.observations.get(site);
    return observed === undefined || (!observed.hasSynced && observed.services.size === 0);
  });
  waitingSince ??= performance.now();
  const left = waitingSince + PATIENCE_MS - performance.now();
  if (waiting.length > 0 && left > 0) {
    clearTimeout(patience);
    patience = setTimeout(maybeOpen, left + 1);
    return;
  }
  clearTimeout(patience);
  open = true;
  if (waiting.length > 0)
    log('warn', 'serving without edge clusters that were not seen yet', { sites: waiting.join(',') });
  state.apply(configuration);
}

let patience: NodeJS.Timeout | undefined;

// --- the hub's statuses, written by the one that leads

function statusWorld(): StatusWorld | undefined {
  if (hub === undefined || loaded === undefined || !hub.hasSynced) return undefined;
  const { configuration } = state.current();
  const exports = new Map(configuration.exports.map((exp) => [`${exp.tenant}/${exp.name}`, exp]));
  const held = new Map(
    (loaded.held ?? []).map(({ what }) => {
      const problem = loaded!.problems.find(({ file, message }) => file === what && message.includes('is held'));
      return [what, `${problem?.message ?? ''}; ${problem?.remedy ?? ''}`];
    }),
  );
  const clusters = new Map(
    [...edges.observations.values()].map(({ site, hasSynced, error }) => [site, error ?? (hasSynced ? '' : undefined)]),
  );
  const subjects = hub
    .objects()
    .map(({ kind, file, object, stored }) => ({ kind, file, object, valid: stored !== undefined }));
  return { subjects, problems: loaded.problems, exports, held, clusters };
}

const statuses =
  hubCluster === undefined
    ? undefined
    : new StatusWriter({ cluster: hubCluster, types: HUB_TYPES, identity, world: statusWorld, onError: warn });
const election =
  hubCluster === undefined || source.kind !== 'hub'
    ? undefined
    : new Election({
        cluster: hubCluster,
        namespace: source.namespace,
        name: 'edgeward-control',
        identity,
        onChange: (leading) => {
          log('info', leading ? 'leading: this process writes to the hub' : 'not leading any more', { identity });
          statuses?.lead(leading);
        },
        onError: () => {},
      });

state.subscribe(compile);
const close = files.follow(accept);
hub?.start();
secrets?.start();
election?.start();

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
  if (hub !== undefined && hub.error === undefined && hub.hasSynced) hubSeenAt = performance.now();
  if (edges.ages.size === 0 && hub === undefined) return;
  const sites = [...edges.observations.values()].map(({ site, hasSynced, error, services }) => ({
    site,
    hasSynced,
    error,
    age: edges.ages.get(site),
    services: services.size,
  }));
  const age = (performance.now() - hubSeenAt) / 1000;
  send({ type: 'sites', sites, hub: hub && { error: hub.error, age, leading: election?.leading === true } });
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
  memory.write(edges.observations);
  if (loaded?.held?.length === 0) hub?.writeMemory();
  await election?.stop();
  statuses?.lead(false);
  await Promise.all([edges.close(), secrets?.close()]);
  await hub?.close();
  port.close();
}
