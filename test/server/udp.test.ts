import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { COUNTER, createCounters } from '../../src/observe/counters.ts';
import { OUT_SIZE } from '../../src/server/answer.ts';
import { claimPort, listenDgram, type AnswerUdp, type UdpTransport } from '../../src/server/udp.ts';

const transports: UdpTransport[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close();
  for (const transport of transports.splice(0)) await transport.close();
});

/** Sends back what it was sent. */
const echo: AnswerUdp = (message, length, _, out) => {
  out.set(message.subarray(0, length));
  return length;
};

async function listen(answer: AnswerUdp, host = '127.0.0.1', reusePort = false, port = 0) {
  const counters = createCounters();
  const transport = await listenDgram({ host, port, reusePort, answer, out: new Uint8Array(OUT_SIZE), counters });
  transports.push(transport);
  return { transport, port: transport.port, counters };
}

/** A client's socket and what it has received. */
async function client(host = '127.0.0.1'): Promise<{ socket: Socket; received: Buffer[] }> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4').bind(0, host);
  await once(socket, 'listening');
  sockets.push(socket);
  const received: Buffer[] = [];
  socket.on('message', (message) => received.push(message));
  return { socket, received };
}

async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 300 && !done(); i++) await sleep(10);
  expect(done()).toBe(true);
}

describe('listenDgram', () => {
  it.each([
    { host: '127.0.0.1', source: { family: 4, w0: 0x7f000001 } },
    { host: '::1', source: { family: 6, w0: 0, w1: 0, w2: 0, w3: 1 } },
  ])('answers whom it is asked by, and says who that is ($host)', async ({ host, source }) => {
    const sources: object[] = [];
    const { port } = await listen((message, length, from, out) => {
      sources.push({ ...from });
      return echo(message, length, from, out);
    }, host);
    const [one, two] = [await client(host), await client(host)];
    one.socket.send('one', port, host);
    two.socket.send('two', port, host);
    await until(() => one.received.length === 1 && two.received.length === 1);
    expect([...one.received, ...two.received].map(String)).toEqual(['one', 'two']);
    expect(sources).toHaveLength(2);
    expect(sources[0]).toMatchObject(source);
  });

  it('keeps answers apart that are made before the first has been sent', async () => {
    const { port } = await listen(echo);
    const { socket, received } = await client();
    const wanted = Array.from({ length: 100 }, (_, i) => `${i}`.repeat(1 + (i % 7)));
    for (const text of wanted) socket.send(text, port, '127.0.0.1');
    await until(() => received.length === wanted.length);
    expect(received.map(String).toSorted()).toEqual(wanted.toSorted());
  });

  it('sends nothing where there is no answer, and goes on', async () => {
    const { port } = await listen((message, length, from, out) =>
      message[0] === 0x78 ? 0 : echo(message, length, from, out),
    );
    const { socket, received } = await client();
    for (const text of ['x', '', 'x', 'last']) socket.send(text, port, '127.0.0.1');
    await until(() => received.some((message) => String(message) === 'last'));
    expect(received.map(String)).not.toContain('x');
  });

  it('takes the largest datagram, and outlives and counts answers that cannot be sent', async () => {
    const lengths: number[] = [];
    const { port, counters } = await listen((message, length, from, out) => {
      lengths.push(length);
      return length > 60_000 ? 65_535 : echo(message, length, from, out);
    });
    const { socket, received } = await client();
    socket.send(Buffer.alloc(65_507), port, '127.0.0.1');
    await until(() => counters[COUNTER.droppedSend] === 1);
    socket.send('next', port, '127.0.0.1');
    await until(() => received.length === 1);
    expect(lengths).toEqual([65_507, 4]);
    expect(String(received[0])).toBe('next');
  });

  it('outlives clients that are gone when their answer arrives', async () => {
    const { port } = await listen(echo);
    for (let i = 0; i < 20; i++) {
      const gone = createSocket('udp4');
      await new Promise((resolve) => gone.send('gone', port, '127.0.0.1', resolve));
      gone.close();
    }
    const { socket, received } = await client();
    socket.send('here', port, '127.0.0.1');
    await until(() => received.length > 0);
    expect(received.map(String)).toEqual(['here']);
  });

  it('hands over what it has answered before it closes, then is silent', async () => {
    let asked = 0;
    const { transport, port } = await listen((message, length, from, out) => {
      asked++;
      return echo(message, length, from, out);
    });
    const { socket, received } = await client();
    for (let i = 0; i < 50; i++) socket.send(`${i}`, port, '127.0.0.1');
    await until(() => asked > 0);
    transports.splice(0);
    await transport.close();
    const answered = asked;
    await until(() => received.length === answered);
    socket.send('late', port, '127.0.0.1');
    await sleep(50);
    expect(asked).toBe(answered);
  });

  it('listens on IPv6 and IPv4 at the same port', async () => {
    const { port } = await listen(echo, '::');
    const { port: same } = await listen(echo, '0.0.0.0', false, port);
    expect(same).toBe(port);
  });
});

describe('claimPort', () => {
  it.each([
    { host: '127.0.0.1', reusePort: false },
    { host: '127.0.0.1', reusePort: true },
    { host: '::1', reusePort: true },
  ])('refuses an address in use, shared or not ($host, shared: $reusePort)', async ({ host, reusePort }) => {
    const { transport, port } = await listen(echo, host, reusePort);
    await expect(claimPort(host, port)).rejects.toThrow(/EADDRINUSE/u);
    transports.splice(0);
    await transport.close();
    await expect(claimPort(host, port)).resolves.toBeUndefined();
  });

  it('says when the address is not of this machine', async () => {
    await expect(claimPort('192.0.2.1', 5300)).rejects.toThrow(/EADDRNOTAVAIL/u);
  });

  it('lets the system choose a port', async () => {
    await expect(claimPort('127.0.0.1', 0)).resolves.toBeUndefined();
  });
});
