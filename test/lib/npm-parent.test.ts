import { expect, test } from 'vitest';
import { runsInBackground } from '../../src/lib/npm-parent.ts';

test.each([
  ['edgeward serve config', false],
  ["'edgeward' serve config --nsid 'a & b'", false],
  ['npm run build && edgeward serve config 2>&1 >log', false],
  ['edgeward serve "a \\" & b" c\\&d &>log', false],
  ['edgeward serve config &', true],
  ['edgeward serve a & edgeward serve b', true],
  ["sleep 1 & 'edgeward' serve '&'", true],
])('%s: background %s', (command, expected) => {
  expect(runsInBackground(command)).toBe(expected);
});
