import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { Exit } from '../lib/exit.ts';
import type { ServerConfig } from '../config/config.ts';
import type { ControlData, FromControl, ToControl } from '../control/messages.ts';
import { collectSoon } from '../lib/collect-garbage.ts';
import { whenNpmEnds } from '../lib/npm-parent.ts';
import { formatProblem, type Problem } from '../lib/problem.ts';
import { logProblems, type Log } from '../observe/log.ts';
import type { Metrics, StreamMetrics } from '../observe/metrics.ts';
import { cannotListen } from '../server/cannot-listen.ts';
import type { HttpServer } from '../observe/http.ts';
import { ListenError, listening } from '../server/listen-error.ts';
import { AnswerPool } from '../server/pool.ts';
import { DRAIN_MS, listText, poolOptions, serveMetrics, transportOf } from './answering.ts';
import { notifyServiceManager } from '../server/service-manager.ts';
import { keepMemorySmall, returnMemory } from '../lib/allocator.ts';
import { applyUpdate, snapshotBytes, type Snapshot } from '../snapshot/snapshot.ts';
import { recallSnapshot, settingsOf } from '../control/snapshot-keeper.ts';
import type { MemoryMessage, MemorySigner } from '../replication/node-memory.ts';
import type { StreamServer } from '../replication/server.ts';

/** Young objects of a control thread are many and die late; a larger nursery halves its loading time. */
const CONTROL_NURSERY_MB = 128;
const CONTROL_HEAP_MB = 16384;

/** The control thread writes down what it knows, and is ended if that takes longer. */
const CONTROL_END_MS = 3000;

function bufferOf(octets: Uint8Array): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length);
}

type Compiled = Extract<FromControl, { type: 'compiled' }>;
type Refined = Extract<FromControl, { type: 'refined' }>;

const MAX_LISTED = 10;

/** Names for a log line. */
function listed(names: readonly string[]): { count: number; names: string } {
  const more = names.length - MAX_LISTED;
  const shown = names.slice(0, MAX_LISTED).join(', ');
  return { count: names.length, names: more > 0 ? `${shown} and ${more} more` : shown };
}

/** What a log line says of a snapshot. */
function fieldsOf(message: Compiled | Refined): Record<string, number> {
  const megabytes = (bytes: number): number => Math.round(bytes / 1e5) / 10;
  if (message.type === 'refined') return { maps: message.maps, megabytes: megabytes(message.bytes) };
  const { generation, zones, exports, sites, maps, bytes } = message.summary;
  return { generation, zones, exports, sites, maps, megabytes: megabytes(bytes) };
}

function isSame(
  { generation, madeFrom }: Compiled['summary'],
  kept: NonNullable<Compiled['summary']['madeFrom']>,
): boolean {
  return generation === 1 && madeFrom?.directory === kept.directory && madeFrom.files === kept.files;
}

/** One running server: `serve` answers queries itself, `control` has DNS nodes do so. */
export class EdgewardServer {
  readonly #config: ServerConfig;
  readonly #log: Log;
  #metrics!: Metrics;
  #streamMetrics: StreamMetrics | undefined;
  /** The newest that the control thread has made. */
  #snapshot: Snapshot | undefined;
  /**
   * What the snapshot from disk that is served was made from. The control thread makes it anew, and while that has
   * narrower scopes it is not shown.
   */
  #kept: { readonly directory: string; readonly files: string } | undefined;
  /** The control thread has something to write down. */
  #isUnsaved = false;
  #pool: AnswerPool | undefined;
  /** The pool while it starts, and after. */
  #starting: Promise<AnswerPool> | undefined;
  #http: HttpServer | undefined;
  #stream: StreamServer | undefined;
  /** While it starts: frames wait. */
  #streamStarting: Promise<void> | undefined;
  readonly #fulls = new Map<number, (full: { generation: number; message: Buffer }) => void>();
  #nextFull = 1;
  readonly #recalls = new Map<number, () => void>();
  /** All that the control thread has told so far is done. */
  #heard: Promise<void> = Promise.resolve();
  /** Some changes are held. */
  #isHolding = false;
  #signer: MemorySigner | undefined;
  /** DNS nodes were given something to serve. */
  #hasPublished = false;
  /** Seconds since the sources were last seen as they are; the oldest of them. */
  #sourcesAge = 0;
  #control: Worker | undefined;
  readonly #told = new Set<string>();
  #streaming = false;
  #source: ControlData['source']['kind'] = 'resources';
  /** Lists that were logged last. */
  readonly #lists = new Map<string, string>();
  /** The control thread has told of edge clusters, or of a hub. */
  #hasClusters = false;
  /** Problems of the files and of geo data, as they are now. */
  readonly #problems = new Map<'files' | 'geo', readonly Problem[]>();
  /** Whether geo data has been usable yet. */
  #knowsPlaces = false;
  #stopping = false;
  #end!: (code: number) => void;
  readonly #ended = new Promise<number>((resolve) => {
    this.#end = resolve;
  });

  constructor(config: ServerConfig, log: Log) {
    this.#config = config;
    this.#log = log;
  }

  /** Serves until a signal, or until it cannot. @returns exit code */
  async run(data: ControlData, suggest: boolean): Promise<number> {
    this.#streaming = data.stream;
    this.#source = data.source.kind;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void this.#stop(signal));
    whenNpmEnds(() => void this.#stop('SIGTERM to npm'));
    // Until its hub has a zone it waits, which is no reason to start it again.
    if (data.source.kind === 'hub') notifyServiceManager('READY=1', this.#log);
    keepMemorySmall();
    if (!data.stream) await this.#startFromDisk(data, suggest);
    if (this.#stopping) return this.#ended;
    // The control thread reads while this one still loads what it needs.
    const control = new Worker(new URL('../control/worker.ts', import.meta.url), {
      workerData: data,
      resourceLimits: { maxYoungGenerationSizeMb: CONTROL_NURSERY_MB, maxOldGenerationSizeMb: CONTROL_HEAP_MB },
    });
    this.#control = control;
    // Messages are handled one after the other, in their order.
    this.#heard = this.#load();
    control.on('message', (message: FromControl) => {
      this.#heard = this.#heard.then(() =>
        message.type === 'compiled' || message.type === 'refined'
          ? this.#publish(message, data, suggest)
          : this.#hear(message),
      );
    });
    control.once('error', (error: Error) => {
      this.#control = undefined;
      const isServing = this.#pool !== undefined || this.#stream !== undefined;
      const then = isServing
        ? 'what is served stays, and changes are not seen until a restart'
        : 'nothing is served yet, so the server ends';
      if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY') {
        const remedy = 'raise or remove --max-old-space-size (NODE_OPTIONS)';
        this.#log.error(`the control thread is out of memory: ${then}; ${remedy}`);
      } else this.#log.error(`the control thread has died: ${then}`, { error: error.stack ?? error.message });
      if (!isServing) void this.#finish(Exit.FINDINGS);
    });
    return this.#ended;
  }

  /** Metrics, and the page that shows them. */
  async #load(): Promise<void> {
    const { createMetrics } = await import('../observe/metrics.ts');
    this.#metrics = createMetrics(() => this.#pool?.counters ?? []);
    if (this.#streaming) this.#streamMetrics = this.#metrics.stream(() => this.#stream?.subscribers ?? 0);
    const { metrics, byDefault } = this.#config;
    if (metrics === undefined) return;
    try {
      this.#http = await serveMetrics(
        { ...metrics, metrics: () => this.#metrics.render(), notReady: () => this.#notReady() },
        { byDefault: byDefault.metrics, log: this.#log },
      );
    } catch (error) {
      this.#log.error(cannotListen(error, '--metrics'));
      void this.#finish(Exit.USAGE);
    }
  }

  #notReady(): string[] {
    if (this.#stopping) return ['stopping'];
    const isServing = this.#streaming ? this.#hasPublished : this.#pool !== undefined;
    return !isServing ? ['no configuration has been served yet: see the log'] : [];
  }

  #hear(message: Exclude<FromControl, { type: 'compiled' | 'refined' }>): Promise<void> | void {
    // What DNS nodes are to remember they are told to the end.
    if (this.#stopping && message.type !== 'memory') return undefined;
    const { control } = this.#metrics;
    switch (message.type) {
      case 'progress':
        return this.#log.info('reading geo data', { step: message.step });
      case 'log':
        return this.#log[message.level](message.message, message.fields);
      case 'sites':
        return this.#hearSites(message);
      case 'recalling':
        this.#streamStarting ??= this.#startStream(message.epoch);
        return undefined;
      case 'memory':
        return this.#remember(message);
      case 'recalled':
        this.#recalls.get(message.id)?.();
        this.#recalls.delete(message.id);
        return undefined;
      case 'frame':
        return this.#serveFrame(message);
      case 'settled':
        this.#isUnsaved = true;
        this.#show();
        this.#log.debug('scopes are as wide as they will be');
        return undefined;
      case 'kept':
        return this.#hearKept(message);
      case 'full':
        this.#fulls.get(message.id)?.({ generation: message.generation, message: bufferOf(message.message) });
        this.#fulls.delete(message.id);
        return undefined;
      default:
        break;
    }
    const what = message.type === 'geo' ? 'geo' : 'files';
    this.#problems.set(what, message.problems);
    // What edge clusters do is told once for each thing that is wrong, and not with every replica.
    const observed = message.type === 'loaded' && message.observed;
    const fresh = observed
      ? message.problems.filter((problem) => !this.#told.has(formatProblem(problem)))
      : message.problems;
    if (message.type === 'loaded') {
      this.#told.clear();
      for (const problem of message.problems) this.#told.add(formatProblem(problem));
      control.held.set(message.held);
      this.#isHolding = message.held > 0;
    }
    logProblems(this.#log, fresh);
    const all = [...this.#problems.values()].flat();
    for (const severity of ['error', 'warning'] as const) {
      control.problems.set({ severity }, all.filter((problem) => problem.severity === severity).length);
    }
    if (message.type === 'geo') {
      if (message.usable) this.#log.info('geo data ready', { from: message.fromCache ? 'cache' : 'sources' });
      else if (this.#knowsPlaces) this.#log.error('the geo data cannot be used as they are: the last good ones go on');
      else
        this.#log.error(
          'without geo data every client is answered as one of whom nothing is known, until it is mended',
        );
      this.#knowsPlaces ||= message.usable;
      return undefined;
    }
    this.#hearLoaded(message);
    return undefined;
  }

  #hearLoaded({ usable, observed, held, stale, refused, leftOut }: Extract<FromControl, { type: 'loaded' }>): void {
    const { control } = this.#metrics;
    control.invalid.set({ served: 'last-valid' }, stale.length);
    control.invalid.set({ served: 'no' }, refused.length);
    if (observed) return;
    this.#tellOnce('stale', stale, () =>
      this.#log.error('invalid resources keep their last valid version; all others are served', listed(stale)),
    );
    this.#tellOnce('refused', refused, () =>
      this.#log.error('invalid resources are not served: their names answer SERVFAIL', listed(refused)),
    );
    this.#tellOnce('left out', leftOut, () =>
      this.#log.info('files that are no zones, by name or content, are left out', listed(leftOut)),
    );
    const isWhole = stale.length + refused.length + held === 0;
    control.reloads.inc({ result: usable ? (isWhole ? 'accepted' : 'partial') : 'rejected' });
    if (usable && isWhole) control.lastGood.set(Date.now() / 1000);
    if (usable) return;
    if (this.#pool !== undefined || this.#hasPublished) {
      this.#log.error('the configuration cannot be read, or serves nothing: the server keeps the last one');
    } else if (this.#source === 'hub') {
      this.#log.warn('the hub has nothing to serve yet: the server waits for a Zone, and is not ready');
    } else {
      this.#log.error('nothing to serve: mend what is named above, and start again');
      void this.#finish(Exit.FINDINGS);
    }
  }

  /** Logs a list when it is another than before and not empty. */
  #tellOnce(what: string, list: readonly string[], tell: () => void): void {
    const text = list.join(' ');
    if (text !== '' && text !== this.#lists.get(what)) tell();
    this.#lists.set(what, text);
  }

  #hearSites({ sites, hub }: Extract<FromControl, { type: 'sites' }>): void {
    this.#hasClusters = true;
    const metrics = this.#metrics.clusters();
    for (const gauge of [metrics.siteUp, metrics.siteAge, metrics.siteServices]) gauge.reset();
    let oldest = hub?.age ?? 0;
    for (const { site, error, hasSynced, age, services } of sites) {
      metrics.siteUp.set({ site }, hasSynced && error === undefined ? 1 : 0);
      if (age !== undefined) metrics.siteAge.set({ site }, age);
      metrics.siteServices.set({ site }, services);
      oldest = Math.max(oldest, age ?? 0);
    }
    this.#sourcesAge = oldest;
    if (hub === undefined) return;
    if (hub.age !== undefined) metrics.hubAge.set(hub.age);
    metrics.leading.set(hub.leading ? 1 : 0);
  }

  async #serveFrame({ epoch, generation, message }: Extract<FromControl, { type: 'frame' }>): Promise<void> {
    this.#streamStarting ??= this.#startStream(epoch);
    await this.#streamStarting;
    if (this.#stream === undefined) return;
    if (!this.#hasPublished) {
      const listen = { ...this.#config.stream!.listen, port: this.#stream.port };
      this.#log.info('ready', { stream: listText([listen]) });
      notifyServiceManager('READY=1', this.#log);
    }
    this.#hasPublished = true;
    this.#stream.publish(generation, bufferOf(message));
    this.#streamMetrics?.octets.inc(message.length);
  }

  async #startStream(epoch: string): Promise<void> {
    const { listen, certificate, key, clientAuthority, tokenFile } = this.#config.stream!;
    try {
      const [{ StreamServer: Server }, { readToken }] = await Promise.all([
        import('../replication/server.ts'),
        import('../replication/token.ts'),
      ]);
      this.#stream = await listening('TCP', listen, () =>
        Server.listen(epoch, {
          ...listen,
          certificate: readFileSync(certificate, 'utf8'),
          key: readFileSync(key, 'utf8'),
          clientAuthority: clientAuthority && readFileSync(clientAuthority, 'utf8'),
          token: tokenFile && readToken(tokenFile),
          full: (have) => this.#full(have),
          age: () => this.#sourcesAge,
          wantsMemory: () => this.#source === 'hub',
          isHolding: () => this.#isHolding,
          onMemory: (memory) => this.#recall(memory),
          onRefused: (peer, reason) => this.#log.warn('a DNS node was refused', { peer, reason }),
        }),
      );
    } catch (error) {
      const own = error instanceof Error ? error.message : String(error);
      const reason = error instanceof ListenError ? cannotListen(error, 'stream.listen') : own;
      this.#log.error(`DNS nodes cannot be served: ${reason}`);
      void this.#finish(Exit.USAGE);
    }
  }

  async #remember({ isWhole, put, gone }: Extract<FromControl, { type: 'memory' }>): Promise<void> {
    await this.#streamStarting;
    const signer = await this.#memorySigner();
    const signed = put.map(([key, content]) => signer.sign(key, content));
    this.#stream?.remember({ type: 'memory', isWhole, put: signed, gone });
  }

  /** A DNS node tells what was served before; the control thread makes of it what it can. */
  async #recall({ put }: MemoryMessage): Promise<void> {
    const entries = (await this.#memorySigner()).verified(put);
    const refused = put.length - entries.length;
    if (refused > 0) {
      const message = 'a DNS node remembers what no control plane with this key has signed: it is left out';
      this.#log.warn(message, { entries: refused });
    }
    if (entries.length === 0 || this.#control === undefined) return;
    const id = this.#nextFull++;
    const done = new Promise<void>((resolve) => this.#recalls.set(id, resolve));
    this.#control.postMessage({ type: 'recall', id, entries } satisfies ToControl);
    await done;
  }

  async #memorySigner(): Promise<MemorySigner> {
    const { MemorySigner: Signer } = await import('../replication/node-memory.ts');
    return (this.#signer ??= new Signer(readFileSync(this.#config.stream!.key, 'utf8')));
  }

  #full(have: readonly string[]): Promise<{ generation: number; message: Buffer }> {
    const id = this.#nextFull++;
    return new Promise((resolve) => {
      this.#fulls.set(id, resolve);
      this.#control?.postMessage({ type: 'full', id, have } satisfies ToControl);
    });
  }

  async #publish(message: Compiled | Refined, data: ControlData, suggest: boolean): Promise<void> {
    if (this.#stopping) return;
    if (this.#streaming) {
      // Wider scopes replace what is large, and come when nothing else does; it takes time that a change would wait for.
      if (message.type === 'refined') collectSoon(returnMemory);
      this.#tellOf(message);
      this.#measure(message);
      return;
    }
    if (message.update !== undefined) this.#snapshot = applyUpdate(this.#snapshot, message.update);
    if (this.#pool === undefined) {
      if (await this.#start(this.#snapshot!)) await this.#tellReady(fieldsOf(message), data, suggest);
    } else if (this.#kept !== undefined) {
      const isKept = message.type === 'refined' || isSame(message.summary, this.#kept);
      if (!isKept) this.#show(() => this.#tellOf(message));
      else if (message.type === 'compiled') this.#log.info('the files were read again, and say the same');
    } else if (message.update === undefined) this.#tellOf(message);
    else {
      // Not waited for: a thread that nobody asks anything takes a moment to notice, and has answered nothing since.
      void this.#pool.publish(this.#snapshot!).then(() => this.#tellOf(message));
      collectSoon(returnMemory);
    }
    this.#measure(message);
  }

  /** Serves what the control thread has made in place of what came from disk. */
  #show(onShown: () => void = () => {}): void {
    if (this.#kept === undefined || this.#snapshot === undefined) return;
    this.#kept = undefined;
    void this.#pool!.publish(this.#snapshot).then(onShown);
    collectSoon(returnMemory);
  }

  async #tellReady(fields: Readonly<Record<string, unknown>>, data: ControlData, suggest: boolean): Promise<void> {
    const pool = this.#pool!;
    this.#log.info('ready', { ...fields, listen: listText(pool.addresses), workers: this.#config.workers });
    notifyServiceManager('READY=1', this.#log);
    if (!suggest || data.source.kind !== 'resources') return;
    const { suggestions } = await import('../cli/suggestions.ts');
    process.stdout.write(suggestions(data.source.directory, pool.addresses[0]!));
  }

  /** Answers from the snapshot that was kept, if the files are what they were; the control thread reads them anyway. */
  async #startFromDisk(data: ControlData, suggest: boolean): Promise<void> {
    let recalled: ReturnType<typeof recallSnapshot>;
    try {
      recalled = recallSnapshot(data.dataDirectory, settingsOf(data));
    } catch (error) {
      this.#log.warn('the snapshot from before the restart cannot be used: everything is read first', { error });
    }
    if (recalled === undefined || this.#stopping) return;
    const { snapshot, about, seen } = recalled;
    if (!(await this.#start(snapshot))) return;
    this.#kept = seen;
    const { zones, exports, sites } = about;
    const megabytes = Math.round(snapshotBytes(snapshot) / 1e5) / 10;
    const fields = { from: 'disk', zones, exports, sites, maps: snapshot.steering.maps.length, megabytes };
    await this.#tellReady(fields, data, suggest);
  }

  #hearKept({ failure, isNews }: Extract<FromControl, { type: 'kept' }>): void {
    this.#isUnsaved = false;
    if (failure === undefined) return;
    this.#metrics.control.keepFailures.inc();
    if (!isNews) return;
    this.#log.warn(
      'the snapshot cannot be written: after a restart the server answers only once it has read everything; ' +
        'make the directory writable, or set `dataDirectory` in edgeward.yaml',
      { reason: failure },
    );
  }

  #tellOf(message: Compiled | Refined): void {
    if (message.type === 'refined') this.#log.debug('serving wider scopes', fieldsOf(message));
    else {
      const compileMs = Math.round(message.summary.compileSeconds * 1000);
      this.#log.info('serving a change', { ...fieldsOf(message), compileMs });
    }
  }

  #measure(message: Compiled | Refined): void {
    const { control } = this.#metrics;
    if (message.type === 'refined') {
      control.snapshotBytes.set(message.bytes);
      return;
    }
    const { generation, compileSeconds, bytes, zones, exports } = message.summary;
    control.generation.set(generation);
    control.compileSeconds.set(compileSeconds);
    control.snapshotBytes.set(bytes);
    control.zones.set(zones);
    control.exports.set(exports);
  }

  /** Starts the answering threads on the first snapshot. False when the server is to end instead. */
  async #start(snapshot: Snapshot): Promise<boolean> {
    const transport = transportOf(this.#config, this.#log);
    if (transport === undefined) {
      void this.#finish(Exit.USAGE);
      return false;
    }
    const nsid = new TextEncoder().encode(this.#config.nsid).subarray(0, 64);
    const onRestart = (reason: string): void => {
      this.#metrics.control.workerRestarts.inc();
      this.#log.error('an answering thread has died and is replaced', { reason });
    };
    const options = poolOptions(this.#config, transport, nsid, this.#log);
    this.#starting = AnswerPool.start({ ...options, onRestart }, snapshot);
    try {
      const pool = await this.#starting;
      // A signal may have come in between; it waits for the threads, to end them.
      if (this.#stopping) return false;
      this.#pool = pool;
      return true;
    } catch (error) {
      this.#log.error(cannotListen(error, '--listen'));
      void this.#finish(Exit.USAGE);
      return false;
    }
  }

  /** Where there are clusters it has things to write down, and a lease to let go. */
  async #endControl(): Promise<void> {
    const control = this.#control;
    if (control === undefined) return;
    if (!this.#hasClusters && !this.#isUnsaved) return void (await control.terminate());
    const ended = new Promise<void>((resolve) => control.once('exit', () => resolve()));
    control.postMessage({ type: 'close' } satisfies ToControl);
    const late = setTimeout(() => void control.terminate(), CONTROL_END_MS);
    await ended;
    clearTimeout(late);
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
    await this.#endControl();
    await this.#heard;
    await this.#stream?.close();
    const pool = await this.#starting?.catch(() => undefined);
    await pool?.drain(DRAIN_MS);
    await this.#http?.close();
    if (code === Exit.OK) this.#log.info('stopped');
    this.#end(code);
  }
}
