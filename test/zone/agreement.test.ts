import { expect, test } from 'vitest';
import { verdict, ZONE_FILES } from '../support/zone-verdict.ts';

for (const { path, good, origin, title, text } of ZONE_FILES) {
  test(`${path}: ${title}`, () => {
    const { ok, problems } = verdict(text, origin);
    expect(ok, problems.join('\n')).toBe(good);
    // Every refusal says what is wrong.
    if (!ok) expect(problems.some((problem) => /(?:^|: )error: \S/u.test(problem))).toBe(true);
  });
}
