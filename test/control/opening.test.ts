import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Opening, type Known } from '../../src/control/opening.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

function opening(first: Known) {
  let known = first;
  const opened: (readonly string[])[] = [];
  const state = new Opening(
    15_000,
    () => known,
    (missing) => opened.push(missing),
  );
  const learn = (next: Partial<Known>): void => {
    known = { ...known, ...next };
    state.again();
  };
  return { state, opened, learn };
}

test('serving begins at once when there is something to serve and nothing to wait for', () => {
  const { state, opened, learn } = opening({ isUsable: false, waiting: [] });
  learn({});
  vi.advanceTimersByTime(60_000);
  expect([state.isOpen, opened]).toEqual([false, []]);
  learn({ isUsable: true });
  expect([state.isOpen, opened]).toEqual([true, [[]]]);
});

test('it waits for clusters, and no longer than its patience lasts from when there was something to serve', () => {
  const { opened, learn } = opening({ isUsable: false, waiting: ['a', 'b'] });
  learn({});
  vi.advanceTimersByTime(60_000);
  learn({ isUsable: true });
  vi.advanceTimersByTime(10_000);
  learn({ waiting: ['b'] });
  vi.advanceTimersByTime(4000);
  expect(opened).toEqual([]);
  vi.advanceTimersByTime(1100);
  expect(opened).toEqual([['b']]);
});

test('the last cluster ends the waiting; nothing ends what has begun', () => {
  const { state, opened, learn } = opening({ isUsable: true, waiting: ['a'] });
  learn({});
  learn({ waiting: [] });
  learn({ isUsable: false, waiting: ['a'] });
  vi.advanceTimersByTime(60_000);
  expect([state.isOpen, opened]).toEqual([true, [[]]]);
});

test('a configuration that is no longer usable is not opened with; the patience is not begun anew', () => {
  const { opened, learn } = opening({ isUsable: true, waiting: ['a'] });
  learn({});
  learn({ isUsable: false });
  vi.advanceTimersByTime(20_000);
  expect(opened).toEqual([]);
  learn({ isUsable: true });
  expect(opened).toEqual([['a']]);
});
