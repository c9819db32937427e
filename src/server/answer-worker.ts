import { randomInt } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { collectSoon } from '../lib/collect-garbage.ts';
import { COUNTER } from '../observe/counters.ts';
import { applyUpdate } from '../snapshot/snapshot.ts';
import { Answerer, OUT_SIZE } from './answer.ts';
import { ListenError, listening } from './listen-error.ts';
import { listenTcp, type TcpServer } from './tcp.ts';
import { listenDgram, type UdpTransport } from './udp/dgram.ts';
import type { AnswerWorkerData, FromAnswerWorker, ToAnswerWorker } from './worker-messages.ts';

const port = parentPort!;
const data = workerData as AnswerWorkerData;

const out = new Uint8Array(OUT_SIZE);
const answerer = new Answerer(data.options, data.counters, randomInt(1, 0xffffffff));
let { snapshot } = data;
// The thread's data live as long as the thread does, and a snapshot is large.
(workerData as { snapshot: unknown }).snapshot = undefined;
const udp: UdpTransport[] = [];
const tcp: TcpServer[] = [];

/** A free port for UDP may be taken for TCP; then another is tried. */
const PORT_TRIES = 8;

async function listenAt(host: string, wanted: number): Promise<number> {
  for (let left = PORT_TRIES; ; left--) {
    const at = { host, port: wanted };
    const transport = data.udp ? await listening('UDP', at, () => listenUdp(host, wanted)) : undefined;
    try {
      const server = await listening('TCP', at, () => listenTcpAt(host, transport?.port ?? wanted));
      if (transport !== undefined) udp.push(transport);
      tcp.push(server);
      return server.port;
    } catch (error) {
      await transport?.close();
      if (wanted !== 0 || left <= 1) throw error;
    }
  }
}

function listenUdp(host: string, wanted: number): Promise<UdpTransport> {
  return listenDgram({
    host,
    port: wanted,
    reusePort: data.reusePort,
    counters: data.counters,
    out,
    answer: (message, length, source, to) => answerer.answer(message, length, source, snapshot, to, false),
  });
}

function listenTcpAt(host: string, at: number): Promise<TcpServer> {
  return listenTcp({
    host,
    port: at,
    reusePort: data.reusePort,
    limits: data.tcp,
    counters: data.counters,
    answer: (message, length, source, to) => answerer.answer(message, length, source, snapshot, to, true),
  });
}

async function listen(): Promise<void> {
  // What a thread before this one had open has ended with it.
  data.counters[COUNTER.tcpOpen] = 0;
  const ports: number[] = [];
  for (const { host, port: wanted } of data.listen) ports.push(await listenAt(host, wanted));
  port.postMessage({ type: 'listening', ports } satisfies FromAnswerWorker);
}

async function drain(graceMs: number): Promise<void> {
  await Promise.all([...udp.map((transport) => transport.close()), ...tcp.map((server) => server.close(graceMs))]);
  port.postMessage({ type: 'drained' } satisfies FromAnswerWorker);
  port.close();
}

port.on('message', (message: ToAnswerWorker) => {
  if (message.type === 'snapshot') {
    snapshot = applyUpdate(snapshot, message.update);
    collectSoon();
    port.postMessage({ type: 'using', serial: snapshot.serial } satisfies FromAnswerWorker);
  } else void drain(message.graceMs);
});

listen().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  const failure = error instanceof ListenError ? { failure: error.failure } : {};
  port.postMessage({ type: 'failed', message, ...failure } satisfies FromAnswerWorker);
});
