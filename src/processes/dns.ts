import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { Exit } from '../lib/exit.ts';
import type { ControlConfig, ServerConfig } from '../config/config.ts';
import { whenNpmEnds } from '../lib/npm-parent.ts';
import { RepeatedFailure } from '../lib/repeated-failure.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics, NodeMetrics } from '../observe/metrics.ts';
import { cannotListen } from '../server/cannot-listen.ts';
import type { HttpServer } from '../observe/http.ts';
import { AnswerPool } from '../server/pool.ts';
import { DRAIN_MS, listText, poolOptions, serveMetrics, transportOf } from './answering.ts';
import { notifyServiceManager } from '../server/service-manager.ts';
import { keepMemorySmall } from '../lib/allocator.ts';
import { SnapshotReplica } from '../replication/replica.ts';
import { snapshotBytes, type Snapshot } from '../snapshot/snapshot.ts';
import { StreamClient } from '../replication/client.ts';
import { LastGood } from '../replication/last-good.ts';
import { KeptMemory } from '../replication/node-memory.ts';
import { readToken } from '../replication/token.ts';

/** What is known is written down when nothing changed for so long, or at the latest after so long. */
const QUIET_MS = 1000;
const LATEST_MS = 10_000;

const SECOND_MS = 1000;

/** Octets of NSID that tell the generation and its age, behind the name. */
const NSID_KNOWLEDGE = ' generation=0000000000 age=0000000s'.length;

/**
 * `edgeward dns`: answers from what a control plane streams, keeps the last good of it on disk, and begins with that:
 * with everything behind it gone it still answers, and says how old its knowledge is.
 */
export class DnsNode {
  readonly #config: ServerConfig;
  readonly #control: ControlConfig;
  readonly #log: Log;
  #metrics!: Metrics;
  #nodeMetrics!: NodeMetrics;
  #http: HttpServer | undefined;
  #pool: AnswerPool | undefined;
  #starting: Promise<void> | undefined;
  readonly #lastGood: LastGood;
  readonly #writeFailure = new RepeatedFailure();
  #replica = new SnapshotReplica();
  readonly #memory: KeptMemory;
  #client: StreamClient | undefined;
  /** When what was read from disk was written, and nothing was heard since: milliseconds since 1970. */
  #diskSince: number | undefined;
  #dirtySince: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #second: NodeJS.Timeout | undefined;
  readonly #nsid: Uint8Array;
  #stopping = false;
  #end!: (code: number) => void;
  readonly #ended = new Promise<number>((resolve) => {
    this.#end = resolve;
  });

  constructor(config: ServerConfig, control: ControlConfig, log: Log) {
    this.#config = config;
    this.#control = control;
    this.#log = log;
    this.#lastGood = new LastGood(config.dataDirectory);
    this.#memory = new KeptMemory(config.dataDirectory);
    const name = new TextEncoder().encode(config.nsid).subarray(0, 64 - NSID_KNOWLEDGE);
    // The answering threads read what this thread writes.
    this.#nsid = new Uint8Array(new SharedArrayBuffer(name.length === 0 ? 0 : name.length + NSID_KNOWLEDGE));
    this.#nsid.set(name.length === 0 ? [] : name);
  }

  /** Serves until a signal, or until it cannot. @returns exit code */
  async run(): Promise<number> {
    keepMemorySmall();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void this.#stop(signal));
    whenNpmEnds(() => void this.#stop('SIGTERM to npm'));
    const { createMetrics } = await import('../observe/metrics.ts');
    this.#metrics = createMetrics(() => {
      this.#measure();
      return this.#pool?.counters ?? [];
    });
    this.#nodeMetrics = this.#metrics.node(() => ({
      ageSeconds: this.#age,
      connected: this.#client?.connected === true,
    }));
    const { metrics, byDefault, dataDirectory } = this.#config;
    if (metrics !== undefined) {
      try {
        this.#http = await serveMetrics(
          {
            ...metrics,
            metrics: () => this.#metrics.render(),
            notReady: () => this.#notReady(),
            knowledge: () => ({ generation: this.#replica.generation, ageSeconds: this.#age ?? null }),
          },
          { byDefault: byDefault.metrics, log: this.#log },
        );
      } catch (error) {
        this.#log.error(cannotListen(error, '--metrics'));
        return Exit.USAGE;
      }
    }
    try {
      mkdirSync(dataDirectory, { recursive: true });
      accessSync(dataDirectory, constants.W_OK);
    } catch (error) {
      this.#tellOfWrite(error);
    }
    try {
      this.#memory.read();
    } catch (error) {
      this.#log.warn('what control planes had this node remember cannot be used: they tell it anew', { error });
    }
    await this.#startFromDisk();
    // Until a control plane is reached it waits, which is no reason to start it again.
    notifyServiceManager('READY=1', this.#log);
    if (!this.#stopping) this.#follow();
    this.#second = setInterval(() => this.#everySecond(), SECOND_MS);
    return this.#ended;
  }

  async #startFromDisk(): Promise<void> {
    try {
      const replica = this.#lastGood.read();
      if (replica === undefined) {
        this.#log.info('nothing is known from before: waiting for a control plane');
        return;
      }
      this.#diskSince = this.#lastGood.writtenAt;
      this.#replica = replica;
      this.#log.info('starting with the last good snapshot', {
        generation: replica.generation,
        ageSeconds: Math.round(this.#age ?? 0),
      });
      await this.#show(replica.snapshot!);
    } catch (error) {
      this.#log.error('the last good snapshot cannot be used: waiting for a control plane', { error });
      this.#replica = new SnapshotReplica();
    }
  }

  #follow(): void {
    const { servers, authority, certificate, key, tokenFile } = this.#control;
    const read = (path: string | undefined): string | undefined => path && readFileSync(path, 'utf8');
    this.#client = new StreamClient({
      servers,
      credentials: () => ({
        authority: read(authority),
        certificate: read(certificate),
        key: read(key),
        token: tokenFile && readToken(tokenFile),
      }),
      replica: this.#replica,
      memory: this.#memory.memory,
      onMemory: () => this.#keepSoon(),
      onChange: (snapshot) => {
        this.#diskSince = undefined;
        if (snapshot !== undefined) void this.#show(snapshot);
        this.#keepSoon();
      },
      onConnected: (server) => this.#log.info('following a control plane', { server }),
      onLost: (server, reason) => {
        if (this.#stopping) return;
        this.#nodeMetrics.losses.inc();
        this.#log.warn('the control plane cannot be followed: what is known stays', {
          server,
          reason,
          ageSeconds: Math.round(this.#age ?? 0),
        });
      },
    });
    this.#client.start();
  }

  async #show(snapshot: Snapshot): Promise<void> {
    if (this.#stopping) return;
    if (this.#pool !== undefined) {
      await this.#pool.publish(snapshot);
      return;
    }
    if (this.#starting !== undefined) {
      // It starts with an older one; then the newest follows.
      await this.#starting;
      await (this.#pool as AnswerPool | undefined)?.publish(this.#replica.snapshot!);
      return;
    }
    await (this.#starting = this.#start(snapshot));
  }

  async #start(snapshot: Snapshot): Promise<void> {
    const transport = transportOf(this.#config, this.#log);
    if (transport === undefined) return this.#finish(Exit.USAGE);
    const config = this.#config;
    const onRestart = (reason: string): void => {
      this.#metrics.control.workerRestarts.inc();
      this.#log.error('an answering thread has died and is replaced', { reason });
    };
    try {
      const pool = await AnswerPool.start(
        { ...poolOptions(config, transport, this.#nsid, this.#log), onRestart },
        snapshot,
      );
      if (this.#stopping) return await pool.drain(DRAIN_MS);
      this.#pool = pool;
      const listen = listText(pool.addresses);
      const { generation } = this.#replica;
      this.#log.info('ready', { generation, listen, workers: config.workers });
    } catch (error) {
      this.#log.error(cannotListen(error, '--listen'));
      await this.#finish(Exit.USAGE);
    }
    return undefined;
  }

  /** Seconds: how old what is answered by is; undefined when nothing is. */
  get #age(): number | undefined {
    if (this.#replica.generation === 0) return undefined;
    const heard = this.#client?.age;
    if (heard !== undefined) return heard;
    return this.#diskSince === undefined ? 0 : Math.max(0, (Date.now() - this.#diskSince) / 1000);
  }

  #everySecond(): void {
    const age = Math.min(9_999_999, Math.round(this.#age ?? 0));
    const generation = String(this.#replica.generation).padStart(10, '0');
    if (this.#nsid.length === 0) return;
    const text = ` generation=${generation} age=${String(age).padStart(7, '0')}s`;
    this.#nsid.set(new TextEncoder().encode(text), this.#nsid.length - NSID_KNOWLEDGE);
  }

  #measure(): void {
    const { control } = this.#metrics;
    control.generation.set(this.#replica.generation);
    if (this.#replica.snapshot !== undefined) control.snapshotBytes.set(snapshotBytes(this.#replica.snapshot));
  }

  /** What is old is still answered with: a node that only cannot be told news is ready. */
  #notReady(): string[] {
    if (this.#stopping) return ['stopping'];
    return this.#pool === undefined ? ['nothing is known yet: no control plane was reached, and none was before'] : [];
  }

  #keepSoon(): void {
    this.#dirtySince ??= performance.now();
    clearTimeout(this.#timer);
    const left = this.#dirtySince + LATEST_MS - performance.now();
    this.#timer = setTimeout(() => this.#keep(), Math.max(0, Math.min(QUIET_MS, left)));
  }

  #keep(): void {
    clearTimeout(this.#timer);
    if (this.#dirtySince === undefined) return;
    this.#dirtySince = undefined;
    try {
      if (this.#replica.generation > 0) this.#lastGood.write(this.#replica);
      this.#memory.write();
      this.#writeFailure.succeeded();
    } catch (error) {
      this.#nodeMetrics.keepFailures.inc();
      this.#tellOfWrite(error);
    }
  }

  #tellOfWrite(error: unknown): void {
    if (!this.#writeFailure.isNews(error)) return;
    this.#log.warn(
      'the snapshot cannot be written: after a restart this node answers only once it has reached a control plane; ' +
        'make the directory writable, or set `dataDirectory` in edgeward.yaml',
      { directory: this.#config.dataDirectory, error },
    );
  }

  async #stop(signal: string): Promise<void> {
    if (this.#stopping) return;
    this.#log.info('stopping', { signal });
    notifyServiceManager('STOPPING=1', this.#log);
    await this.#finish(Exit.OK);
  }

  async #finish(code: number): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    clearInterval(this.#second);
    await this.#client?.close();
    this.#keep();
    await this.#pool?.drain(DRAIN_MS);
    await this.#http?.close();
    if (code === Exit.OK) this.#log.info('stopped');
    this.#end(code);
  }
}
