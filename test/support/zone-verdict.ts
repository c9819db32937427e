import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { formatProblem, hasErrors } from '../../src/lib/problem.ts';
import { nameFromText, type WireName } from '../../src/wire/name.ts';
import { checkZone, includeFrom, parseMasterFile, type ZoneData } from '../../src/zone/mod.ts';

/** Master files: `good/` are those that BIND's named-checkzone accepts, `bad/` those that it refuses. */
export const ZONES = fileURLToPath(new URL('../zone/zones/', import.meta.url));

/** A master file of the folder; its first line is `; ORIGIN <origin> <what is tried>`. */
export interface ZoneFile {
  /** Such as `bad/no-soa.zone`: relative to `ZONES`, as its $INCLUDEs are. */
  readonly path: string;
  readonly good: boolean;
  readonly origin: string;
  /** What is tried. */
  readonly title: string;
  /** Octets, one character for each. */
  readonly text: string;
}

export const ZONE_FILES: readonly ZoneFile[] = ['good', 'bad'].flatMap((folder) =>
  readdirSync(`${ZONES}${folder}`)
    .sort()
    .map((file) => {
      const path = `${folder}/${file}`;
      const text = readFileSync(`${ZONES}${path}`, 'latin1');
      const first = /^; ORIGIN (?<origin>\S+\.) (?<title>\S.*?)\r?\n/u.exec(text)?.groups;
      if (first === undefined) throw new Error(`${path} does not begin with "; ORIGIN <origin> <what is tried>"`);
      return { path, good: folder === 'good', origin: first['origin']!, title: first['title']!, text };
    }),
);

export interface Verdict {
  readonly zone: ZoneData;
  /** Whether we would serve it. */
  readonly ok: boolean;
  readonly problems: readonly string[];
}

export function wireName(text: string): WireName {
  const name = nameFromText(text);
  if (!name.ok) throw new Error(name.error);
  return name.value;
}

/**
 * Whether we would serve a master file, and what we say of it, with signed zones allowed; $INCLUDEs are relative to the
 * folder of zones.
 */
export function verdict(text: string, origin: string): Verdict {
  const file = `${ZONES}zone`;
  const parsed = parseMasterFile({
    octets: Buffer.from(text, 'latin1'),
    file,
    origin: wireName(origin),
    include: includeFrom(ZONES),
  });
  const problems = [...parsed.problems];
  if (!hasErrors(problems)) problems.push(...checkZone(parsed.zone, { unsigned: true }));
  return { zone: parsed.zone, ok: !hasErrors(problems), problems: problems.map(formatProblem) };
}
