import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Inbox } from '../../src/server/tcp-inbox.ts';

function frame(message: Uint8Array): Uint8Array {
  return Uint8Array.from([message.length >>> 8, message.length & 255, ...message]);
}

describe('Inbox', () => {
  it('gives the messages back however their octets come and whenever they are taken', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 12 });
    const steps = fc.array(
      fc.record({ octets: fc.integer({ min: 1, max: 900 }), take: fc.nat(3), trim: fc.boolean() }),
      {
        minLength: 1,
        maxLength: 20,
      },
    );
    fc.assert(
      fc.property(messages, steps, (sent, plan) => {
        const stream = Uint8Array.from(sent.flatMap((message) => [...frame(message)]));
        const inbox = new Inbox();
        const got: Uint8Array[] = [];
        for (let at = 0, i = 0; at < stream.length; i++) {
          const { octets, take, trim } = plan[i % plan.length]!;
          inbox.append(stream.slice(at, at + octets));
          at += octets;
          for (let n = 0; n < take && inbox.ready; n++) got.push(inbox.next()!.slice());
          if (trim) inbox.trim();
        }
        while (inbox.ready) got.push(inbox.next()!.slice());
        expect(got).toEqual(sent);
        expect(inbox.length).toBe(0);
        expect(inbox.next()).toBeUndefined();
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  it('keeps no large chunk for the few octets that are left of it', () => {
    const chunk = new Uint8Array(60_000);
    chunk.set([0xea, 0x5b], 0); // 59,995 octets follow: three are left.
    const inbox = new Inbox();
    inbox.append(chunk);
    expect(inbox.next()).toHaveLength(59_995);
    inbox.trim();
    // What is left is in memory of its own.
    chunk.fill(255);
    inbox.append(Uint8Array.of(1));
    expect(inbox.length).toBe(4);
    expect(inbox.next()).toHaveLength(0);
  });

  it('takes the longest message an octet at a time in well under a second', () => {
    const inbox = new Inbox();
    const start = performance.now();
    for (const octet of frame(new Uint8Array(65_535).fill(7))) {
      inbox.append(Uint8Array.of(octet));
      inbox.trim();
    }
    expect(inbox.next()).toHaveLength(65_535);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
