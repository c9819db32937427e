import { expect, test } from 'vitest';
import { octetText } from '../../src/wire/presentation.ts';
import { STRICTNESS, zoneWith } from '../support/strictness.ts';
import { verdict } from '../support/zone-verdict.ts';

test('we read, warn of and refuse what the table says', () => {
  const wrong = STRICTNESS.flatMap(({ ours, lines }) => {
    const { ok, problems } = verdict(octetText(zoneWith(lines)), 'example.org.');
    const found = ok ? (problems.length > 0 ? 'warns' : 'reads') : 'refuses';
    return found === ours ? [] : [`${found} ${lines}: ${problems.join(' | ')}`];
  });
  expect(wrong).toEqual([]);
  expect(STRICTNESS.length).toBeGreaterThan(400);
});
