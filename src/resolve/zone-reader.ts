import { hash } from 'node:crypto';
import { hasErrors, type Problem } from '../lib/problem.ts';
import { nameKey } from '../wire/name.ts';
import { checkZone, parseMasterFile, type Allowance, type ZoneProblem } from '../zone/mod.ts';
import type { ZoneData } from '../zone/zone.ts';

type MasterFile = Parameters<typeof parseMasterFile>[0];
type Include = NonNullable<MasterFile['include']>;

export interface CheckedZone {
  readonly data: ZoneData;
  readonly problems: readonly ZoneProblem[];
}

interface Kept {
  readonly digest: string;
  /** Equal only for a file that was not written to since. */
  readonly stamp?: string | undefined;
  readonly defaultTtl: number | undefined;
  readonly unsigned: boolean | undefined;
  /** Everything that was included, and a digest of what came of it. */
  readonly included: readonly { readonly path: string; readonly from: string; readonly digest: string }[];
  readonly zone: CheckedZone;
}

const NOTHING: readonly never[] = [];

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

  /** @param stamp of the file before it was read, if that is known */
  read(master: MasterFile, allowed: Allowance, stamp?: string): CheckedZone {
    const key = keyOf(master);
    const digest = digestOf(master.octets);
    const before = this.#last.get(key);
    const same = before !== undefined && isAsBefore(before, master, allowed, digest);
    const kept = same ? before : parse(master, allowed, digest);
    this.#now.set(key, stamp === undefined ? kept : { ...kept, stamp });
    return kept.zone;
  }

  /** A zone whose file has the stamp that it had: it is not read again. Undefined when there is none such. */
  unchanged(master: Omit<MasterFile, 'octets'>, allowed: Allowance, stamp: string): CheckedZone | undefined {
    if (this.#last.size === 0) return undefined;
    const key = keyOf(master);
    const before = this.#last.get(key);
    if (before?.stamp !== stamp || !isAsBefore(before, master, allowed, before.digest)) return undefined;
    this.#now.set(key, before);
    return before.zone;
  }

  /** Takes over what another thread has read: a file without problems that includes no others. */
  adopt(data: ZoneData, file: string, allowed: Allowance, { digest, stamp }: Pick<Kept, 'digest' | 'stamp'>): void {
    const zone = { data, problems: NOTHING };
    const { unsigned } = allowed;
    const kept = { digest, stamp, defaultTtl: undefined, unsigned, included: NOTHING, zone };
    this.#now.set(keyOf({ file, origin: data.origin }), kept);
  }
}

function keyOf({ file, origin }: Pick<MasterFile, 'file' | 'origin'>): string {
  return [file, nameKey(origin)].join(' ');
}

/** What another thread makes of a master file: undefined unless there is nothing to say about it. */
export function readPlainZone(master: MasterFile, allowed: Allowance): ZoneData | undefined {
  const { zone, problems } = parseMasterFile(master);
  return problems.length > 0 || checkZone(zone, allowed).length > 0 ? undefined : zone;
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

function isAsBefore(
  before: Kept,
  { include, defaultTtl }: Omit<MasterFile, 'octets'>,
  allowed: Allowance,
  digest: string,
): boolean {
  if (before.digest !== digest || before.defaultTtl !== defaultTtl || before.unsigned !== allowed.unsigned)
    return false;
  return before.included.every(
    (one) => include !== undefined && includeDigest(include(one.path, one.from)) === one.digest,
  );
}

function includeDigest(result: ReturnType<Include>): string {
  return result.ok ? digestOf(result.value.octets) : `error ${result.error}`;
}

/** What tells contents apart. */
export function digestOf(octets: Buffer): string {
  return hash('sha256', octets, 'base64');
}
