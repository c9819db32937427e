import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { missingPrograms } from '../support/servers/process.ts';

const MAIN = fileURLToPath(new URL('../../bench/peers/main.ts', import.meta.url));
const SERVERS = ['gdnsd', 'knotd', 'nsd', 'named', 'pdns_server', 'dnsperf'];
const missing = missingPrograms('beside other servers', SERVERS);

test.skipIf(missing.length > 0)('all servers answer what Edgeward answers, and are measured', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, '--short'], {
    encoding: 'utf8',
    timeout: 400_000,
  });
  // For people to read: how quick is never a matter of passing.
  console.log(stdout);
  expect(status, stderr).toBe(0);
  for (const name of ['static', 'steered', 'mixed']) expect(stdout).toMatch(new RegExp(`^\\| ${name} `, 'mu'));
  for (const name of ['edgeward', 'gdnsd', 'knot', 'nsd', 'bind', 'pdns'])
    expect(stdout).toMatch(new RegExp(`^\\| ${name} +\\| +\\d+\\.\\d`, 'mu'));
});
