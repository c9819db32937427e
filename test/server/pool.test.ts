import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COUNTER } from '../../src/observe/counters.ts';
import type { ListenError } from '../../src/server/listen-error.ts';
import { AnswerPool, type PoolOptions } from '../../src/server/pool.ts';
import { whyNoBatches } from '../../src/server/udp/system-calls.ts';
import { compileSnapshot } from '../../src/snapshot/compile.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { decodeMessage } from '../../src/wire/message.ts';
import { recordToText } from '../../src/wire/message-text.ts';
import { ask, exchange } from '../support/dns/exchange.ts';
import { encodeQuery } from '../support/dns/query.ts';
import { freePort } from '../support/servers/process.ts';
import { world } from '../support/world.ts';

const TCP = { maxConnections: 100, maxPerClient: 50, idleMs: 5000, totalMs: 20_000, maxPipelined: 100 };
const RECORDS = 24;
const names = Array.from({ length: RECORDS }, (_, i) => `n${i}.example.org`);

/** A zone in which every datum says which generation it is of. */
async function generation(number: number): Promise<Snapshot> {
  const text = [
    `@ SOA ns.example.org. host.example.org. ${number} 3600 900 86400 300`,
    '@ NS ns.example.org.',
    'ns A 192.0.2.1',
    ...names.map((name) => `${name}. TXT "first ${number}"\n${name}. TXT "second ${number}"`),
  ].join('\n');
  const setup = await world({ zones: [{ origin: 'example.org', text }], resources: '', nets: '' });
  return { ...compileSnapshot({ ...setup, generation: number }), serial: number };
}

/** What no compiler makes: the first question about it ends the thread. */
const broken = (serial: number): Snapshot => ({ serial, tables: [] }) as unknown as Snapshot;

let udp: PoolOptions['udp'];
const pools = new Set<AnswerPool>();
afterEach(async () => {
  for (const pool of pools) await pool.drain(500);
  pools.clear();
});

async function start(snapshot: Snapshot, options: Partial<PoolOptions> = {}) {
  const restarts: string[] = [];
  const pool = await AnswerPool.start(
    {
      workers: 2,
      udp,
      listen: [{ host: '127.0.0.1', port: 0 }],
      answer: { udpPayloadSize: 1232, nsid: new Uint8Array(0), ecs: true },
      tcp: TCP,
      onRestart: (reason) => restarts.push(reason),
      ...options,
    },
    snapshot,
  );
  pools.add(pool);
  return { pool, port: pool.addresses[0]!.port, restarts };
}

const TXT = 16;
const queries = names.map((name) => encodeQuery({ name, type: TXT }));

/** The generations that an answer speaks of. */
function generationsIn(answer: Uint8Array): Set<number> {
  const message = decodeMessage(answer);
  if (!message.ok) throw new Error(message.error);
  const data = message.value.answers.map(recordToText);
  return new Set(data.map((text) => Number(/ (\d+)"$/u.exec(text)![1])));
}

/** Asks from one socket after the other, as the kernel gives all datagrams of one to the same thread. */
async function askUntil(port: number, done: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !done(); i++) await ask(port, queries[0]!, { timeoutMs: 30, tries: 1 });
}

describe.each(whyNoBatches() === undefined ? (['portable', 'batched'] as const) : (['portable'] as const))(
  '%s UDP',
  (transport) => {
    beforeEach(() => {
      udp = transport;
    });

    describe('publish', () => {
      it('gives answers of one generation each, never an older one after it resolves, and loses none', async () => {
        const { pool, port } = await start(await generation(1));
        const snapshots = await Promise.all(Array.from({ length: 20 }, (_, i) => generation(i + 2)));
        let published = 1;
        const all = new AbortController();
        const seen = new Set<number>();
        const load = async (tcp: boolean): Promise<number> => {
          let count = 0;
          while (!all.signal.aborted) {
            const least = published;
            const answers = await exchange(port, queries, { tcp, tries: 1, timeoutMs: 5000 });
            for (const answer of answers) {
              expect(answer, 'an answer was lost').toBeDefined();
              const generations = generationsIn(answer!);
              expect(generations.size).toBe(1);
              const [only] = generations;
              expect(only).toBeGreaterThanOrEqual(least);
              seen.add(only!);
              count++;
            }
          }
          return count;
        };
        const loads = Promise.all([load(false), load(false), load(true)]);
        for (const snapshot of snapshots) {
          await pool.publish(snapshot);
          published = snapshot.serial;
          await sleep(15);
        }
        all.abort();
        const counts = await loads;
        expect(Math.min(...counts)).toBeGreaterThan(RECORDS);
        expect(seen.size).toBeGreaterThan(3);
        expect(generationsIn((await ask(port, queries[0]!))!)).toEqual(new Set([21]));
      });
    });

    describe('a thread that dies', () => {
      it('is replaced and reported with its reason; its counters go on', async () => {
        const { pool, port, restarts } = await start(await generation(1));
        const before = await exchange(port, queries);
        expect(before.every((answer) => answer !== undefined)).toBe(true);
        const counted = (): number => pool.counters.reduce((sum, counters) => sum + counters[COUNTER.queriesUdp4]!, 0);
        const asked = counted();
        expect(asked).toBeGreaterThanOrEqual(RECORDS);
        await pool.publish(broken(2));
        await askUntil(port, () => restarts.length > 0);
        expect(restarts[0]).toMatch(/TypeError/u);
        await pool.publish(await generation(3));
        // It is back after a moment, beside the one that lived on.
        let answers: (Uint8Array | undefined)[] = [];
        for (let i = 0; i < 50 && !(answers.length > 0 && answers.every((answer) => answer !== undefined)); i++)
          answers = await exchange(port, queries, { tries: 1, timeoutMs: 100 });
        expect(answers.map((answer) => [...generationsIn(answer!)])).toEqual(names.map(() => [3]));
        expect(counted()).toBeGreaterThan(asked);
      });

      it('holds up neither a publication while it is being replaced, nor the end', async () => {
        const { pool, port, restarts } = await start(await generation(1), { workers: 1 });
        await pool.publish(broken(2));
        await askUntil(port, () => restarts.length > 0);
        const published = await Promise.race([
          pool.publish(await generation(3)).then(() => 'published'),
          sleep(4000, 'still waiting'),
        ]);
        expect(published).toBe('published');
        expect(generationsIn((await ask(port, queries[0]!, { timeoutMs: 500 }))!)).toEqual(new Set([3]));

        await pool.publish(broken(4));
        const died = restarts.length;
        await askUntil(port, () => restarts.length > died);
        const asked = performance.now();
        await pool.drain(3000);
        expect(performance.now() - asked).toBeLessThan(2000);
        // Nobody comes back to a pool that has ended.
        await sleep(400);
        expect(await ask(port, queries[0]!, { timeoutMs: 100, tries: 1 })).toBeUndefined();
      });
    });

    describe('start', () => {
      it('lets all threads share one free port', async () => {
        const { pool } = await start(await generation(1), { workers: 3 });
        expect(pool.addresses).toEqual([{ host: '127.0.0.1', port: expect.any(Number) }]);
        expect(pool.counters).toHaveLength(transport === 'batched' ? 5 : 3);
      });

      it.each([1, 2])('refuses a port that another pool has (%i threads)', async (workers) => {
        const { port } = await start(await generation(1));
        const second = start(await generation(1), { workers, listen: [{ host: '127.0.0.1', port }] });
        await expect(second).rejects.toThrow(new RegExp(`EADDRINUSE.*127\\.0\\.0\\.1:${port}`, 'u'));
      });

      it('refuses a port that another program has for UDP or for TCP alone', async () => {
        const udp = createSocket('udp4').bind(0, '127.0.0.1');
        await once(udp, 'listening');
        const tcp = createServer().listen(0, '127.0.0.1');
        await once(tcp, 'listening');
        const snapshot = await generation(1);
        for (const { port } of [udp.address(), tcp.address() as AddressInfo]) {
          await expect(start(snapshot, { listen: [{ host: '127.0.0.1', port }] })).rejects.toThrow(/EADDRINUSE/u);
        }
        udp.close();
        tcp.close();
      });

      it('does without an address that this machine lacks, where that is allowed, as long as one is left', async () => {
        const missing: string[] = [];
        const onMissing = ({ host, code }: ListenError): unknown => missing.push(`${host} ${code}`);
        const listen = ['192.0.2.1', '127.0.0.1'].map((host) => ({ host, port: 0 }));
        const { pool, port } = await start(await generation(1), { listen, onMissing });
        expect(pool.addresses).toEqual([{ host: '127.0.0.1', port: expect.any(Number) }]);
        expect(missing).toEqual(['192.0.2.1 EADDRNOTAVAIL']);
        expect(generationsIn((await ask(port, queries[0]!))!)).toEqual(new Set([1]));

        const only = { listen: [listen[0]!], onMissing };
        await expect(start(await generation(1), only)).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
        const taken = { listen: [{ host: '127.0.0.1', port }], onMissing };
        await expect(start(await generation(1), taken)).rejects.toMatchObject({ code: 'EADDRINUSE' });
        expect(missing).toHaveLength(1);
      });

      it.each([1, 2])('says over which transport an address is taken (%i threads)', async (workers) => {
        const tcp = createServer().listen(0, '127.0.0.1');
        await once(tcp, 'listening');
        const { port } = tcp.address() as AddressInfo;
        const failure = start(await generation(1), { workers, listen: [{ host: '127.0.0.1', port }] });
        await expect(failure).rejects.toMatchObject({ transport: 'TCP', host: '127.0.0.1', port, code: 'EADDRINUSE' });
        tcp.close();
      });

      it('has all threads answer, the first one as well', async () => {
        const { pool, port } = await start(await generation(1), { workers: 2 });
        const answered = (): number => pool.counters.filter((counters) => counters[COUNTER.queriesUdp4]! > 0).length;
        for (let i = 0; i < 100 && answered() < 2; i++) await ask(port, queries[0]!);
        expect(answered()).toBe(2);
      });

      it('leaves nothing behind when one of several addresses cannot be had', async () => {
        const port = await freePort();
        const { port: taken } = await start(await generation(1));
        const addresses = [port, taken].map((each) => ({ host: '127.0.0.1', port: each }));
        await expect(start(await generation(1), { listen: addresses })).rejects.toThrow(/EADDRINUSE/u);
        await expect(start(await generation(1), { listen: [addresses[0]!], workers: 1 })).resolves.toBeDefined();
      });
    });

    describe('drain', () => {
      it('answers TCP queries that were sent, then is silent', async () => {
        const { pool, port } = await start(await generation(1));
        const answers = exchange(port, queries, { tcp: true, tries: 1 });
        await sleep(30);
        await pool.drain(2000);
        expect((await answers).filter((answer) => answer === undefined)).toHaveLength(0);
        expect(await ask(port, queries[0]!, { timeoutMs: 100, tries: 1 })).toBeUndefined();
        expect(await ask(port, queries[0]!, { tcp: true, timeoutMs: 100, tries: 1 })).toBeUndefined();
      });
    });
  },
);
