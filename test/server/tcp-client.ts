import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A message as TCP carries it: its length in two octets, then itself (RFC 1035 4.2.2). */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.alloc(2 + message.length);
  framed.writeUInt16BE(message.length);
  framed.set(message, 2);
  return framed;
}

/** A query of twelve octets and `size` more, told from others by its ID. */
export function query(id: number, size = 0): Buffer {
  const message = Buffer.alloc(12 + size);
  message.writeUInt16BE(id);
  return message;
}

/** One TCP connection, the messages it received, and how it ended. */
export class TcpClient {
  readonly socket: Socket;
  readonly messages: Buffer[] = [];
  /** Chunks in which they came. */
  chunks = 0;
  /** Set once the connection is over: `end` by the server's FIN, else the error's code. */
  over: string | undefined;
  #received: Buffer = Buffer.alloc(0);
  #watchers: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (data) => {
      this.chunks++;
      this.#received = Buffer.concat([this.#received, data]);
      while (this.#received.length >= 2 && this.#received.length >= 2 + this.#received.readUInt16BE(0)) {
        const end = 2 + this.#received.readUInt16BE(0);
        this.messages.push(this.#received.subarray(2, end));
        this.#received = this.#received.subarray(end);
      }
      this.#changed();
    });
    socket.on('end', () => this.#end('end'));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#end(error.code ?? error.message));
    socket.on('close', () => this.#end('close'));
  }

  static async open(
    port: number,
    options: { readonly from?: string; readonly halfOpen?: boolean } = {},
  ): Promise<TcpClient> {
    const socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      allowHalfOpen: options.halfOpen ?? false,
      ...(options.from === undefined ? {} : { localAddress: options.from }),
    });
    const client = new TcpClient(socket);
    await once(socket, 'connect');
    return client;
  }

  get ids(): number[] {
    return this.messages.map((message) => message.readUInt16BE(0));
  }

  send(...messages: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(messages.map(frame)));
  }

  /** Resolves with true once so many messages are there; with false after `ms` without them or when all is over. */
  async received(count: number, ms = 3000): Promise<boolean> {
    await this.#until(() => this.messages.length >= count || this.over !== undefined, ms);
    return this.messages.length >= count;
  }

  /** How the connection ended; undefined if it did not within `ms`. */
  async ended(ms = 3000): Promise<string | undefined> {
    await this.#until(() => this.over !== undefined, ms);
    return this.over;
  }

  #end(how: string): void {
    this.over ??= how;
    this.#changed();
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher();
  }

  async #until(condition: () => boolean, ms: number): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#watchers = this.#watchers.filter((each) => each !== watcher);
        resolve();
      };
      const watcher = (): void => {
        if (condition()) done();
      };
      const timer = setTimeout(done, ms);
      this.#watchers.push(watcher);
    });
  }
}
