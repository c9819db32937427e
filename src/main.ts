import { join } from 'node:path';
import { Command, Option } from 'commander';
import { misplaced } from './cli/misplaced.ts';
import { usage } from './cli/output.ts';
import { Exit } from './lib/exit.ts';
import { buildProgram } from './cli/program.ts';
import { DATA_DIRECTORY } from './geo/built-in.ts';
import { loadConfig, type Flags, type ServerConfig } from './config/config.ts';
import { stateDirectory } from './config/state-directory.ts';
import type { ControlData } from './control/messages.ts';
import { EdgewardServer } from './processes/serve.ts';
import { createLog, logProblems, type Log } from './observe/log.ts';

// The map of the program. `serve` builds the parts in the order in which data flows through them:
//
//   control/worker.ts: files or hub -> store -> resolve
//                      edge clusters -> sources (control/kubernetes.ts) -> state -> snapshot/compile   (one thread)
//                      control/zone-thread.ts helps at a start with thousands of zones
//        | snapshots, problems (control/messages.ts)
//   processes/serve.ts: publishes snapshots, counts, logs, metrics and health                     (main thread)
//        | snapshots
//   server/answer-worker.ts: UDP and TCP -> answer                                        (several threads)
//
// `control` and `dns` are the same parts in two processes, with replication/ between them: encoder.ts in the control
// thread, server.ts in its main thread; client.ts, replica.ts and the answering threads in processes/dns.ts.

const DIRECTORY = '/etc/edgeward';

/** No clock that is right shows an earlier time. Machines without a clock of their own start in 1970. */
const RELEASED = Date.UTC(2026, 0, 1);

/** An option that may be given several times. */
const collect = (value: string, before: readonly string[] | undefined): string[] => [...(before ?? []), value];

interface ServeOptions extends SplitOptions {
  readonly zones?: string;
  readonly allowUnsigned?: boolean;
  readonly suggest?: boolean;
}

function serveCommand(): Command {
  return new Command('serve')
    .description('answer queries')
    .argument('[config-dir]', 'directory with edgeward.yaml and resources (default: /etc/edgeward)')
    .option(
      '-l, --listen <address:port>',
      'where to answer, UDP and TCP; may be given several times (default: 0.0.0.0:53 and [::]:53)',
      collect,
    )
    .option('-z, --zones <dir>', 'serve a folder of master files, NAME.zone or NAME.db as zone NAME, and nothing else')
    .option(
      '--allow-unsigned',
      'with --zones: serve zones that were signed beforehand, though without their signatures',
    )
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
      const wrong = wrongWith(directory, options);
      process.exitCode = wrong === undefined ? await serve(directory ?? DIRECTORY, options) : usage(wrong);
    });
}

/** What is wrong with the command line of `serve`. */
function wrongWith(directory: string | undefined, { zones, allowUnsigned }: ServeOptions): string | undefined {
  if (directory !== undefined && zones !== undefined)
    return 'a configuration directory and --zones exclude each other: give one';
  if (allowUnsigned === true && zones === undefined)
    return '--allow-unsigned goes with --zones; in a Zone write `allowUnsigned: true`';
  return misplaced(directory ?? DIRECTORY, zones, 'serve');
}

/** The configuration, and a log; undefined, and told of, when it cannot be used. */
function configured(
  file: string | undefined,
  { logFormat, ...flags }: SplitOptions,
): { config: ServerConfig; log: Log } | undefined {
  const { config, problems } = loadConfig({ file, flags, env: process.env });
  const log = createLog({ level: config?.logLevel ?? 'info', format: logFormat });
  logProblems(log, problems);
  if (config !== undefined && Date.now() < RELEASED) {
    const what = 'the clock of this machine is wrong: overrides and certificates that expire are judged by it';
    log.warn(`${what}; set the clock, as by NTP`, { clock: new Date().toISOString() });
  }
  return config && { config, log };
}

async function serve(directory: string, { suggest, ...options }: ServeOptions): Promise<number> {
  const { zones, allowUnsigned = false, ...flags } = options;
  const ready = configured(zones === undefined ? join(directory, 'edgeward.yaml') : undefined, flags);
  if (ready === undefined) return Exit.USAGE;
  const { config, log } = ready;
  return new EdgewardServer(config, log).run(
    controlData(config, directory, { zones, allowUnsigned }, false),
    suggest === true,
  );
}

async function control(directory: string, options: SplitOptions): Promise<number> {
  const wrong = misplaced(directory, undefined, 'control');
  if (wrong !== undefined) return usage(wrong);
  const ready = configured(join(directory, 'edgeward.yaml'), options);
  if (ready === undefined) return Exit.USAGE;
  const { config, log } = ready;
  if (config.stream !== undefined)
    return new EdgewardServer(config, log).run(
      controlData(config, directory, { zones: undefined, allowUnsigned: false }, true),
      false,
    );
  log.error('control needs `stream` in edgeward.yaml: how DNS nodes are served');
  return Exit.USAGE;
}

async function dns(directory: string, options: SplitOptions): Promise<number> {
  const wrong = misplaced(directory, undefined, 'dns');
  if (wrong !== undefined) return usage(wrong);
  const ready = configured(join(directory, 'edgeward.yaml'), options);
  if (ready === undefined) return Exit.USAGE;
  const { config, log } = ready;
  if (config.control !== undefined) {
    const { DnsNode } = await import('./processes/dns.ts');
    const dataDirectory = stateDirectory(config.dataDirectory, directory);
    return new DnsNode({ ...config, dataDirectory }, config.control, log).run();
  }
  log.error('dns needs `control` in edgeward.yaml: where control planes are');
  return Exit.USAGE;
}

function controlData(
  config: ServerConfig,
  directory: string,
  { zones, allowUnsigned }: { readonly zones: string | undefined; readonly allowUnsigned: boolean },
  stream: boolean,
): ControlData {
  const { geo, hub, dataDirectory } = config;
  const files =
    zones === undefined
      ? ({ kind: 'resources', directory } as const)
      : ({ kind: 'zones', directory: zones, allowUnsigned } as const);
  const source = hub === undefined || zones !== undefined ? files : ({ kind: 'hub', ...hub } as const);
  const state = stateDirectory(dataDirectory, zones ?? directory);
  return { source, geo: { dataDirectory: DATA_DIRECTORY, ...geo }, dataDirectory: state, stream };
}

interface SplitOptions extends Flags {
  readonly logFormat: 'text' | 'json';
}

const withCommonOptions = (command: Command): Command =>
  command
    .argument('[config-dir]', 'directory with edgeward.yaml (default: /etc/edgeward)')
    .option('-m, --metrics <address:port>', 'where metrics and health are served over HTTP, or `off`')
    .option('--log-level <level>', 'debug, info, warn or error (default: info)')
    .addOption(
      new Option('--log-format <format>', 'how log lines on stderr are written')
        .choices(['text', 'json'])
        .default('text'),
    );

function controlCommand(): Command {
  return withCommonOptions(new Command('control'))
    .description('follow the hub and edge clusters, and tell DNS nodes what to answer')
    .addHelpText('after', '\nedgeward.yaml must have `stream`. Any number may run; one of them writes to the hub.')
    .action(async (directory: string | undefined, options: SplitOptions) => {
      process.exitCode = await control(directory ?? DIRECTORY, options);
    });
}

function dnsCommand(): Command {
  return withCommonOptions(new Command('dns'))
    .description('answer queries by what a control plane tells, and by the last of it when there is none')
    .option('-l, --listen <address:port>', 'where to answer, UDP and TCP; may be given several times', collect)
    .option('-w, --workers <n>', 'threads that answer (default: one for each core, at most 4)')
    .option('--nsid <text>', 'name of this server in answers to NSID; its generation and age follow')
    .addHelpText('after', '\nedgeward.yaml must have `control`.')
    .action(async (directory: string | undefined, options: SplitOptions) => {
      process.exitCode = await dns(directory ?? DIRECTORY, options);
    });
}

// What answers nothing is loaded only when it is asked for: a server that restarts should answer again at once.
const commands = ['serve', 'control', 'dns'].includes(process.argv[2] ?? '')
  ? []
  : (await import('./cli/commands.ts')).otherCommands();
await buildProgram([serveCommand(), controlCommand(), dnsCommand(), ...commands]).parseAsync();
