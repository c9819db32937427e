import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { verdict, ZONES } from '../support/zone-verdict.ts';

const CHECKER = 'named-checkzone';
const missing = spawnSync(CHECKER, ['-v']).error !== undefined;
if (missing && process.env['CI'] === undefined)
  console.log(`${CHECKER} is not installed (Debian: bind9-utils): skipped`);

test.skipIf(missing && process.env['CI'] === undefined)('BIND accepts and refuses the same zones as we do', () => {
  const differ: string[] = [];
  let count = 0;
  for (const folder of ['good', 'bad']) {
    for (const file of readdirSync(new URL(`${folder}/`, ZONES))) {
      const path = fileURLToPath(new URL(`${folder}/${file}`, ZONES));
      const bind = spawnSync(CHECKER, ['example.org', path]).status === 0;
      const { ok, problems } = verdict(readFileSync(path, 'utf8'), file);
      if (bind !== ok) differ.push(`${folder}/${file}: BIND ${bind ? 'accepts' : 'refuses'}; ${problems.join(' | ')}`);
      count++;
    }
  }
  expect(differ).toEqual([]);
  expect(count).toBeGreaterThanOrEqual(40);
});
