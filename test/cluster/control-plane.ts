import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Agent, request } from 'undici';
import { freePort } from '../support/servers/process.ts';
import { gatewayCrds, kwokStages } from './binaries.ts';

const run = promisify(execFile);

/** The parts of a control plane, in the order in which they start. */
export type Part = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kwok';

/** Controllers that tests need, and none besides: each costs memory, and time at the start. */
const CONTROLLERS = [
  'deployment-controller',
  'replicaset-controller',
  'statefulset-controller',
  'endpointslice-controller',
  'namespace-controller',
  'serviceaccount-controller',
  'garbage-collector-controller',
  'disruption-controller',
];

const READY_MS = 90_000;

/**
 * One real control plane on loopback: etcd, kube-apiserver, controller manager, scheduler, and kwok in place of the
 * kubelets. Its parts can be killed, stopped and started again, each by itself; what is stored lasts as long as the
 * folder.
 */
export class ControlPlane {
  readonly name: string;
  /** Files, logs and kubeconfigs. */
  readonly directory: string;
  readonly #binaries: string;
  readonly #token = randomBytes(16).toString('hex');
  readonly #running = new Map<Part, ChildProcess>();
  #ports = { etcd: 0, peer: 0, api: 0 };

  private constructor(name: string, directory: string, binaries: string) {
    this.name = name;
    this.directory = directory;
    this.#binaries = binaries;
  }

  /**
   * Starts one and waits until it is ready: 3 to 6 seconds on two cores.
   * @param directory must exist
   * @throws Error with the end of the log of the part that did not start
   */
  static async start(name: string, directory: string, binaries: string): Promise<ControlPlane> {
    const plane = new ControlPlane(name, directory, binaries);
    await mkdir(join(directory, 'certificates'), { recursive: true });
    plane.#ports = { etcd: await freePort(), peer: await freePort(), api: await freePort() };
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await writeFile(plane.#file('sa.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
    await writeFile(plane.#file('sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
    await writeFile(plane.#file('tokens.csv'), `${plane.#token},admin,admin,system:masters\n`, { mode: 0o600 });
    try {
      plane.spawn('etcd');
      plane.spawn('kube-apiserver');
      await plane.ready();
      await plane.#writeKubeconfig();
      for (const part of ['kube-controller-manager', 'kube-scheduler', 'kwok'] as const) plane.spawn(part);
      await plane.#addNode();
    } catch (error) {
      await plane.stop();
      throw error;
    }
    return plane;
  }

  #file(name: string): string {
    return join(this.directory, name);
  }

  get server(): string {
    return `https://127.0.0.1:${this.#ports.api}`;
  }

  /** The certificate that the API server made for itself, which is its own authority. */
  get certificate(): string {
    return readFileSync(join(this.directory, 'certificates', 'apiserver.crt'), 'utf8');
  }

  /** Path of the administrator's kubeconfig. */
  get kubeconfig(): string {
    return this.#file('admin.kubeconfig');
  }

  /** A kubeconfig for a bearer token. */
  kubeconfigFor(token: string): string {
    return `${JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: this.name,
          cluster: {
            server: this.server,
            'certificate-authority-data': Buffer.from(this.certificate).toString('base64'),
          },
        },
      ],
      users: [{ name: 'user', user: { token } }],
      contexts: [{ name: this.name, context: { cluster: this.name, user: 'user' } }],
      'current-context': this.name,
    })}\n`;
  }

  #writeKubeconfig(): Promise<void> {
    return writeFile(this.kubeconfig, this.kubeconfigFor(this.#token), { mode: 0o600 });
  }

  /** A part's process, to signal it; undefined when it does not run. */
  process(part: Part): ChildProcess | undefined {
    return this.#running.get(part);
  }

  /** Starts a part that does not run. */
  spawn(part: Part): void {
    const log = openSync(this.#file(`${part}.log`), 'a');
    const child = spawn(join(this.#binaries, part), this.#flags(part), { stdio: ['ignore', log, log] });
    closeSync(log);
    this.#running.set(part, child);
    children.add(child);
    child.once('exit', () => {
      children.delete(child);
      if (this.#running.get(part) === child) this.#running.delete(part);
    });
  }

  #flags(part: Part): string[] {
    const { etcd, peer, api } = this.#ports;
    switch (part) {
      case 'etcd':
        return [
          `--name=${this.name}`,
          `--data-dir=${this.#file('etcd')}`,
          `--listen-client-urls=http://127.0.0.1:${etcd}`,
          `--advertise-client-urls=http://127.0.0.1:${etcd}`,
          `--listen-peer-urls=http://127.0.0.1:${peer}`,
          `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
          `--initial-cluster=${this.name}=http://127.0.0.1:${peer}`,
          '--unsafe-no-fsync',
          '--log-level=warn',
        ];
      case 'kube-apiserver':
        return [
          `--etcd-servers=http://127.0.0.1:${etcd}`,
          `--secure-port=${api}`,
          '--bind-address=127.0.0.1',
          '--advertise-address=127.0.0.1',
          '--endpoint-reconciler-type=none',
          `--cert-dir=${this.#file('certificates')}`,
          `--service-account-key-file=${this.#file('sa.pub')}`,
          `--service-account-signing-key-file=${this.#file('sa.key')}`,
          '--service-account-issuer=https://edgeward.test',
          '--service-cluster-ip-range=10.96.0.0/16',
          `--token-auth-file=${this.#file('tokens.csv')}`,
          '--authorization-mode=RBAC',
          // Nodes are ready as soon as kwok says so: no controller is there to take a taint off.
          '--disable-admission-plugins=ServiceAccount,TaintNodesByCondition',
          '--etcd-compaction-interval=0',
          '--anonymous-auth=true',
        ];
      case 'kube-controller-manager':
        return [
          `--kubeconfig=${this.kubeconfig}`,
          '--leader-elect=false',
          '--secure-port=0',
          `--service-account-private-key-file=${this.#file('sa.key')}`,
          `--controllers=${CONTROLLERS.join(',')}`,
        ];
      case 'kube-scheduler':
        return [`--kubeconfig=${this.kubeconfig}`, '--leader-elect=false', '--secure-port=0'];
      default:
        return [
          `--kubeconfig=${this.kubeconfig}`,
          `--config=${join(this.#binaries, kwokStages)}`,
          '--manage-all-nodes=true',
          '--node-lease-duration-seconds=40',
          '--server-address=',
        ];
    }
  }

  /** Resolves when the API server is ready. @throws Error with the end of its log after 90 s, or when it ended */
  async ready(): Promise<void> {
    const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
    const until = Date.now() + READY_MS;
    try {
      for (;;) {
        for (const part of ['etcd', 'kube-apiserver'] as const)
          if (!this.#running.has(part)) throw new Error(this.#ended(part));
        try {
          const { statusCode, body } = await request(`${this.server}/readyz`, { dispatcher, bodyTimeout: 2000 });
          await body.dump();
          if (statusCode === 200) return;
        } catch {
          // It does not listen yet.
        }
        if (Date.now() > until)
          throw new Error(`not ready after ${READY_MS / 1000} s: ${this.#ended('kube-apiserver')}`);
        await setTimeout(50);
      }
    } finally {
      await dispatcher.destroy();
    }
  }

  #ended(part: Part): string {
    const path = this.#file(`${part}.log`);
    const log = existsSync(path) ? readFileSync(path, 'utf8').slice(-2000) : '';
    return `${part} of ${this.name} does not run:\n${log}`;
  }

  /** Runs kubectl as administrator, or with another kubeconfig. @returns stdout @throws with its stderr */
  async kubectl(args: readonly string[], options: { input?: string; kubeconfig?: string } = {}): Promise<string> {
    const child = run(join(this.#binaries, 'kubectl'), [...args], {
      env: { ...process.env, KUBECONFIG: options.kubeconfig ?? this.kubeconfig, KUBECACHEDIR: this.#file('kubectl') },
      maxBuffer: 64 * 1024 * 1024,
      timeout: 60_000,
    });
    child.child.stdin?.end(options.input ?? '');
    return (await child).stdout;
  }

  /** Applies objects; a string is YAML. */
  async apply(objects: string | readonly object[]): Promise<string> {
    const input =
      typeof objects === 'string' ? objects : JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
    return this.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], { input });
  }

  /** The kinds of the Gateway API. */
  async installGatewayApi(): Promise<void> {
    await this.kubectl(['apply', '--server-side', '-f', join(this.#binaries, gatewayCrds)]);
    await this.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
  }

  /** A machine with room for every Pod of a test. */
  async #addNode(): Promise<void> {
    const resources = { cpu: '64', memory: '256Gi', pods: '1000', 'nvidia.com/gpu': '2' };
    const labels = { 'kubernetes.io/arch': 'arm64', 'kubernetes.io/os': 'linux', type: 'kwok' };
    await this.apply([
      {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: `${this.name}-node`, labels, annotations: { 'kwok.x-k8s.io/node': 'fake' } },
        status: { allocatable: resources, capacity: resources },
      },
    ]);
    await this.kubectl(['wait', '--for=condition=Ready', '--timeout=30s', 'node', '--all']);
  }

  /** Address of etcd, for `compact`. */
  get etcdUrl(): string {
    return `http://127.0.0.1:${this.#ports.etcd}`;
  }

  /** Forgets the history of all objects, as the API server does by itself every five minutes. */
  async compact(): Promise<void> {
    const post = async (path: string, body: object): Promise<Record<string, unknown>> => {
      const response = await request(this.etcdUrl + path, { method: 'POST', body: JSON.stringify(body) });
      return (await response.body.json()) as Record<string, unknown>;
    };
    const { header } = await post('/v3/kv/range', { key: Buffer.from('compact').toString('base64') });
    const { revision } = header as { revision: string };
    await post('/v3/kv/compaction', { revision, physical: true });
  }

  /** Ends a part. SIGKILL by default: that is what faults are like. */
  async kill(part: Part, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#running.get(part);
    if (child === undefined) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    await ended;
  }

  /** Ends all parts. */
  async stop(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((part) => this.kill(part)));
  }
}

/** Whatever ends this process leaves no control plane behind. */
const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
