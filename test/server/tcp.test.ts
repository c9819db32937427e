import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { COUNTER, createCounters } from '../../src/observe/counters.ts';
import { listenTcp, type AnswerTcp, type TcpLimits, type TcpServer } from '../../src/server/tcp.ts';
import { frame, query, TcpClient } from './tcp-client.ts';

const LIMITS: TcpLimits = { maxConnections: 50, maxPerClient: 20, idleMs: 2000, totalMs: 10_000, maxPipelined: 100 };

/** The query with QR set; what is shorter than a header gets nothing, as in the server. */
const echo: AnswerTcp = (message, length, _source, out) => {
  if (length < 12) return 0;
  out.set(message);
  out[2]! |= 128;
  return length;
};

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(limits: Partial<TcpLimits> = {}, answer: AnswerTcp = echo, host = '127.0.0.1') {
  const counters = createCounters();
  const all = { ...LIMITS, ...limits };
  const server: TcpServer = await listenTcp({ host, port: 0, reusePort: false, limits: all, answer, counters });
  closing.push(() => server.close(0));
  const count = (name: keyof typeof COUNTER): number => counters[COUNTER[name]]!;
  const open = async (options?: Parameters<typeof TcpClient.open>[1]): Promise<TcpClient> => {
    const client = await TcpClient.open(server.port, options);
    closing.push(() => void client.socket.destroy());
    return client;
  };
  return { server, count, open };
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Sends an octet every `ms` until the connection is over; how long it was open, in milliseconds. */
async function trickle(client: TcpClient, octets: Uint8Array, ms: number): Promise<number> {
  const begin = performance.now();
  for (const octet of octets) {
    if (client.over !== undefined) break;
    client.socket.write(Uint8Array.of(octet));
    await sleep(ms);
  }
  return performance.now() - begin;
}

describe('messages', () => {
  it('answers pipelined queries in their order, in fewer writes than there are answers', async () => {
    const { open } = await start();
    const client = await open();
    client.send(...range(90).map((id) => query(id)));
    expect(await client.received(90)).toBe(true);
    expect(client.ids).toEqual(range(90));
    expect(client.chunks).toBeLessThan(10);
  });

  it('answers more queries at once than are taken in one turn', async () => {
    const { open } = await start({ maxPipelined: 3 });
    const client = await open();
    client.send(...range(1000).map((id) => query(id)));
    expect(await client.received(1000)).toBe(true);
    expect(client.ids).toEqual(range(1000));
  });

  it('lets others have their turn while one pipelines', async () => {
    const order: number[] = [];
    const { open } = await start({ maxPipelined: 5 }, (message, length, source, out) => {
      order.push((message[0]! << 8) | message[1]!);
      return echo(message, length, source, out);
    });
    const [busy, other] = [await open(), await open()];
    busy.send(...range(2000).map((id) => query(id)));
    other.send(query(5000));
    expect(await other.received(1)).toBe(true);
    expect(await busy.received(2000)).toBe(true);
    expect(order.indexOf(5000)).toBeLessThan(order.length - 1);
  });

  it('puts queries together that come in pieces, cut within the length too', async () => {
    const { open } = await start();
    const client = await open();
    const stream = Buffer.concat(range(5).map((id) => frame(query(id, 40))));
    for (let at = 0; at < stream.length; at += 7) {
      client.socket.write(stream.subarray(at, at + 7));
      await sleep(1);
    }
    expect(await client.received(5)).toBe(true);
    expect(client.messages).toEqual(
      range(5).map((id) => {
        const answer = query(id, 40);
        answer[2] = 128;
        return answer;
      }),
    );
  });

  it('carries the longest messages both ways', async () => {
    const { open } = await start();
    const client = await open();
    client.send(query(1, 65_523), query(2, 65_523), query(3));
    expect(await client.received(3)).toBe(true);
    expect(client.messages.map((message) => message.length)).toEqual([65_535, 65_535, 12]);
  });

  it('passes over messages of no octets and of too few, and answers those around them', async () => {
    const { open } = await start();
    const client = await open();
    client.send(query(1), Buffer.alloc(0), Buffer.alloc(5), query(2));
    expect(await client.received(2)).toBe(true);
    expect(client.ids).toEqual([1, 2]);
    expect(client.over).toBeUndefined();
  });

  it('answers after the client has sent its FIN, then closes', async () => {
    const { open } = await start({ maxPipelined: 10 });
    const client = await open({ halfOpen: true });
    client.send(...range(50).map((id) => query(id)));
    client.socket.end();
    expect(await client.ended()).toBe('end');
    expect(client.ids).toEqual(range(50));
  });

  it('tells the answerer who asks', async () => {
    const families: [number, number][] = [];
    const { open } = await start({}, (message, length, source, out) => {
      families.push([source.family, source.w0]);
      return echo(message, length, source, out);
    });
    const client = await open({ from: '127.0.0.9' });
    client.send(query(1));
    expect(await client.received(1)).toBe(true);
    expect(families).toEqual([[4, 0x7f000009]]);
  });
});

describe('time', () => {
  it('closes a connection that asks nothing', async () => {
    const { open, count } = await start({ idleMs: 100 });
    const client = await open();
    const begin = performance.now();
    expect(await client.ended()).toBe('end');
    expect(performance.now() - begin).toBeGreaterThan(80);
    expect(count('tcpIdle')).toBe(1);
  });

  it('counts idleness from the last query answered', async () => {
    const { open } = await start({ idleMs: 200 });
    const client = await open();
    for (const id of range(6)) {
      client.send(query(id));
      await sleep(80);
    }
    expect(client.over).toBeUndefined();
    expect(await client.ended()).toBe('end');
  });

  it('closes a connection with a length and no message', async () => {
    const { open, count } = await start({ idleMs: 100 });
    const client = await open();
    client.socket.write(Uint8Array.of(0, 200));
    expect(await client.ended()).toBe('end');
    expect(count('tcpSlow')).toBe(1);
  });

  it('is not held open by octets that come one at a time', async () => {
    const { open, count } = await start({ idleMs: 150 });
    const client = await open();
    const open1 = await trickle(client, frame(query(1, 500)), 20);
    expect(open1).toBeLessThan(1000);
    expect(client.messages).toEqual([]);
    expect(count('tcpSlow')).toBe(1);
  });

  it('is not held open by messages that deserve no answer', async () => {
    const { open } = await start({ idleMs: 150 });
    const client = await open();
    expect(await trickle(client, new Uint8Array(400), 10)).toBeLessThan(1000);
  });

  it('ends a busy connection after the total time, its queries answered', async () => {
    const { open, count } = await start({ totalMs: 300 });
    const client = await open();
    let sent = 0;
    while (client.over === undefined && sent < 200) {
      client.send(query(sent++));
      await sleep(10);
    }
    expect(client.over).toBe('end');
    expect(client.messages.length).toBeGreaterThan(10);
    expect(client.messages.length).toBeGreaterThanOrEqual(sent - 3);
    expect(count('tcpTotal')).toBe(1);
  });
});

describe('a client that does not read', () => {
  it('is not read from, costs bounded memory, and is closed', async () => {
    let answered = 0;
    const { open, count } = await start({ idleMs: 500 }, (message, length, source, out) => {
      answered++;
      echo(message, length, source, out);
      return 60_000;
    });
    const client = await open();
    client.socket.pause();
    const queries = Buffer.concat(range(1000).map((id) => frame(query(id))));
    for (let i = 0; i < 20; i++) client.socket.write(queries);
    await sleep(300);
    const before = answered;
    // Some go into the sockets' buffers; 20,000 answers would be 1.2 GB.
    expect(before).toBeLessThan(500);
    await sleep(100);
    expect(answered).toBe(before);
    client.socket.resume();
    await sleep(200);
    expect(answered).toBeGreaterThan(before);
    client.socket.pause();
    for (let i = 0; i < 40 && count('tcpOpen') > 0; i++) await sleep(50);
    expect(count('tcpOpen')).toBe(0);
    expect(count('tcpBacklog')).toBe(1);
  });

  it('does not keep others waiting', async () => {
    const { open } = await start({}, (message, length, source, out) => {
      echo(message, length, source, out);
      return 60_000;
    });
    const [deaf, other] = [await open(), await open()];
    deaf.socket.pause();
    deaf.send(...range(1000).map((id) => query(id)));
    await sleep(50);
    other.send(query(7));
    expect(await other.received(1, 1000)).toBe(true);
  });
});

describe('limits', () => {
  it('refuses a client more connections than its share, and no other client', async () => {
    const { open, count } = await start({ maxPerClient: 2 });
    const kept = [await open(), await open()];
    const surplus = await open();
    expect(['end', 'close', 'ECONNRESET']).toContain(await surplus.ended());
    const neighbour = await open({ from: '127.0.0.2' });
    for (const client of [...kept, neighbour]) {
      client.send(query(1));
      expect(await client.received(1)).toBe(true);
    }
    expect(count('tcpRefusedClient')).toBe(1);
    kept[0]!.socket.destroy();
    for (let i = 0; i < 40 && count('tcpOpen') > 2; i++) await sleep(25);
    const again = await open();
    again.send(query(2));
    expect(await again.received(1)).toBe(true);
  });

  it('closes the connection that was idle longest when all are taken', async () => {
    const { open, count } = await start({ maxConnections: 3 });
    const [first, second, third] = [await open(), await open(), await open()];
    for (const client of [second, third, first]) {
      client.send(query(1));
      expect(await client.received(1)).toBe(true);
    }
    const fourth = await open();
    fourth.send(query(4));
    expect(await fourth.received(1)).toBe(true);
    expect(await second.ended()).toBe('end');
    expect([first.over, third.over, fourth.over]).toEqual([undefined, undefined, undefined]);
    expect(count('tcpEvicted')).toBe(1);
    expect(count('tcpOpen')).toBe(3);
  });
});

describe('resets', () => {
  it('survives clients that reset, before and while they are answered', async () => {
    const { open, count } = await start();
    for (const id of range(30)) {
      const client = await open();
      client.send(...range(50).map(() => query(id, 1000)));
      if (id % 2 === 0) await sleep(id % 5);
      client.socket.resetAndDestroy();
    }
    for (let i = 0; i < 40 && count('tcpOpen') > 0; i++) await sleep(25);
    expect(count('tcpOpen')).toBe(0);
    const client = await open();
    client.send(query(1));
    expect(await client.received(1)).toBe(true);
  });
});

describe('close', () => {
  it('answers what was asked, then ends each connection and accepts no more', async () => {
    const { server, open, count } = await start();
    const clients = await Promise.all(range(5).map(() => open()));
    for (const client of clients) client.send(...range(200).map((id) => query(id)));
    const begin = performance.now();
    await server.close(5000);
    expect(performance.now() - begin).toBeLessThan(2000);
    for (const client of clients) {
      expect(await client.ended()).toBe('end');
      expect(client.ids).toEqual(range(200));
    }
    await expect(open()).rejects.toThrow('ECONNREFUSED');
    expect(count('tcpOpen')).toBe(0);
  });

  it('answers all that a client had pipelined', async () => {
    const { server, open } = await start();
    const client = await open();
    client.send(...range(20_000).map((id) => query(id)));
    await server.close(5000);
    expect(await client.ended()).toBe('end');
    expect(client.messages).toHaveLength(20_000);
  });

  it('takes no more queries of a client that never pauses after half its grace', async () => {
    const { server, open } = await start();
    const client = await open();
    const asking = setInterval(() => client.send(query(1)), 2);
    const begin = performance.now();
    await server.close(600);
    const took = performance.now() - begin;
    clearInterval(asking);
    expect(took).toBeGreaterThan(250);
    expect(took).toBeLessThan(900);
    expect(client.messages.length).toBeGreaterThan(20);
  });

  it('waits no longer than its grace for clients that do not read', async () => {
    const { server, open } = await start({ idleMs: 10_000 }, (message, length, source, out) => {
      echo(message, length, source, out);
      return 60_000;
    });
    const client = await open();
    client.socket.pause();
    client.send(...range(500).map((id) => query(id)));
    await sleep(50);
    const begin = performance.now();
    await server.close(200);
    const took = performance.now() - begin;
    expect(took).toBeGreaterThan(150);
    expect(took).toBeLessThan(1500);
  });
});

describe('listenTcp', () => {
  it('listens on IPv6', async () => {
    const { server } = await start({}, echo, '::1');
    expect(server.port).toBeGreaterThan(0);
  });

  it('rejects when the port is taken', async () => {
    const { server } = await start();
    const options = { host: '127.0.0.1', port: server.port, reusePort: false, limits: LIMITS, answer: echo };
    await expect(listenTcp({ ...options, counters: createCounters() })).rejects.toThrow('EADDRINUSE');
  });
});
