import type { Cluster } from './cluster.ts';
import type { CredentialSource } from './credentials.ts';
import { SECRETS } from './objects.ts';
import { Reflector } from './reflector.ts';

interface KubeconfigSecret {
  readonly version: string;
  readonly data: Readonly<Record<string, string>>;
}

/** Kubeconfigs in Secrets of one namespace; one that is replaced is taken over by itself. */
export class SecretKubeconfigs {
  readonly #namespace: string;
  readonly #reflector: Reflector<KubeconfigSecret>;

  constructor({ cluster, namespace }: { cluster: Cluster; namespace: string }) {
    this.#namespace = namespace;
    this.#reflector = new Reflector<KubeconfigSecret>({
      cluster,
      type: SECRETS,
      namespace,
      project: ({ metadata, data }) => ({
        version: `${metadata.uid}-${metadata.resourceVersion}`,
        data: (data ?? {}) as Record<string, string>,
      }),
      same: (a, b) => a.version === b.version,
      onChange: () => {},
    });
  }

  start(): void {
    this.#reflector.start();
  }

  close(): Promise<void> {
    return this.#reflector.stop();
  }

  source(name: string, key: string): CredentialSource {
    const where = `Secret ${this.#namespace}/${name}`;
    return {
      name: where,
      read: () => {
        const secret = this.#reflector.items.get(`${this.#namespace}/${name}`);
        const { hasSynced, error } = this.#reflector.state;
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
}
