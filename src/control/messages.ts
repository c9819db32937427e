import type { GeoSources } from '../geo/mod.ts';
import type { Problem } from '../lib/problem.ts';
import type { SnapshotUpdate } from '../snapshot/snapshot.ts';

// What the main thread and the control thread tell each other.

export interface ControlData {
  readonly source:
    | { readonly kind: 'resources'; readonly directory: string }
    | { readonly kind: 'zones'; readonly directory: string; readonly allowUnsigned: boolean }
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
  /** Fingerprints of what it was made from, where that is files alone. */
  readonly madeFrom: { readonly directory: string; readonly files: string } | undefined;
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
      /** Resources that keep their last valid version, and those that have none. */
      readonly stale: readonly string[];
      readonly refused: readonly string[];
      /** Files that are no zones. */
      readonly leftOut: readonly string[];
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
  /** Scopes are as wide as they will be. */
  | { readonly type: 'settled' }
  /** All is on disk that is to be; or why not, and whether that is news. */
  | { readonly type: 'kept'; readonly failure: string | undefined; readonly isNews: boolean }
  /** DNS nodes may come, and are to tell what they remember. */
  | { readonly type: 'recalling'; readonly epoch: string }
  /** What DNS nodes are to remember. */
  | {
      readonly type: 'memory';
      readonly isWhole: boolean;
      readonly put: readonly (readonly [string, string])[];
      readonly gone: readonly string[];
    }
  | { readonly type: 'recalled'; readonly id: number }
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
  | { readonly type: 'full'; readonly id: number; readonly have: readonly string[] }
  /** What a DNS node remembers. */
  | { readonly type: 'recall'; readonly id: number; readonly entries: readonly (readonly [string, string])[] };
