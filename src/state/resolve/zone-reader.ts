import { hash } from 'node:crypto';
import { hasErrors, type Problem } from '../../lib/problem.ts';
import { nameKey } from '../../wire/name.ts';
import { checkZone, parseMasterFile, type Allowance, type ZoneProblem } from '../../zone/mod.ts';
import type { ZoneData } from '../../zone/zone.ts';

type MasterFile = Parameters<typeof parseMasterFile>[0];
type Include = NonNullable<MasterFile['include']>;

export interface CheckedZone {
  readonly data: ZoneData;
  readonly problems: readonly ZoneProblem[];
}

interface Kept {
  readonly digest: string;
  readonly defaultTtl: number | undefined;
  readonly unsigned: boolean | undefined;
  /** Everything that was included, and a digest of what came of it. */
  readonly included: readonly { readonly path: string; readonly from: string; readonly digest: string }[];
  readonly zone: CheckedZone;
}

/**
 * Reads and checks master files, and those whose text did not change only once: a million records take seconds, and
 * whoever changes a weight beside them should not wait for that. Unchanged zones are the same objects again.
 */
export class ZoneReader {
  #last = new Map<string, Kept>();
  #now = new Map<string, Kept>();

  /** Begins a look at everything: what the one before did not read is forgotten. */
  begin(): void {
    this.#last = this.#now;
    this.#now = new Map();
  }

  read(master: MasterFile, allowed: Allowance): CheckedZone {
    const key = `${master.file} ${nameKey(master.origin)}`;
    const digest = digestOf(master.octets);
    const before = this.#last.get(key);
    const same = before !== undefined && isAsBefore(before, master, allowed, digest);
    const kept = same ? before : parse(master, allowed, digest);
    this.#now.set(key, kept);
    return kept.zone;
  }
}

/** A zone that was not read whole is not checked: what is missing in it would only be told again. */
export function checked(read: { zone: ZoneData; problems: readonly Problem[] }, allowed: Allowance): CheckedZone {
  const { zone, problems } = read;
  const found = hasErrors(problems) ? problems : [...problems, ...checkZone(zone, allowed)];
  return { data: zone, problems: found };
}

function parse(master: MasterFile, allowed: Allowance, digest: string): Kept {
  const included: { path: string; from: string; digest: string }[] = [];
  const include: Include = (path, from) => {
    const result = master.include?.(path, from) ?? ({ ok: false, error: '' } as const);
    included.push({ path, from, digest: includeDigest(result) });
    return result;
  };
  const { problems, ...read } = parseMasterFile(master.include === undefined ? master : { ...master, include });
  const placed = problems.map((problem) => ({ file: master.file, ...problem }));
  const zone = checked({ ...read, problems: placed }, allowed);
  const all = zone.problems.map((problem) => ({ file: master.file, ...problem }));
  const { defaultTtl } = master;
  return { digest, defaultTtl, unsigned: allowed.unsigned, included, zone: { ...zone, problems: all } };
}

function isAsBefore(before: Kept, { include, defaultTtl }: MasterFile, allowed: Allowance, digest: string): boolean {
  if (before.digest !== digest || before.defaultTtl !== defaultTtl || before.unsigned !== allowed.unsigned)
    return false;
  return before.included.every(
    (one) => include !== undefined && includeDigest(include(one.path, one.from)) === one.digest,
  );
}

function includeDigest(result: ReturnType<Include>): string {
  return result.ok ? digestOf(result.value.octets) : `error ${result.error}`;
}

function digestOf(octets: Buffer): string {
  return hash('sha256', octets, 'base64');
}
