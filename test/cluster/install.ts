/**
 * `npm run cluster:install`: builds etcd, Kubernetes' control plane, kubectl and kwok from their Go modules into a cache
 * folder outside the tree. Does nothing when all is there.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  cacheDirectory,
  findBinaries,
  gatewayApi,
  gatewayCrds,
  kubernetesVersion,
  kwokStages,
  programs,
} from './binaries.ts';
import type { Program } from './binaries.ts';

const here = import.meta.dirname;

// Where Go's own instructions install it, for shells that were not told.
process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/local/go/bin`;
const run = promisify(execFile);

async function goVersion(): Promise<[number, number]> {
  try {
    const { stdout } = await run('go', ['env', 'GOVERSION']);
    const match = /^go(\d+)\.(\d+)/.exec(stdout);
    if (match) return [Number(match[1]), Number(match[2])];
  } catch {
    // Told below.
  }
  return [0, 0];
}

function build(program: Program, into: string): Promise<void> {
  const flags = [
    '-s -w',
    `-X k8s.io/component-base/version.gitVersion=${kubernetesVersion}`,
    '-X k8s.io/component-base/version.gitTreeState=clean',
  ];
  const child = spawn(
    'go',
    ['build', '-mod=readonly', '-trimpath', '-ldflags', flags.join(' '), '-o', into, program.package],
    {
      cwd: join(here, program.module),
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, CGO_ENABLED: '0' },
    },
  );
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`go build ${program.package} ended with ${code}`)),
    );
  });
}

/** The folder of a module in Go's own cache. */
async function moduleFolder(module: string, cwd: string): Promise<{ Dir: string; Sum: string }> {
  const { stdout } = await run('go', ['mod', 'download', '-json', module], { cwd });
  return JSON.parse(stdout) as { Dir: string; Sum: string };
}

async function writeKwokStages(into: string): Promise<void> {
  const { Dir } = await moduleFolder('sigs.k8s.io/kwok', join(here, 'kwok'));
  const documents: string[] = [];
  for (const stage of ['node/fast', 'node/heartbeat-with-lease', 'pod/fast']) {
    const folder = join(Dir, 'kustomize', 'stage', stage);
    for (const name of (await readdir(folder)).toSorted())
      if (name.endsWith('.yaml') && name !== 'kustomization.yaml')
        documents.push(await readFile(join(folder, name), 'utf8'));
  }
  await writeFile(into, documents.join('\n---\n'));
}

async function writeGatewayCrds(into: string): Promise<void> {
  const { Dir, Sum } = await moduleFolder(gatewayApi.module, join(here, 'kwok'));
  if (Sum !== gatewayApi.sum) throw new Error(`${gatewayApi.module} has checksum ${Sum}, not ${gatewayApi.sum}`);
  const folder = join(Dir, 'config', 'crd', 'standard');
  const documents: string[] = [];
  const routes = ['httproutes', 'grpcroutes', 'tlsroutes', 'tcproutes', 'udproutes'];
  for (const kind of ['gatewayclasses', 'gateways', 'referencegrants', ...routes])
    documents.push(await readFile(join(folder, `gateway.networking.k8s.io_${kind}.yaml`), 'utf8'));
  await writeFile(into, documents.join('\n---\n'));
}

/** Ready files appear under their names whole: an interrupted install leaves none that looks finished. */
async function once(directory: string, name: string, make: (path: string) => Promise<void>): Promise<void> {
  const path = join(directory, name);
  if (existsSync(path)) return;
  const start = performance.now();
  process.stdout.write(`${name} ...\n`);
  const partial = `${path}.${process.pid}`;
  try {
    await make(partial);
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
  process.stdout.write(`${name}: ${Math.round((performance.now() - start) / 1000)} s\n`);
}

const found = findBinaries();
if ('directory' in found) {
  console.log(`Kubernetes ${kubernetesVersion} is in ${found.directory}`);
} else if (process.env['KUBEBUILDER_ASSETS']) {
  console.error(found.absent);
  process.exitCode = 1;
} else {
  const [major, minor] = await goVersion();
  if (major < 1 || (major === 1 && minor < 26)) {
    console.error('cluster:install needs Go 1.26 or later on the PATH: install it from https://go.dev/dl');
    process.exit(1);
  }
  const directory = cacheDirectory();
  await mkdir(directory, { recursive: true });
  console.log(`building Kubernetes ${kubernetesVersion}, etcd and kwok into ${directory}`);
  await once(directory, gatewayCrds, writeGatewayCrds);
  await once(directory, kwokStages, writeKwokStages);
  for (const program of programs) await once(directory, program.name, (path) => build(program, path));
  console.log('done');
}
