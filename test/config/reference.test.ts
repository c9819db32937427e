import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { reference } from '../../docs/generate.ts';

const DIRECTORY = fileURLToPath(new URL('../../docs/reference', import.meta.url));

test('the committed reference is what the schemas say (else run `node docs/generate.ts`)', () => {
  const committed = readdirSync(DIRECTORY).map((name) => [name, readFileSync(join(DIRECTORY, name), 'utf8')] as const);
  expect(new Map(committed)).toEqual(reference());
});

test('every page links to an example that is there', () => {
  for (const [name, text] of reference()) {
    const links = [...text.matchAll(/\]\((\.\.[^)]*)\)/gu)].map(([, link]) => link!);
    expect(links).toHaveLength(name === 'README.md' ? 0 : 1);
    for (const link of links) expect(readFileSync(join(DIRECTORY, link), 'utf8')).not.toBe('');
  }
});
