import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import { decodeMessage, encodeMessage, type Message } from '../../src/wire/message.ts';

/** What a server says to a query: a message, octets as they are, or nothing. */
export type Say = (query: Message, transport: 'udp' | 'tcp') => Message | Uint8Array | undefined;

export interface ScriptedServer {
  readonly port: number;
  /** Queries that came, with how. */
  readonly queries: { readonly transport: 'udp' | 'tcp'; readonly message: Message }[];
  close(): Promise<void>;
}

/** The query as an answer without records. */
export function answerTo(query: Message, changes: Partial<Message> = {}): Message {
  return { ...query, qr: true, aa: true, additionals: [], ...changes };
}

/** A server on one port of UDP and TCP that says what it is told to. */
export async function startScripted(say: Say, host = '127.0.0.1'): Promise<ScriptedServer> {
  const queries: ScriptedServer['queries'] = [];
  const reply = (bytes: Uint8Array, transport: 'udp' | 'tcp'): Uint8Array | undefined => {
    const decoded = decodeMessage(bytes);
    if (!decoded.ok) throw new Error(`a malformed query: ${decoded.error}`);
    queries.push({ transport, message: decoded.value });
    const said = say(decoded.value, transport);
    return said === undefined || said instanceof Uint8Array ? said : encodeMessage(said);
  };
  const sockets = new Set<Socket>();
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {
      // The client has gone.
    });
    let received = Buffer.alloc(0);
    socket.on('data', (data) => {
      received = Buffer.concat([received, data]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const answer = reply(received.subarray(2, 2 + received.readUInt16BE(0)), 'tcp');
      if (answer === undefined) return;
      // In two pieces, the length cut: a client must put them together.
      const framed = Buffer.from([answer.length >>> 8, answer.length & 255, ...answer]);
      socket.write(framed.subarray(0, 1));
      setImmediate(() => socket.write(framed.subarray(1)));
    });
  });
  await new Promise<void>((resolve) => tcp.listen(0, host, resolve));
  const address = tcp.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const udp = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  udp.on('message', (bytes, client) => {
    const answer = reply(bytes, 'udp');
    if (answer !== undefined) udp.send(answer, client.port, client.address);
  });
  await new Promise<void>((resolve, reject) => {
    udp.once('error', reject);
    udp.bind(port, host, resolve);
  });
  return {
    port,
    queries,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all([
        new Promise<void>((resolve) => udp.close(() => resolve())),
        new Promise<void>((resolve) => tcp.close(() => resolve())),
      ]);
    },
  };
}
