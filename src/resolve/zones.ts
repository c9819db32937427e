import type { Problem } from '../lib/problem.ts';
import type { StoredResource } from '../model/stored.ts';
import type { Zone } from '../model/zone.ts';
import { nameFromText, type WireName } from '../wire/name.ts';
import { zoneFromRecords } from '../zone/mod.ts';
import { unavailable, type ZoneData } from '../zone/zone.ts';
import type { ReadFile } from './read-inside.ts';
import type { Report } from './report.ts';
import { checked, type CheckedZone, type ZoneReader } from './zone-reader.ts';

export interface ServedZone {
  readonly data: ZoneData;
  readonly stored: StoredResource;
  /** As the operator wrote it, without a final dot. */
  readonly origin: string;
  readonly targets: boolean;
}

const DEFAULT_TTL = 3600;

/** Hosts that exports answer, and what zones say of those that have no address of their own. */
export interface SteeredTargets {
  /** @param host absolute, lower case */
  isSteered(host: string): boolean;
  /** A record of a zone names a host that only an export can have an address for. */
  excuse(host: string, stored: StoredResource, problem: Problem): void;
}

/** One zone. Undefined when its origin is no name; with an error in the report it is not fit to be served. */
export function resolveZone(
  zone: Zone,
  stored: StoredResource,
  readFile: ReadFile,
  reader: ZoneReader,
  targets: SteeredTargets,
  report: Report,
): ServedZone | undefined {
  const origin = nameFromText(zone.spec.origin);
  if (!origin.ok) {
    report.error(stored, 'spec.origin', origin.error, 'write a domain name such as `example.org`');
    return undefined;
  }
  const read = readZone(zone, stored, origin.value, readFile, reader, report);
  const field = zone.spec.records === undefined ? 'spec.file' : 'spec.records';
  for (const { absent, ...problem } of read.problems) {
    if (absent !== undefined && targets.isSteered(absent)) targets.excuse(absent, stored, problem);
    else report.pass([problem], stored, field);
  }
  return served(zone, stored, read.data);
}

/** Stands in for a zone that cannot be served: it answers SERVFAIL, and its exports are not said to be in no zone. */
export function unavailableZone(zone: Zone, stored: StoredResource): ServedZone | undefined {
  const origin = nameFromText(zone.spec.origin);
  if (!origin.ok) return undefined;
  return served(zone, stored, unavailable(origin.value));
}

function served({ spec }: Zone, stored: StoredResource, data: ZoneData): ServedZone {
  const origin = spec.origin.replace(/(?<=[^.])\.$/u, '');
  return { data, stored, origin, targets: spec.targets === true };
}

function readZone(
  { spec }: Zone,
  stored: StoredResource,
  origin: WireName,
  readFile: ReadFile,
  reader: ZoneReader,
  report: Report,
): CheckedZone {
  const none = { data: unavailable(origin), problems: [] };
  const { file, records, defaultTtl = DEFAULT_TTL } = spec;
  const allowed = { unsigned: spec.allowUnsigned === true };
  if (file !== undefined && records !== undefined) {
    report.error(stored, 'spec.records', 'a zone has either `file` or `records`', 'remove one of the two');
    return none;
  }
  if (records !== undefined)
    return checked(zoneFromRecords({ origin, defaultTtl, records, field: 'spec.records' }), allowed);
  if (file === undefined) {
    report.error(stored, 'spec.file', 'missing', 'name a master file in `file`, or write `records`');
    return none;
  }
  const read = readFile(file, stored.file);
  if (!read.ok) {
    report.error(stored, 'spec.file', `${file}: ${read.error}`, 'the path is relative to this file');
    return none;
  }
  return reader.read({ ...read.value, origin, defaultTtl, include: readFile }, allowed);
}
