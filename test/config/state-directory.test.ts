import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stateDirectory } from '../../src/config/state-directory.ts';
import { temporaryDirectory } from '../support/directory.ts';

test('each configuration has a state directory of its own, however it is named', () => {
  const directory = temporaryDirectory();
  for (const name of ['one', 'two', 'nested/one']) mkdirSync(join(directory, name), { recursive: true });
  symlinkSync('one', join(directory, 'link'));
  const of = (name: string): string => stateDirectory('/data', join(directory, name));
  expect(of('one')).toMatch(/^\/data\/one-[0-9a-f]{12}$/u);
  expect(of('link')).toBe(of('one'));
  expect(of('one/')).toBe(of('one'));
  expect(new Set([of('one'), of('two'), of('nested/one'), of('not there')])).toHaveLength(4);
});
