import fc from 'fast-check';
import { expect, test } from 'vitest';
import { secondsOfGoDuration } from '../../src/lib/duration.ts';

test.each([
  ['0', 0],
  ['5s', 5],
  ['1m30s', 90],
  ['1h2m11s', 3731],
  ['1.5s', 1.5],
  ['.5m', 30],
  ['2.h', 7200],
  ['500ms', 0.5],
  ['1s500ms', 1.5],
  ['-30s', -30],
  ['+1m', 60],
  ['3us', 3e-6],
  ['3µs', 3e-6],
  ['7ns', 7e-9],
])('%s', (text, seconds) => {
  expect(secondsOfGoDuration(text)).toBeCloseTo(seconds, 12);
});

test.each(['', '-', '90', '1', 'abc', '1d', '1m 30s', '1m30', 's', '.s', '1,5s', '--1s', '1m-30s', '0x10s', '1S'])(
  'no duration: %s',
  (text) => {
    expect(secondsOfGoDuration(text)).toBeUndefined();
  },
);

test('parts add up, in whatever order they are', () => {
  const part = fc.tuple(fc.nat({ max: 10_000 }), fc.constantFrom(['h', 3600], ['m', 60], ['s', 1] as const));
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
      const text = parts.map(([count, [unit]]) => `${count}${unit}`).join('');
      const seconds = parts.reduce((sum, [count, [, unit]]) => sum + count * unit, 0);
      expect(secondsOfGoDuration(text)).toBe(seconds);
    }),
  );
});
