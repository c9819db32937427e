import { createCounters } from '../../src/observe/counters.ts';
import { Answerer, OUT_SIZE } from '../../src/server/answer.ts';
import { encodeQuery } from '../../src/wire/message.ts';
import { nameFromText } from '../../src/wire/name.ts';
import { fuzzSnapshot } from '../../test/support/answer-fuzz.ts';

// The whole answer in JavaScript, without a socket: nanoseconds and octets allocated per query.
// `node --expose-gc bench/micro/answer.ts`

const ROUNDS = 2_000_000;
const WARM_UP = 300_000;

const { snapshot } = await fuzzSnapshot();
const answerer = new Answerer({ udpPayloadSize: 1232, nsid: new Uint8Array(0), ecs: true }, createCounters(), 1);
const out = new Uint8Array(OUT_SIZE);
const source = { family: 4 as const, w0: 0xc0000263, w1: 0, w2: 0, w3: 0 };

function measure(label: string, host: string, type: number, subnet: boolean): void {
  const name = nameFromText(host);
  if (!name.ok) throw new Error(name.error);
  const ecs = { family: 1 as const, source: 24, address: Uint8Array.of(203, 0, 113, 0) };
  const edns = { udpSize: 1232, do: false, ...(subnet ? { ecs } : {}) };
  const query = encodeQuery({ id: 1, name: name.value, type, class: 1, rd: false, edns });
  const run = (rounds: number): void => {
    for (let i = 0; i < rounds; i++) answerer.answer(query, query.length, source, snapshot, out, false);
  };
  run(WARM_UP);
  globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed;
  const start = process.hrtime.bigint();
  run(ROUNDS);
  const ns = Number(process.hrtime.bigint() - start) / ROUNDS;
  const octets = Math.max(0, process.memoryUsage().heapUsed - heap) / ROUNDS;
  console.log(`${label.padEnd(28)} ${ns.toFixed(0).padStart(5)} ns  ${octets.toFixed(2)} octets`);
}

measure('A', 'three.example.org', 1, false);
measure('A, steered by client subnet', 'app.steered.test', 1, true);
measure('A, one of three by subnet', 'pair.acme.edge.example.net', 1, true);
measure('A, steered at random', 'pair.acme.edge.example.net', 1, false);
measure('NXDOMAIN', 'nothing.example.org', 1, false);
measure('CNAME chain of two', 'one.example.org', 1, false);
measure('MX and its addresses', 'host3.example', 15, false);
