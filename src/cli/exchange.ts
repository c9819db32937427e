import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import { Packet } from 'dns2';
import { err, ok, type Result } from '../lib/result.ts';
import { decodeMessage, encodeQuery, type Message, type Query } from '../wire/message.ts';
import { nameEquals } from '../wire/name.ts';
import type { ServerAddress } from './query-line.ts';

export interface ExchangeOptions {
  readonly server: ServerAddress;
  readonly query: Omit<Query, 'id'>;
  /** Ask over TCP at once, rather than only after a truncated answer. */
  readonly tcp: boolean;
  /** Milliseconds to wait in each try. */
  readonly timeoutMs: number;
  readonly tries: number;
}

export interface Reply {
  readonly message: Message;
  /** Octets of the message. */
  readonly size: number;
  /** From the sending of the query that was answered. */
  readonly milliseconds: number;
  readonly transport: 'udp' | 'tcp';
  /** An answer over UDP came before, and was truncated. */
  readonly truncated: boolean;
  /** The address that answered. */
  readonly address: string;
}

/** What one try brought: octets, or why there are none. */
type Try = Result<{ readonly bytes: Uint8Array; readonly milliseconds: number }, string>;

/**
 * Asks a server, over UDP first and over TCP if that answer is truncated (RFC 7766 5). The error is one sentence.
 *
 * dns2 gives the ID and reads the TCP stream. Its encoder has neither escapes in names nor NSID, nor IPv6 subnets by
 * text; its decoder drops an OPT record with an IPv6 subnet of /40 or /56, and its clients speak IPv4 only over TCP,
 * without a limit of time: queries, answers and sockets are therefore ours.
 */
export async function exchange(options: ExchangeOptions): Promise<Result<Reply, string>> {
  const { host, port } = options.server;
  const address = await resolveHost(host);
  if (!address.ok) return address;
  const at = `${address.value.includes(':') ? `[${address.value}]` : address.value}:${port}`;
  const attempt = async (transport: 'udp' | 'tcp'): Promise<Result<Reply, string>> => {
    let why = '';
    for (let i = 0; i < options.tries; i++) {
      const query: Query = { ...options.query, id: Packet.uuid() };
      const send = transport === 'udp' ? askUdp : askTcp;
      const tried = await send(address.value, port, encodeQuery(query), options.timeoutMs);
      if (!tried.ok) {
        why = tried.error;
        continue;
      }
      const { bytes, milliseconds } = tried.value;
      const message = readAnswer(bytes, query);
      if (!message.ok) return err(`${at} answered over ${transport.toUpperCase()} with ${message.error}`);
      const reply = { message: message.value, size: bytes.length, milliseconds, transport, address: address.value };
      return ok({ ...reply, truncated: false });
    }
    const tries = options.tries === 1 ? '' : ` (${options.tries} tries)`;
    return err(`no answer from ${at} over ${transport.toUpperCase()}: ${why}${tries}`);
  };
  if (options.tcp) return attempt('tcp');
  const overUdp = await attempt('udp');
  if (!overUdp.ok || !overUdp.value.message.tc) return overUdp;
  const overTcp = await attempt('tcp');
  return overTcp.ok
    ? ok({ ...overTcp.value, truncated: true })
    : err(`the answer over UDP is truncated, and there is ${overTcp.error}`);
}

async function resolveHost(host: string): Promise<Result<string, string>> {
  if (isIP(host.replace(/%.*$/u, '')) !== 0) return ok(host);
  try {
    return ok((await lookup(host)).address);
  } catch (error) {
    return err(`the server's name ${host} cannot be resolved (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** The message, unless it is malformed or of another question than ours. */
function readAnswer(bytes: Uint8Array, query: Query): Result<Message, string> {
  const decoded = decodeMessage(bytes);
  if (!decoded.ok) return err(`a malformed message: ${decoded.error}`);
  const { questions, id, qr } = decoded.value;
  if (id !== query.id) return err(`the ID of another query, ${id} for ${query.id}`);
  if (!qr) return err('a query');
  // Errors may come without a question (RFC 1035 4.1.1 does not say; BIND and others leave it out of FORMERR).
  const [question] = questions;
  const ours = question === undefined || (nameEquals(question.name, query.name) && question.type === query.type);
  return ours ? decoded : err('another question than it was asked');
}

/** Why a socket failed, for people. */
function reason(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  if (code === 'ECONNRESET') return 'it closed the connection';
  return code ?? error.message;
}

function askUdp(address: string, port: number, query: Uint8Array, timeoutMs: number): Promise<Try> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    let start = performance.now();
    let settled = false;
    const settle = (result: Try): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      socket.close();
      resolve(result);
    };
    const timer = setTimeout(() => settle(err(`silent for ${timeoutMs / 1000} s`)), timeoutMs);
    socket.on('error', (error) => settle(err(reason(error))));
    socket.on('message', (message) => {
      // The socket is connected, so this is the server; with another ID it is the late answer to an earlier try.
      if (message.length < 2 || message[0] !== query[0] || message[1] !== query[1]) return;
      settle(ok({ bytes: message, milliseconds: performance.now() - start }));
    });
    // A connected socket hears that nothing listens at once, and takes datagrams of the server alone.
    socket.connect(port, address, () => {
      if (settled) return;
      start = performance.now();
      socket.send(query);
    });
  });
}

async function askTcp(address: string, port: number, query: Uint8Array, timeoutMs: number): Promise<Try> {
  const start = performance.now();
  const socket = connect({ host: address, port, noDelay: true });
  const late = new Error(`silent for ${timeoutMs / 1000} s`);
  const timer = setTimeout(() => socket.destroy(late), timeoutMs);
  try {
    const framed = Buffer.allocUnsafe(2 + query.length);
    framed.writeUInt16BE(query.length);
    framed.set(query, 2);
    socket.write(framed);
    const bytes = await Packet.readStream(socket);
    return ok({ bytes, milliseconds: performance.now() - start });
  } catch (error) {
    return err(error === late ? late.message : reason(error as Error));
  } finally {
    clearTimeout(timer);
    socket.on('error', () => {
      // What happens to the connection after the answer does not matter.
    });
    socket.destroy();
  }
}
