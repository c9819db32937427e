import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createCounters } from '../observe/counters.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { AnswerOptions } from './answer.ts';
import type { AnswerWorkerData, FromAnswerWorker, ToAnswerWorker } from './answer-worker.ts';
import type { TcpLimits } from './tcp.ts';

export interface PoolOptions {
  readonly workers: number;
  /** Addresses to answer on; port 0 for any free one. */
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  readonly answer: AnswerOptions;
  readonly tcp: TcpLimits;
  /** A thread died and was replaced. */
  readonly onRestart: (reason: string) => void;
}

/** Wait before a thread that died is started again: long enough not to spin, short enough to go unnoticed. */
const RESTART_MS = 100;

interface Slot {
  worker: Worker;
  readonly counters: Float64Array;
}

/**
 * The threads that answer. All bind the same addresses; each holds a snapshot that is replaced whole. A thread that
 * dies is replaced, its counters kept.
 */
export class AnswerPool {
  readonly #options: PoolOptions;
  readonly #slots: Slot[] = [];
  #snapshot: Snapshot;
  #listen: PoolOptions['listen'];
  #draining = false;

  private constructor(options: PoolOptions, snapshot: Snapshot) {
    this.#options = options;
    this.#listen = options.listen;
    this.#snapshot = snapshot;
  }

  /**
   * Starts the threads; resolves when all listen.
   * @throws Error with the address and the system's reason when one cannot be bound
   */
  static async start(options: PoolOptions, snapshot: Snapshot): Promise<AnswerPool> {
    const pool = new AnswerPool(options, snapshot);
    for (let i = 0; i < options.workers; i++) {
      const counters = createCounters();
      const { worker, ports } = await pool.#spawn(counters);
      pool.#slots.push({ worker, counters });
      // The first thread has settled which ports; the others share them.
      pool.#listen = pool.#listen.map(({ host }, at) => ({ host, port: ports[at]! }));
    }
    for (const slot of pool.#slots) pool.#guard(slot);
    return pool;
  }

  /** Addresses that are really listened on, `host:port` with brackets around IPv6. */
  get addresses(): { host: string; port: number }[] {
    return [...this.#listen];
  }

  /** Each thread's counters, in shared memory. */
  get counters(): Float64Array[] {
    return this.#slots.map((slot) => slot.counters);
  }

  #spawn(counters: Float64Array): Promise<{ worker: Worker; ports: readonly number[] }> {
    const data: AnswerWorkerData = {
      listen: this.#listen,
      reusePort: this.#options.workers > 1,
      snapshot: this.#snapshot,
      options: this.#options.answer,
      // The limit is the process's; the kernel spreads connections evenly enough over the threads.
      tcp: {
        ...this.#options.tcp,
        maxConnections: Math.ceil(this.#options.tcp.maxConnections / this.#options.workers),
      },
      counters,
    };
    const worker = new Worker(new URL('./answer-worker.ts', import.meta.url), { workerData: data });
    return new Promise((resolve, reject) => {
      worker.once('error', reject);
      worker.on('message', (message: FromAnswerWorker) => {
        if (message.type === 'listening') {
          worker.off('error', reject);
          resolve({ worker, ports: message.ports });
        } else if (message.type === 'failed') {
          void worker.terminate();
          reject(new Error(message.message));
        }
      });
    });
  }

  #guard(slot: Slot): void {
    let reason = 'exited';
    slot.worker.on('error', (error: Error) => (reason = error.stack ?? error.message));
    slot.worker.once('exit', () => {
      if (this.#draining) return;
      this.#options.onRestart(reason);
      void this.#replace(slot);
    });
  }

  /** Starts a thread in place of one that died, as often as it takes. */
  async #replace(slot: Slot): Promise<void> {
    for (;;) {
      await setTimeout(RESTART_MS);
      if (this.#draining) return;
      try {
        const { worker } = await this.#spawn(slot.counters);
        slot.worker = worker;
        this.#guard(slot);
        // One may have been published while the thread was starting.
        worker.postMessage({ type: 'snapshot', snapshot: this.#snapshot } satisfies ToAnswerWorker);
        return;
      } catch (error) {
        this.#options.onRestart(String(error));
      }
    }
  }

  /** Gives every thread a new snapshot; resolves when all answer from it (or from a newer one). */
  async publish(snapshot: Snapshot): Promise<void> {
    this.#snapshot = snapshot;
    await Promise.all(
      this.#slots.map(
        ({ worker }) =>
          new Promise<void>((resolve) => {
            const listener = (message: FromAnswerWorker): void => {
              if (message.type === 'using' && message.generation >= snapshot.generation) done();
            };
            const done = (): void => {
              worker.off('message', listener);
              worker.off('exit', done);
              resolve();
            };
            worker.on('message', listener);
            worker.once('exit', done);
            worker.postMessage({ type: 'snapshot', snapshot } satisfies ToAnswerWorker);
          }),
      ),
    );
  }

  /** Stops taking queries, finishes those taken, and ends the threads within about `graceMs`. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    await Promise.all(
      this.#slots.map(async ({ worker }) => {
        const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
        worker.postMessage({ type: 'drain', graceMs } satisfies ToAnswerWorker);
        const late = new AbortController();
        const timeout = setTimeout(graceMs + 500, 'late', { signal: late.signal }).catch(() => 'ended');
        if ((await Promise.race([ended, timeout])) === 'late') await worker.terminate();
        late.abort();
      }),
    );
  }
}
