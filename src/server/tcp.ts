import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { COUNTER } from '../observe/counters.ts';
import { OUT_SIZE } from './answer.ts';
import { readSource, type SourceAddress } from './client-address.ts';
import { Inbox } from './tcp-inbox.ts';

/** Answers one message: octets written to `out`, 0 to send nothing. Synchronous; `message` is valid during the call. */
export type AnswerTcp = (message: Uint8Array, length: number, source: SourceAddress, out: Uint8Array) => number;

export interface TcpLimits {
  /** Connections of all clients; the one that was idle longest makes room for a new one (RFC 7766 10). */
  readonly maxConnections: number;
  /** Connections of one client (IPv4 address, IPv6 /56); more are refused. */
  readonly maxPerClient: number;
  /** Milliseconds without a query answered before a connection is closed. Parts of messages do not count. */
  readonly idleMs: number;
  /** Milliseconds after which no more queries of a connection are taken; those that were are still answered. */
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
/** Octets of answers that are gathered for one write. */
const MAX_BATCH = 64 * 1024;
/** When the server stops, a connection on which nothing arrives for so long has had answers to all it asked. */
const QUIET_MS = 20;
/**
 * After our FIN a connection is read on for so long or until the client's FIN: closing it with unread octets would
 * send a reset, and that discards answers on their way.
 */
const LINGER_MS = 200;
const LENGTH = 2;

/**
 * DNS over TCP (RFC 7766): pipelined queries, answered in order as they come.
 * @throws the system's error when the address cannot be bound
 */
export async function listenTcp(options: TcpOptions): Promise<TcpServer> {
  const listener = new Listener(options);
  return listener.start();
}

/**
 * Makes sure that no other process accepts connections at an address which several threads of ours are going to share,
 * as `claimPort` does for UDP.
 * @throws the system's error when the address is taken, or cannot be bound
 */
export async function claimTcpPort(host: string, port: number): Promise<void> {
  if (port === 0) return;
  const server = createServer((socket) => socket.destroy());
  await bound(server, { host, port, reusePort: false });
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

function bound(
  server: Server,
  { host, port, reusePort }: Pick<TcpOptions, 'host' | 'port' | 'reusePort'>,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, reusePort, ipv6Only: isIPv6(host), backlog: 1024, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** What all connections of one listener share. */
class Listener {
  readonly options: TcpOptions;
  /** Answers are gathered in it, then copied out: answering is synchronous, so one is enough. */
  readonly batch = new Uint8Array(MAX_BATCH + LENGTH + OUT_SIZE);
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
        options.counters[COUNTER.tcpEvicted]!++;
        connection.destroy();
      },
    });
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  async start(): Promise<TcpServer> {
    const { port } = this.options;
    await bound(this.#server, this.options);
    // Out of file descriptors: accepting fails for a while, and goes on.
    this.#server.on('error', () => this.options.counters[COUNTER.tcpRefusedSystem]!++);
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
    const late = setTimeout(() => {
      for (const connection of this.#connections.keys()) connection.destroy();
    }, graceMs);
    // Still listening: closing the socket resets the connections that the kernel holds for us.
    await sleep(Math.min(QUIET_MS, graceMs));
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections.keys()) connection.finishWhenQuiet();
    // Who asks without a pause is heard no more, while there is time left to send the answers.
    const hurry = setTimeout(() => {
      for (const connection of this.#connections.keys()) connection.finish();
    }, graceMs / 2);
    await closed;
    clearTimeout(hurry);
    clearTimeout(late);
  }
}

class Connection {
  readonly #socket: Socket;
  readonly #source: SourceAddress;
  readonly #listener: Listener;
  readonly #idle: NodeJS.Timeout;
  readonly #total: NodeJS.Timeout;
  /** While the server stops: since something arrived. */
  #quiet: NodeJS.Timeout | undefined;
  /** Until a connection that has had its answers is closed. */
  #linger: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;
  readonly #inbox = new Inbox();
  /** The client will send no more, or is heard no more. */
  #ended = false;

  constructor(socket: Socket, source: SourceAddress, listener: Listener) {
    this.#socket = socket;
    this.#source = source;
    this.#listener = listener;
    const { counters, limits } = listener.options;
    this.#idle = setTimeout(() => {
      const waiting = this.#inbox.length > 0 ? COUNTER.tcpSlow : COUNTER.tcpIdle;
      counters[socket.writableLength > 0 ? COUNTER.tcpBacklog : waiting]!++;
      this.destroy();
    }, limits.idleMs);
    this.#total = setTimeout(() => {
      counters[COUNTER.tcpTotal]!++;
      this.finish();
    }, limits.totalMs);
    socket.on('data', (data) => {
      if (this.#ended) return;
      this.#quiet?.refresh();
      this.#inbox.append(data);
      this.#work();
    });
    socket.on('drain', () => this.#work());
    socket.on('end', () => this.finish());
    socket.once('finish', () => {
      clearTimeout(this.#idle);
      this.#linger = setTimeout(() => this.destroy(), LINGER_MS);
    });
  }

  /** Answers the whole messages that are there, as far as the client takes the answers. */
  #work(): void {
    const socket = this.#socket;
    if (this.#turn !== undefined || socket.destroyed || socket.writableEnded) return;
    const { answer, limits } = this.#listener.options;
    const { batch } = this.#listener;
    let size = 0;
    for (let left = limits.maxPipelined; left > 0 && socket.writableLength + size < MAX_UNREAD; left--) {
      const message = this.#inbox.next();
      if (message === undefined) break;
      const length = answer(message, message.length, this.#source, batch.subarray(size + LENGTH));
      if (length === 0) continue;
      batch[size] = length >>> 8;
      batch[size + 1] = length;
      size += LENGTH + length;
      if (size >= MAX_BATCH) {
        this.#write(batch.subarray(0, size));
        size = 0;
      }
    }
    if (size > 0) this.#write(batch.subarray(0, size));
    this.#goOn();
  }

  #write(answers: Uint8Array): void {
    // Only questions that deserve an answer keep a connection alive.
    this.#idle.refresh();
    this.#listener.used(this);
    this.#socket.write(Buffer.from(answers));
  }

  #goOn(): void {
    const socket = this.#socket;
    if (socket.writableLength >= MAX_UNREAD) {
      // Nothing more is read until the client has taken its answers; 'drain' comes back here.
      socket.pause();
    } else if (this.#inbox.ready) {
      socket.pause();
      this.#turn = setImmediate(() => {
        this.#turn = undefined;
        this.#quiet?.refresh();
        this.#work();
      });
    } else {
      this.#inbox.trim();
      if (this.#ended) socket.end();
      socket.resume();
    }
  }

  /** Takes no more queries; answers those that are there, then closes. */
  finish(): void {
    this.#ended = true;
    this.#work();
  }

  /** The same, once nothing more arrives. */
  finishWhenQuiet(): void {
    this.#quiet = setTimeout(() => this.finish(), QUIET_MS);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The socket is closed: nothing may happen any more. */
  stop(): void {
    clearTimeout(this.#idle);
    clearTimeout(this.#total);
    clearTimeout(this.#quiet);
    clearTimeout(this.#linger);
    if (this.#turn !== undefined) clearImmediate(this.#turn);
  }
}
