import { parentPort, workerData } from 'node:worker_threads';
import { OUT_SIZE } from '../../src/server/answer.ts';
import { serveBatched } from '../../src/server/udp/batched.ts';
import { listenDgram } from '../../src/server/udp/dgram.ts';
import type { UdpSocket } from '../../src/server/udp/system-calls.ts';
import type { AnswerUdp } from '../../src/server/udp/transport.ts';

/** A thread that answers UDP in a way that tests can see through, by either transport. */
export interface UdpWorkerSetup {
  /** Of the batched transport; undefined for the portable one. */
  readonly sockets: readonly UdpSocket[] | undefined;
  readonly listen: { readonly host: string; readonly port: number; readonly reusePort: boolean };
  readonly counters: Float64Array;
  /** [0] is set to end, [1] counts what was asked. */
  readonly shared: Int32Array;
}

const setup = workerData as UdpWorkerSetup;
const { sockets, listen, counters, shared } = setup;

/** Echoes; `x...` gets no answer, `who` is told its address, `die` ends the thread, over 60,000 octets get 65,535. */
const answer: AnswerUdp = (message, length, source, out) => {
  Atomics.add(shared, 1, 1);
  if (length > 60_000) return 65_535;
  const text = Buffer.from(message.subarray(0, length)).toString('latin1');
  if (text.startsWith('x')) return 0;
  if (text === 'die') throw new Error('told to die');
  const { family, w0, w1, w2, w3 } = source;
  const reply = text === 'who' ? `${family} ${(family === 4 ? [w0] : [w0, w1, w2, w3]).join(' ')}` : text;
  out.set(Buffer.from(reply, 'latin1'));
  return reply.length;
};

if (sockets === undefined) {
  const transport = await listenDgram({ ...listen, answer, out: new Uint8Array(OUT_SIZE), counters });
  parentPort!.postMessage(transport.port);
  const timer = setInterval(() => {
    if (Atomics.load(shared, 0) === 0) return;
    clearInterval(timer);
    void transport.close();
  }, 5);
} else {
  parentPort!.postMessage(sockets[0]!.port);
  serveBatched({ sockets, answer, counters, tick: () => Atomics.load(shared, 0) === 0 });
}
