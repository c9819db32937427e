import { parentPort, workerData } from 'node:worker_threads';
import type { ResolvedExport } from '../../src/model/resolved.ts';
import { Compiler } from '../../src/snapshot/compile.ts';
import { updateOf, type Snapshot, type SnapshotUpdate } from '../../src/snapshot/snapshot.ts';
import { makeExport, makeSites, makeZone, POLICY, realGeo, regions } from '../support/world.ts';

/** The thread that has the state and compiles it, as the server's control thread does. */
export interface Setup {
  readonly exports: number;
  readonly sites: number;
}

/** `down` and `up`: health of the endpoint with an address; `replaced`: it gets another address. */
export interface Change {
  readonly kind: 'down' | 'up' | 'replaced';
  readonly export: number;
  readonly address: string;
}

export type FromBenchControl =
  | { readonly type: 'update'; readonly update: SnapshotUpdate; readonly refined: boolean }
  /** A change was made at this moment of `process.hrtime.bigint()`, and took so long to compile, milliseconds. */
  | { readonly type: 'changed'; readonly at: bigint; readonly compileMs: number; readonly live: boolean };

/** Exports differ in how they steer, some of them. */
const POLICIES = 16;

const { exports: count, sites: siteCount } = workerData as Setup;
const send = (message: FromBenchControl): void => parentPort!.postMessage(message);
const sites = makeSites(siteCount);
const siteMap = new Map(sites.map((site) => [site.name, site]));
const zones = [makeZone('bench.test', '')];
const policies = Array.from({ length: POLICIES }, (_, i) => ({ ...POLICY, toleranceMs: i }));
const geo = await realGeo();
let exports: ResolvedExport[] = Array.from({ length: count }, (_, i) => makeExport(i, sites, policies[i % POLICIES]));
const compiler = new Compiler();
let sent: Snapshot | undefined;
let generation = 0;

function compile(): { live: boolean; compileMs: number } {
  const start = performance.now();
  const configuration = { sites: siteMap, zones, exports };
  const snapshot = compiler.compile({ configuration, regions, geo, generation: ++generation });
  const live = snapshot === sent;
  if (!live) send({ type: 'update', update: updateOf(sent, snapshot), refined: false });
  sent = snapshot;
  return { live, compileMs: performance.now() - start };
}

parentPort!.on('message', (change: Change) => {
  const before = exports[change.export]!;
  const endpoints = before.endpoints.map((endpoint) => {
    if (endpoint.address !== change.address) return endpoint;
    if (change.kind !== 'replaced') return { ...endpoint, up: change.kind === 'up' };
    const bytes = Uint8Array.from(endpoint.bytes);
    bytes[0] = bytes[0]! + 1;
    return { ...endpoint, bytes, address: bytes.join('.') };
  });
  const at = process.hrtime.bigint();
  exports = exports.with(change.export, { ...before, endpoints });
  const { live, compileMs } = compile();
  send({ type: 'changed', at, compileMs, live });
});
compile();
for (let refined = compiler.refine(); refined !== undefined; refined = compiler.refine()) {
  send({ type: 'update', update: updateOf(sent, refined), refined: true });
  sent = refined;
}
send({ type: 'changed', at: process.hrtime.bigint(), compileMs: 0, live: true });
