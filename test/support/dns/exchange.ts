import { createSocket, type Socket } from 'node:dgram';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Between the first try and the second; longer each time. */
const PAUSE_MS = 50;

export interface ExchangeOptions {
  readonly tcp?: boolean;
  /** Queries in flight at once; the default stays well under a default socket buffer's worth of answers. */
  readonly window?: number;
  /** Patience with one try of one query, milliseconds. */
  readonly timeoutMs?: number;
  /** Times that a query is sent at most. */
  readonly tries?: number;
  /** Local address to send from. */
  readonly from?: string;
  /** Address of the server; 127.0.0.1 by default. */
  readonly to?: string;
}

/**
 * Sends queries to a server and gives their answers in the same order; undefined where none came. IDs are set here,
 * so that many can be in flight; an answer counts only with an ID that is waited for. Never rejects for a server that
 * is silent or absent.
 */
export async function exchange(
  port: number,
  queries: readonly Uint8Array[],
  options: ExchangeOptions = {},
): Promise<(Uint8Array | undefined)[]> {
  const answers = Array.from<Uint8Array | undefined>({ length: queries.length });
  if (queries.length === 0) return answers;
  const tries = options.tries ?? 4;
  let left = queries.map((_, index) => index);
  for (let round = 0; round < tries && left.length > 0; round++) {
    await (options.tcp === true ? overTcp : overUdp)(port, queries, left, answers, options);
    left = left.filter((index) => answers[index] === undefined);
    // A server that refuses connections may have begun to listen a moment later.
    if (left.length > 0 && round + 1 < tries) await sleep(PAUSE_MS * (round + 1));
  }
  return answers;
}

/** One query, one answer; undefined if there was none. */
export async function ask(
  port: number,
  query: Uint8Array,
  options: ExchangeOptions = {},
): Promise<Uint8Array | undefined> {
  return (await exchange(port, [query], options))[0];
}

function withId(query: Uint8Array, id: number): Uint8Array {
  const copy = query.slice();
  copy[0] = id >> 8;
  copy[1] = id & 255;
  return copy;
}

/** Which query an answer belongs to, by an ID that is drawn in sequence from a random start. */
class InFlight {
  readonly #byId = new Map<number, { index: number; deadline: number }>();
  #next = Math.floor(Math.random() * 65536);

  add(index: number, deadline: number): number {
    do this.#next = (this.#next + 1) & 65535;
    while (this.#byId.has(this.#next));
    this.#byId.set(this.#next, { index, deadline });
    return this.#next;
  }

  take(answer: Uint8Array): number | undefined {
    if (answer.length < 12 || (answer[2]! & 128) === 0) return undefined;
    const id = (answer[0]! << 8) | answer[1]!;
    const entry = this.#byId.get(id);
    this.#byId.delete(id);
    return entry?.index;
  }

  expire(now: number): void {
    for (const [id, entry] of this.#byId) if (entry.deadline < now) this.#byId.delete(id);
  }

  get size(): number {
    return this.#byId.size;
  }
}

async function overUdp(
  port: number,
  queries: readonly Uint8Array[],
  indexes: readonly number[],
  answers: (Uint8Array | undefined)[],
  options: ExchangeOptions,
): Promise<void> {
  const { window = 64, timeoutMs = 1000, from = '127.0.0.1', to = '127.0.0.1' } = options;
  const socket: Socket = createSocket({ type: to.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, from, resolve);
  });
  socket.removeAllListeners('error');
  // A refused datagram (ECONNREFUSED) is silence to us: the query's time runs out.
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.connect(port, to, () => resolve()));
  const waiting = new InFlight();
  let next = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      waiting.expire(Date.now());
      step();
    }, 20);
    const step = (): void => {
      while (next < indexes.length && waiting.size < window) {
        const index = indexes[next++]!;
        const id = waiting.add(index, Date.now() + timeoutMs);
        socket.send(withId(queries[index]!, id), () => {});
      }
      if (next === indexes.length && waiting.size === 0) {
        clearInterval(timer);
        resolve();
      }
    };
    socket.on('message', (message) => {
      const index = waiting.take(message);
      if (index !== undefined) answers[index] = new Uint8Array(message);
      step();
    });
    step();
  });
  socket.close();
}

/** Pipelines on one connection (RFC 7766 6.2.1.1); returns early when the server closes it or falls silent. */
async function overTcp(
  port: number,
  queries: readonly Uint8Array[],
  indexes: readonly number[],
  answers: (Uint8Array | undefined)[],
  options: ExchangeOptions,
): Promise<void> {
  const { window = 32, timeoutMs = 3000, from = '127.0.0.1', to = '127.0.0.1' } = options;
  const socket = connect({ port, host: to, localAddress: from });
  const waiting = new InFlight();
  let next = 0;
  let received: Buffer = Buffer.alloc(0);
  await new Promise<void>((resolve) => {
    const finish = (): void => {
      socket.destroy();
      resolve();
    };
    socket.setTimeout(timeoutMs, finish);
    socket.once('error', finish);
    socket.once('close', finish);
    const step = (): void => {
      while (next < indexes.length && waiting.size < window) {
        const index = indexes[next++]!;
        const message = withId(queries[index]!, waiting.add(index, Infinity));
        socket.write(Buffer.concat([Uint8Array.of(message.length >> 8, message.length & 255), message]));
      }
      if (next === indexes.length && waiting.size === 0) finish();
    };
    socket.on('connect', step);
    socket.on('data', (chunk) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      let at = 0;
      while (received.length - at >= 2 && received.length - at - 2 >= received.readUInt16BE(at)) {
        const end = at + 2 + received.readUInt16BE(at);
        const answer = new Uint8Array(received.subarray(at + 2, end));
        const index = waiting.take(answer);
        if (index !== undefined) answers[index] = answer;
        at = end;
      }
      received = received.subarray(at);
      step();
    });
  });
}
