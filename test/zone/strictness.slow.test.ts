import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { STRICTNESS, zoneWith } from '../support/strictness.ts';

const CHECKERS = [
  { letter: 'B', package: 'bind9-utils', command: ['named-checkzone', '-i', 'none', 'example.org'] },
  { letter: 'N', package: 'nsd', command: ['nsd-checkzone', 'example.org'] },
  { letter: 'K', package: 'knot', command: ['kzonecheck', '-o', 'example.org'] },
] as const;

for (const { letter, package: name, command } of CHECKERS) {
  const [program, ...options] = command;
  const missing = spawnSync(program, ['-h']).error !== undefined && process.env['CI'] === undefined;
  if (missing) console.log(`skipped: ${program} (package ${name}) is not installed`);
  test.skipIf(missing)(`${program} accepts what the table says`, { timeout: 120_000 }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'edgeward-strictness-'));
    const file = join(folder, 'zone');
    try {
      const wrong = STRICTNESS.flatMap(({ peers, lines }) => {
        writeFileSync(file, zoneWith(lines));
        const accepts = spawnSync(program, [...options, file]).status === 0;
        return accepts === peers.includes(letter) ? [] : [`${accepts ? 'accepts' : 'refuses'} ${lines}`];
      });
      expect(wrong).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
