import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { verdict, ZONE_FILES, ZONES } from '../support/zone-verdict.ts';

const CHECKER = 'named-checkzone';
const missing = spawnSync(CHECKER, ['-v']).error !== undefined;
if (missing && process.env['CI'] === undefined)
  console.log(`${CHECKER} is not installed (Debian: bind9-utils): skipped`);

test.skipIf(missing && process.env['CI'] === undefined)('BIND accepts and refuses the same zones as we do', () => {
  const differ = ZONE_FILES.flatMap(({ path, origin, text }) => {
    // Its $INCLUDEs are relative to where it runs.
    const bind = spawnSync(CHECKER, [origin, path], { cwd: ZONES, encoding: 'utf8' });
    const { ok, problems } = verdict(text, origin);
    return (bind.status === 0) === ok ? [] : `${path}: ours ${problems.join(' | ')}; BIND: ${bind.stdout}`;
  });
  expect(differ).toEqual([]);
  expect(ZONE_FILES.length).toBeGreaterThanOrEqual(40);
});
