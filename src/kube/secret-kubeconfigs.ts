import { join } from 'node:path';
import { readChecked, writeChecked } from '../lib/atomic-file.ts';
import { RepeatedFailure } from '../lib/repeated-failure.ts';
import type { Cluster } from './cluster.ts';
import type { CredentialSource } from './credentials.ts';
import { SECRETS } from './objects.ts';
import { Reflector } from './reflector.ts';

interface KubeconfigSecret {
  readonly version: string;
  readonly data: Readonly<Record<string, string>>;
}

export interface SecretKubeconfigsOptions {
  readonly cluster: Cluster;
  readonly namespace: string;
  /** Those that are used are kept here, readable to this user alone: edge clusters are followed while the hub is away. */
  readonly directory: string;
  readonly onError: (message: string) => void;
}

/** Kubeconfigs in Secrets of one namespace; one that is replaced is taken over by itself. */
export class SecretKubeconfigs {
  readonly #options: SecretKubeconfigsOptions;
  readonly #reflector: Reflector<KubeconfigSecret>;
  readonly #used = new Set<string>();
  #remembered: ReadonlyMap<string, KubeconfigSecret>;
  #kept = '';
  readonly #writeFailure = new RepeatedFailure();

  constructor(options: SecretKubeconfigsOptions) {
    this.#options = options;
    this.#remembered = this.#recall();
    this.#reflector = new Reflector<KubeconfigSecret>({
      cluster: options.cluster,
      type: SECRETS,
      namespace: options.namespace,
      project: ({ metadata, data }) => ({
        version: `${metadata.uid}-${metadata.resourceVersion}`,
        data: (data ?? {}) as Record<string, string>,
      }),
      same: (a, b) => a.version === b.version,
      onChange: () => this.#keep(),
    });
  }

  get #file(): string {
    return join(this.#options.directory, 'kubeconfigs.json');
  }

  start(): void {
    this.#reflector.start();
  }

  async close(): Promise<void> {
    this.#keep();
    await this.#reflector.stop();
  }

  source(name: string, key: string): CredentialSource {
    const { namespace } = this.#options;
    const where = `Secret ${namespace}/${name}`;
    const id = `${namespace}/${name}`;
    this.#used.add(id);
    this.#keep();
    return {
      name: where,
      read: () => {
        const { hasSynced, error } = this.#reflector.state;
        const secret = hasSynced ? this.#reflector.items.get(id) : this.#remembered.get(id);
        if (secret === undefined) {
          if (!hasSynced) throw new Error(`${where} cannot be read yet${error === undefined ? '' : `: ${error}`}`);
          throw new Error(`there is no ${where}: create it with the kubeconfig under \`${key}\``);
        }
        const encoded = secret.data[key];
        if (encoded === undefined) throw new Error(`${where} has no \`${key}\`: put the kubeconfig there`);
        return { text: Buffer.from(encoded, 'base64').toString('utf8'), version: secret.version };
      },
    };
  }

  #keep(): void {
    if (!this.#reflector.state.hasSynced) return;
    const used = [...this.#reflector.items].filter(([id]) => this.#used.has(id));
    const text = JSON.stringify(used);
    if (text === this.#kept) return;
    try {
      writeChecked(this.#file, Buffer.from(text));
      this.#kept = text;
      this.#writeFailure.succeeded();
    } catch (error) {
      if (!this.#writeFailure.isNews(error)) return;
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.onError(
        `kubeconfigs cannot be written: ${reason}; after a restart while the hub is away, edge clusters cannot be ` +
          'reached; make the directory writable, or set `dataDirectory` in edgeward.yaml',
      );
    }
  }

  #recall(): ReadonlyMap<string, KubeconfigSecret> {
    try {
      const content = readChecked(this.#file);
      return new Map(
        content === undefined ? [] : (JSON.parse(content.toString('utf8')) as [string, KubeconfigSecret][]),
      );
    } catch (error) {
      this.#options.onError(`what is remembered of kubeconfigs cannot be used: ${String(error)}`);
      return new Map();
    }
  }
}
