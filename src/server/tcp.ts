import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { LRUCache } from 'lru-cache';
import { COUNTER } from '../observe/counters.ts';
import { OUT_SIZE } from './answer.ts';
import { readSource, type SourceAddress } from './source.ts';

/** Answers one message: octets written to `out`, 0 to send nothing. Synchronous; `message` is valid during the call. */
export type AnswerTcp = (message: Uint8Array, length: number, source: SourceAddress, out: Uint8Array) => number;

export interface TcpLimits {
  /** Connections of all clients; the one that was idle longest makes room for a new one (RFC 7766 6.2.3). */
  readonly maxConnections: number;
  /** Connections of one client (IPv4 address, IPv6 /56); more are refused. */
  readonly maxPerClient: number;
  /** Milliseconds without a whole message before a connection is closed. Parts of messages do not count. */
  readonly idleMs: number;
  /** Milliseconds that a connection may last in all. */
  readonly totalMs: number;
  /** Messages of one connection that are answered before others have their turn. */
  readonly maxPipelined: number;
}

export interface TcpOptions {
  readonly host: string;
  readonly port: number;
  /** Several threads bind the same address, and the kernel spreads connections over them. */
  readonly reusePort: boolean;
  readonly limits: TcpLimits;
  readonly answer: AnswerTcp;
  readonly counters: Float64Array;
}

export interface TcpServer {
  readonly port: number;
  /** Stops accepting, finishes what was asked, and closes everything within `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** Answers that a client has not read yet, in octets, before we read no more of its questions. */
const MAX_UNREAD = 256 * 1024;
const LENGTH = 2;

/**
 * DNS over TCP (RFC 7766): pipelined queries, answered in order as they come.
 * @throws the system's error when the address cannot be bound
 */
export async function listenTcp(options: TcpOptions): Promise<TcpServer> {
  const listener = new Listener(options);
  return listener.start();
}

/** What all connections of one listener share. */
class Listener {
  readonly options: TcpOptions;
  /** A message is answered into it, then copied out: answering is synchronous, so one is enough. */
  readonly out = new Uint8Array(OUT_SIZE);
  /** Connections, the one that was idle longest first to go. */
  readonly #connections: LRUCache<Connection, true>;
  readonly #perClient = new Map<string, number>();
  readonly #server: Server;

  constructor(options: TcpOptions) {
    this.options = options;
    this.#connections = new LRUCache<Connection, true>({
      max: options.limits.maxConnections,
      dispose: (_, connection, why) => {
        if (why !== 'evict') return;
        options.counters[COUNTER.tcpRefusedTotal]!++;
        connection.destroy();
      },
    });
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  async start(): Promise<TcpServer> {
    const { host, port, reusePort } = this.options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, reusePort, ipv6Only: isIPv6(host), backlog: 1024, exclusive: true }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    // Out of file descriptors: accepting fails for a while, and goes on.
    this.#server.on('error', () => this.options.counters[COUNTER.tcpRefusedTotal]!++);
    const address = this.#server.address();
    return {
      port: typeof address === 'object' && address !== null ? address.port : port,
      close: (graceMs) => this.#close(graceMs),
    };
  }

  #accept(socket: Socket): void {
    const { counters, limits } = this.options;
    const source: SourceAddress = { family: 4, w0: 0, w1: 0, w2: 0, w3: 0 };
    socket.on('error', () => {
      // Resets are the client's business; 'close' follows.
    });
    if (!readSource(socket.remoteAddress ?? '', source)) {
      socket.destroy();
      return;
    }
    const client = source.family === 4 ? String(source.w0) : `${source.w0}:${source.w1 >>> 8}`;
    const open = this.#perClient.get(client) ?? 0;
    if (open >= limits.maxPerClient) {
      counters[COUNTER.tcpRefusedClient]!++;
      socket.destroy();
      return;
    }
    this.#perClient.set(client, open + 1);
    counters[COUNTER.tcpAccepted]!++;
    counters[COUNTER.tcpOpen]!++;
    const connection = new Connection(socket, source, this);
    this.#connections.set(connection, true);
    socket.once('close', () => {
      connection.stop();
      this.#connections.delete(connection);
      counters[COUNTER.tcpOpen]!--;
      const left = this.#perClient.get(client)! - 1;
      if (left === 0) this.#perClient.delete(client);
      else this.#perClient.set(client, left);
    });
  }

  /** A connection has been of use just now. */
  used(connection: Connection): void {
    this.#connections.get(connection);
  }

  async #close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections.keys()) connection.finish();
    const late = setTimeout(() => {
      for (const connection of this.#connections.keys()) connection.destroy();
    }, graceMs);
    await closed;
    clearTimeout(late);
  }
}

class Connection {
  readonly #socket: Socket;
  readonly #source: SourceAddress;
  readonly #listener: Listener;
  readonly #idle: NodeJS.Timeout;
  readonly #total: NodeJS.Timeout;
  /** What was received and not answered yet: at most one message and what came with it. */
  #received: Buffer = Buffer.alloc(0);
  /** The client will send no more, or is to be heard no more. */
  #ended = false;
  #turn: NodeJS.Immediate | undefined;

  constructor(socket: Socket, source: SourceAddress, listener: Listener) {
    this.#socket = socket;
    this.#source = source;
    this.#listener = listener;
    const { counters, limits } = listener.options;
    this.#idle = setTimeout(() => {
      const reason =
        socket.writableLength > 0 ? COUNTER.tcpBacklog : this.#received.length > 0 ? COUNTER.tcpSlow : COUNTER.tcpIdle;
      counters[reason]!++;
      this.destroy();
    }, limits.idleMs);
    this.#total = setTimeout(() => {
      counters[COUNTER.tcpSlow]!++;
      this.destroy();
    }, limits.totalMs);
    socket.on('data', (data) => {
      this.#received = this.#received.length === 0 ? data : Buffer.concat([this.#received, data]);
      this.#work();
    });
    socket.on('drain', () => this.#work());
    socket.on('end', () => {
      this.#ended = true;
      this.#work();
    });
  }

  /** Answers the whole messages that are there, as far as the client takes the answers. */
  #work(): void {
    if (this.#turn !== undefined || this.#socket.destroyed) return;
    const { answer, limits } = this.#listener.options;
    const { out } = this.#listener;
    const answers: Uint8Array[] = [];
    let unread = this.#socket.writableLength;
    let at = 0;
    let left = limits.maxPipelined;
    let useful = false;
    while (left > 0 && unread < MAX_UNREAD && at + LENGTH <= this.#received.length) {
      const length = this.#received.readUInt16BE(at);
      if (at + LENGTH + length > this.#received.length) break;
      const message = this.#received.subarray(at + LENGTH, at + LENGTH + length);
      at += LENGTH + length;
      left--;
      const size = answer(message, length, this.#source, out);
      if (size === 0) continue;
      useful = true;
      const framed = Buffer.allocUnsafe(LENGTH + size);
      framed.writeUInt16BE(size);
      framed.set(out.subarray(0, size), LENGTH);
      answers.push(framed);
      unread += framed.length;
    }
    if (at > 0) this.#received = this.#received.subarray(at);
    if (useful) {
      // Only questions that deserve an answer keep a connection alive.
      this.#idle.refresh();
      this.#listener.used(this);
      this.#socket.write(answers.length === 1 ? answers[0]! : Buffer.concat(answers));
    }
    this.#goOn(left === 0);
  }

  #goOn(more: boolean): void {
    if (this.#socket.writableLength >= MAX_UNREAD) {
      // Nothing more is read until the client has taken its answers; 'drain' comes back here.
      this.#socket.pause();
      return;
    }
    if (more && this.#hasMessage()) {
      this.#socket.pause();
      this.#turn = setImmediate(() => {
        this.#turn = undefined;
        this.#work();
      });
      return;
    }
    if (this.#ended) this.#socket.end();
    else this.#socket.resume();
  }

  #hasMessage(): boolean {
    const { length } = this.#received;
    return length >= LENGTH && length >= LENGTH + this.#received.readUInt16BE(0);
  }

  /** Answers what has arrived, then closes. */
  finish(): void {
    this.#ended = true;
    this.#socket.removeAllListeners('data');
    this.#work();
    this.#socket.once('finish', () => this.#socket.destroy());
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The socket is closed: nothing may happen any more. */
  stop(): void {
    clearTimeout(this.#idle);
    clearTimeout(this.#total);
    if (this.#turn !== undefined) clearImmediate(this.#turn);
  }
}
