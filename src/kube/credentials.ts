import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { KubeConfig } from '@kubernetes/client-node';

/** How to reach an API server, and as whom. */
export interface Connection {
  /** `https://host:port`, and a path when the server is behind one. */
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: {
    readonly ca?: string | Buffer;
    readonly cert?: string | Buffer;
    readonly key?: string | Buffer;
    readonly servername?: string;
    readonly rejectUnauthorized?: boolean;
  };
  readonly proxy: string | undefined;
  /** Two connections with one identity can share their sockets. */
  readonly identity: string;
}

/** Where a connection's kubeconfig comes from; asked again whenever credentials are needed. */
export interface CredentialSource {
  /** For messages: a path, or the name of a Secret. */
  readonly name: string;
  /**
   * The kubeconfig and a mark that changes when it does; undefined for the default of this machine or Pod.
   * @throws Error that says what to do
   */
  read(): { readonly text: string; readonly version: string } | undefined;
}

/** A kubeconfig in a file; a changed one is taken over by itself. */
export function kubeconfigFile(path: string): CredentialSource {
  return {
    name: path,
    read: () => {
      try {
        const { mtimeMs, size, ino } = statSync(path);
        return { text: readFileSync(path, 'utf8'), version: `${mtimeMs}-${size}-${ino}` };
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        throw new Error(`the kubeconfig ${path} cannot be read (${code}): check the path and its permissions`, {
          cause: error,
        });
      }
    },
  };
}

/** What `kubectl` would use here: KUBECONFIG, ~/.kube/config, or the Pod's ServiceAccount. */
export function defaultKubeconfig(): CredentialSource {
  return { name: 'the default kubeconfig', read: () => undefined };
}

/** Credentials are asked for again after so long: tokens in files and of plugins change. */
const FRESH_MS = 30_000;

/** Reads a source's kubeconfig, and authenticates by it: certificates, tokens, token files, and exec plugins. */
export class Credentials {
  readonly #source: CredentialSource;
  #config: { readonly version: string; readonly value: KubeConfig } | undefined;
  #current: { readonly connection: Connection; readonly until: number } | undefined;

  constructor(source: CredentialSource) {
    this.#source = source;
  }

  /** @throws Error that says what is wrong with the kubeconfig, or why its plugin gave no credentials */
  async connection(): Promise<Connection> {
    const before = this.#config;
    const config = await this.#load();
    const fresh = this.#config === before && this.#current !== undefined && performance.now() < this.#current.until;
    if (fresh) return this.#current!.connection;
    const cluster = config.getCurrentCluster();
    if (cluster === null) {
      throw new Error(`${this.#source.name} has no current context with a cluster: set current-context`);
    }
    const options: { headers?: unknown; auth?: string | null } = {};
    await config.applyToHTTPSOptions(options as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
    const { ca, cert, key, servername, rejectUnauthorized } = options as Connection['tls'];
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries((options.headers ?? {}) as Record<string, unknown>))
      headers[name] = String(value);
    if (typeof options.auth === 'string')
      headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    const tls = {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    };
    const proxy = cluster.proxyUrl === undefined || cluster.proxyUrl === '' ? undefined : cluster.proxyUrl;
    const digest = createHash('sha256');
    for (const part of [cluster.server, proxy, ...Object.values(tls)]) digest.update(`${String(part)}\0`);
    const connection = { server: cluster.server, headers, tls, proxy, identity: digest.digest('hex') };
    this.#current = { connection, until: performance.now() + FRESH_MS };
    return connection;
  }

  /** The server refused what it was given: what is read next is not what was kept. */
  forget(): void {
    this.#current = undefined;
    this.#config = undefined;
  }

  async #load(): Promise<KubeConfig> {
    const read = this.#source.read();
    const version = read?.version ?? 'default';
    if (this.#config?.version === version) return this.#config.value;
    // Half a second and 80 MB: only who talks to Kubernetes pays for it.
    const { KubeConfig: Config } = await import('@kubernetes/client-node');
    const value = new Config();
    try {
      if (read === undefined) value.loadFromDefault();
      else value.loadFromString(read.text);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${this.#source.name} is no kubeconfig: ${reason}`, { cause: error });
    }
    this.#config = { version, value };
    return value;
  }
}
