import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { decode, encode as encodePacket } from 'dns-packet';
import { parsePrefix } from '../../src/lib/address.ts';
import { customResourceDefinitions } from '../../src/model/crd.ts';
import { Type } from '../../src/wire/codes.ts';
import { exchange } from '../support/dns/exchange.ts';
import { encodeQuery } from '../support/dns/query.ts';
import { freePort } from '../support/servers/process.ts';
import { ControlPlane } from './control-plane.ts';

const MANIFESTS = fileURLToPath(new URL('../../deploy/kubernetes', import.meta.url));
const MAIN = fileURLToPath(new URL('../../src/edgeward.ts', import.meta.url));

/** An edge site, by the addresses that its load balancer has: what geo data say of them is known. */
export const SITES = {
  'edge-1': { region: 'CN-GD', address: '202.96.128.86', isp: 'telecom' },
  'edge-2': { region: 'CN-BJ', address: '123.123.123.123', isp: 'unicom' },
  'edge-3': { region: 'CN-BJ', address: '221.130.33.60', isp: 'mobile' },
} as const;
export type SiteName = keyof typeof SITES;

/** Clients, as resolvers tell of them. */
export const CLIENTS = { telecomGuangdong: '202.96.128.0/24', unicomBeijing: '123.123.123.0/24' } as const;

/** `certificate.pem` and `key.pem` for 127.0.0.1, its own authority, in a folder. */
export function makeCertificate(directory: string): void {
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
      .concat(['-subj', '/CN=control', '-addext', 'subjectAltName=IP:127.0.0.1'])
      .concat(['-keyout', join(directory, 'key.pem'), '-out', join(directory, 'certificate.pem')]),
    { stdio: 'ignore' },
  );
}

/** One `edgeward` process. */
export class EdgewardProcess {
  readonly child: ChildProcess;
  readonly metricsPort: number;
  readonly ended: Promise<number | null>;
  #log = '';

  constructor(args: readonly string[], metricsPort: number, env: NodeJS.ProcessEnv = {}) {
    this.metricsPort = metricsPort;
    const all = [MAIN, ...args, '--metrics', `127.0.0.1:${metricsPort}`];
    this.child = spawn(process.execPath, all, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    running.add(this.child);
    const keep = (chunk: Buffer): void => {
      this.#log += chunk.toString('utf8');
    };
    this.child.stdout!.on('data', keep);
    this.child.stderr!.on('data', keep);
    this.ended = new Promise((resolve) =>
      this.child.once('exit', (code) => {
        running.delete(this.child);
        resolve(code);
      }),
    );
  }

  get log(): string {
    return this.#log;
  }

  async ready(timeoutMs = 60_000): Promise<this> {
    const until = Date.now() + timeoutMs;
    while (Date.now() < until && this.child.exitCode === null) {
      const response = await fetch(`http://127.0.0.1:${this.metricsPort}/readyz`).catch(() => undefined);
      if (response?.ok === true) return this;
      await sleep(50);
    }
    throw new Error(`not ready (exit code ${this.child.exitCode}):\n${this.#log.slice(-4000)}`);
  }

  /** A metric's value; undefined when the page has none. */
  async metric(name: string, labels = ''): Promise<number | undefined> {
    const page = await (await fetch(`http://127.0.0.1:${this.metricsPort}/metrics`)).text();
    const line = page.split('\n').find((each) => each.startsWith(`${name}${labels} `));
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    await this.ended;
  }
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A hub, edge clusters, control planes and DNS nodes, all real. */
export class World {
  readonly directory = mkdtempSync(join(tmpdir(), 'edgeward-world-'));
  readonly planes = new Map<string, ControlPlane>();
  readonly #processes: EdgewardProcess[] = [];
  readonly dnsPort: number;
  readonly streamPorts: readonly number[];

  private constructor(dnsPort: number, streamPorts: readonly number[]) {
    this.dnsPort = dnsPort;
    this.streamPorts = streamPorts;
  }

  static async start(binaries: string, sites: readonly SiteName[]): Promise<World> {
    const world = new World(await freePort(), [await freePort(), await freePort()]);
    try {
      await Promise.all(
        ['hub', ...sites].map(async (name) => {
          const folder = join(world.directory, name);
          mkdirSync(folder);
          world.planes.set(name, await ControlPlane.start(name, folder, binaries));
        }),
      );
      makeCertificate(world.directory);
      writeFileSync(join(world.directory, 'token'), 'a-token-for-tests-alone\n', { mode: 0o600 });
      await world.#fillHub(sites);
      return world;
    } catch (error) {
      await world.stop();
      throw error;
    }
  }

  plane(name: string): ControlPlane {
    return this.planes.get(name)!;
  }

  get hub(): ControlPlane {
    return this.plane('hub');
  }

  async #fillHub(sites: readonly SiteName[]): Promise<void> {
    const { hub } = this;
    await hub.apply(customResourceDefinitions());
    await hub.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
    // What the manifests give has to be enough: control planes and readers of edge clusters have these rights alone.
    await hub.apply(readFileSync(join(MANIFESTS, 'control.yaml'), 'utf8'));
    await hub.apply(readFileSync(join(MANIFESTS, 'dns.yaml'), 'utf8'));
    const token = await hub.kubectl(['-n', 'edgeward', 'create', 'token', 'edgeward-control', '--duration=24h']);
    writeFileSync(join(this.directory, 'hub.kubeconfig'), hub.kubeconfigFor(token.trim()), { mode: 0o600 });
    await Promise.all(
      sites.map((site) => this.plane(site).apply(readFileSync(join(MANIFESTS, 'edge-reader.yaml'), 'utf8'))),
    );
    await hub.apply(
      await Promise.all(
        sites.map(async (site) =>
          this.kubeconfigSecret(site, this.plane(site).kubeconfigFor(await this.readerToken(site))),
        ),
      ),
    );
    await hub.apply(
      sites.map((name) => ({
        apiVersion: 'edgeward.dev/v1alpha1',
        kind: 'Site',
        metadata: { name },
        spec: { region: SITES[name].region, cluster: { kubeconfig: { secret: { name } } } },
      })),
    );
    await hub.apply(ZONE);
  }

  /** A token of the account that edge-reader.yaml makes. */
  async readerToken(site: string): Promise<string> {
    const args = ['-n', 'edgeward', 'create', 'token', 'edgeward-reader', '--duration=24h'];
    return (await this.plane(site).kubectl(args)).trim();
  }

  kubeconfigSecret(site: string, kubeconfig: string): object {
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: site, namespace: 'edgeward' },
      stringData: { kubeconfig },
    };
  }

  /** A control plane's process; each number has a port and a folder of its own. */
  control(number = 0): EdgewardProcess {
    const folder = join(this.directory, `control-${number}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, 'edgeward.yaml'),
      [
        `dataDirectory: ${join(folder, 'data')}`,
        `hub: {kubeconfig: ${join(this.directory, 'hub.kubeconfig')}}`,
        'stream:',
        `  listen: 127.0.0.1:${this.streamPorts[number]}`,
        `  certificate: ${join(this.directory, 'certificate.pem')}`,
        `  key: ${join(this.directory, 'key.pem')}`,
        `  tokenFile: ${join(this.directory, 'token')}`,
      ].join('\n'),
    );
    return this.#spawn(['control', folder]);
  }

  dns(): EdgewardProcess {
    const folder = join(this.directory, 'dns');
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, 'edgeward.yaml'),
      [
        `dataDirectory: ${join(folder, 'data')}`,
        `listen: ['127.0.0.1:${this.dnsPort}']`,
        'workers: 1',
        'nsid: node-1',
        'control:',
        `  servers: [${this.streamPorts.map((port) => `'https://127.0.0.1:${port}'`).join(', ')}]`,
        `  authority: ${join(this.directory, 'certificate.pem')}`,
        `  tokenFile: ${join(this.directory, 'token')}`,
      ].join('\n'),
    );
    return this.#spawn(['dns', folder]);
  }

  #spawn(args: readonly string[]): EdgewardProcess {
    const started = new EdgewardProcess(args, metricsPort());
    this.#processes.push(started);
    return started;
  }

  /** A Deployment of so many replicas at a site, and a Service of type LoadBalancer that has the site's address. */
  async deploy(
    site: SiteName,
    replicas: number,
    name = 'chat',
    addresses: readonly string[] = [SITES[site].address],
  ): Promise<void> {
    const plane = this.plane(site);
    const labels = { app: name };
    await plane.apply([
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name, namespace: 'default' },
        spec: {
          replicas,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'example.org/app:1' }] } },
        },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace: 'default' },
        spec: { type: 'LoadBalancer', selector: labels, ports: [{ port: 443, protocol: 'TCP', name: 'https' }] },
      },
    ]);
    const status = { loadBalancer: { ingress: addresses.map((ip) => ({ ip })) } };
    await plane.kubectl([
      'patch',
      'service',
      name,
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status }),
    ]);
  }

  /** Addresses that a client is answered with. */
  async ask(client: string, name = 'chat.example.org', type: number = Type.A): Promise<string[]> {
    const [answer] = await exchange(this.dnsPort, [queryFrom(client, name, type)], { timeoutMs: 500, tries: 4 });
    if (answer === undefined) return ['no answer'];
    return addressesIn(answer);
  }

  /** What the DNS node calls itself (RFC 5001). */
  async nsid(): Promise<string> {
    const nsid = { code: 3, data: Buffer.alloc(0) };
    const opt = { name: '.', type: 'OPT', udpPayloadSize: 1232, flags: 0, options: [nsid] };
    const packet = { type: 'query', questions: [{ name: 'example.org', type: 'SOA' }], additionals: [opt] };
    const query = encodePacket(packet as never);
    const [answer] = await exchange(this.dnsPort, [query], { timeoutMs: 500, tries: 4 });
    const [found] = decode(Buffer.from(answer!)).additionals.flatMap(({ options = [] }) => options) as (typeof nsid)[];
    return found?.data.toString() ?? '';
  }

  /** How often each address is answered with, over as many client networks of one locality. */
  async shares(prefixes: readonly string[], name = 'chat.example.org'): Promise<Map<string, number>> {
    const queries = prefixes.map((prefix) => queryFrom(prefix, name));
    const counts = new Map<string, number>();
    for (const answer of await exchange(this.dnsPort, queries, { timeoutMs: 500, tries: 4, window: 50 })) {
      const [address = 'none'] = answer === undefined ? [] : addressesIn(answer);
      counts.set(address, (counts.get(address) ?? 0) + 1);
    }
    return counts;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((each) => each.stop('SIGKILL')));
    await Promise.all([...this.planes.values()].map((plane) => plane.stop()));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function queryFrom(client: string, name: string, type: number = Type.A): Uint8Array {
  const { bytes, length } = parsePrefix(client)!;
  return encodeQuery({ name, type, edns: { udpSize: 1232, subnet: { address: bytes, prefixLength: length } } });
}

function addressesIn(answer: Uint8Array): string[] {
  const { answers } = decode(Buffer.from(answer));
  return answers.flatMap((record) => (record.type === 'A' || record.type === 'AAAA' ? [String(record.data)] : []));
}

let ports = 0;
/** Ports for metrics: below those that the system gives out, and no two processes of a test have the same. */
function metricsPort(): number {
  return 20_000 + (process.pid % 10_000) + ports++;
}

export const ZONE = [
  {
    apiVersion: 'edgeward.dev/v1alpha1',
    kind: 'Zone',
    metadata: { name: 'example' },
    spec: {
      origin: 'example.org',
      tenants: [{ name: 'default' }],
      records: [
        { name: '@', type: 'NS', data: 'ns1.example.org.' },
        { name: 'ns1', type: 'A', data: '192.0.2.53' },
      ],
    },
  },
];

/** An export of the Service `default/chat` of all sites. */
export const domainExport = (spec: object = {}, name = 'chat'): object => ({
  apiVersion: 'edgeward.dev/v1alpha1',
  kind: 'DomainExport',
  metadata: { name, namespace: 'default' },
  spec: {
    hosts: [`${name}.example.org`],
    backends: [{ serviceRef: { namespace: 'default', name } }],
    ...spec,
  },
});
