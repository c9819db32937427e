import { createHash, timingSafeEqual } from 'node:crypto';
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { ALIVE_MS, encodeMessage, MessageReader } from './messages.ts';
import { MEMORY_HEADER, StreamMemory, TELL_MEMORY, type MemoryMessage } from './node-memory.ts';

export interface StreamServerOptions {
  readonly host: string;
  readonly port: number;
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** PEM: who shows a certificate of this authority is let in. */
  readonly clientAuthority: string | undefined;
  /** Who knows it is let in. */
  readonly token: string | undefined;
  /** All of the newest generation, as one encoded message, without the buffers that have these hashes. */
  readonly full: (have: readonly string[]) => Promise<{ readonly generation: number; readonly message: Buffer }>;
  /** Seconds since the sources were last seen as they are. */
  readonly age: () => number;
  /** Whether a node that has other memory than this control plane is to tell it, before it is served. */
  readonly wantsMemory: () => boolean;
  /** Whether what is served is not what the sources have: nodes know better, and keep the memory that they have. */
  readonly isHolding: () => boolean;
  /** A node tells its memory. Resolves when it is taken into account. */
  readonly onMemory: (memory: MemoryMessage) => Promise<void>;
  readonly onRefused?: (peer: string, reason: string) => void;
}

/** Changes are kept for DNS nodes that come back, up to so many octets. */
const JOURNAL_OCTETS = 64 * 1024 * 1024;

/** A node that does not read is cut off, and begins anew when it comes back. */
const MAX_UNREAD = 256 * 1024 * 1024;

/** A connection over which nothing goes for so long is closed. */
const SILENT_MS = 30_000;

/** How long nodes have to read what was written last when a control plane ends. */
const LAST_WORDS_MS = 500;

const PATH = '/v1/stream';
const MEMORY_PATH = '/v1/memory';

/** Octets of memory that a node may tell. */
const MAX_MEMORY = 256 * 1024 * 1024;

/** Digests of memory that nodes may still have: changes of a while. */
const MAX_DIGESTS = 1000;

/** Serves one control plane's snapshots to any number of DNS nodes, over HTTP/2. */
export class StreamServer {
  readonly #options: StreamServerOptions;
  readonly #server: Http2SecureServer;
  readonly #epoch: string;
  /** Changes by the generation that they lead to, the oldest first, without a gap. */
  #journal: { readonly generation: number; readonly message: Buffer }[] = [];
  #journalOctets = 0;
  #generation = 0;
  readonly #subscribers = new Set<ServerHttp2Stream>();
  /** Undefined before anything was served that is to be remembered: what nodes know from before stays theirs. */
  #memory: StreamMemory | undefined;
  /** Of the memory and what it was before: who has one of these knows nothing new. */
  readonly #digests = new Set<string>();
  /** Nodes that wait for all of a generation; what changes meanwhile is in the journal. */
  #full:
    | { readonly generation: number; readonly message: Promise<{ generation: number; message: Buffer }> }
    | undefined;
  readonly #alive: NodeJS.Timeout;

  private constructor(epoch: string, options: StreamServerOptions) {
    this.#options = options;
    this.#epoch = epoch;
    const { certificate, key, clientAuthority } = options;
    this.#server = createSecureServer({
      cert: certificate,
      key,
      minVersion: 'TLSv1.2',
      requestCert: clientAuthority !== undefined,
      // Who has no certificate may have the token.
      rejectUnauthorized: false,
      ...(clientAuthority === undefined ? {} : { ca: clientAuthority }),
    });
    this.#server.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      void this.#serve(stream, headers);
    });
    this.#server.on('sessionError', () => {});
    // Who follows is told something every other second; who asks for nothing is not kept.
    this.#server.on('session', (session) => session.setTimeout(SILENT_MS, () => session.destroy()));
    this.#alive = setInterval(() => this.#sayAlive(), ALIVE_MS);
    this.#alive.unref();
  }

  /** @throws the system's error when it cannot listen */
  static async listen(epoch: string, options: StreamServerOptions): Promise<StreamServer> {
    const server = new StreamServer(epoch, options);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen(options.port, options.host, () => {
        server.#server.off('error', reject);
        resolve();
      });
    });
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  /** A new generation, and what it differs in from the one before. */
  publish(generation: number, message: Buffer): void {
    this.#generation = generation;
    this.#journal.push({ generation, message });
    this.#journalOctets += message.length;
    while (this.#journalOctets > JOURNAL_OCTETS && this.#journal.length > 1)
      this.#journalOctets -= this.#journal.shift()!.message.length;
    for (const stream of this.#subscribers) this.#write(stream, message);
  }

  /** What this control plane serves by has changed. */
  remember(memory: MemoryMessage): void {
    this.#memory ??= new StreamMemory();
    this.#memory.apply(memory);
    this.#digests.add(this.#memory.digest);
    for (const digest of this.#digests) {
      if (this.#digests.size <= MAX_DIGESTS) break;
      this.#digests.delete(digest);
    }
    const message = encodeMessage(memory);
    for (const stream of this.#subscribers) this.#write(stream, message);
  }

  #write(stream: ServerHttp2Stream, message: Buffer): void {
    if (stream.writableLength > MAX_UNREAD) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    else stream.write(message);
  }

  #sayAlive(): void {
    if (this.#generation === 0) return;
    const message = this.#aliveMessage();
    for (const stream of this.#subscribers) this.#write(stream, message);
  }

  #aliveMessage(): Buffer {
    const age = Math.round(this.#options.age() * 10) / 10;
    return encodeMessage({ type: 'alive', generation: this.#generation, age });
  }

  async #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const url = new URL(String(headers[':path']), 'https://control');
    const refuse = (status: number, reason: string): void => {
      const socket = stream.session?.socket as TLSSocket | undefined;
      this.#options.onRefused?.(socket?.remoteAddress ?? '', reason);
      stream.respond({ ':status': status, 'content-type': 'text/plain' });
      stream.end(`${reason}\n`);
    };
    if (!this.#isLetIn(stream, headers)) return refuse(401, 'show a certificate of the authority, or the token');
    if (url.pathname === MEMORY_PATH && headers[':method'] === 'POST') return this.#hearMemory(stream, refuse);
    if (url.pathname !== PATH || headers[':method'] !== 'GET') return refuse(404, `GET ${PATH}`);
    const digest = String(headers[MEMORY_HEADER] ?? '');
    if (digest !== '' && !this.#digests.has(digest) && this.#options.wantsMemory()) {
      stream.respond({ ':status': TELL_MEMORY, 'content-type': 'text/plain' });
      stream.end('tell the memory first\n');
      return undefined;
    }
    if (this.#generation === 0) return refuse(503, 'nothing to serve yet');
    stream.respond({ ':status': 200, 'content-type': 'application/octet-stream' });
    const known = url.searchParams.get('epoch') === this.#epoch ? Number(url.searchParams.get('generation')) : 0;
    const since = this.#journal.findIndex(({ generation }) => generation === known + 1);
    if (known > 0 && (known === this.#generation || since >= 0)) {
      for (const { message } of since < 0 ? [] : this.#journal.slice(since)) stream.write(message);
    } else {
      const have = [headers['edgeward-have'] ?? ''].flat().join();
      const whole = await this.#whole(have);
      if (stream.destroyed) return undefined;
      stream.write(whole.message);
      for (const { generation, message } of this.#journal) if (generation > whole.generation) stream.write(message);
    }
    if (this.#memory !== undefined && digest !== this.#memory.digest && !this.#options.isHolding())
      stream.write(encodeMessage(this.#memory.whole()));
    stream.write(this.#aliveMessage());
    this.#subscribers.add(stream);
    stream.once('close', () => this.#subscribers.delete(stream));
    return undefined;
  }

  async #hearMemory(stream: ServerHttp2Stream, refuse: (status: number, reason: string) => void): Promise<void> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MAX_MEMORY) return refuse(413, 'the memory is too large');
    }
    try {
      const [message] = new MessageReader().push(Buffer.concat(chunks));
      if (message?.header.type !== 'memory') return refuse(400, 'this is no memory');
      await this.#options.onMemory(message.header);
    } catch (error) {
      return refuse(400, error instanceof Error ? error.message : String(error));
    }
    if (stream.destroyed) return undefined;
    stream.respond({ ':status': 204 });
    stream.end();
    return undefined;
  }

  /** Those who begin with nothing share one message, as long as the journal goes on from it. */
  #whole(have: string): Promise<{ generation: number; message: Buffer }> {
    const hashes = have === '' ? [] : have.split(',');
    if (hashes.length > 0) return this.#options.full(hashes);
    const [oldest] = this.#journal;
    if (this.#full === undefined || (oldest !== undefined && this.#full.generation + 1 < oldest.generation)) {
      this.#full = { generation: this.#generation, message: this.#options.full([]) };
    }
    return this.#full.message;
  }

  #isLetIn(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): boolean {
    const { clientAuthority, token } = this.#options;
    const socket = stream.session?.socket as TLSSocket | undefined;
    if (clientAuthority !== undefined && socket?.authorized === true) return true;
    if (token === undefined) return false;
    const given = /^Bearer (.+)$/u.exec(headers.authorization ?? '')?.[1] ?? '';
    return timingSafeEqual(digest(given), digest(token));
  }

  async close(): Promise<void> {
    clearInterval(this.#alive);
    await Promise.all([...this.#subscribers].map((stream) => endGently(stream)));
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}

/** What was written last still arrives, unless nobody reads it. */
async function endGently(stream: ServerHttp2Stream): Promise<void> {
  const { session } = stream;
  if (session === undefined || session.destroyed) return;
  stream.end();
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => session.destroy(), LAST_WORDS_MS);
    session.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    session.close();
  });
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
