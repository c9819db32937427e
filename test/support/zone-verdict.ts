import { fileURLToPath } from 'node:url';
import { formatProblem, hasErrors } from '../../src/lib/problem.ts';
import { nameFromText } from '../../src/wire/name.ts';
import { checkZone, includeFrom, parseMasterFile } from '../../src/zone/mod.ts';

/** Master files: `good/` are those that BIND's named-checkzone accepts, `bad/` those that it refuses. */
export const ZONES = new URL('../zone/zones/', import.meta.url);

/** Whether we would serve a master file for example.org, and what we say of it. */
export function verdict(text: string, file: string): { ok: boolean; problems: string[] } {
  const origin = nameFromText('example.org.');
  if (!origin.ok) throw new Error(origin.error);
  const parsed = parseMasterFile({ text, file, origin: origin.value, include: includeFrom(fileURLToPath(ZONES)) });
  const problems = [...parsed.problems];
  if (!hasErrors(problems)) problems.push(...checkZone(parsed.zone, parsed.where));
  return { ok: !hasErrors(problems), problems: problems.map(formatProblem) };
}
