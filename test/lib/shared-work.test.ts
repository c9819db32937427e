import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SharedWork } from '../../src/lib/shared-work.ts';

test('two sides do every piece once, and meet', () => {
  fc.assert(
    fc.property(fc.nat(50), fc.array(fc.boolean(), { maxLength: 120 }), (pieces, order) => {
      const front = new SharedWork(pieces);
      const back = new SharedWork(pieces, front.memory);
      const done: number[] = [];
      for (const isFront of [...order, ...Array.from({ length: pieces + 1 }, () => true)]) {
        if (isFront && front.take()) done.push(front.own - 1);
        if (!isFront && back.take()) done.push(pieces - back.own);
      }
      expect(done.sort((a, b) => a - b)).toEqual(Array.from({ length: pieces }, (_, i) => i));
      expect([front.take(), back.take(), front.own + back.own]).toEqual([false, false, pieces]);
    }),
  );
});
