import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createCounters } from '../observe/counters.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { AnswerOptions } from './answer.ts';
import type { AnswerWorkerData, FromAnswerWorker, ToAnswerWorker } from './answer-worker.ts';
import type { TcpLimits } from './tcp.ts';
import { claimPort } from './udp.ts';

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
  /** Undefined between the death of a thread and the listening of the next. */
  worker: Worker | undefined;
  readonly counters: Float64Array;
}

/**
 * The threads that answer. All bind the same addresses; each holds a snapshot that is replaced whole. A thread that
 * dies is replaced, its counters kept.
 */
export class AnswerPool {
  readonly #options: PoolOptions;
  readonly #slots: Slot[] = [];
  /** Threads that do not listen yet. */
  readonly #starting = new Set<Worker>();
  #snapshot: Snapshot;
  #listen: PoolOptions['listen'];
  #draining = false;

  private constructor(options: PoolOptions, snapshot: Snapshot) {
    this.#options = options;
    this.#listen = options.listen;
    this.#snapshot = snapshot;
  }

  /**
   * Starts the threads; resolves when all listen. When that fails, none is left.
   * @throws Error with the address and the system's reason when one cannot be bound
   */
  static async start(options: PoolOptions, snapshot: Snapshot): Promise<AnswerPool> {
    const pool = new AnswerPool(options, snapshot);
    try {
      if (pool.#shared) for (const { host, port } of options.listen) await claimPort(host, port);
      for (let i = 0; i < options.workers; i++) {
        const counters = createCounters();
        const { worker, ports } = await pool.#spawn(counters);
        // The first thread has settled which ports; the others share them.
        pool.#listen = pool.#listen.map(({ host }, at) => ({ host, port: ports[at]! }));
        const slot: Slot = { worker, counters };
        pool.#slots.push(slot);
        pool.#guard(slot, worker);
      }
    } catch (error) {
      pool.#draining = true;
      await Promise.all(pool.#workers.map((worker) => worker.terminate()));
      throw error;
    }
    return pool;
  }

  /** Whether several threads bind one address. */
  get #shared(): boolean {
    return this.#options.workers > 1;
  }

  /** Addresses that are really listened on. */
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
      reusePort: this.#shared,
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
    this.#starting.add(worker);
    return new Promise<{ worker: Worker; ports: readonly number[] }>((resolve, reject) => {
      const early = (): void => reject(new Error('the thread ended before it listened'));
      worker.once('error', reject);
      worker.once('exit', early);
      worker.on('message', (message: FromAnswerWorker) => {
        if (message.type === 'listening') {
          worker.off('error', reject);
          worker.off('exit', early);
          resolve({ worker, ports: message.ports });
        } else if (message.type === 'failed') {
          // Only when it has ended is what it did bind free again.
          worker.off('exit', early);
          worker.once('exit', () => reject(new Error(message.message)));
          void worker.terminate();
        }
      });
    }).finally(() => this.#starting.delete(worker));
  }

  #guard(slot: Slot, worker: Worker): void {
    let reason = 'exited';
    worker.on('error', (error: Error) => (reason = error.stack ?? error.message));
    worker.once('exit', () => {
      slot.worker = undefined;
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
        if (this.#draining) {
          await worker.terminate();
          return;
        }
        slot.worker = worker;
        this.#guard(slot, worker);
        // One may have been published while the thread was starting.
        worker.postMessage({ type: 'snapshot', snapshot: this.#snapshot } satisfies ToAnswerWorker);
        return;
      } catch (error) {
        if (this.#draining) return;
        this.#options.onRestart(String(error));
      }
    }
  }

  /** Threads that answer now. */
  get #workers(): Worker[] {
    return this.#slots.flatMap(({ worker }) => worker ?? []);
  }

  /**
   * Gives every thread a new snapshot; resolves when all that answer do so from it (or from a newer one). One that is
   * being replaced starts with it, and is not waited for.
   */
  async publish(snapshot: Snapshot): Promise<void> {
    this.#snapshot = snapshot;
    await Promise.all(
      this.#workers.map(
        (worker) =>
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
    await Promise.all([
      ...[...this.#starting].map((worker) => worker.terminate()),
      ...this.#workers.map(async (worker) => {
        const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
        worker.postMessage({ type: 'drain', graceMs } satisfies ToAnswerWorker);
        const late = new AbortController();
        const timeout = setTimeout(graceMs + 500, 'late', { signal: late.signal }).catch(() => 'ended');
        if ((await Promise.race([ended, timeout])) === 'late') await worker.terminate();
        late.abort();
      }),
    ]);
  }
}
