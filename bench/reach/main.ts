import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { MemoryCluster } from '../../src/kube/memory-cluster.ts';
import { kubeconfigFile } from '../../src/kube/credentials.ts';
import { HttpCluster } from '../../src/kube/http-cluster.ts';
import { DEPLOYMENTS, ENDPOINT_SLICES, SERVICES } from '../../src/kube/objects.ts';
import { findBinaries } from '../../test/cluster/binaries.ts';
import { CLIENTS, domainExport, EdgewardProcess, makeCertificate, SITES, World } from '../../test/cluster/world.ts';
import { freePort } from '../../test/support/servers/process.ts';
import { keep, table } from '../support/results.ts';
import { serveClusters } from './kube-server.ts';

// From edge clusters to answers: how soon, and how many.
// `node bench/reach/main.ts [--changes 200] [--clusters 200] [--services 50] [--nodes 1000] [--write]`

const { values: flags } = parseArgs({
  options: {
    changes: { type: 'string', default: '200' },
    clusters: { type: 'string', default: '200' },
    services: { type: 'string', default: '50' },
    nodes: { type: 'string', default: '1000' },
    settle: { type: 'string', default: '30' },
    write: { type: 'boolean' },
  },
});
const SETTLE_MS = Number(flags.settle) * 1000;
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const now = (): number => performance.timeOrigin + performance.now();
const quantile = (values: readonly number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))]!;

/** CPU seconds of a process since its start, all threads. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function residentMb(pid: number, field = 'VmRSS'): number {
  const [, kilobytes] = new RegExp(`${field}:\\s+(\\d+)`, 'u').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return (Number(kilobytes) * 1024) / 1e6;
}

/** Real clusters: a Deployment is scaled, and a DNS node asked until it answers by that. */
async function scaling(): Promise<{ total: number[]; ours: number[] }> {
  const found = findBinaries();
  if ('absent' in found) throw new Error(found.absent);
  say('real clusters: a Deployment scaled, to answers');
  const world = await World.start(found.directory, ['edge-1', 'edge-2']);
  const total: number[] = [];
  const ours: number[] = [];
  try {
    await Promise.all([world.deploy('edge-1', 3), world.deploy('edge-2', 3)]);
    await world.hub.apply([domainExport()]);
    await world.control().ready();
    await world.dns().ready();
    const edge = new HttpCluster(kubeconfigFile(world.plane('edge-1').kubeconfig));
    const { resourceVersion } = await edge.list(ENDPOINT_SLICES, { namespace: 'default' });
    // What anybody who watches sees, and when: from then on it is ours.
    let seenAt = 0;
    let wanted = -1;
    void (async () => {
      const options = { namespace: 'default', resourceVersion, timeoutSeconds: 3600, inactivityMs: 3_600_000 };
      for await (const { type, object } of edge.watch(ENDPOINT_SLICES, options)) {
        if (type !== 'MODIFIED') continue;
        const endpoints = ((object as { endpoints?: unknown }).endpoints ?? []) as {
          conditions: { ready?: boolean; terminating?: boolean };
        }[];
        const ready = endpoints.filter(
          ({ conditions }) => conditions.ready === true && conditions.terminating !== true,
        );
        if (ready.length > 0 === wanted > 0) seenAt ||= now();
      }
    })().catch(() => {});
    for (let i = 0; i < Number(flags.changes); i++) {
      wanted = i % 2 === 0 ? 0 : 1;
      const expected = wanted === 0 ? SITES['edge-2'].address : SITES['edge-1'].address;
      seenAt = 0;
      const deployment = { metadata: { name: 'chat', namespace: 'default' }, spec: { replicas: wanted } };
      const begun = now();
      await edge.apply(DEPLOYMENTS, deployment, { fieldManager: 'bench', force: true });
      for (;;) {
        const [address] = await world.ask(CLIENTS.telecomGuangdong);
        if (address === expected) break;
        if (now() - begun > 20_000) throw new Error(`no changed answer: ${address} in place of ${expected}`);
      }
      const end = now();
      total.push(end - begun);
      // Seen here later than there: the control plane was the quicker.
      ours.push(seenAt === 0 ? 0 : Math.max(0, end - seenAt));
      await sleep(150);
    }
    return { total, ours };
  } finally {
    await world.stop();
  }
}

interface Many {
  readonly syncSeconds: number;
  readonly cpuPercent: number;
  readonly residentMb: number;
  readonly allMs: number[];
  readonly octetsPerNode: number[];
}

/** Clusters in memory over real HTTP, one control plane, and a crowd of DNS nodes. */
async function many(): Promise<Many> {
  const [clusters, services, nodes] = [Number(flags.clusters), Number(flags.services), Number(flags.nodes)];
  say(`${clusters} clusters of ${services} Services in memory`);
  const directory = mkdtempSync(join(tmpdir(), 'edgeward-reach-'));
  const all = new Map<string, MemoryCluster>();
  for (let c = 0; c < clusters; c++) {
    const cluster = new MemoryCluster();
    all.set(`c${c}`, cluster);
    for (let s = 0; s < services; s++) {
      const name = `s${s}`;
      const labels = { app: name };
      const metadata = { name, namespace: 'default' };
      await cluster.create(SERVICES, {
        metadata,
        spec: { type: 'LoadBalancer', selector: labels, ports: [{ port: 443 }] },
      });
      const status = { loadBalancer: { ingress: [{ ip: `20.${c}.${s}.1` }] } };
      await cluster.apply(SERVICES, { metadata, status }, { fieldManager: 'cloud', subresource: 'status' });
      await cluster.create(DEPLOYMENTS, { metadata, spec: { replicas: 3, template: { metadata: { labels } } } });
      await scale(cluster, s, 3);
    }
  }
  const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'certificate.pem')];
  makeCertificate(directory);
  const cert = readFileSync(certificate, 'utf8');
  const { server, port } = await serveClusters(all, { cert, key: readFileSync(key, 'utf8') });
  const documents: object[] = [
    {
      kind: 'Zone',
      metadata: { name: 'example' },
      spec: { origin: 'example.org', records: [{ name: '@', type: 'NS', data: 'ns1.example.net.' }] },
    },
  ];
  mkdirSync(join(directory, 'kube'));
  const regions = ['DE', 'FR', 'US', 'JP', 'CN-GD', 'CN-BJ', 'BR', 'IN', 'GB', 'AU'];
  for (let c = 0; c < clusters; c++) {
    const authority = Buffer.from(cert).toString('base64');
    const kubeconfig = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: 'c', cluster: { server: `https://127.0.0.1:${port}/c${c}`, 'certificate-authority-data': authority } },
      ],
      users: [{ name: 'u', user: { token: 'none' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    writeFileSync(join(directory, 'kube', `c${c}.json`), JSON.stringify(kubeconfig));
    const spec = { region: regions[c % regions.length], cluster: { kubeconfig: { file: `kube/c${c}.json` } } };
    documents.push({ kind: 'Site', metadata: { name: `c${c}` }, spec });
  }
  for (let s = 0; s < services; s++) {
    const backends = [{ serviceRef: { namespace: 'default', name: `s${s}` } }];
    documents.push({
      kind: 'DomainExport',
      metadata: { name: `s${s}` },
      spec: { hosts: [`s${s}.example.org`], backends },
    });
  }
  const text = documents
    .map((each) => JSON.stringify({ apiVersion: 'edgeward.dev/v1alpha1', ...each }))
    .join('\n---\n');
  writeFileSync(join(directory, 'all.yaml'), text);
  const token = 'a-token-for-benchmarks';
  writeFileSync(join(directory, 'token'), token);
  const streamPort = await freePort();
  writeFileSync(
    join(directory, 'edgeward.yaml'),
    `dataDirectory: ${join(directory, 'data')}\nstream: {listen: '127.0.0.1:${streamPort}', certificate: certificate.pem, key: key.pem, tokenFile: token}\n`,
  );
  const begun = now();
  const control = new EdgewardProcess(['control', directory], await freePort());
  const crowd = fork(new URL('./nodes.ts', import.meta.url), [String(nodes), String(streamPort), certificate, token], {
    stdio: 'inherit',
    execArgv: [],
  });
  // It starts when there is something to follow.
  crowd.kill('SIGSTOP');
  try {
    await control.ready(120_000);
    const pid = control.child.pid!;
    for (;;) {
      const page = await (await fetch(`http://127.0.0.1:${control.metricsPort}/metrics`)).text();
      const up = page.split('\n').filter((line) => /^edgeward_site_up\{.*\} 1$/u.test(line)).length;
      if (up === clusters) break;
      if (now() - begun > 120_000) throw new Error(`only ${up} clusters were seen:\n${control.log.slice(-2000)}`);
      await sleep(100);
    }
    const syncSeconds = (now() - begun) / 1000;
    say(`cold sync: ${syncSeconds.toFixed(1)} s`);
    // Until scopes are widened: that is work of the first seconds.
    await sleep(SETTLE_MS);
    const [cpu, at] = [cpuSeconds(pid), now()];
    await sleep(SETTLE_MS);
    const cpuPercent = ((cpuSeconds(pid) - cpu) / ((now() - at) / 1000)) * 100;
    const resident = residentMb(pid);
    say(
      `steady: ${cpuPercent.toFixed(1)} % of a core, ${resident.toFixed(0)} MB (peak ${residentMb(pid, 'VmHWM').toFixed(0)})`,
    );

    say(`${nodes} DNS nodes`);
    crowd.kill('SIGCONT');
    const messages: {
      type: string;
      nodes?: number;
      generation?: number;
      octets?: number;
      at?: number;
      reason?: string;
    }[] = [];
    crowd.on('message', (message) => messages.push(message as (typeof messages)[number]));
    for (const until = now() + 180_000; !messages.some((m) => m.nodes === nodes); await sleep(100)) {
      const failed = messages.find(({ type }) => type === 'failed');
      if (failed !== undefined || now() > until)
        throw new Error(`the crowd: ${failed?.reason ?? `${messages.length} begun`}`);
    }
    await sleep(5000);
    const allMs: number[] = [];
    const octetsPerNode: number[] = [];
    for (let i = 0; i < 20; i++) {
      const before = messages.length;
      const start = now();
      await scale(all.get(`c${i % clusters}`)!, i % services, 4 + (i % 5));
      for (;;) {
        const found = messages.slice(before).find(({ type }) => type === 'all');
        if (found !== undefined) {
          allMs.push(found.at! - start);
          octetsPerNode.push(found.octets! / nodes);
          break;
        }
        if (now() - start > 20_000) throw new Error('not all nodes heard of a change');
        await sleep(5);
      }
      await sleep(500);
    }
    return { syncSeconds, cpuPercent, residentMb: resident, allMs, octetsPerNode };
  } finally {
    crowd.kill('SIGKILL');
    await control.stop();
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** So many ready Pods behind a Service. */
async function scale(cluster: MemoryCluster, service: number, replicas: number): Promise<void> {
  const conditions = { ready: true, serving: true, terminating: false };
  const endpoints = Array.from({ length: replicas }, (_, pod) => ({
    addresses: [`10.0.0.${pod}`],
    conditions,
    targetRef: { uid: `${service}-${pod}` },
  }));
  const metadata = {
    name: `s${service}-slice`,
    namespace: 'default',
    labels: { 'kubernetes.io/service-name': `s${service}` },
  };
  await cluster.apply(ENDPOINT_SLICES, { metadata, endpoints }, { fieldManager: 'bench', force: true });
}

const scaled = Number(flags.changes) === 0 ? { total: [0], ours: [0] } : await scaling();
const crowd = await many();
const ms = (value: number): string => value.toFixed(1);
const rows = [
  ['Deployment scaled to answers, real clusters, median', `${ms(quantile(scaled.total, 0.5))} ms`, ''],
  ['the same, p99', `${ms(quantile(scaled.total, 0.99))} ms`, '300 ms'],
  ['of it Edgeward (from the EndpointSlice event), median', `${ms(quantile(scaled.ours, 0.5))} ms`, ''],
  ['the same, p99', `${ms(quantile(scaled.ours, 0.99))} ms`, '50 ms'],
  [`${flags.clusters} clusters x ${flags.services} Services: cold sync`, `${ms(crowd.syncSeconds)} s`, '30 s'],
  ['the same: steady CPU', `${ms(crowd.cpuPercent)} % of a core`, '10 %'],
  ['the same: resident', `${crowd.residentMb.toFixed(0)} MB`, '600 MB'],
  [`one change to all of ${flags.nodes} DNS nodes, median`, `${ms(quantile(crowd.allMs, 0.5))} ms`, ''],
  ['the same, slowest of 20', `${ms(Math.max(...crowd.allMs))} ms`, '1 s'],
  ['octets to each node for one change', `${Math.round(quantile(crowd.octetsPerNode, 0.5))}`, 'O(change)'],
];
const text = table(['what', 'figure', 'limit'], rows);
process.stdout.write(`${text}\n`);
if (flags.write === true) keep('reach', { scaled, crowd }, text);
process.exit();
