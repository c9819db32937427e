import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { createCounters } from '../../src/observe/counters.ts';
import { Answerer, OUT_SIZE } from '../../src/server/answer.ts';
import type { SourceAddress } from '../../src/server/client-address.ts';
import { compileSnapshot } from '../../src/snapshot/compile.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { decodeMessage, encodeQuery } from '../../src/wire/message.ts';
import { nameFromText, type WireName } from '../../src/wire/name.ts';
import { Random } from './random.ts';
import { world } from './world.ts';

const SOURCE: SourceAddress = { family: 4, w0: 0xc0000263, w1: 0, w2: 0, w3: 0 };
/** Answers that took longer are asked for again. */
const SLOW_MS = 0.3;

const TYPES = [1, 2, 5, 6, 12, 15, 16, 28, 33, 39, 41, 43, 64, 65, 250, 252, 255, 257, 65280];

/** Zones of the scenarios and a steered name: what there is to go wrong. */
export async function fuzzSnapshot(): Promise<{ snapshot: Snapshot; names: WireName[] }> {
  const blocks = (file: string): { origin: string; text: string }[] => {
    const text = readFileSync(new URL(`../scenarios/${file}.scenario`, import.meta.url), 'utf8');
    return [...text.matchAll(/^zone (\S+) <<\n(.*?)^>>$/gmsu)].map(([, origin, zone]) => ({
      origin: origin!,
      text: zone!,
    }));
  };
  const seen = new Set<string>();
  const zones = ['aliases', 'wildcards', 'truncation', 'delegations']
    .flatMap(blocks)
    .filter(({ origin }) => !seen.has(origin) && seen.add(origin));
  const resources = readFileSync(new URL('../scenarios/steering.scenario', import.meta.url), 'utf8');
  const yaml = /^resources <<\n(.*?)^>>$/msu.exec(resources)![1]!.replaceAll('example.org', 'steered.test');
  const nets = /^nets <<\n(.*?)^>>$/msu.exec(resources)![1]!;
  const snapshot = compileSnapshot({ ...(await world({ zones, resources: yaml, nets })), generation: 1 });
  const names = [
    'www.example.org',
    'a.dn.example.org',
    'ping.example.org',
    'x.y.w.example.org',
    '*.example',
    'host.subdel.example',
    'app.steered.test',
    'pair.acme.edge.example.net',
    'many.example.org',
    'cut.example.org',
    '.',
  ].map((text) => {
    const name = nameFromText(text);
    if (!name.ok) throw new Error(name.error);
    return name.value;
  });
  return { snapshot, names };
}

/**
 * Asks mutated questions: each gets an answer that parses or is dropped, and throws nothing.
 * @returns milliseconds of the slowest answer, when asked for again
 */
export async function fuzz(
  count: number,
  seed: number,
): Promise<{ slowestMs: number; answered: number; dropped: number }> {
  const { snapshot, names } = await fuzzSnapshot();
  const random = new Random(seed);
  const below = (n: number): number => random.below(n);
  const answerer = new Answerer({ udpPayloadSize: 1232, nsid: Uint8Array.of(65), ecs: true }, createCounters(), 7);
  // The same choices, but each answer is written where its question was.
  const inPlace = new Answerer({ udpPayloadSize: 1232, nsid: Uint8Array.of(65), ecs: true }, createCounters(), 7);
  const place = new Uint8Array(OUT_SIZE);
  const out = new Uint8Array(OUT_SIZE);
  const bases = names.flatMap((name) => TYPES.map((type) => base(name, type, below)));
  const slow: { message: Uint8Array; tcp: boolean }[] = [];
  let answered = 0;
  let dropped = 0;
  const message = new Uint8Array(4096);
  for (let i = 0; i < count; i++) {
    const from = bases[below(bases.length)]!;
    message.set(from);
    const length = mutate(message, from.length, below);
    const start = performance.now();
    const tcp = below(8) === 0;
    const size = answerer.answer(message, length, SOURCE, snapshot, out, tcp);
    if (performance.now() - start > SLOW_MS) slow.push({ message: message.slice(0, length), tcp });
    place.set(message.subarray(0, length));
    const same = inPlace.answer(place, length, SOURCE, snapshot, place, tcp);
    if (same !== size || Buffer.compare(place.subarray(0, size), out.subarray(0, size)) !== 0)
      throw new Error(`answered otherwise in place: ${Buffer.from(message.subarray(0, length)).toString('hex')}`);
    if (size === 0) {
      dropped++;
      // The only messages that get no answer: no whole header, or themselves a response.
      expect(length < 12 || (message[2]! & 0x80) !== 0).toBe(true);
      continue;
    }
    answered++;
    if (i % 16 === 0) {
      const decoded = decodeMessage(out.slice(0, size));
      if (!decoded.ok) throw new Error(`${decoded.error}: ${Buffer.from(message.subarray(0, length)).toString('hex')}`);
      expect(decoded.value.qr).toBe(true);
      expect(decoded.value.id).toBe((message[0]! << 8) | message[1]!);
    }
  }
  // A pause of the machine or of the collector can hit any one answer: what is slow for its octets is slow again.
  let slowestMs = 0;
  for (const { message: again, tcp } of slow) {
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now();
      answerer.answer(again, again.length, SOURCE, snapshot, out, tcp);
      return performance.now() - start;
    });
    slowestMs = Math.max(slowestMs, Math.min(...times));
  }
  return { slowestMs, answered, dropped };
}

function base(name: WireName, type: number, below: (n: number) => number): Uint8Array {
  const v6 = below(2) === 0;
  const ecs = v6
    ? { family: 2 as const, source: 56, address: Uint8Array.from({ length: 16 }, (_, i) => (i < 7 ? below(256) : 0)) }
    : { family: 1 as const, source: 24, address: Uint8Array.of(below(256), below(256), below(256), 0) };
  return encodeQuery({
    id: below(65536),
    name,
    type,
    class: 1,
    rd: false,
    ...(below(4) === 0 ? {} : { edns: { udpSize: 1232, do: false, ecs } }),
  });
}

/** Changes, cuts, doubles and inserts octets. @returns the new length */
function mutate(message: Uint8Array, size: number, below: (n: number) => number): number {
  let length = size;
  for (let changes = below(5); changes > 0; changes--) {
    const at = below(length);
    switch (below(6)) {
      case 0:
        message[at] = below(256);
        break;
      case 1:
        message[at] = message[at]! ^ (1 << below(8));
        break;
      case 2:
        length = Math.max(1, at);
        break;
      case 3: {
        const run = Math.min(below(40), message.length - length);
        message.copyWithin(at + run, at, length);
        length += run;
        break;
      }
      case 4:
        message[at] = [0, 0xc0, 0x3f, 0x40, 0xff][below(5)]!;
        break;
      default:
        // Counts of the header are worth more than most octets.
        message[4 + below(8)] = below(4);
    }
  }
  return length;
}
