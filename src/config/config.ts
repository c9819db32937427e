import { readFileSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { hasErrors, type Problem } from '../lib/problem.ts';
import { readFailure } from '../lib/read-failure.ts';
import { parseYaml } from '../lib/yaml.ts';
import { violations } from '../model/violations.ts';
import { cacheDirectory, stateDirectory } from './directories.ts';
import { overlaps, parseListen, type ListenAddress } from './listen.ts';
import { ServerFile } from './schema.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** How the server runs, every default filled in and every path absolute. */
export interface ServerConfig {
  readonly listen: readonly ListenAddress[];
  readonly workers: number;
  /** Undefined: off. */
  readonly metrics: ListenAddress | undefined;
  /** Neither a flag nor the environment nor the file gave these addresses. */
  readonly byDefault: { readonly listen: boolean; readonly metrics: boolean };
  readonly udp: 'auto' | 'batched' | 'portable';
  /** Octets. */
  readonly udpPayloadSize: number;
  /** Empty: none. */
  readonly nsid: string;
  readonly geo: {
    readonly overlays: readonly string[];
    readonly mmdb: {
      readonly city?: string;
      readonly country?: string;
      readonly isp?: string;
      readonly asn?: string;
    };
    readonly cacheDirectory: string;
  };
  readonly ecs: { readonly enabled: boolean };
  readonly tcp: {
    readonly maxConnections: number;
    readonly maxPerClient: number;
    readonly idleSeconds: number;
    readonly totalSeconds: number;
    readonly maxPipelined: number;
  };
  readonly logLevel: LogLevel;
  readonly dataDirectory: string;
  /** Undefined: resources are files. */
  readonly hub: { readonly kubeconfig: string | undefined; readonly namespace: string } | undefined;
  readonly stream: StreamConfig | undefined;
  readonly control: ControlConfig | undefined;
}

/** How DNS nodes are served; paths of files. */
export interface StreamConfig {
  readonly listen: ListenAddress;
  readonly certificate: string;
  readonly key: string;
  readonly clientAuthority: string | undefined;
  readonly tokenFile: string | undefined;
}

/** Where a DNS node gets what it answers; paths of files. */
export interface ControlConfig {
  readonly servers: readonly string[];
  readonly authority: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly tokenFile: string | undefined;
}

/** What the command line says; it goes before the environment, which goes before the file. */
export interface Flags {
  readonly listen?: readonly string[] | undefined;
  readonly workers?: number | string | undefined;
  readonly metrics?: string | undefined;
  readonly nsid?: string | undefined;
  readonly logLevel?: string | undefined;
}

export interface ConfigInput {
  /** Path of an `edgeward.yaml`; undefined, or not there: defaults. */
  readonly file?: string | undefined;
  readonly flags?: Flags | undefined;
  /** `process.env`. Read are EDGEWARD_LISTEN (by commas), _WORKERS, _METRICS, _NSID and _LOG_LEVEL; XDG_CACHE_HOME and XDG_STATE_HOME. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

const DEFAULT_LISTEN = ['0.0.0.0:53', '[::]:53'];
const DEFAULT_METRICS = '127.0.0.1:9153';

/** The server's configuration, or undefined when any problem is an error. */
export function loadConfig(input: ConfigInput): { config: ServerConfig | undefined; problems: Problem[] } {
  const { flags = {}, env = {} } = input;
  const read = input.file === undefined ? { value: {}, problems: [] } : readFile(input.file);
  const problems = [...read.problems];
  if (hasErrors(problems)) return { config: undefined, problems };
  const written = read.value;

  /** The value that counts, and where it was said. */
  const choose = <K extends keyof Flags & keyof ServerFile>(key: K, flag: string, variable: string) => {
    const inEnv = env[variable] === '' ? undefined : env[variable];
    if (flags[key] !== undefined) return { value: flags[key], said: { field: flag } };
    if (inEnv !== undefined) return { value: inEnv, said: { field: variable } };
    return { value: written[key], said: { ...read.at?.(key), field: key } };
  };
  const listen = choose('listen', '--listen', 'EDGEWARD_LISTEN');
  const workers = choose('workers', '--workers', 'EDGEWARD_WORKERS');
  const metrics = choose('metrics', '--metrics', 'EDGEWARD_METRICS');
  const nsid = choose('nsid', '--nsid', 'EDGEWARD_NSID');
  const logLevel = choose('logLevel', '--log-level', 'EDGEWARD_LOG_LEVEL');

  const address = (text: string, said: Partial<Problem>): ListenAddress[] => {
    const parsed = parseListen(text);
    if (parsed.ok) return [parsed.value];
    problems.push({ severity: 'error', ...said, ...parsed.error });
    return [];
  };
  const texts = typeof listen.value === 'string' ? listen.value.split(',') : (listen.value ?? DEFAULT_LISTEN);
  const addresses = texts.flatMap((text, index) => {
    const field = `listen[${index}]`;
    return address(text.trim(), listen.said.field === 'listen' ? { ...read.at?.(field), field } : listen.said);
  });
  for (const { index, other } of addresses.length < texts.length ? [] : overlaps(addresses)) {
    const field = `listen[${index}]`;
    const said = listen.said.field === 'listen' ? { ...read.at?.(field), field } : listen.said;
    const message = `\`${texts[index]!.trim()}\` is part of \`${texts[other]!.trim()}\``;
    problems.push({ severity: 'error', ...said, message, remedy: 'remove one of the two' });
  }
  const metricsText = metrics.value ?? DEFAULT_METRICS;
  const scalars = {
    ...(workers.value === undefined ? {} : { workers: wholeNumber(workers.value) }),
    ...(logLevel.value === undefined ? {} : { logLevel: logLevel.value }),
  };
  const said: Readonly<Record<string, Partial<Problem>>> = { workers: workers.said, logLevel: logLevel.said };
  for (const { field, message, remedy } of violations(ServerFile, scalars)) {
    problems.push({ severity: 'error', ...said[field], message, remedy });
  }
  const config: ServerConfig = {
    listen: addresses,
    workers: Number(scalars.workers ?? Math.min(4, availableParallelism())),
    metrics: metricsText === 'off' ? undefined : address(metricsText, metrics.said)[0],
    byDefault: { listen: listen.value === undefined, metrics: metrics.value === undefined },
    udp: written.udp ?? 'auto',
    udpPayloadSize: written.udpPayloadSize ?? 1232,
    nsid: nsid.value ?? hostname(),
    geo: geoConfig(written.geo, input.file, env),
    ecs: { enabled: written.ecs?.enabled ?? true },
    tcp: {
      maxConnections: 1000,
      maxPerClient: 50,
      idleSeconds: 10,
      totalSeconds: 120,
      maxPipelined: 100,
      ...written.tcp,
    },
    logLevel: (logLevel.value ?? 'info') as LogLevel,
    ...clusterConfig(written, input.file, env),
    stream: streamConfig(written.stream, input.file, (text) =>
      address(text, { ...read.at?.('stream'), field: 'stream' }),
    ),
  };
  if (written.stream !== undefined && config.stream === undefined && !hasErrors(problems)) {
    const said = { ...read.at?.('stream'), field: 'stream' };
    const message = 'no DNS node can authenticate';
    problems.push({ severity: 'error', ...said, message, remedy: 'give it `clientAuthority` or `tokenFile`' });
  }
  for (const [index, text] of (written.control?.servers ?? []).entries()) {
    if (URL.canParse(text) && new URL(text).protocol === 'https:') continue;
    const field = `control.servers[${index}]`;
    const message = `\`${text}\` is not the address of a control plane`;
    problems.push({ severity: 'error', ...read.at?.(field), field, message, remedy: 'write `https://HOST:PORT`' });
  }
  return { config: hasErrors(problems) ? undefined : config, problems };
}

/** A number if the text is one; else the text, for its message. */
function wholeNumber(value: number | string): number | string {
  return /^[0-9]+$/u.test(String(value)) ? Number(value) : value;
}

interface ReadFile {
  readonly value: ServerFile;
  readonly problems: readonly Problem[];
  /** File, line and column of a field. */
  readonly at?: (field: string) => Partial<Problem>;
}

function readFile(file: string): ReadFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { value: {}, problems: [] };
    return { value: {}, problems: [{ severity: 'error', file, ...readFailure(error) }] };
  }
  const { documents, problems } = parseYaml(text, file);
  const [document, second] = documents;
  if (hasErrors(problems) || document === undefined) return { value: {}, problems };
  if (second !== undefined) {
    const remedy = 'keep one; resources go into other files';
    const problem = { severity: 'error', file, ...second.locate(''), message: 'a second document', remedy } as const;
    return { value: {}, problems: [problem] };
  }
  const at = (field: string): Partial<Problem> => ({ file, ...document.locate(field) });
  const found = violations(ServerFile, document.value).map((one): Problem => ({
    severity: 'error',
    ...at(one.field),
    ...one,
  }));
  return { value: found.length > 0 ? {} : (document.value as ServerFile), problems: found, at };
}

function clusterConfig(
  { dataDirectory, hub, control }: ServerFile,
  file: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Pick<ServerConfig, 'dataDirectory' | 'hub' | 'control'> {
  const base = file === undefined ? '.' : dirname(file);
  const path = (text: string | undefined): string | undefined => (text === undefined ? undefined : resolve(base, text));
  return {
    dataDirectory: path(dataDirectory) ?? stateDirectory(env),
    hub: hub && { kubeconfig: path(hub.kubeconfig), namespace: hub.namespace ?? 'edgeward' },
    control: control && {
      servers: control.servers,
      authority: path(control.authority),
      certificate: path(control.certificate),
      key: path(control.key),
      tokenFile: path(control.tokenFile),
    },
  };
}

const DEFAULT_STREAM = '0.0.0.0:9443';

function streamConfig(
  stream: ServerFile['stream'],
  file: string | undefined,
  parse: (text: string) => readonly ListenAddress[],
): StreamConfig | undefined {
  if (stream === undefined || (stream.clientAuthority === undefined && stream.tokenFile === undefined))
    return undefined;
  const [listen] = parse(stream.listen ?? DEFAULT_STREAM);
  if (listen === undefined) return undefined;
  const base = file === undefined ? '.' : dirname(file);
  const path = (text: string | undefined): string | undefined => (text === undefined ? undefined : resolve(base, text));
  return {
    listen,
    certificate: resolve(base, stream.certificate),
    key: resolve(base, stream.key),
    clientAuthority: path(stream.clientAuthority),
    tokenFile: path(stream.tokenFile),
  };
}

function geoConfig(
  geo: ServerFile['geo'],
  file: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): ServerConfig['geo'] {
  const base = file === undefined ? '.' : dirname(file);
  const mmdb = Object.entries(geo?.mmdb ?? {}).map(([kind, path]) => [kind, resolve(base, path)] as const);
  return {
    overlays: (geo?.overlays ?? []).map((path) => resolve(base, path)),
    mmdb: Object.fromEntries(mmdb),
    cacheDirectory: geo?.cacheDirectory === undefined ? cacheDirectory(env) : resolve(base, geo.cacheDirectory),
  };
}
