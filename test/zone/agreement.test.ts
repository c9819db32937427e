import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { verdict, ZONES } from '../support/zone-verdict.ts';

for (const folder of ['good', 'bad'] as const) {
  for (const file of readdirSync(new URL(`${folder}/`, ZONES))) {
    test(`${folder}/${file}`, () => {
      const { ok, problems } = verdict(readFileSync(new URL(`${folder}/${file}`, ZONES), 'utf8'), file);
      expect(ok, problems.join('\n')).toBe(folder === 'good');
      // Every refusal says what is wrong.
      if (!ok) expect(problems.some((problem) => /(?:^|: )error: \S/u.test(problem))).toBe(true);
    });
  }
}
