import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { verdict, ZONE_FILES, ZONES } from '../support/zone-verdict.ts';

const CHECKER = 'named-checkzone';
const missing = spawnSync(CHECKER, ['-v']).error !== undefined;
if (missing && process.env['CI'] === undefined)
  console.log(`${CHECKER} is not installed (Debian: bind9-utils): skipped`);

/** What BIND says of a master file that it reads from stdin, its $INCLUDEs relative to the folder of zones. */
function bind(text: string, origin: string): { ok: boolean; output: string } {
  const { status, stdout } = spawnSync(CHECKER, [origin, '/dev/stdin'], { cwd: ZONES, input: text, encoding: 'utf8' });
  return { ok: status === 0, output: stdout };
}

test.skipIf(missing && process.env['CI'] === undefined)('BIND accepts and refuses the same zones as we do', () => {
  const differ = ZONE_FILES.flatMap(({ path, origin, text }) => {
    const peer = bind(text, origin);
    const { ok, problems } = verdict(text, origin);
    return peer.ok === ok ? [] : `${path}: ours ${problems.join(' | ')}; BIND: ${peer.output}`;
  });
  expect(differ).toEqual([]);
  expect(ZONE_FILES.length).toBeGreaterThanOrEqual(40);
});
