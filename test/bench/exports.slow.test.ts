import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { missingPrograms } from '../support/servers/process.ts';

const MAIN = fileURLToPath(new URL('../../bench/scale/exports/main.ts', import.meta.url));
const missing = missingPrograms('many exports', ['gdnsd', 'knotd']);

test.skipIf(missing.length > 0)('all servers answer as the matrix says, and Edgeward as its rules say', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [MAIN, '--exports', '3', '--prefixes', '5000', '--localities', '60', '--sites', '8'],
    { encoding: 'utf8', timeout: 400_000 },
  );
  // For people to read: how quick is never a matter of passing.
  console.log(stdout);
  // It is 1 when any answer is wrong.
  expect(status, stderr).toBe(0);
  for (const variant of ['one matrix', 'ten matrices', 'same 50 rules', 'own 5 rules', 'nothing'])
    expect(stdout).toMatch(new RegExp(`^\\| edgeward, 3, ${variant} +\\| +\\d+\\.\\d`, 'mu'));
  for (const name of ['gdnsd', 'knot']) expect(stdout).toMatch(new RegExp(`^\\| ${name}, 3, one matrix `, 'mu'));
});
