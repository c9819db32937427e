import type { Snapshot, SnapshotUpdate } from '../snapshot/snapshot.ts';
import type { AnswerOptions } from './answer.ts';
import type { ListenFailure } from './listen-error.ts';
import type { TcpLimits } from './tcp.ts';
import type { UdpSocket } from './udp/system-calls.ts';

// What the main thread and the threads that answer tell each other.

/** What an answering thread is started with. */
export interface AnswerWorkerData {
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  readonly reusePort: boolean;
  /** Answer UDP as well, by `node:dgram`. */
  readonly udp: boolean;
  readonly snapshot: Snapshot;
  readonly options: AnswerOptions;
  readonly tcp: TcpLimits;
  readonly counters: Float64Array;
}

export type ToAnswerWorker =
  | { readonly type: 'snapshot'; readonly update: SnapshotUpdate }
  | { readonly type: 'drain'; readonly graceMs: number };

export type FromAnswerWorker =
  | { readonly type: 'listening'; readonly ports: readonly number[] }
  | { readonly type: 'failed'; readonly message: string; readonly failure?: ListenFailure }
  | { readonly type: 'using'; readonly serial: number }
  | { readonly type: 'drained' };

/** What a thread that answers batched UDP is started with. */
export interface UdpWorkerData {
  /** Opened by the pool, which closes them: they outlive this thread. */
  readonly sockets: readonly UdpSocket[];
  readonly snapshot: Snapshot;
  readonly options: AnswerOptions;
  readonly counters: Float64Array;
  /** One word, raised after each message: the event loop never runs here, so messages are asked for. */
  readonly mail: Int32Array;
}
