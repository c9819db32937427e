import { expect, test } from 'vitest';
import { decodeMessage, encodeMessage } from '../../src/wire/message.ts';
import { formatMessage } from '../../src/wire/message-text.ts';
import { message, record } from './messages.ts';
import { RECORDS, SVCB_VECTORS } from './rdata/records.ts';
import { wireName } from './rdata/read.ts';

/** Xorshift (Marsaglia 2003): the same numbers in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const CASES = 200_000;
const RECORD_CASES = [...RECORDS, ...SVCB_VECTORS];

/** One message for each record of the tables, with an OPT record. */
const SOUND = RECORD_CASES.map(({ type, text }) =>
  encodeMessage(
    message({
      questions: [{ name: wireName('www.example.org.'), type: 255, class: 1 }],
      answers: [record('www.example.org.', 'CNAME', 'a.example.org.'), record('a.example.org.', type, text)],
      authorities: [record('example.org.', 'NS', 'ns1.example.org.')],
      edns: {
        udpSize: 1232,
        version: 0,
        do: false,
        flags: 0,
        extendedRcode: 0,
        options: [{ code: 8, data: Uint8Array.of(0, 1, 16, 0, 192, 0) }],
      },
    }),
  ),
);

function mutated(random: (below: number) => number): Uint8Array {
  const base = SOUND[random(SOUND.length)]!;
  const kind = random(10);
  if (kind === 0) return Uint8Array.from({ length: random(100) }, () => random(256));
  if (kind === 1) return base.slice(0, random(base.length + 1));
  const bytes = kind === 2 ? new Uint8Array([...base, ...SOUND[random(SOUND.length)]!.subarray(12)]) : base.slice();
  for (let changes = 1 + random(4); changes > 0; changes--) {
    // Octets that begin pointers, and lengths near the limits, more often than chance has them.
    const octets = [random(256), 0xc0, 0x3f, 0x40, 0xff, random(16)];
    bytes[random(bytes.length)] = octets[random(octets.length)]!;
  }
  return bytes;
}

test(`${CASES} mutated messages are read or refused, and what is read can be written and printed`, () => {
  const random = generator(20_261_123);
  let read = 0;
  for (let i = 0; i < CASES; i++) {
    const bytes = mutated(random);
    const decoded = decodeMessage(bytes);
    if (!decoded.ok) continue;
    read++;
    if (read % 40 !== 0) continue;
    const again = decodeMessage(encodeMessage(decoded.value));
    if (!again.ok) throw new Error(`${again.error}: ${Buffer.from(bytes).toString('hex')}`);
    expect(again.value).toEqual(decoded.value);
    expect(formatMessage(decoded.value)).toContain('HEADER');
  }
  // Both outcomes are common, so that neither half of the test is idle.
  expect(read).toBeGreaterThan(CASES / 20);
  expect(read).toBeLessThan((CASES * 19) / 20);
});

test('a message made of nothing but long chains of pointers is read in a fraction of a second', () => {
  const bytes = new Uint8Array(65535);
  const questions = 10_000;
  bytes.set([0, 0, 0x80, 0, questions >>> 8, questions & 255, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
  // The first question is the root, 12 to 16. Then in one question's worth of space each: a label of one octet and a
  // pointer to the one before, 126 deep, the longest name there is.
  let at = 17;
  let target = 12;
  for (let i = 1; i < questions && at + 8 <= bytes.length; i++) {
    const label = i <= 126 ? [1, 0x61] : [];
    bytes.set([...label, 0xc0 | (target >>> 8), target & 255, 0, 1, 0, 1], at);
    if (i <= 126) target = at;
    at += label.length + 6;
  }
  const start = performance.now();
  const decoded = decodeMessage(bytes.subarray(0, at));
  const elapsed = performance.now() - start;
  if (!decoded.ok) throw new Error(decoded.error);
  expect(decoded.value.questions.at(-1)?.name).toHaveLength(253);
  expect(elapsed).toBeLessThan(500);
});
