import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseYaml } from '../lib/yaml.ts';
import type { CredentialSource } from './credentials.ts';

/**
 * What tells one cluster from another by its kubeconfig: the certificate authority, which each cluster has of its own
 * and keeps when its address changes; without one, the address of the API server.
 * @returns undefined when the kubeconfig cannot be read now
 */
export function clusterIdentity(source: CredentialSource): string | undefined {
  try {
    const read = source.read();
    return read === undefined ? `default ${process.env['KUBERNETES_SERVICE_HOST'] ?? ''}` : identityIn(read.text);
  } catch {
    return undefined;
  }
}

interface Named {
  readonly name?: string;
}

interface KubeconfigText {
  readonly 'current-context'?: string;
  readonly contexts?: readonly (Named & { readonly context?: { readonly cluster?: string } })[];
  readonly clusters?: readonly (Named & {
    readonly cluster?: {
      readonly server?: string;
      readonly 'certificate-authority-data'?: string;
      readonly 'certificate-authority'?: string;
    };
  })[];
}

function identityIn(text: string): string | undefined {
  const config = parseYaml(text, '').documents[0]?.value as KubeconfigText | undefined;
  const named = config?.contexts?.find(({ name }) => name === config['current-context'])?.context?.cluster;
  const cluster = config?.clusters?.find(({ name }) => name === named)?.cluster;
  if (cluster === undefined) return undefined;
  const file = cluster['certificate-authority'];
  const authority =
    cluster['certificate-authority-data'] ?? (file === undefined ? undefined : readFileSync(file).toString('base64'));
  if (authority !== undefined) return `authority ${createHash('sha256').update(authority).digest('hex')}`;
  return `server ${cluster.server ?? ''}`;
}
