import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { ResolvedEndpoint, ResolvedExport } from '../../src/model/resolved.ts';
import { createCounters } from '../../src/observe/counters.ts';
import { Answerer, OUT_SIZE } from '../../src/server/answer.ts';
import { AnswerPool } from '../../src/server/pool.ts';
import { whyNoBatches } from '../../src/server/udp/system-calls.ts';
import { Compiler } from '../../src/snapshot/compile.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { decodeMessage, encodeQuery } from '../../src/wire/message.ts';
import { nameFromText } from '../../src/wire/name.ts';
import { exchange } from '../support/dns/exchange.ts';
import { Random } from '../support/random.ts';
import { world } from '../support/world.ts';

const ENDPOINTS = 16;
const GENERATIONS = 150;
const OPTIONS = { udpPayloadSize: 1232, nsid: new Uint8Array(0), ecs: true };

/** One site with many endpoints, and all that can serve in every answer: an answer tells the state of all of them. */
async function setUp() {
  const lines = Array.from({ length: ENDPOINTS }, (_, i) => `    - { address: 192.0.2.${i + 1}, site: here }`);
  const resources = `
apiVersion: edgeward.dev/v1alpha1
kind: Site
metadata: { name: here }
spec: { region: DE }
---
apiVersion: edgeward.dev/v1alpha1
kind: DomainExport
metadata: { name: app }
spec:
  hosts: [app.example.org]
  policy: { maxAnswers: ${ENDPOINTS} }
  endpoints:
${lines.join('\n')}
---
apiVersion: edgeward.dev/v1alpha1
kind: Zone
metadata: { name: example }
spec:
  origin: example.org
  records: [{ name: '@', type: NS, data: ns }, { name: ns, type: A, data: 192.0.2.53 }]
`;
  const { configuration, regions, geo } = await world({ zones: [], resources, nets: '1.0.0.0/8,DE,\n' });
  return { configuration, regions, geo, exp: configuration.exports[0]! };
}

/** The export as it is in one generation: every endpoint has another weight, or every third one is drained or down. */
function generationOf(exp: ResolvedExport, number: number): ResolvedExport {
  const random = new Random(number);
  const kind = Math.floor(number / 4) % 3;
  const endpoints = exp.endpoints.map((endpoint): ResolvedEndpoint => {
    const out = kind !== 0 && random.below(3) === 0;
    const weight = out && kind === 1 ? 0 : 1 + random.below(1000);
    return { ...endpoint, weight, ownWeight: weight, up: !(out && kind === 2) };
  });
  return { ...exp, endpoints };
}

const QUERIES = Array.from({ length: 24 }, (_, i) => {
  const name = nameFromText('app.example.org');
  if (!name.ok) throw new Error(name.error);
  const ecs = { family: 1 as const, source: 24, address: Uint8Array.of(1, i, 0, 0) };
  return encodeQuery({
    id: 1,
    name: name.value,
    type: 1,
    class: 1,
    rd: false,
    edns: { udpSize: 1232, do: false, ecs },
  });
});

/** Addresses of an answer in its order: a matter of all weights and the client. */
function told(answer: Uint8Array): string {
  const decoded = decodeMessage(answer);
  if (!decoded.ok) throw new Error(decoded.error);
  return decoded.value.answers.map(({ rdata }) => rdata[3]).join(' ');
}

const pools: AnswerPool[] = [];
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.drain(500);
});

describe.each(whyNoBatches() === undefined ? (['batched', 'portable'] as const) : (['portable'] as const))(
  'live table and snapshots, %s UDP',
  (udp) => {
    it('give answers of exactly one state each, none older than what was published', async () => {
      const { configuration, regions, geo, exp } = await setUp();
      const inputOf = (generation: number) => {
        const exports = [generationOf(exp, generation)];
        return { configuration: { ...configuration, exports }, regions, geo, generation };
      };
      // What each client must be answered in each state: of a snapshot, and of the live table beside it.
      const expected = QUERIES.map(() => new Map<string, number[]>());
      let newest = -1;
      const answerer = new Answerer(OPTIONS, createCounters(), 1);
      const out = new Uint8Array(OUT_SIZE);
      const source = { family: 4 as const, w0: 0x7f000001, w1: 0, w2: 0, w3: 0 };
      const answersOf = (which: Snapshot): string[] =>
        QUERIES.map((query) => told(out.slice(0, answerer.answer(query, query.length, source, which, out, false))));
      const expectState = (which: Snapshot): void => {
        newest++;
        for (const [at, text] of answersOf(which).entries()) {
          const known = expected[at]!.get(text);
          if (known === undefined) expected[at]!.set(text, [newest]);
          else known.push(newest);
        }
      };
      const compiler = new Compiler();
      let snapshot = compiler.compile(inputOf(0));
      expectState(snapshot);
      const listen = [{ host: '127.0.0.1', port: 0 }];
      const tcp = { maxConnections: 100, maxPerClient: 50, idleMs: 5000, totalMs: 20_000, maxPipelined: 100 };
      const restarts: string[] = [];
      const onRestart = (reason: string): unknown => restarts.push(reason);
      const pool = await AnswerPool.start({ workers: 2, listen, udp, answer: OPTIONS, tcp, onRestart }, snapshot);
      pools.push(pool);
      const { port } = pool.addresses[0]!;
      let published = 0;
      const over = new AbortController();
      const seen = new Set<number>();
      const load = async (): Promise<number> => {
        let count = 0;
        while (!over.signal.aborted) {
          const least = published;
          const answers = await exchange(port, QUERIES, { tries: 1, timeoutMs: 5000 });
          for (const [i, answer] of answers.entries()) {
            expect(answer, 'an answer was lost').toBeDefined();
            const states = expected[i]!.get(told(answer!));
            expect(states, `of no state: ${told(answer!)}`).toBeDefined();
            const possible = states!.filter((each) => each >= least && each <= newest);
            expect(possible, `older than ${least} or newer than ${newest}`).not.toEqual([]);
            for (const each of possible) seen.add(each);
            count++;
          }
        }
        return count;
      };
      const loads = Promise.all([load(), load(), load()]);
      let live = 0;
      for (let generation = 1; generation < GENERATIONS; generation++) {
        const next = compiler.compile(inputOf(generation));
        // The snapshot in use sees at once what is in the live table.
        expectState(snapshot);
        if (next === snapshot) live++;
        else {
          expectState(next);
          await pool.publish(next);
          snapshot = next;
        }
        published = newest;
        // However it came about, it is what compiling all anew gives.
        expect(answersOf(snapshot)).toEqual(answersOf(new Compiler().compile(inputOf(generation))));
        if (generation % 10 === 0) {
          const refined = compiler.refine();
          if (refined !== undefined) await pool.publish((snapshot = refined));
        }
        await sleep(4);
      }
      over.abort();
      const counts = await loads;
      expect(Math.min(...counts)).toBeGreaterThan(QUERIES.length);
      expect(restarts).toEqual([]);
      expect(seen.size).toBeGreaterThan(GENERATIONS / 4);
      // Two changes of weights alone in a row need no snapshot.
      expect(live).toBeGreaterThan(5);
    });
  },
);
