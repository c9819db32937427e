import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Command, Option } from 'commander';
import { Exit } from './cli/output.ts';
import { buildProgram } from './cli/program.ts';
import { DATA_DIRECTORY } from './cli/workspace.ts';
import { loadConfig, type Flags, type ServerConfig } from './config/config.ts';
import type { ControlData, FromControl } from './control-worker.ts';
import { formatProblem, type Problem } from './lib/problem.ts';
import { collectSoon } from './lib/collect-garbage.ts';
import { createLog, type Log } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';
import type { HttpServer } from './server/http.ts';
import { returnMemory, whyNoBatches } from './server/udp/system-calls.ts';
import { AnswerPool } from './server/pool.ts';
import { applyUpdate, type Snapshot } from './snapshot/snapshot.ts';

// The map of the program. `serve` builds the parts in the order in which data flows through them:
//
//   control-worker.ts: files -> store -> state -> snapshot/compile      (one thread)
//        | snapshots, problems
//   this file: publishes snapshots, counts, logs, metrics and health    (main thread)
//        | snapshots
//   server/answer-worker.ts: UDP and TCP -> answer                      (several threads)

/** A pending query is answered, and a TCP client that still reads is waited for, so long after SIGTERM. */
const DRAIN_MS = 5000;
/** Young objects of a control thread are many and die late; a larger nursery halves its loading time. */
const CONTROL_NURSERY_MB = 128;
const CONTROL_HEAP_MB = 16384;

/** What to do when an address cannot be bound; by the system's reason, the last for any other. */
const LISTEN_REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/EACCES/u, 'ports below 1024 need CAP_NET_BIND_SERVICE; or choose another'],
  [/EADDRNOTAVAIL/u, 'no interface of this machine has the address; choose another'],
  [/EADDRINUSE/u, 'stop what uses it, or choose another'],
  [/(?:)/u, 'choose another'],
];

interface ServeOptions extends Flags {
  readonly zones?: string;
  readonly logFormat: 'text' | 'json';
  readonly suggest?: boolean;
}

function serveCommand(): Command {
  const collect = (value: string, before: readonly string[] | undefined): string[] => [...(before ?? []), value];
  return new Command('serve')
    .description('answer queries')
    .argument('[config-dir]', 'directory with edgeward.yaml and resources (default: /etc/edgeward)')
    .option(
      '-l, --listen <address:port>',
      'where to answer, UDP and TCP; may be given several times (default: 0.0.0.0:53 and [::]:53)',
      collect,
    )
    .option('-z, --zones <dir>', 'serve a folder of master files, NAME.zone or NAME.db as zone NAME, and nothing else')
    .option('-w, --workers <n>', 'threads that answer (default: one for each core, at most 4)')
    .option(
      '-m, --metrics <address:port>',
      'where metrics and health are served over HTTP, or `off` (default: 127.0.0.1:9153)',
    )
    .option('--nsid <text>', 'name of this server in answers to NSID (default: the host name)')
    .option('--log-level <level>', 'debug, info, warn or error (default: info)')
    .addOption(
      new Option('--log-format <format>', 'how log lines on stderr are written')
        .choices(['text', 'json'])
        .default('text'),
    )
    .option('--suggest', 'print queries to try')
    .addHelpText(
      'after',
      '\nFlags go before the environment (EDGEWARD_LISTEN with commas between addresses, _WORKERS,\n' +
        '_METRICS, _NSID, _LOG_LEVEL), which goes before edgeward.yaml.\n' +
        'Changed files are served as soon as they are sound; until then the last good ones are.\n' +
        'SIGTERM answers what was asked and ends.\n\n' +
        'Exit codes:\n' +
        '  0  ended by a signal\n' +
        '  1  nothing to serve: the files cannot be used\n' +
        '  2  the command line or edgeward.yaml cannot be used, or an address cannot be had\n\n' +
        'Examples:\n  edgeward serve config/demo\n  edgeward serve --zones /etc/nsd/zones --listen 127.0.0.1:5353 --listen [::1]:5353',
    )
    .action(async (directory: string | undefined, options: ServeOptions) => {
      if (directory !== undefined && options.zones !== undefined) {
        process.stderr.write('edgeward: a configuration directory and --zones exclude each other: give one\n');
        process.exitCode = Exit.USAGE;
      } else process.exitCode = await serve(directory ?? '/etc/edgeward', options);
    });
}

async function serve(directory: string, options: ServeOptions): Promise<number> {
  const { zones, logFormat, suggest, ...flags } = options;
  const file = zones === undefined ? join(directory, 'edgeward.yaml') : undefined;
  const { config, problems } = loadConfig({ file, flags, env: process.env });
  const log = createLog({ level: config?.logLevel ?? 'info', format: logFormat });
  logProblems(log, problems);
  if (config === undefined) return Exit.USAGE;
  const server = new EdgewardServer(config, log);
  const source =
    zones === undefined ? ({ kind: 'resources', directory } as const) : ({ kind: 'zones', directory: zones } as const);
  return server.run({ source, geo: { dataDirectory: DATA_DIRECTORY, ...config.geo } }, suggest === true);
}

function logProblems(log: Log, problems: readonly Problem[]): void {
  for (const problem of problems) {
    if (problem.severity === 'error') log.error(formatProblem(problem));
    else log.warn(formatProblem(problem));
  }
}

type Compiled = Extract<FromControl, { type: 'compiled' }>;
type Refined = Extract<FromControl, { type: 'refined' }>;

/** What a log line says of a snapshot. */
function fieldsOf(message: Compiled | Refined): Record<string, number> {
  const megabytes = (bytes: number): number => Math.round(bytes / 1e5) / 10;
  if (message.type === 'refined') return { maps: message.maps, megabytes: megabytes(message.bytes) };
  const { generation, zones, exports, sites, maps, bytes } = message.summary;
  return { generation, zones, exports, sites, maps, megabytes: megabytes(bytes) };
}

/** One running server. */
class EdgewardServer {
  readonly #config: ServerConfig;
  readonly #log: Log;
  #metrics!: Metrics;
  #snapshot: Snapshot | undefined;
  #pool: AnswerPool | undefined;
  /** The pool while it starts, and after. */
  #starting: Promise<AnswerPool> | undefined;
  #http: HttpServer | undefined;
  #control: Worker | undefined;
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
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void this.#stop(signal));
    // The control thread reads while this one still loads what it needs.
    const control = new Worker(new URL('./control-worker.ts', import.meta.url), {
      workerData: data,
      resourceLimits: { maxYoungGenerationSizeMb: CONTROL_NURSERY_MB, maxOldGenerationSizeMb: CONTROL_HEAP_MB },
    });
    this.#control = control;
    const loaded = this.#load();
    // Messages are handled one after the other, in their order.
    let last = loaded;
    control.on('message', (message: FromControl) => {
      last = last.then(() =>
        message.type === 'compiled' || message.type === 'refined'
          ? this.#publish(message, data, suggest)
          : this.#hear(message),
      );
    });
    control.once('error', (error: Error) => {
      // What is served stays; only changes are no longer seen.
      this.#log.error('the control thread has died: the last good state is served, changes are not seen', {
        error: error.stack ?? error.message,
      });
      this.#control = undefined;
      if (this.#pool === undefined) void this.#finish(Exit.FINDINGS);
    });
    return this.#ended;
  }

  /** Metrics, and the page that shows them. */
  async #load(): Promise<void> {
    const { createMetrics } = await import('./observe/metrics.ts');
    this.#metrics = createMetrics(() => this.#pool?.counters ?? []);
    const { metrics } = this.#config;
    if (metrics === undefined) return;
    const { listenHttp } = await import('./server/http.ts');
    try {
      this.#http = await listenHttp({
        ...metrics,
        metrics: () => this.#metrics.render(),
        notReady: () => this.#notReady(),
      });
    } catch (error) {
      void this.#finish(this.#cannotListen(error, '--metrics', Exit.USAGE));
    }
  }

  #notReady(): string[] {
    if (this.#stopping) return ['stopping'];
    return this.#pool === undefined ? ['no configuration has been served yet: see the log'] : [];
  }

  #hear(message: Exclude<FromControl, { type: 'compiled' | 'refined' }>): void {
    if (this.#stopping) return;
    const { control } = this.#metrics;
    if (message.type === 'progress') {
      this.#log.info('reading geo data', { step: message.step });
      return;
    }
    const what = message.type === 'geo' ? 'geo' : 'files';
    this.#problems.set(what, message.problems);
    logProblems(this.#log, message.problems);
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
      return;
    }
    control.reloads.inc({ result: message.usable ? 'accepted' : 'rejected' });
    if (message.usable) control.lastGood.set(Date.now() / 1000);
    else if (this.#pool !== undefined)
      this.#log.error('the files cannot be served as they are: the last good state goes on');
    else {
      this.#log.error('nothing to serve: mend what is named above, and start again');
      void this.#finish(Exit.FINDINGS);
    }
  }

  async #publish(message: Compiled | Refined, data: ControlData, suggest: boolean): Promise<void> {
    if (this.#stopping) return;
    if (message.update !== undefined) this.#snapshot = applyUpdate(this.#snapshot, message.update);
    const snapshot = this.#snapshot!;
    if (this.#pool === undefined) {
      if (!(await this.#start(snapshot))) return;
      const listening = this.#pool!.addresses.map(({ host, port }) =>
        host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
      );
      const served = { ...fieldsOf(message), listen: listening.join(','), workers: this.#config.workers };
      this.#log.info('ready', served);
      if (suggest && data.source.kind === 'resources') {
        const { suggestions } = await import('./cli/suggestions.ts');
        process.stdout.write(suggestions(data.source.directory, this.#pool!.addresses[0]!));
      }
    } else {
      // Not waited for: a thread that nobody asks anything takes a moment to notice, and has answered nothing since.
      const published = message.update === undefined ? Promise.resolve() : this.#pool.publish(snapshot);
      void published.then(() => this.#tellOf(message));
      collectSoon(returnMemory);
    }
    this.#measure(message);
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
    const { udpPayloadSize, nsid, ecs, tcp, workers, listen, udp } = this.#config;
    const why = udp === 'portable' ? undefined : whyNoBatches();
    if (why !== undefined && udp === 'batched') {
      this.#log.error(`udp is \`batched\`, but ${why}; set it to \`auto\` or \`portable\``);
      void this.#finish(Exit.USAGE);
      return false;
    }
    if (why !== undefined) this.#log.warn(`UDP goes datagram by datagram, which takes twice the time: ${why}`);
    const transport = udp === 'portable' || why !== undefined ? 'portable' : 'batched';
    this.#starting = AnswerPool.start(
      {
        workers,
        listen,
        udp: transport,
        answer: { udpPayloadSize, nsid: new TextEncoder().encode(nsid).subarray(0, 64), ecs: ecs.enabled },
        tcp: { ...tcp, idleMs: tcp.idleSeconds * 1000, totalMs: tcp.totalSeconds * 1000 },
        onRestart: (reason) => {
          this.#metrics.control.workerRestarts.inc();
          this.#log.error('an answering thread has died and is replaced', { reason });
        },
      },
      snapshot,
    );
    try {
      const pool = await this.#starting;
      // A signal may have come in between; it waits for the threads, to end them.
      if (this.#stopping) return false;
      this.#pool = pool;
      return true;
    } catch (error) {
      void this.#finish(this.#cannotListen(error, '--listen', Exit.USAGE));
      return false;
    }
  }

  #cannotListen(error: unknown, flag: string, code: number): number {
    const reason = error instanceof Error ? error.message : String(error);
    const [, remedy] = LISTEN_REMEDIES.find(([pattern]) => pattern.test(reason))!;
    this.#log.error(`cannot listen: ${reason}; ${remedy} with ${flag} ADDRESS:PORT`);
    return code;
  }

  async #stop(signal: string): Promise<void> {
    this.#log.info('stopping', { signal });
    await this.#finish(Exit.OK);
  }

  async #finish(code: number): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    await this.#control?.terminate();
    const pool = await this.#starting?.catch(() => undefined);
    await pool?.drain(DRAIN_MS);
    await this.#http?.close();
    if (code === Exit.OK) this.#log.info('stopped');
    this.#end(code);
  }
}

// What answers nothing is loaded only when it is asked for: a server that restarts should answer again at once.
const commands = process.argv[2] === 'serve' ? [] : (await import('./cli/commands.ts')).otherCommands();
await buildProgram([serveCommand(), ...commands]).parseAsync();
