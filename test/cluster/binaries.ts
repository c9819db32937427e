import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const here = import.meta.dirname;

/** One Go program of a control plane: the module folder that pins it, its package, and the name of its binary. */
export interface Program {
  readonly module: 'kubernetes' | 'kwok';
  readonly package: string;
  readonly name: string;
}

export const kubernetesVersion = /^(?:require)?\s+k8s\.io\/kubernetes (v\S+)/m.exec(
  readFileSync(join(here, 'kubernetes', 'go.mod'), 'utf8'),
)![1]!;

/** In the order of their first use, so that what fails to build fails early. */
export const programs: readonly Program[] = [
  { module: 'kubernetes', package: 'go.etcd.io/etcd/server/v3', name: 'etcd' },
  { module: 'kwok', package: 'sigs.k8s.io/kwok/cmd/kwok', name: 'kwok' },
  ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl'].map((name): Program => ({
    module: 'kubernetes',
    package: `k8s.io/kubernetes/cmd/${name}`,
    name,
  })),
];

/** Modules of which only files are used, with the checksum that Go's database has for them. */
export const gatewayApi = {
  module: 'sigs.k8s.io/gateway-api@v1.6.3',
  sum: 'h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc=',
};

/** Files beside the binaries: kwok's stages, and the CRDs of the Gateway API. */
export const kwokStages = 'kwok-stages.yaml';
export const gatewayCrds = 'gateway-api-kinds.yaml';

/** Where `npm run cluster:install` puts them: keyed by everything that decides what is built. */
export function cacheDirectory(): string {
  const key = createHash('sha256');
  for (const module of ['kubernetes', 'kwok'])
    for (const file of ['go.mod', 'go.sum']) key.update(readFileSync(join(here, module, file)));
  key.update(gatewayApi.module);
  const root = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const name = `${kubernetesVersion}-${key.digest('hex').slice(0, 12)}-${process.platform}-${process.arch}`;
  return join(root, 'edgeward', 'cluster', name);
}

/** Either the folder that holds all binaries, or a sentence saying what to do. */
export type Binaries = { readonly directory: string } | { readonly absent: string };

/** `KUBEBUILDER_ASSETS` (the convention of setup-envtest) where it is set, else what `cluster:install` built. */
export function findBinaries(): Binaries {
  const override = process.env['KUBEBUILDER_ASSETS'];
  const directory = override || cacheDirectory();
  const wanted = [...programs.map((program) => program.name), kwokStages, gatewayCrds];
  const missing = wanted.filter((name) => !existsSync(join(directory, name)));
  if (missing.length === 0) return { directory };
  if (override)
    return {
      absent: `KUBEBUILDER_ASSETS lacks ${missing.join(', ')}: add them, or unset it and run "npm run cluster:install"`,
    };
  return { absent: 'no Kubernetes binaries: run "npm run cluster:install" (needs Go 1.26; 10 minutes the first time)' };
}
