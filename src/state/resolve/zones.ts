import type { Result } from '../../lib/result.ts';
import type { StoredResource } from '../../model/stored.ts';
import type { Zone } from '../../model/zone.ts';
import { nameFromText, nameKey, type WireName } from '../../wire/name.ts';
import { zoneFromRecords, type Whereabouts } from '../../zone/mod.ts';
import type { ZoneData } from '../../zone/zone.ts';
import { placeOf, type Report } from './report.ts';
import { checked, type CheckedZone, type ZoneReader } from './zone-reader.ts';

/**
 * Reads the octets of a file that another one names, one character for each, by a path relative to that file; the
 * result's `file` is for messages.
 */
export type ReadText = (path: string, from: string) => Result<{ text: string; file: string }, string>;

export interface ServedZone {
  readonly data: ZoneData;
  readonly where: Whereabouts;
  readonly stored: StoredResource;
  /** As the operator wrote it, without a final dot. */
  readonly origin: string;
  readonly targets: boolean;
}

const DEFAULT_TTL = 3600;

/** Zones by `nameKey` of their origins. */
export function resolveZones(
  zones: readonly (readonly [Zone, StoredResource])[],
  readText: ReadText,
  reader: ZoneReader,
  report: Report,
): Map<string, ServedZone> {
  const served = new Map<string, ServedZone>();
  for (const [zone, stored] of zones) {
    const origin = nameFromText(zone.spec.origin);
    if (!origin.ok) {
      report.error(stored, 'spec.origin', origin.error, 'write a domain name such as `example.org`');
      continue;
    }
    const key = nameKey(origin.value);
    const before = served.get(key);
    if (before !== undefined) {
      const message = `${zone.spec.origin} is served by ${placeOf(before.stored, 'spec.origin')} already`;
      report.error(stored, 'spec.origin', message, 'keep one of the two zones');
      continue;
    }
    const read = readZone(zone, stored, origin.value, readText, reader, report);
    const text = zone.spec.origin.replace(/(?<=[^.])\.$/u, '');
    served.set(key, { data: read.data, where: read.where, stored, origin: text, targets: zone.spec.targets === true });
  }
  return served;
}

function readZone(
  { spec }: Zone,
  stored: StoredResource,
  origin: WireName,
  readText: ReadText,
  reader: ZoneReader,
  report: Report,
): CheckedZone {
  // Takes the place of one that cannot be read, so that its exports are not said to be in no zone.
  const none = { data: { origin, nodes: new Map() }, where: { locate: () => undefined }, problems: [] };
  const { file, records, defaultTtl = DEFAULT_TTL } = spec;
  const allowed = { unsigned: spec.allowUnsigned === true };
  if (file !== undefined && records !== undefined) {
    report.error(stored, 'spec.records', 'a zone has either `file` or `records`', 'remove one of the two');
    return none;
  }
  if (records !== undefined) {
    const zone = checked(zoneFromRecords({ origin, defaultTtl, records, field: 'spec.records' }), allowed);
    report.pass(zone.problems, stored, 'spec.records');
    return zone;
  }
  if (file === undefined) {
    report.error(stored, 'spec.file', 'missing', 'name a master file in `file`, or write `records`');
    return none;
  }
  const read = readText(file, stored.file);
  if (!read.ok) {
    report.error(stored, 'spec.file', `${file}: ${read.error}`, 'the path is relative to this file');
    return none;
  }
  const zone = reader.read({ ...read.value, origin, defaultTtl, include: readText }, allowed);
  report.pass(zone.problems, stored, 'spec.file');
  return zone;
}
