import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'vitest';
import { readScenario } from './support/scenario.ts';

const directory = new URL('./scenarios/', import.meta.url);

for (const file of readdirSync(directory).filter((name) => name.endsWith('.scenario'))) {
  const steps = await readScenario(readFileSync(new URL(file, directory), 'utf8'));
  describe(file, () => {
    for (const step of steps) test(`${step.line}: ${step.title.slice(0, 100)}`, () => step.run());
  });
}
