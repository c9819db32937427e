import type { Address } from '../lib/address.ts';
import { hasErrors, type Problem } from '../lib/problem.ts';
import type { DomainExport } from '../model/domain-export.ts';
import { DEFAULT_TENANT, type Resource } from '../model/kinds.ts';
import type { Observations } from '../model/observed.ts';
import type { CarrierNames } from '../model/isp-names.ts';
import type { RegionTree } from '../model/regions.ts';
import type { ResolvedExport, ResolvedSite } from '../model/resolved.ts';
import type { Site } from '../model/site.ts';
import type { StoredResource } from '../model/stored.ts';
import type { Configuration } from './configuration.ts';
import { annotatedExports } from './resolve/annotated.ts';
import type { AddressLocality, BackendContext } from './resolve/backends.ts';
import { observeExport, resolveExport, type ExportContext } from './resolve/exports.ts';
import type { Claims } from './resolve/hosts.ts';
import { resolveOverrides, type Override } from './resolve/overrides.ts';
import { matrixReader } from './resolve/policy.ts';
import { placeOf, Report } from './resolve/report.ts';
import { resolveSite } from './resolve/sites.ts';
import { ZoneReader } from './resolve/zone-reader.ts';
import { resolveZones, type ReadText } from './resolve/zones.ts';

export interface ResolveContext {
  readonly regions: RegionTree;
  /** Names of carriers, without AS numbers. */
  readonly carriers: CarrierNames;
  /** Reads master files and matrices by a path relative to the file that names them. */
  readonly readText: ReadText;
  /** Decides which overrides have ended. */
  readonly now: Date;
  /** Keeps the zones whose master files did not change since it was used before. */
  readonly reader?: ZoneReader;
  /** What edge clusters are seen to have. */
  readonly observations?: Observations;
  /** What geo data say of an address of an edge cluster. */
  readonly localityOf?: (address: Address) => AddressLocality | undefined;
}

/** An export as it was written, or as it follows from annotations. */
interface WrittenExport {
  readonly exp: DomainExport;
  readonly stored: StoredResource;
  readonly overrides: readonly Override[];
}

export interface Resolution {
  /** Undefined when any problem is an error: a configuration is used whole or not at all. */
  readonly configuration: Configuration | undefined;
  readonly problems: readonly Problem[];
  /** When the same resources will give another configuration: the first override ends. */
  readonly until: Date | undefined;
  /** What `observe` needs to follow edge clusters. */
  readonly written: readonly WrittenExport[];
  readonly clusters: ReadonlyMap<string, Site>;
  /** By export, in their order: what is wrong with its backends as they are seen. */
  readonly observed: readonly (readonly Problem[])[];
  /** Hosts that are claimed by annotation, and by what: when that changes, `observe` is not enough. */
  readonly annotated: string;
}

/** Follows every reference between resources, fills in the defaults, and says all that does not fit together. */
export function resolve(resources: readonly StoredResource[], context: ResolveContext): Resolution {
  const report = new Report();
  const { regions, carriers, readText, now, reader = new ZoneReader() } = context;
  const { observations = new Map(), localityOf = () => undefined } = context;
  const places = { regions, carriers };
  const known = withoutDuplicates(resources, report);
  reader.begin();

  const sites = new Map<string, ResolvedSite>();
  const clusters = new Map<string, Site>();
  for (const [site, stored] of ofKind(known, 'Site')) {
    sites.set(site.metadata.name, resolveSite(site, stored, places, report));
    if (site.spec.cluster === undefined) continue;
    clusters.set(site.metadata.name, site);
    const { file, secret } = site.spec.cluster.kubeconfig;
    if ((file === undefined) === (secret === undefined)) {
      report.error(
        stored,
        'spec.cluster.kubeconfig',
        'a kubeconfig is in a `file` or in a `secret`',
        'give one of the two',
      );
    }
  }
  const zoneResources = ofKind(known, 'Zone');
  const zones = resolveZones(zoneResources, readText, reader, report);
  const siteNames = [...sites.keys()];
  const exports = new Map<string, readonly [DomainExport, StoredResource]>();
  for (const [exp, stored] of ofKind(known, 'DomainExport')) exports.set(ownerOf(exp), [exp, stored]);
  const annotated = annotatedExports(
    zoneResources.map(([zone]) => zone),
    observations,
  );
  const named = new Map([...exports].map(([owner, [exp]]) => [owner, exp]));
  for (const { exp } of annotated) named.set(ownerOf(exp), exp);
  const overrides = resolveOverrides(ofKind(known, 'WeightOverride'), {
    exports: named,
    sites: siteNames,
    clusters,
    now,
    report,
  });
  const claims: Claims = new Map();
  const readMatrix = matrixReader(siteNames, places, readText, report);
  const resolved: ResolvedExport[] = [];
  const written: WrittenExport[] = [];
  const observed: (readonly Problem[])[] = [];
  const contextFor = (own: readonly Override[], into: Report): ExportContext => ({
    sites: siteNames,
    resolvedSites: sites,
    places,
    readMatrix,
    report: into,
    zones,
    claims,
    overrides: own,
    clusters,
    observations,
    localityOf,
  });
  for (const [owner, [exp, stored]] of exports) {
    const own = overrides.byExport.get(owner) ?? [];
    const ownReport = new Report();
    resolved.push(resolveExport(exp, stored, contextFor(own, ownReport)));
    written.push({ exp, stored, overrides: own });
    const seen = ownReport.problems.filter(isObserved);
    observed.push(seen);
    report.problems.push(...ownReport.problems.filter((problem) => !isObserved(problem)));
  }
  for (const { exp, stored } of annotated) {
    const own = overrides.byExport.get(ownerOf(exp)) ?? [];
    const ownReport = new Report();
    const result = resolveExport(exp, stored, contextFor(own, ownReport));
    // Who writes annotations in an edge cluster must not be able to stop everybody's changes.
    const problems = ownReport.problems.map((problem): Problem => ({ ...problem, severity: 'warning' }));
    if (hasErrors(ownReport.problems)) {
      report.problems.push(...problems);
      continue;
    }
    resolved.push(result);
    written.push({ exp, stored, overrides: own });
    observed.push(problems);
  }
  const { problems } = report;
  const configuration = hasErrors(problems)
    ? undefined
    : { sites, zones: [...zones.values()].map((zone) => zone.data), exports: resolved };
  return {
    configuration,
    problems: [...problems, ...observed.flat()],
    until: configuration === undefined ? undefined : overrides.firstExpiry,
    written,
    clusters,
    observed,
    annotated: JSON.stringify(annotated.map(({ exp }) => exp)),
  };
}

/** Problems that come and go with what is seen of a Service. */
function isObserved({ severity, field }: Problem): boolean {
  return severity === 'warning' && field !== undefined && /^spec\.backends\[\d+\]\.serviceRef$/u.test(field);
}

/**
 * The same resources with other observations: what `resolve` would give, at the cost of the exports that refer to the
 * Services that changed.
 * @param changed `namespace/name`s of Services
 * @returns undefined when the hosts claimed by annotation are others: then all is to be resolved
 */
export function observe(
  before: Resolution,
  changed: ReadonlySet<string>,
  context: Pick<ResolveContext, 'regions' | 'carriers' | 'observations' | 'localityOf'> & {
    readonly zones: readonly StoredResource[];
  },
): Resolution | undefined {
  const { observations = new Map(), localityOf = () => undefined, regions, carriers } = context;
  const { configuration, written, clusters } = before;
  if (configuration === undefined) return undefined;
  const zones = context.zones.flatMap(({ resource }) => (resource.kind === 'Zone' ? [resource] : []));
  const annotated = JSON.stringify(annotatedExports(zones, observations).map(({ exp }) => exp));
  if (annotated !== before.annotated) return undefined;
  const exports = [...configuration.exports];
  const observed = [...before.observed];
  for (const [index, { exp, stored, overrides }] of written.entries()) {
    const { backends = [] } = exp.spec;
    if (!backends.some(({ serviceRef }) => changed.has(`${serviceRef.namespace}/${serviceRef.name}`))) continue;
    const report = new Report();
    const places = { regions, carriers };
    const own: BackendContext = {
      resolvedSites: configuration.sites,
      clusters,
      observations,
      localityOf,
      places,
      overrides,
      report,
    };
    exports[index] = observeExport(exp, stored, exports[index]!, own);
    observed[index] = report.problems;
  }
  const lasting = before.problems.slice(0, before.problems.length - before.observed.flat().length);
  return {
    ...before,
    configuration: { ...configuration, exports },
    observed,
    problems: [...lasting, ...observed.flat()],
  };
}

/** `tenant/name`. */
export function ownerOf({ metadata }: Resource): string {
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
