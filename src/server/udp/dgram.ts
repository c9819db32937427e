import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { COUNTER } from '../../observe/counters.ts';
import { readSource, type SourceAddress } from '../client-address.ts';
import { RECEIVE_BUFFER, type AnswerUdp } from './transport.ts';

export interface UdpOptions {
  /** Address to bind, IPv4 or IPv6. */
  readonly host: string;
  readonly port: number;
  /** Several threads bind the same address, and the kernel spreads clients over them. */
  readonly reusePort: boolean;
  readonly answer: AnswerUdp;
  readonly out: Uint8Array;
  readonly counters: Float64Array;
}

/** A socket that answers datagrams, and how to be rid of it. */
export interface UdpTransport {
  readonly port: number;
  /** Stops receiving; resolves when what was answered has been handed to the kernel. */
  close(): Promise<void>;
}

/**
 * UDP by `node:dgram`: works everywhere, at twice the system time of batched calls.
 * @throws the system's error when the address cannot be bound
 */
export async function listenDgram({ host, port, reusePort, answer, out, counters }: UdpOptions): Promise<UdpTransport> {
  const ipv6 = isIPv6(host);
  const socket = createSocket({ type: ipv6 ? 'udp6' : 'udp4', ipv6Only: ipv6, reusePort });
  const source: SourceAddress = { family: 4, w0: 0, w1: 0, w2: 0, w3: 0 };
  let sending = 0;
  let drained: (() => void) | undefined;
  socket.on('message', (message, peer) => {
    // Port 0 cannot be answered, and is a reflection attempt.
    if (peer.port === 0 || !readSource(peer.address, source)) return;
    const length = answer(message, message.length, source, out);
    if (length === 0) return;
    sending++;
    // The socket keeps what it sends until later, so it gets a copy.
    socket.send(Buffer.from(out.subarray(0, length)), peer.port, peer.address, (error) => {
      if (error !== null) counters[COUNTER.droppedSend]!++;
      if (--sending === 0) drained?.();
    });
  });
  await bound(socket, host, port);
  socket.on('error', () => {
    // ICMP errors of single peers surface here; the socket goes on.
    counters[COUNTER.droppedSend]!++;
  });
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER);
  } catch {
    // The kernel's default stays.
  }
  return {
    port: socket.address().port,
    close: async () => {
      socket.removeAllListeners('message');
      if (sending > 0) await new Promise<void>((resolve) => (drained = resolve));
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    },
  };
}

/**
 * Makes sure that no other process answers at an address which several threads of ours are going to share: the kernel
 * lets processes of one user share it as well, and would give each a part of the queries without a word. Two processes
 * that do this within the same millisecond may miss each other: batched UDP claims its first socket instead.
 * @throws the system's error when the address is taken, or cannot be bound
 */
export async function claimPort(host: string, port: number): Promise<void> {
  const ipv6 = isIPv6(host);
  const socket = createSocket({ type: ipv6 ? 'udp6' : 'udp4', ipv6Only: ipv6 });
  try {
    await bound(socket, host, port);
  } finally {
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  }
}

function bound(socket: Socket, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}
