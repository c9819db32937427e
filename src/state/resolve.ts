import { hasErrors, type Problem } from '../lib/problem.ts';
import type { DomainExport } from '../model/domain-export.ts';
import { DEFAULT_TENANT, type Resource } from '../model/kinds.ts';
import type { RegionTree } from '../model/regions.ts';
import type { ResolvedExport, ResolvedSite } from '../model/resolved.ts';
import type { StoredResource } from '../model/stored.ts';
import type { Configuration } from './configuration.ts';
import { resolveExport } from './resolve/exports.ts';
import type { Claims } from './resolve/hosts.ts';
import { resolveOverrides } from './resolve/overrides.ts';
import { matrixReader } from './resolve/policy.ts';
import { placeOf, Report } from './resolve/report.ts';
import { resolveSite } from './resolve/sites.ts';
import { ZoneReader } from './resolve/zone-reader.ts';
import { resolveZones, type ReadText } from './resolve/zones.ts';

export interface ResolveContext {
  readonly regions: RegionTree;
  /** Names of carriers, without AS numbers. */
  readonly carriers: ReadonlySet<string>;
  /** Reads master files and matrices by a path relative to the file that names them. */
  readonly readText: ReadText;
  /** Decides which overrides have ended. */
  readonly now: Date;
  /** Keeps the zones whose master files did not change since it was used before. */
  readonly reader?: ZoneReader;
}

export interface Resolution {
  /** Undefined when any problem is an error: a configuration is used whole or not at all. */
  readonly configuration: Configuration | undefined;
  readonly problems: readonly Problem[];
  /** When the same resources will give another configuration: the first override ends. */
  readonly until: Date | undefined;
}

/** Follows every reference between resources, fills in the defaults, and says all that does not fit together. */
export function resolve(resources: readonly StoredResource[], context: ResolveContext): Resolution {
  const report = new Report();
  const { regions, carriers, readText, now, reader = new ZoneReader() } = context;
  const places = { regions, carriers };
  const known = withoutDuplicates(resources, report);
  reader.begin();

  const sites = new Map<string, ResolvedSite>();
  for (const [site, stored] of ofKind(known, 'Site')) {
    sites.set(site.metadata.name, resolveSite(site, stored, places, report));
  }
  const zones = resolveZones(ofKind(known, 'Zone'), readText, reader, report);
  const siteNames = [...sites.keys()];
  const exports = new Map<string, readonly [DomainExport, StoredResource]>();
  for (const [exp, stored] of ofKind(known, 'DomainExport')) exports.set(ownerOf(exp), [exp, stored]);
  const overrides = resolveOverrides(ofKind(known, 'WeightOverride'), {
    exports: new Map([...exports].map(([owner, [exp]]) => [owner, exp])),
    sites: siteNames,
    now,
    report,
  });
  const claims: Claims = new Map();
  const readMatrix = matrixReader(siteNames, places, readText, report);
  const resolved: ResolvedExport[] = [];
  for (const [owner, [exp, stored]] of exports) {
    const own = overrides.byExport.get(owner) ?? [];
    const exportContext = { sites: siteNames, places, readMatrix, report, zones, claims, overrides: own };
    resolved.push(resolveExport(exp, stored, exportContext));
  }
  const { problems } = report;
  if (hasErrors(problems)) return { configuration: undefined, problems, until: undefined };
  const configuration = { sites, zones: [...zones.values()].map((zone) => zone.data), exports: resolved };
  return { configuration, problems, until: overrides.firstExpiry };
}

function ownerOf({ metadata }: Resource): string {
  return `${metadata.tenant ?? DEFAULT_TENANT}/${metadata.name}`;
}

/** The first of the resources with one kind, tenant and name stays; the others are errors. */
function withoutDuplicates(resources: readonly StoredResource[], report: Report): StoredResource[] {
  const seen = new Map<string, StoredResource>();
  for (const stored of resources) {
    const { kind, metadata } = stored.resource;
    const key = `${kind} ${ownerOf(stored.resource)}`;
    const before = seen.get(key);
    if (before === undefined) {
      seen.set(key, stored);
      continue;
    }
    const message = `there is a ${kind} \`${metadata.name}\` already (${placeOf(before, 'metadata.name')})`;
    report.error(stored, 'metadata.name', message, 'rename or remove one of the two');
  }
  return [...seen.values()];
}

function ofKind<K extends Resource['kind']>(
  resources: readonly StoredResource[],
  kind: K,
): (readonly [Extract<Resource, { kind: K }>, StoredResource])[] {
  return resources
    .filter((stored) => stored.resource.kind === kind)
    .map((stored) => [stored.resource as Extract<Resource, { kind: K }>, stored] as const);
}
