import { randomInt } from 'node:crypto';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { COLLECT_MS, collectGarbage } from '../lib/collect-garbage.ts';
import { applyUpdate } from '../snapshot/snapshot.ts';
import { Answerer } from './answer.ts';
import { serveBatched } from './udp/batched.ts';
import type { FromAnswerWorker, ToAnswerWorker, UdpWorkerData } from './worker-messages.ts';

const port = parentPort!;
const data = workerData as UdpWorkerData;
const answerer = new Answerer(data.options, data.counters, randomInt(1, 0xffffffff));
const send = (message: FromAnswerWorker): void => port.postMessage(message);
let { snapshot } = data;
// The thread's data live as long as the thread does, and a snapshot is large.
(workerData as { snapshot: unknown }).snapshot = undefined;
let seen = 0;
let going = true;
/** When to collect what earlier snapshots have left; 0 for never. */
let collectAt = 0;

function tick(): boolean {
  const mails = Atomics.load(data.mail, 0);
  if (mails !== seen) {
    seen = mails;
    readMail();
  }
  if (collectAt !== 0 && performance.now() > collectAt) {
    collectAt = 0;
    collectGarbage();
  }
  return going;
}

function readMail(): void {
  for (;;) {
    const received: { message: ToAnswerWorker } | undefined = receiveMessageOnPort(port);
    if (received === undefined) return;
    const { message } = received;
    if (message.type === 'snapshot') {
      snapshot = applyUpdate(snapshot, message.update);
      if (collectAt === 0) collectAt = performance.now() + COLLECT_MS;
      send({ type: 'using', serial: snapshot.serial });
    } else going = false;
  }
}

send({ type: 'listening', ports: data.sockets.map((socket) => socket.port) });
serveBatched({
  sockets: data.sockets,
  counters: data.counters,
  answer: (message, length, source, out) => answerer.answer(message, length, source, snapshot, out, false),
  tick,
});
send({ type: 'drained' });
