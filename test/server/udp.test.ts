import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { COUNTER, createCounters } from '../../src/observe/counters.ts';
import { openBatched } from '../../src/server/udp/batched.ts';
import { claimPort } from '../../src/server/udp/dgram.ts';
import { closeUdp, whyNoBatches, type UdpSocket } from '../../src/server/udp/system-calls.ts';
import type { UdpWorkerSetup } from '../support/udp-worker.ts';

const closers: (() => Promise<void>)[] = [];
const clients: Socket[] = [];
afterEach(async () => {
  for (const socket of clients.splice(0)) socket.close();
  for (const close of closers.splice(0)) await close();
});

interface Running {
  readonly port: number;
  readonly counters: Float64Array;
  /** How many datagrams were answered, or left without an answer on purpose. */
  asked(): number;
  close(): Promise<void>;
}

type Transport = 'portable' | 'batched';
interface Where {
  readonly hosts?: readonly string[];
  readonly port?: number;
  readonly reusePort?: boolean;
}

/** A thread that answers as test/support/udp-worker.ts says. */
async function listen(transport: Transport, { hosts = ['127.0.0.1'], port = 0, reusePort = false }: Where = {}) {
  const counters = createCounters();
  const shared = new Int32Array(new SharedArrayBuffer(8));
  let sockets: UdpSocket[] | undefined;
  if (transport === 'batched') {
    sockets = [];
    for (const host of hosts) sockets.push(openBatched({ host, port: sockets[0]?.port ?? port, reusePort }));
  }
  const workerData: UdpWorkerSetup = { sockets, listen: { host: hosts[0]!, port, reusePort }, counters, shared };
  const start = async (): Promise<{ worker: Worker; port: number }> => {
    const worker = new Worker(new URL('../support/udp-worker.ts', import.meta.url), { workerData });
    worker.on('error', () => {});
    const [listening] = (await once(worker, 'message')) as [number];
    return { worker, port: listening };
  };
  let running = await start();
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    const ended = once(running.worker, 'exit');
    Atomics.store(shared, 0, 1);
    if (running.worker.threadId > 0) await ended;
    for (const socket of sockets ?? []) closeUdp(socket);
  };
  closers.push(close);
  const asked = (): number => Atomics.load(shared, 1);
  const restart = async (): Promise<void> => {
    running = await start();
  };
  return {
    port: running.port,
    counters,
    asked,
    close,
    died: new Promise((resolve) => running.worker.once('exit', resolve)),
    restart,
  } satisfies Running & Record<string, unknown>;
}

/** A client's socket and what it has received. */
async function client(host = '127.0.0.1'): Promise<{ socket: Socket; received: string[]; port: number }> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4').bind(0, host);
  await once(socket, 'listening');
  clients.push(socket);
  const received: string[] = [];
  socket.on('message', (message) => received.push(message.toString('latin1')));
  return { socket, received, port: socket.address().port };
}

async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 300 && !done(); i++) await sleep(10);
  expect(done()).toBe(true);
}

const unavailable = whyNoBatches();
if (unavailable !== undefined) console.log(`batched UDP is not tested: ${unavailable}`);
const transports: Transport[] = unavailable === undefined ? ['portable', 'batched'] : ['portable'];

describe.each(transports)('UDP, %s', (transport) => {
  it.each([
    { host: '127.0.0.1', source: '4 2130706433' },
    { host: '::1', source: '6 0 0 0 1' },
  ])('answers whom it is asked by, and knows who that is ($host)', async ({ host, source }) => {
    const { port } = await listen(transport, { hosts: [host] });
    const [one, two] = [await client(host), await client(host)];
    one.socket.send('one', port, host);
    two.socket.send('two', port, host);
    await until(() => one.received.length === 1 && two.received.length === 1);
    expect([...one.received, ...two.received]).toEqual(['one', 'two']);
    one.socket.send('who', port, host);
    await until(() => one.received.length === 2);
    expect(one.received[1]).toBe(source);
  });

  it('keeps answers apart that are made before the first has been sent', async () => {
    const { port } = await listen(transport);
    const [one, two] = [await client(), await client()];
    const wanted = Array.from({ length: 150 }, (_, i) => `${i} `.repeat(1 + (i % 7)));
    for (const text of wanted) {
      one.socket.send(`1 ${text}`, port, '127.0.0.1');
      one.socket.send('x', port, '127.0.0.1');
      two.socket.send(`2 ${text}`, port, '127.0.0.1');
    }
    await until(() => one.received.length === wanted.length && two.received.length === wanted.length);
    expect(one.received.toSorted()).toEqual(wanted.map((text) => `1 ${text}`).toSorted());
    expect(two.received.toSorted()).toEqual(wanted.map((text) => `2 ${text}`).toSorted());
  });

  it('sends nothing where there is no answer, and goes on', async () => {
    const { port } = await listen(transport);
    const { socket, received } = await client();
    for (const text of ['x', '', 'x', 'last']) socket.send(text, port, '127.0.0.1');
    await until(() => received.includes('last'));
    expect(received.filter((text) => text !== 'last')).toEqual([]);
  });

  it('takes the largest datagram, and outlives and counts answers that cannot be sent', async () => {
    const { port, counters, asked } = await listen(transport);
    const { socket, received } = await client();
    socket.send('before', port, '127.0.0.1');
    socket.send(Buffer.alloc(65_507), port, '127.0.0.1');
    socket.send('next', port, '127.0.0.1');
    await until(() => counters[COUNTER.droppedSend] === 1 && received.length === 2);
    expect(asked()).toBe(3);
    expect(received).toEqual(['before', 'next']);
  });

  it('outlives clients that are gone when their answer arrives', async () => {
    const { port } = await listen(transport);
    for (let i = 0; i < 20; i++) {
      const gone = createSocket('udp4');
      await new Promise((resolve) => gone.send('gone', port, '127.0.0.1', resolve));
      gone.close();
    }
    const { socket, received } = await client();
    socket.send('here', port, '127.0.0.1');
    await until(() => received.length > 0);
    expect(received).toEqual(['here']);
  });

  it('hands over what it has answered before it closes, then is silent', async () => {
    const { port, close, asked } = await listen(transport);
    const { socket, received } = await client();
    for (let i = 0; i < 50; i++) socket.send(`${i}`, port, '127.0.0.1');
    await until(() => asked() > 0);
    await close();
    const answered = asked();
    await until(() => received.length === answered);
    socket.send('late', port, '127.0.0.1');
    await sleep(50);
    expect(asked()).toBe(answered);
  });

  it('listens on IPv6 and IPv4 at the same port', async () => {
    const { port } = await listen(transport, { hosts: ['::'] });
    const { port: same } = await listen(transport, { hosts: ['0.0.0.0'], port });
    expect(same).toBe(port);
    for (const host of ['127.0.0.1', '::1']) {
      const { socket, received } = await client(host);
      socket.send(host, port, host);
      await until(() => received.length === 1);
    }
  });
});

describe.skipIf(unavailable !== undefined)('UDP, batched alone', () => {
  it('answers from the address that was asked, on a wildcard', async () => {
    const { port } = await listen('batched', { hosts: ['0.0.0.0'] });
    const { socket, received } = await client();
    // A connected socket hears only from the address that it is connected to.
    await new Promise<void>((resolve) => socket.connect(port, '127.0.0.53', resolve));
    for (const text of ['one', 'x', 'two']) socket.send(text);
    await until(() => received.length === 2);
    expect(received).toEqual(['one', 'two']);
  });

  it('serves several sockets of both families in one thread', async () => {
    const hosts = ['127.0.0.1', '127.0.0.2', '::1'];
    const { port } = await listen('batched', { hosts });
    for (let round = 0; round < 3; round++) {
      for (const host of hosts) {
        const { socket, received } = await client(host);
        socket.send('who', port, host);
        await until(() => received.length === 1);
        expect(received[0]!.startsWith(host.includes(':') ? '6' : '4')).toBe(true);
      }
    }
  });

  it('loses no query to a thread that dies, but the one that it died of', async () => {
    const { port, died, restart } = await listen('batched');
    const { socket, received } = await client();
    socket.send('die', port, '127.0.0.1');
    await died;
    for (let i = 0; i < 10; i++) socket.send(`${i}`, port, '127.0.0.1');
    await restart();
    await until(() => received.length === 10);
    expect(received).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`));
  });

  it('costs next to nothing while nobody asks', async () => {
    await listen('batched');
    const before = process.cpuUsage();
    await sleep(1000);
    const { user, system } = process.cpuUsage(before);
    // Ten wakings a second; a loop that spins would take all of it.
    expect(user + system).toBeLessThan(300_000);
  });

  it('says what cannot be bound', () => {
    expect(() => openBatched({ host: '192.0.2.1', port: 0, reusePort: false })).toThrow('bind EADDRNOTAVAIL 192.0.2.1');
    const socket = openBatched({ host: '127.0.0.1', port: 0, reusePort: false });
    expect(() => openBatched({ host: '127.0.0.1', port: socket.port, reusePort: false })).toThrow(/EADDRINUSE/u);
    closeUdp(socket);
    const again = openBatched({ host: '127.0.0.1', port: socket.port, reusePort: false });
    expect(again.port).toBe(socket.port);
    closeUdp(again);
  });
});

describe.each(transports)('claimPort, against %s', (transport) => {
  it.each([
    { host: '127.0.0.1', reusePort: false },
    { host: '127.0.0.1', reusePort: true },
    { host: '::1', reusePort: true },
  ])('refuses an address in use, shared or not ($host, shared: $reusePort)', async ({ host, reusePort }) => {
    const { close, port } = await listen(transport, { hosts: [host], reusePort });
    await expect(claimPort(host, port)).rejects.toThrow(/EADDRINUSE/u);
    await close();
    await expect(claimPort(host, port)).resolves.toBeUndefined();
  });
});

describe('claimPort', () => {
  it('says when the address is not of this machine', async () => {
    await expect(claimPort('192.0.2.1', 5300)).rejects.toThrow(/EADDRNOTAVAIL/u);
  });

  it('lets the system choose a port', async () => {
    await expect(claimPort('127.0.0.1', 0)).resolves.toBeUndefined();
  });
});
