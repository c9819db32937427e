import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createCounters } from '../observe/counters.ts';
import { updateOf, type Snapshot } from '../snapshot/snapshot.ts';
import type { AnswerOptions } from './answer.ts';
import { isMissingAddress, ListenError, listening } from './listen-error.ts';
import { claimTcpPort, type TcpLimits } from './tcp.ts';
import type { AnswerWorkerData, FromAnswerWorker, ToAnswerWorker, UdpWorkerData } from './worker-messages.ts';
import { openBatched } from './udp/batched.ts';
import { claimPort } from './udp/dgram.ts';
import { closeUdp, type UdpSocket } from './udp/system-calls.ts';

export interface PoolOptions {
  /** Threads that answer UDP. */
  readonly workers: number;
  /** Addresses to answer on; port 0 for any free one. */
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  /** `batched`: recvmmsg and sendmmsg, in threads that do nothing else; `portable`: `node:dgram`. */
  readonly udp: 'batched' | 'portable';
  readonly answer: AnswerOptions;
  readonly tcp: TcpLimits;
  /** A thread died and is replaced. */
  readonly onRestart: (reason: string) => void;
  /**
   * Called for an address that this machine does not have, or not even its family; the pool then starts with the
   * others, unless none is left. Without it every address is needed.
   */
  readonly onMissing?: (error: ListenError) => void;
}

/** Wait before a thread that died is started again: long enough not to spin, short enough to go unnoticed. */
const RESTART_MS = 100;

/** Threads for TCP where UDP has its own: few clients need it, and one thread serves many connections. */
const MAX_TCP_THREADS = 2;

/** A free port for UDP may be taken for TCP; then another is tried. */
const PORT_TRIES = 8;

/** What a thread is for, kept over its replacements. */
interface Slot {
  /** Undefined between the death of a thread and the listening of the next. */
  worker: Worker | undefined;
  /** What the thread has been given. */
  snapshot: Snapshot | undefined;
  readonly counters: Float64Array;
  /** Served by this thread and its successors; undefined for threads that open their own. */
  readonly sockets: readonly UdpSocket[] | undefined;
  /** Raised after each message to a thread whose event loop does not run. */
  readonly mail: Int32Array;
}

/**
 * The threads that answer. All bind the same addresses; each holds a snapshot that is replaced whole. A thread that
 * dies is replaced, its counters and its batched sockets kept: queries wait in them meanwhile.
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
   * @throws ListenError when an address cannot be bound
   */
  static async start(options: PoolOptions, snapshot: Snapshot): Promise<AnswerPool> {
    for (let left = PORT_TRIES; ; left--) {
      const pool = new AnswerPool(options, snapshot);
      try {
        await pool.#start();
        return pool;
      } catch (error) {
        await pool.#abandon();
        const chosen = options.udp === 'batched' && options.listen.some(({ port }) => port === 0);
        if (!chosen || left <= 1 || !/EADDRINUSE/u.test(String(error))) throw error;
      }
    }
  }

  async #start(): Promise<void> {
    const { workers, udp } = this.#options;
    const first = await this.#claim();
    if (udp === 'batched') {
      for (let i = 0; i < workers; i++) {
        const sockets: UdpSocket[] = i === 0 ? first : [];
        // Kept at once, so that they are closed if the next cannot be opened.
        this.#slots.push({
          worker: undefined,
          snapshot: undefined,
          counters: createCounters(),
          sockets,
          mail: createMail(),
        });
        if (i === 0) continue;
        for (const at of this.#listen)
          sockets.push(await listening('UDP', at, () => openBatched({ ...at, reusePort: true })));
      }
    }
    if (this.#shared) for (const at of this.#listen) await listening('TCP', at, () => claimTcpPort(at.host, at.port));
    const others = udp === 'batched' ? Math.min(workers, MAX_TCP_THREADS) : workers;
    for (let i = 0; i < others; i++) {
      const slot = {
        worker: undefined,
        snapshot: undefined,
        counters: createCounters(),
        sockets: undefined,
        mail: createMail(),
      };
      this.#slots.push(slot);
      if (this.#listen.some(({ port }) => port === 0)) this.#settle(await this.#fill(slot));
    }
    const idle = this.#slots.filter(({ worker }) => worker === undefined);
    await Promise.all(idle.map((slot) => this.#fill(slot)));
  }

  /**
   * Makes sure that nobody else has the addresses, leaves out those that may be missing, and settles the ports of
   * batched UDP.
   * @returns the sockets of the first thread for batched UDP; they are the claim
   */
  async #claim(): Promise<UdpSocket[]> {
    const { onMissing } = this.#options;
    const sockets: UdpSocket[] = [];
    const listen: { host: string; port: number }[] = [];
    const missing: ListenError[] = [];
    try {
      for (const at of this.#listen) {
        try {
          listen.push({ host: at.host, port: await listening('UDP', at, () => this.#claimOne(at, sockets)) });
        } catch (error) {
          if (onMissing === undefined || !isMissingAddress(error)) throw error;
          missing.push(error);
        }
      }
      if (listen.length === 0) throw missing[0]!;
    } catch (error) {
      for (const socket of sockets) closeUdp(socket);
      throw error;
    }
    for (const error of missing) onMissing?.(error);
    this.#listen = listen;
    return sockets;
  }

  /** @returns the port; 0 while it is not settled */
  async #claimOne({ host, port }: { host: string; port: number }, sockets: UdpSocket[]): Promise<number> {
    if (this.#options.udp === 'portable') {
      await claimPort(host, port);
      return port;
    }
    const socket = openBatched({ host, port, reusePort: this.#shared, first: true });
    sockets.push(socket);
    return socket.port;
  }

  /** The first thread has settled which ports; the others share them. */
  #settle(ports: readonly number[]): void {
    this.#listen = this.#listen.map(({ host }, at) => ({ host, port: ports[at]! }));
  }

  async #abandon(): Promise<void> {
    this.#draining = true;
    await Promise.all([...this.#starting, ...this.#workers].map((worker) => worker.terminate()));
    this.#close();
  }

  #close(): void {
    for (const { sockets = [] } of this.#slots) for (const socket of sockets) closeUdp(socket);
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

  /** Starts a thread for a slot; resolves with its ports when it listens. */
  async #fill(slot: Slot): Promise<readonly number[]> {
    const worker = this.#create(slot);
    const ports = await this.#listening(worker);
    slot.worker = worker;
    this.#guard(slot, worker);
    return ports;
  }

  #create(slot: Slot): Worker {
    const { counters, sockets, mail } = slot;
    const { answer: options, tcp, workers } = this.#options;
    const snapshot = this.#snapshot;
    slot.snapshot = snapshot;
    if (sockets !== undefined) {
      const workerData: UdpWorkerData = { sockets, snapshot, options, counters, mail };
      return new Worker(new URL('./udp-worker.ts', import.meta.url), { workerData });
    }
    const threads = this.#options.udp === 'batched' ? Math.min(workers, MAX_TCP_THREADS) : workers;
    const workerData: AnswerWorkerData = {
      listen: this.#listen,
      reusePort: this.#shared,
      udp: this.#options.udp === 'portable',
      snapshot,
      options,
      // The limit is the process's; the kernel spreads connections evenly enough over the threads.
      tcp: { ...tcp, maxConnections: Math.ceil(tcp.maxConnections / threads) },
      counters,
    };
    return new Worker(new URL('./answer-worker.ts', import.meta.url), { workerData });
  }

  #listening(worker: Worker): Promise<readonly number[]> {
    this.#starting.add(worker);
    return new Promise<readonly number[]>((resolve, reject) => {
      const early = (): void => reject(new Error('the thread ended before it listened'));
      worker.once('error', reject);
      worker.once('exit', early);
      worker.on('message', (message: FromAnswerWorker) => {
        if (message.type === 'listening') {
          worker.off('error', reject);
          worker.off('exit', early);
          resolve(message.ports);
        } else if (message.type === 'failed') {
          // Only when it has ended is what it did bind free again.
          worker.off('exit', early);
          const { failure } = message;
          const error = failure === undefined ? new Error(message.message) : new ListenError(failure);
          worker.once('exit', () => reject(error));
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
        await this.#fill(slot);
        if (this.#draining) await slot.worker?.terminate();
        // One may have been published while the thread was starting.
        else this.#update(slot);
        return;
      } catch (error) {
        if (this.#draining) return;
        this.#options.onRestart(String(error));
      }
    }
  }

  #tell({ worker, mail }: Slot, message: ToAnswerWorker): void {
    worker?.postMessage(message);
    Atomics.add(mail, 0, 1);
  }

  #update(slot: Slot): void {
    const update = updateOf(slot.snapshot, this.#snapshot);
    slot.snapshot = this.#snapshot;
    this.#tell(slot, { type: 'snapshot', update });
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
      this.#slots.map(async (slot) => {
        const { worker } = slot;
        if (worker === undefined) return;
        await new Promise<void>((resolve) => {
          const listener = (message: FromAnswerWorker): void => {
            if (message.type === 'using' && message.serial >= snapshot.serial) done();
          };
          const done = (): void => {
            worker.off('message', listener);
            worker.off('exit', done);
            resolve();
          };
          worker.on('message', listener);
          worker.once('exit', done);
          this.#update(slot);
        });
      }),
    );
  }

  /** Stops taking queries, finishes those taken, and ends the threads within about `graceMs`. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    await Promise.all([
      ...[...this.#starting].map((worker) => worker.terminate()),
      ...this.#slots.map(async (slot) => {
        const { worker } = slot;
        if (worker === undefined) return;
        const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
        this.#tell(slot, { type: 'drain', graceMs });
        const late = new AbortController();
        const timeout = setTimeout(graceMs + 500, 'late', { signal: late.signal }).catch(() => 'ended');
        if ((await Promise.race([ended, timeout])) === 'late') await worker.terminate();
        late.abort();
      }),
    ]);
    this.#close();
  }
}

function createMail(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
}
