import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { collectGarbage, COLLECT_MS } from '../../src/lib/collect-garbage.ts';
import { AnswerPool } from '../../src/server/pool.ts';
import { whyNoBatches } from '../../src/server/udp/system-calls.ts';
import { returnMemory } from '../../src/lib/allocator.ts';
import { compileSnapshot } from '../../src/snapshot/compile.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { ask } from '../support/dns/exchange.ts';
import { encodeQuery } from '../support/dns/query.ts';
import { world } from '../support/world.ts';

const MIB = 1024 * 1024;
const EACH_MIB = 16;
const SNAPSHOTS = 60;

it.each(whyNoBatches() === undefined ? (['batched', 'portable'] as const) : (['portable'] as const))(
  'gives back what old snapshots took, while nobody asks (%s UDP)',
  async (udp) => {
    const text = '@ SOA ns host 1 3600 900 86400 300\n@ NS ns\nns A 192.0.2.1';
    const setup = await world({ zones: [{ origin: 'example.org', text }], resources: '', nets: '' });
    const first = compileSnapshot({ ...setup, generation: 1 });
    const listen = [{ host: '127.0.0.1', port: 0 }];
    const answer = { udpPayloadSize: 1232, nsid: new Uint8Array(0), ecs: true };
    const tcp = { maxConnections: 10, maxPerClient: 10, idleMs: 1000, totalMs: 1000, maxPipelined: 10 };
    const onRestart = (reason: string): never => {
      throw new Error(reason);
    };
    const pool = await AnswerPool.start({ workers: 2, listen, udp, answer, tcp, onRestart }, first);
    try {
      collectGarbage();
      const before = process.memoryUsage.rss();
      for (let serial = 2; serial < SNAPSHOTS + 2; serial++) {
        // Written to, so that it takes memory and not addresses alone.
        const classes = new Int32Array(new SharedArrayBuffer(EACH_MIB * MIB)).fill(serial);
        const next: Snapshot = { ...first, serial, steering: { ...first.steering, classes } };
        await pool.publish(next);
        await sleep(50);
      }
      // One is in use; all of them would be 960 MiB.
      let grown = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 20 && grown > 10 * EACH_MIB; i++) {
        await sleep(COLLECT_MS / 2);
        collectGarbage();
        returnMemory();
        grown = (process.memoryUsage.rss() - before) / MIB;
      }
      expect(grown).toBeLessThan(10 * EACH_MIB);
      const { port } = pool.addresses[0]!;
      expect(await ask(port, encodeQuery({ name: 'example.org', type: 6 }))).toBeDefined();
    } finally {
      await pool.drain(500);
    }
  },
);
