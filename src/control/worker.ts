import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { ControlClusters } from './kubernetes.ts';
import { NOWHERE } from '../geo/ranges.ts';
import type { Address } from '../lib/address.ts';
import { collectSoon } from '../lib/collect-garbage.ts';
import type { Observations } from '../model/observed.ts';
import { RegionTree } from '../model/regions.ts';
import type { Site } from '../model/site.ts';
import { Compiler } from '../snapshot/compile.ts';
import { SnapshotEncoder } from '../replication/encoder.ts';
import { snapshotBytes, updateOf, type Snapshot, type SnapshotUpdate } from '../snapshot/snapshot.ts';
import { settingsOf, SnapshotKeeper, type Served } from './snapshot-keeper.ts';
import { AcceptedChanges } from '../state/accepted.ts';
import { filesFingerprint } from '../state/inputs.ts';
import type { ConfigurationSource, Loaded, ObservingSource } from '../state/loaded.ts';
import { State, type Current } from '../state/state.ts';
import { encodeFrame } from '../replication/messages.ts';
import type { ControlData, ControlLog, FromControl, SnapshotSummary, ToControl } from './messages.ts';
import { Opening } from './opening.ts';
import type { ZoneHelper } from './zone-helper.ts';

// The control thread: everything between what operators wrote, edge clusters have, and a compiled snapshot, in
// data-flow order. It runs apart from the main thread, so that a million records or a new geo database stop neither
// metrics nor signals.

/** Scopes are widened once nothing has changed for so long. */
const REFINE_MS = 1000;

/** Scopes are widened in slices of so long: a change waits for one at most, and as long a pause leaves room to others. */
const SLICE_MS = 25;

/** Nothing is served before all clusters were seen or are remembered, but for one that cannot be seen in so long. */
const PATIENCE_MS = 15_000;

const SITES_MS = 2000;

/** Octets of a directory that has thousands of files. */
const LARGE_DIRECTORY = 200_000;

const port = parentPort!;
const { source, geo, dataDirectory, stream } = workerData as ControlData;
const send = (message: FromControl): void => port.postMessage(message);
const log: ControlLog = (level, message, fields = {}) => send({ type: 'log', level, message, fields });

const identity = `${hostname()}-${randomUUID().slice(0, 8)}`;
const state = new State();

/** Undefined where nothing is steered: a plain zone server starts without what that needs. */
const places =
  source.kind === 'zones' ? undefined : new (await import('./localities.ts')).ControlGeo({ sources: geo, send, log });

// --- where configurations come from

/** Kubernetes takes time and memory to load: who has none of it does without. */
async function loadClusters(): Promise<ControlClusters> {
  const { ControlClusters: Clusters } = await import('./kubernetes.ts');
  return new Clusters({
    source,
    dataDirectory,
    identity,
    log,
    onObserved: (changed, learnt) => {
      observing = true;
      resources?.observed(changed, learnt);
      observing = false;
      opening.again();
    },
    onState: () => opening.again(),
    onRemember: stream ? remember : undefined,
    current: () => ({ loaded, configuration: state.current().configuration }),
  });
}

/** What DNS nodes were last given to remember. */
let remembered: ReadonlyMap<string, string> | undefined;

function remember(entries: ReadonlyMap<string, string>): void {
  const before = remembered ?? new Map<string, string>();
  const put = [...entries].filter(([key, text]) => before.get(key) !== text);
  const gone = [...before.keys()].filter((key) => !entries.has(key));
  const isWhole = remembered === undefined;
  remembered = entries;
  if (isWhole || put.length > 0 || gone.length > 0) send({ type: 'memory', isWhole, put, gone });
}

/** Whether what is accepted now comes from an edge cluster. */
let observing = false;
let clusters = source.kind === 'hub' ? await loadClusters() : undefined;
const hub = clusters?.store;

const accepted = new AcceptedChanges(dataDirectory, (message) => log('warn', message));

/** What this program writes is no configuration, wherever it is. */
const ignored = [dataDirectory, geo.cacheDirectory].filter((path) => path !== undefined);

/** A thread that helps with very many zones, until they are served. */
let helper: ZoneHelper | undefined;

async function openSource(): Promise<ConfigurationSource | ObservingSource> {
  if (source.kind === 'zones') {
    const { ZoneHelper: Helper } = await import('./zone-helper.ts');
    const help = (): ZoneHelper =>
      (helper ??= new Helper((message) => log('warn', 'a thread that helps to read zones has failed', { message })));
    // It takes a while to start.
    if (isLarge(source.directory)) help();
    const { openZones } = await import('../state/zone-folder.ts');
    const allowed = { unsigned: source.allowUnsigned };
    return openZones(source.directory, {
      accepted,
      watching: { ignored },
      allowed,
      readAhead: (toRead) => help().read(source.directory, toRead, allowed),
    });
  }
  const { openResources } = await import('../state/resources.ts');
  const { regions, carriers } = places!;
  const observations = (): Observations => clusters?.observations ?? new Map();
  const localityOf = (address: Address) => places!.localityOf(address);
  const context = { regions, carriers, localityOf, observations, accepted };
  if (source.kind === 'hub') {
    const tenancy = { operator: source.namespace };
    return openResources(hub!, {
      ...context,
      directory: undefined,
      tenancy,
      recallOwners: () => clusters!.recallOwners(),
      recallServed: (configuration) => clusters!.recallExports(configuration),
    });
  }
  const { fileStore } = await import('../store/files.ts');
  const store = fileStore(source.directory, { watching: { ignored }, accepts: (id) => accepted.has(id) });
  return openResources(store, { ...context, directory: source.directory });
}

/** Whether a directory has thousands of files, by its own size. */
function isLarge(directory: string): boolean {
  try {
    return statSync(directory).size > LARGE_DIRECTORY;
  } catch {
    // Reading it says why.
    return false;
  }
}

const files = await openSource();
const resources = 'observed' in files ? files : undefined;

// --- compiling

const NO_REGIONS = new RegionTree([]);
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

/** What is served, when it is what the files alone say. */
function served(): Served | undefined {
  const { generation, configuration } = state.current();
  if (loaded === undefined || sent === undefined || generation !== compiled || hub !== undefined) return undefined;
  const { seen, held = [], stale = [], refused = [], until } = loaded;
  // A restart would begin with other versions of what is not valid now.
  if (seen === undefined || held.length + stale.length + refused.length > 0) return undefined;
  if (clusters?.isRemembered === false || (configuration.exports.length > 0 && places?.isLoaded !== true))
    return undefined;
  const { zones, exports, sites } = configuration;
  const counts = { zones: zones.length, exports: exports.length, sites: sites.size };
  const directory = source.kind === 'hub' ? '' : source.directory;
  return {
    snapshot: sent,
    about: { ...counts, ...(until === undefined ? {} : { until }) },
    inputs: {
      settings: settingsOf({ source, geo }),
      directory,
      files: places?.files ?? [],
      state: dataDirectory,
      ignored,
    },
    isMadeFrom: (now) => now.directory === seen && (places?.seen === undefined || now.files === places.seen),
  };
}

const keeper =
  stream || source.kind === 'hub'
    ? undefined
    : new SnapshotKeeper({
        stateDirectory: dataDirectory,
        served,
        onDone: (failure, isNews) => send({ type: 'kept', failure, isNews }),
      });

/** Generation of the configuration that was compiled last. */
let compiled = 0;

async function compile({ generation, configuration }: Current): Promise<void> {
  keeper?.wait();
  const world = configuration.exports.length === 0 ? NOWHERE : await places!.current();
  const start = performance.now();
  const first = sent === undefined;
  const snapshot = compiler.compile({
    configuration,
    regions: places?.regions ?? NO_REGIONS,
    geo: world,
    generation,
    helper,
  });
  void helper?.close();
  helper = undefined;
  const summary: SnapshotSummary = {
    generation,
    zones: configuration.zones.length,
    exports: configuration.exports.length,
    sites: configuration.sites.size,
    maps: snapshot.steering.maps.length,
    bytes: snapshotBytes(snapshot),
    compileSeconds: (performance.now() - start) / 1000,
    madeFrom: madeFrom(),
  };
  compiled = generation;
  send({ type: 'compiled', update: publish(snapshot), summary });
  tellRecalled();
  // Reading leaves more behind than it keeps; later changes are small, and should not wait for a collection.
  if (first) collectSoon();
  clearTimeout(refining);
  refining = setTimeout(refine, first ? 0 : REFINE_MS);
  clusters?.tellStatuses();
  places?.warnOfUnreached(configuration.exports, world);
}

/** What nodes have told that is not served yet. */
let recalled: number[] = [];

/** A node that has told what it remembers is served what was made of it, not what was there before. */
function tellRecalled(): void {
  if (compiled !== state.current().generation) return;
  for (const id of recalled) send({ type: 'recalled', id });
  recalled = [];
}

/** Undefined where edge clusters or a hub are part of it. */
function madeFrom(): SnapshotSummary['madeFrom'] {
  if (loaded?.seen === undefined || (loaded.clusters?.size ?? 0) > 0) return undefined;
  return { directory: loaded.seen, files: places?.seen ?? filesFingerprint(places?.files ?? []) };
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
  if (more) {
    refining = setTimeout(refine, SLICE_MS);
    return;
  }
  send({ type: 'settled' });
  keeper?.settled();
}

// --- what is in force

let loaded: Loaded | undefined;
const opening = new Opening(
  PATIENCE_MS,
  () => {
    const { clusters: sites = new Map<string, Site>(), configuration } = loaded ?? {};
    const isUsable = configuration !== undefined && hub?.usable !== false;
    return { isUsable, waiting: clusters?.unknown(sites.keys()) ?? [...sites.keys()] };
  },
  (missing) => {
    if (missing.length > 0)
      log('warn', 'serving without edge clusters that were not seen yet', { sites: missing.join(',') });
    state.apply(loaded!.configuration!);
    hub?.served();
  },
);

function accept(next: Loaded): void {
  loaded = next;
  const { configuration, problems, clusters: sites, held = [], stale = [], refused = [], leftOut = [] } = next;
  if (sites !== undefined && configuration !== undefined) void followClusters(sites);
  if (hub?.usable === false) return;
  const usable = configuration !== undefined;
  send({
    type: 'loaded',
    problems,
    usable,
    observed: observing,
    held: held.length,
    stale,
    refused,
    leftOut,
  });
  hub?.remember(held.length === 0);
  // Nodes that come meanwhile keep what they know: afterwards all of it is told.
  if (held.length > 0) remembered = undefined;
  if (!opening.isOpen) opening.again();
  else if (configuration !== undefined) state.apply(configuration);
  clusters?.tellStatuses();
}

async function followClusters(sites: ReadonlyMap<string, Site>): Promise<void> {
  // Never at once: what a cluster tells comes back here.
  await Promise.resolve();
  if (sites.size > 0) {
    // Where an address is has to be known before the address is.
    if (!places!.isLoaded) await places!.current();
    loading ??= clusters === undefined ? loadClusters() : Promise.resolve(clusters);
    clusters = await loading;
  }
  if (loaded?.clusters !== sites) return;
  clusters?.follow(sites);
  opening.again();
}

let loading: Promise<ControlClusters> | undefined;

state.subscribe(compile);
if (encoder !== undefined && hub !== undefined) send({ type: 'recalling', epoch: encoder.epoch });
const close = files.follow(accept);
const unwatchAccepted = accepted.watch(() => files.again());
clusters?.start();

const unwatchGeo = places?.watch(() => {
  const { generation, configuration } = state.current();
  if (generation > 0 && configuration.exports.length > 0) void geoAgain();
});

async function geoAgain(): Promise<void> {
  await places!.current();
  state.apply(state.current().configuration);
  resources?.observed(undefined, 'watch');
}

const summaries = setInterval(() => {
  if (clusters !== undefined) send(clusters.summary());
}, SITES_MS);

port.on('message', (message: ToControl) => {
  if (message.type === 'recall') {
    hub?.recall(message.entries);
    recalled.push(message.id);
    tellRecalled();
    return;
  }
  if (message.type === 'full') {
    const full = encodeFrame(encoder!.full(new Set(message.have)));
    send({ type: 'full', id: message.id, generation: encoder!.generation, message: full });
    return;
  }
  void stop();
});

async function stop(): Promise<void> {
  close();
  unwatchAccepted();
  clearTimeout(refining);
  opening.close();
  clearInterval(summaries);
  unwatchGeo?.();
  await helper?.close();
  await clusters?.close();
  await keeper?.close();
  port.close();
}
