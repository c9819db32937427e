import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createCounters } from '../../src/observe/counters.ts';
import { Answerer, OUT_SIZE } from '../../src/server/answer.ts';
import { decodeMessage, encodeQuery, type Message } from '../../src/wire/message.ts';
import { nameFromText, type WireName } from '../../src/wire/name.ts';
import { fuzz, fuzzSnapshot } from '../support/answer-fuzz.ts';

test('60,000 mutated questions: an answer that parses, or a drop that is meant', async () => {
  const { answered, dropped } = await fuzz(60_000, 1);
  expect(answered).toBeGreaterThan(30_000);
  expect(dropped).toBeGreaterThan(100);
});

const { snapshot } = await fuzzSnapshot();

/** Asks with a client subnet from one resolver. */
function ask(name: WireName, type: number, family: 1 | 2, source: number, address: Uint8Array): Message {
  // A new one for each question, with another seed: an answer by subnet depends on nothing but the subnet.
  const answerer = new Answerer(
    { udpPayloadSize: 1232, nsid: new Uint8Array(0), ecs: true },
    createCounters(),
    1 + Math.floor(Math.random() * 1e9),
  );
  const query = encodeQuery({
    id: 1,
    name,
    type,
    class: 1,
    rd: false,
    edns: { udpSize: 1232, do: false, ecs: { family, source, address } },
  });
  const out = new Uint8Array(OUT_SIZE);
  const length = answerer.answer(
    query,
    query.length,
    { family: 4, w0: 0xc0000263, w1: 0, w2: 0, w3: 0 },
    snapshot,
    out,
    false,
  );
  const message = decodeMessage(out.slice(0, length));
  if (!message.ok) throw new Error(message.error);
  return message.value;
}

/** The first `length` bits of one address, the rest of the other. */
function mix(prefix: Uint8Array, rest: Uint8Array, length: number): Uint8Array {
  return prefix.map((octet, i) => {
    const bits = Math.min(8, Math.max(0, length - i * 8));
    const mask = (0xff00 >> bits) & 0xff;
    return (octet & mask) | (rest[i]! & ~mask & 0xff);
  });
}

const octets = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
// Close to the prefixes that are placed, and in the forms that carry IPv4 addresses.
const address4 = octets(4).chain((rest) =>
  fc.constantFrom([203, 0], [10, 9], []).map((head) => Uint8Array.from(rest, (b, i) => head[i] ?? b)),
);
const address6 = octets(16).chain((rest) =>
  fc
    .constantFrom<number[]>(
      [0x20, 1, 0xd, 0xb8],
      [0x20, 2, 203, 0],
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0],
      [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 203],
      [0x20, 1, 0, 0],
      [],
    )
    .map((head) => Uint8Array.from(rest, (b, i) => head[i] ?? b)),
);

for (const host of ['app.steered.test', 'pair.acme.edge.example.net']) {
  const name = nameFromText(host);
  if (!name.ok) throw new Error(name.error);
  for (const [family, address] of [
    [1, address4],
    [2, address6],
  ] as const) {
    test(`${host}: one answer and one scope for all of an IPv${family === 1 ? 4 : 6} scope`, () => {
      const bits = family === 1 ? 32 : 128;
      const gist = (message: Message): unknown => ({
        answers: message.answers.map(({ rdata }) => [...rdata]),
        scope: message.edns!.ecs!.scope,
      });
      fc.assert(
        fc.property(address, address, fc.integer({ min: 1, max: bits }), (client, other, source) => {
          const message = ask(name.value, 1, family, bits, client);
          const scope = message.edns!.ecs!.scope;
          expect(message.answers.length).toBeGreaterThan(0);
          expect(gist(ask(name.value, 1, family, bits, mix(client, other, scope)))).toEqual(gist(message));
          // A source cut off at or below the scope says as much as the whole address.
          if (source >= scope) {
            const cut = mix(client, new Uint8Array(client.length), source);
            expect(gist(ask(name.value, 1, family, source, cut))).toEqual(gist(message));
          }
        }),
        { numRuns: 1500 },
      );
    });
  }
}
