import { expect, test } from 'vitest';
import { fuzz } from '../support/answer-fuzz.ts';

test('1,000,000 mutated questions: an answer or a drop that is meant, and none takes over 1 ms', async () => {
  const { slowestMs, answered, dropped } = await fuzz(1_000_000, 2);
  console.log(`${answered} answered, ${dropped} dropped, slowest ${slowestMs.toFixed(3)} ms`);
  expect(answered).toBeGreaterThan(600_000);
  expect(slowestMs).toBeLessThan(1);
});
