import { parentPort, workerData } from 'node:worker_threads';
import { loadLocalityMap, loadRegions, type GeoSources } from './geo/mod.ts';
import type { LocalityMap } from './geo/ranges.ts';
import { hasErrors, type Problem } from './lib/problem.ts';
import { compileSnapshot } from './snapshot/compile.ts';
import { snapshotBytes, type Snapshot } from './snapshot/snapshot.ts';
import { openDirectory, openZones } from './state/directory.ts';
import { State } from './state/state.ts';

/**
 * The control thread: everything between what operators wrote and a compiled snapshot. It runs apart from the main
 * thread so that a million records or a new geo database stop neither metrics nor signals.
 */
export interface ControlData {
  readonly source: { readonly kind: 'resources' | 'zones'; readonly directory: string };
  readonly geo: GeoSources;
}

export interface SnapshotSummary {
  readonly zones: number;
  readonly exports: number;
  readonly sites: number;
  readonly names: number;
  readonly maps: number;
  readonly bytes: number;
  readonly compileSeconds: number;
}

export type FromControl =
  | { readonly type: 'progress'; readonly step: string }
  /** What is wrong with the files as they are now; `usable` when they serve nevertheless (warnings only). */
  | { readonly type: 'problems'; readonly problems: readonly Problem[]; readonly usable: boolean }
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot; readonly summary: SnapshotSummary };

export type ToControl = { readonly type: 'close' };

const port = parentPort!;
const { source, geo } = workerData as ControlData;
const send = (message: FromControl): void => port.postMessage(message);

/** Everybody is of unknown locality: for when there is nothing to steer, or no geo data can be read. */
const NOWHERE: LocalityMap = {
  localities: [{ region: '', isp: '', asn: 0 }],
  ranges: {
    start4: new Uint32Array(1),
    value4: new Uint32Array(1),
    start6: new Uint32Array(4),
    value6: new Uint32Array(1),
  },
};

let localities: LocalityMap | undefined;

/** Geo data is read only once something is steered: a plain zone server starts without it. */
async function localityMap(): Promise<LocalityMap> {
  if (localities !== undefined) return localities;
  const loaded = await loadLocalityMap(geo, (step) => send({ type: 'progress', step }));
  if (loaded.problems.length > 0)
    send({ type: 'problems', problems: loaded.problems, usable: loaded.map !== undefined });
  localities = loaded.map;
  return localities ?? NOWHERE;
}

const regions = loadRegions(geo.dataDirectory);
const directory =
  source.kind === 'zones'
    ? openZones(source.directory)
    : openDirectory(source.directory, { regions, dataDirectory: geo.dataDirectory });
const state = new State();

state.subscribe(async ({ generation, configuration }) => {
  const world = configuration.exports.length === 0 ? NOWHERE : await localityMap();
  const start = performance.now();
  const snapshot = compileSnapshot({ configuration, regions, geo: world, generation });
  const summary: SnapshotSummary = {
    zones: configuration.zones.length,
    exports: configuration.exports.length,
    sites: configuration.sites.size,
    names: snapshot.names.at.length,
    maps: snapshot.maps.length,
    bytes: snapshotBytes(snapshot),
    compileSeconds: (performance.now() - start) / 1000,
  };
  send({ type: 'snapshot', snapshot, summary });
});

function accept({ configuration, problems }: ReturnType<typeof directory.load>): void {
  send({ type: 'problems', problems, usable: !hasErrors(problems) });
  if (configuration !== undefined) state.apply(configuration);
}

accept(directory.load());
const close = directory.watch(accept);
port.on('message', () => {
  close();
  port.close();
});
