import { COUNTER } from '../../observe/counters.ts';
import { OUT_SIZE } from '../answer.ts';
import type { SourceAddress } from '../client-address.ts';
import { Batch, EINTR, openUdp, Poll, type UdpPlace, type UdpSocket } from './system-calls.ts';
import { RECEIVE_BUFFER, type AnswerUdp } from './transport.ts';

/** Datagrams received and answered with one system call each; more would only add latency. */
const BATCH = 64;

/** Longest answer: UDP's length field has 16 bits, and IPv4's header and UDP's own take 28 octets. */
const LONGEST = 65_507;

/**
 * How long a thread sleeps without a query before it looks for other work, milliseconds. Queries wake it at once, and
 * it looks before it answers them; so this delays nobody's answer, and ten times a second costs nothing.
 */
const TICK_MS = 100;

/** Rounds without waiting in which queries that arrived before the end are still answered. */
const LAST_ROUNDS = 16;

/** A socket for one address that any number of threads may serve, one after the other. */
export function openBatched(at: UdpPlace): UdpSocket {
  return openUdp(at, { receiveBuffer: RECEIVE_BUFFER, timeoutMs: TICK_MS });
}

export interface ServeOptions {
  readonly sockets: readonly UdpSocket[];
  readonly answer: AnswerUdp;
  readonly counters: Float64Array;
  /**
   * Called before datagrams are answered, and at least every 100 ms.
   * @returns false to end: what has been received by then is still answered
   */
  readonly tick: () => boolean;
}

/** One family's memory, and who asked. */
interface Lane {
  readonly batch: Batch;
  readonly source: SourceAddress;
}

/**
 * UDP by recvmmsg(2) and sendmmsg(2): one system call for many datagrams. Blocks the thread until `tick` says so; the
 * sockets stay open.
 * @throws what `answer` or `tick` throws, and when a socket fails for good
 */
export function serveBatched({ sockets, answer, counters, tick }: ServeOptions): void {
  const lanes = new Map<boolean, Lane>();
  for (const { ipv6 } of sockets) {
    if (lanes.has(ipv6)) continue;
    const source: SourceAddress = { family: ipv6 ? 6 : 4, w0: 0, w1: 0, w2: 0, w3: 0 };
    lanes.set(ipv6, { batch: new Batch(BATCH, ipv6, OUT_SIZE), source });
  }
  const laneOf = sockets.map(({ ipv6 }) => lanes.get(ipv6)!);
  const poll = sockets.length === 1 ? undefined : new Poll(sockets);
  try {
    for (let going = true; going;) {
      // One socket is waited for by reading it, which saves a system call.
      if (poll !== undefined) poll.wait(TICK_MS);
      let ticked = false;
      for (let s = 0; s < sockets.length; s++) {
        if (poll !== undefined && !poll.ready(s)) continue;
        const { batch, source } = laneOf[s]!;
        const count = receive(batch, sockets[s]!, poll === undefined);
        if (!ticked) {
          ticked = true;
          going = tick();
        }
        if (count > 0) serveOne(batch, source, sockets[s]!, count, answer, counters);
      }
      if (!ticked) going = tick();
    }
    for (const [s, socket] of sockets.entries()) {
      const { batch, source } = laneOf[s]!;
      for (let round = 0; round < LAST_ROUNDS; round++) {
        const count = receive(batch, socket, false);
        if (count === 0) break;
        serveOne(batch, source, socket, count, answer, counters);
      }
    }
  } finally {
    for (const { batch } of lanes.values()) batch.free();
    poll?.free();
  }
}

function receive(batch: Batch, socket: UdpSocket, wait: boolean): number {
  const count = batch.receive(socket, wait);
  if (count >= 0 || count === -EINTR) return Math.max(count, 0);
  throw new Error(`recvmmsg: errno ${-count}`);
}

function serveOne(
  batch: Batch,
  source: SourceAddress,
  socket: UdpSocket,
  count: number,
  answer: AnswerUdp,
  counters: Float64Array,
): void {
  const { ipv6, wildcard } = socket;
  // Those from here on are answered and not sent yet.
  let first = 0;
  let i = 0;
  try {
    for (; i < count; i++) {
      const message = batch.messages[i]!;
      // Port 0 cannot be answered, and is a reflection attempt.
      let length = 0;
      if (batch.port(i) !== 0) {
        source.w0 = batch.word(i, 0);
        if (ipv6) {
          source.w1 = batch.word(i, 1);
          source.w2 = batch.word(i, 2);
          source.w3 = batch.word(i, 3);
        }
        length = answer(message, batch.length(i), source, message);
        if (length > LONGEST) {
          counters[COUNTER.droppedSend]!++;
          length = 0;
        }
      }
      if (length > 0) batch.answer(i, length, wildcard);
      else {
        // What is not to be sent divides the batch.
        if (i > first) counters[COUNTER.droppedSend]! += batch.send(socket, first, i);
        first = i + 1;
      }
    }
  } finally {
    // Also when answering one of them ends the thread: the others are not its fault.
    if (i > first) counters[COUNTER.droppedSend]! += batch.send(socket, first, i);
  }
}
