import { expect, test } from 'vitest';
import { RepeatedFailure } from '../../src/lib/repeated-failure.ts';

const failed = (code: string, path: string): Error => Object.assign(new Error(`${code}: ${path}`), { code });

test('a failure is news once for each reason, and again after a success', () => {
  const failure = new RepeatedFailure();
  expect(failure.isNews(failed('EACCES', 'a'))).toBe(true);
  expect(failure.isNews(failed('EACCES', 'b'))).toBe(false);
  expect(failure.isNews(failed('ENOSPC', 'b'))).toBe(true);
  expect(failure.isNews(new Error('a is damaged'))).toBe(true);
  expect(failure.isNews(new Error('b is damaged'))).toBe(true);
  failure.succeeded();
  expect(failure.isNews(new Error('b is damaged'))).toBe(true);
});
