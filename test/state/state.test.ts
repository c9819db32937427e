import { expect, test } from 'vitest';
import type { Configuration } from '../../src/resolve/configuration.ts';
import { State } from '../../src/state/state.ts';

const empty = (): Configuration => ({ sites: new Map(), zones: [], exports: [] });

test('before the first configuration there is an empty one that nobody is told of', () => {
  const state = new State();
  const told: number[] = [];
  state.subscribe(({ generation }) => void told.push(generation));
  expect(state.current()).toEqual({ generation: 0, configuration: empty() });
  expect(told).toEqual([]);
});

test('listeners hear of each change, and of the newest when they come late', () => {
  const state = new State();
  const early: number[] = [];
  const late: number[] = [];
  const end = state.subscribe(({ generation }) => void early.push(generation));
  state.apply(empty());
  state.apply(empty());
  state.subscribe(({ generation }) => void late.push(generation));
  end();
  const last = empty();
  state.apply(last);
  expect(early).toEqual([1, 2]);
  expect(late).toEqual([2, 3]);
  expect(state.current().configuration).toBe(last);
});

test('a slow listener is never called twice at once, and goes on with the newest', async () => {
  const state = new State();
  const told: number[] = [];
  let release = (): void => {};
  state.subscribe(({ generation }) => {
    told.push(generation);
    return new Promise((resolve) => {
      release = resolve;
    });
  });
  for (let i = 0; i < 3; i++) state.apply(empty());
  expect(told).toEqual([1]);
  release();
  await new Promise(setImmediate);
  expect(told).toEqual([1, 3]);
  release();
  await new Promise(setImmediate);
  expect(told).toEqual([1, 3]);
});
