import type { Address } from '../lib/address.ts';
import { hasErrors, type Problem } from '../lib/problem.ts';
import type { DomainExport } from '../model/domain-export.ts';
import { DEFAULT_TENANT, ownerOf, resourceKey, type Resource } from '../model/kinds.ts';
import type { Observations } from '../model/observed.ts';
import type { CarrierNames } from '../model/isp-names.ts';
import type { RegionTree } from '../model/regions.ts';
import { claimantOf, type HostReservation } from '../model/reserved-host.ts';
import type { ResolvedExport, ResolvedSite } from '../model/resolved.ts';
import type { Site } from '../model/site.ts';
import type { InvalidResource, StoredResource } from '../model/stored.ts';
import type { WeightOverride } from '../model/weight-override.ts';
import type { Zone } from '../model/zone.ts';
import type { Configuration } from './configuration.ts';
import { annotatedExports, claimedHost, type ClaimedExport } from './annotated.ts';
import type { AddressLocality, BackendContext } from './backends.ts';
import { observeExport, resolveExport, type ExportContext } from './exports.ts';
import { Claims, isInZones } from './hosts.ts';
import { overridesInForce, resolveOverride, type Override, type ResolvedOverride } from './overrides.ts';
import { matrixReader } from './policy.ts';
import { placeOf, Report } from './report.ts';
import { resolveSite, type Places } from './sites.ts';
import type { ReadFile } from './read-inside.ts';
import { HostRules, type Tenancy } from './tenancy.ts';
import { ZoneReader } from './zone-reader.ts';
import { resolveZone, unavailableZone, type ServedZone, type SteeredTargets } from './zones.ts';

export interface ResolveContext {
  readonly regions: RegionTree;
  /** Names of carriers, without AS numbers. */
  readonly carriers: CarrierNames;
  /** Reads master files and matrices by a path relative to the file that names them. */
  readonly readFile: ReadFile;
  /** Decides which overrides have ended. */
  readonly now: Date;
  /** Keeps the zones whose master files did not change since it was used before. */
  readonly reader?: ZoneReader;
  /** What edge clusters are seen to have. */
  readonly observations?: Observations;
  /** What geo data say of an address of an edge cluster. */
  readonly localityOf?: (address: Address) => AddressLocality | undefined;
  /** Undefined: one operator writes everything. */
  readonly tenancy?: Tenancy | undefined;
  /** Which export answers at each host now; see `HostOwners`. */
  readonly owners?: ReadonlyMap<string, string>;
  readonly reserved?: ReadonlyMap<string, HostReservation>;
  /** What the resources gave before: an invalid resource keeps what it was in there. */
  readonly previous?: Resolution | undefined;
  /** Resources that are not valid by their schema and have no last valid version. */
  readonly invalid?: readonly InvalidResource[];
  /** By `resourceKey`: the file of the version that is used now. Of two resources of one name that one stays. */
  readonly usedFiles?: ReadonlyMap<string, string>;
}

/** An export as it was written, or as it follows from annotations. */
interface WrittenExport {
  readonly exp: DomainExport;
  readonly stored: StoredResource;
  readonly overrides: readonly Override[];
}

interface ResolvedSiteUnit {
  readonly resolved: ResolvedSite;
  readonly site: Site;
}

interface ExportUnit {
  readonly resolved: ResolvedExport;
  readonly written: WrittenExport;
}

/** Every resource as it was when it was last valid, by `resourceKey`: a later version that is invalid leaves it. */
interface Units {
  readonly sites: ReadonlyMap<string, ResolvedSiteUnit>;
  readonly zones: ReadonlyMap<string, ServedZone>;
  readonly overrides: ReadonlyMap<string, ResolvedOverride>;
  readonly exports: ReadonlyMap<string, ExportUnit>;
}

export interface Resolution {
  /** Of every resource its last valid version. What never was valid is not in it; its names are unavailable. */
  readonly configuration: Configuration;
  readonly problems: readonly Problem[];
  /** Those of them that do not come and go with what is seen of Services. */
  readonly lasting: readonly Problem[];
  /** Keys of resources that are invalid now and keep their last valid version. */
  readonly stale: readonly string[];
  /** Keys of resources that are invalid and have no valid version. */
  readonly refused: readonly string[];
  /** When the same resources will give another configuration: the first override ends. */
  readonly until: Date | undefined;
  readonly units: Units;
  /** Who may have which host. */
  readonly rules: HostRules;
  /** What `observe` needs to follow edge clusters. */
  readonly written: readonly WrittenExport[];
  readonly clusters: ReadonlyMap<string, Site>;
  /** By export, in their order: what is wrong with its backends as they are seen. */
  readonly observed: readonly (readonly Problem[])[];
  /** Hosts that several namespaces of edge clusters claim, absolute, and the namespace that has each. */
  readonly contested: ReadonlyMap<string, string>;
  /** Hosts that are claimed by annotation, and by what: when that changes, `observe` is not enough. */
  readonly annotated: string;
}

/**
 * Follows every reference between resources, fills in the defaults, and says all that does not fit together. Each
 * resource is judged by itself: what is wrong with one leaves the others.
 */
export function resolve(resources: readonly StoredResource[], context: ResolveContext): Resolution {
  return new Resolver(resources, context).run();
}

class Resolver {
  readonly #context: ResolveContext;
  readonly #previous: Resolution | undefined;
  readonly #report = new Report();
  readonly #known: readonly StoredResource[];
  readonly #places: Places;
  readonly #stale: string[] = [];
  readonly #refused: string[] = [];
  readonly #sites = new Map<string, ResolvedSiteUnit>();
  /** By `resourceKey`. */
  readonly #zoneUnits = new Map<string, ServedZone>();
  /** By `nameKey` of their origins, those that are unavailable included. */
  readonly #zones = new Map<string, ServedZone>();
  readonly #overrides = new Map<string, ResolvedOverride>();
  /** Problems of records that name a host of an export, by host. */
  readonly #rules: HostRules;
  readonly #excused: { readonly host: string; readonly stored: StoredResource; readonly problem: Problem }[] = [];

  constructor(resources: readonly StoredResource[], context: ResolveContext) {
    this.#context = context;
    this.#previous = context.previous;
    this.#places = { regions: context.regions, carriers: context.carriers };
    this.#known = this.#withoutDuplicates(resources);
    this.#rules = new HostRules(
      ofKind(this.#known, 'Zone').map(([zone]) => zone),
      context.tenancy,
    );
  }

  run(): Resolution {
    const { observations = new Map() } = this.#context;
    for (const [site, stored] of ofKind(this.#known, 'Site')) this.#site(site, stored);
    const zoneResources = ofKind(this.#known, 'Zone');
    const exports = new Map<string, readonly [DomainExport, StoredResource]>();
    for (const [exp, stored] of ofKind(this.#known, 'DomainExport')) exports.set(ownerOf(exp), [exp, stored]);
    const claims = this.#claims(exports.values());
    const found = annotatedExports(
      zoneResources.map(([zone]) => zone),
      observations,
      this.#clusters,
      this.#rules.operator,
    );
    // Every Ingress and route names its hosts; a DomainExport that serves one of them goes first.
    const annotated = found.filter(({ exp, annotated: asked }) => asked || !claims.isWanted(`${claimedHost(exp)}.`));
    // A namespace has what it claims even while it has nothing to answer with.
    for (const { exp, stored, namespace, host } of annotated)
      claims.enter(exp, stored, `${claimantOf(namespace)}/${host}`);
    this.#resolveZones(zoneResources, claims, exports);
    const claimants = new Map(annotated.map(({ namespace, host, by }) => [`${claimantOf(namespace)}/${host}`, by]));
    const held = annotated.filter((claimed) => this.#hasHost(claimed, claims, claimants, zoneResources));
    const named = new Map([...exports].map(([owner, [exp]]) => [owner, exp]));
    for (const { exp } of held) named.set(ownerOf(exp), exp);
    for (const [override, stored] of ofKind(this.#known, 'WeightOverride')) this.#override(override, stored, named);
    const inForce = overridesInForce([...this.#overrides.values()], this.#context.now, this.#report);
    const resolved = this.#resolveExports(exports, held, claims, inForce);
    return { ...resolved, contested: contestedIn(held, annotated), annotated: claimsKey(found) };
  }

  /** Whether a host that objects of a namespace claim is theirs; if not, the Zone says so. */
  #hasHost(
    { host, namespace, by }: ClaimedExport,
    claims: Claims,
    claimants: ReadonlyMap<string, string>,
    zones: readonly (readonly [Zone, StoredResource])[],
  ): boolean {
    const owner = `${claimantOf(namespace)}/${host}`;
    const holder = claims.holder(`${host}.`);
    const refusal = claims.refusal(owner, `${host}.`);
    if (refusal === undefined && holder?.owner === owner) return true;
    const message =
      refusal === undefined && holder !== undefined
        ? `${by} claims ${host}, which ${claimants.get(holder.owner) ?? `DomainExport ${holder.owner}`} has already`
        : `${by} claims ${host}: ${refusal?.message ?? 'it is no host'}`;
    const origin = this.#rules.originOf(host);
    const zone = zones.find(([{ spec }]) => spec.origin.replace(/\.$/u, '').toLowerCase() === origin);
    if (zone !== undefined) {
      const remedy = 'take the host away from one of the two, or leave its namespace out of `namespaces` here';
      this.#report.warning(zone[1], 'spec.hostnameAnnotations', message, remedy);
    }
    return false;
  }

  /** Whether a resource can be used; if not, its last valid version is, where it has one. */
  #settle<T>(
    stored: StoredResource,
    report: Report,
    previous: T | undefined,
  ): { readonly kept: T | undefined } | undefined {
    this.#report.problems.push(...report.problems);
    if (!hasErrors(report.problems)) return undefined;
    (previous === undefined ? this.#refused : this.#stale).push(resourceKey(stored.resource));
    return { kept: previous };
  }

  #site(site: Site, stored: StoredResource): void {
    const report = new Report();
    const resolved = resolveSite(site, stored, this.#places, report);
    if (site.spec.cluster !== undefined) {
      const { file, secret } = site.spec.cluster.kubeconfig;
      if ((file === undefined) === (secret === undefined)) {
        const message = 'a kubeconfig is in a `file` or in a `secret`';
        report.error(stored, 'spec.cluster.kubeconfig', message, 'give one of the two');
      }
    }
    const key = resourceKey(site);
    const invalid = this.#settle(stored, report, this.#previous?.units.sites.get(key));
    const unit = invalid === undefined ? { resolved, site } : invalid.kept;
    if (unit !== undefined) this.#sites.set(key, unit);
  }

  #claims(exports: Iterable<readonly [DomainExport, StoredResource]>): Claims {
    const { owners = new Map(), reserved = new Map(), now } = this.#context;
    const claims = new Claims({ owners, reserved, now: now.getTime() }, this.#rules);
    for (const [exp, stored] of exports) claims.enter(exp, stored);
    return claims;
  }

  #resolveZones(
    zones: readonly (readonly [Zone, StoredResource])[],
    claims: Claims,
    exports: ReadonlyMap<string, readonly [DomainExport, StoredResource]>,
  ): void {
    const { readFile, reader = new ZoneReader() } = this.#context;
    const targetNames = targetNamesOf(zones, exports.values());
    const targets: SteeredTargets = {
      isSteered: (host) => claims.covers(host) || targetNames.has(host),
      excuse: (host, stored, problem) => this.#excused.push({ host, stored, problem }),
    };
    reader.begin();
    for (const [zone, stored] of this.#incumbentsFirst(zones)) {
      const report = new Report();
      const key = resourceKey(zone);
      const before = this.#previous?.units.zones.get(key);
      const read = resolveZone(zone, stored, readFile, reader, targets, report);
      const holder = read === undefined ? undefined : this.#zones.get(read.data.key);
      if (holder !== undefined) {
        const message = `${zone.spec.origin} is served by ${placeOf(holder.stored, 'spec.origin')} already`;
        report.error(stored, 'spec.origin', message, 'keep one of the two zones');
      }
      const invalid = this.#settle(stored, report, before);
      const unit = invalid === undefined ? read : invalid.kept;
      if (unit !== undefined) this.#zoneUnits.set(key, unit);
      const served = unit ?? unavailableZone(zone, stored);
      if (served === undefined) continue;
      const origin = served.data.key;
      if (!this.#zones.has(origin)) this.#zones.set(origin, served);
    }
    this.#addUnavailable();
  }

  /** Zones that are not even valid by their schema, as far as they say which they are. */
  #addUnavailable(): void {
    for (const { key, value } of this.#context.invalid ?? []) {
      const origin = (value as { spec?: { origin?: unknown } } | undefined)?.spec?.origin;
      if (!key.startsWith('Zone ') || typeof origin !== 'string') continue;
      const stored = { resource: value as Zone, file: key, locate: () => undefined };
      const zone = unavailableZone({ spec: { origin } } as Zone, stored);
      if (zone !== undefined && !this.#zones.has(zone.data.key)) this.#zones.set(zone.data.key, zone);
    }
  }

  /** Of two zones with one origin the one that is served now keeps it. */
  #incumbentsFirst(zones: readonly (readonly [Zone, StoredResource])[]): readonly (readonly [Zone, StoredResource])[] {
    const before = this.#previous?.units.zones;
    if (before === undefined) return zones;
    const isIncumbent = ([zone]: readonly [Zone, StoredResource]): boolean => before.has(resourceKey(zone));
    return [...zones.filter(isIncumbent), ...zones.filter((each) => !isIncumbent(each))];
  }

  #override(override: WeightOverride, stored: StoredResource, exports: ReadonlyMap<string, DomainExport>): void {
    const report = new Report();
    const sites = [...this.#siteNames];
    const resolved = resolveOverride(override, stored, { exports, sites, clusters: this.#clusters, report });
    const key = resourceKey(override);
    const invalid = this.#settle(stored, report, this.#previous?.units.overrides.get(key));
    const unit = invalid === undefined ? resolved : invalid.kept;
    if (unit !== undefined) this.#overrides.set(key, unit);
  }

  #resolveExports(
    exports: ReadonlyMap<string, readonly [DomainExport, StoredResource]>,
    annotated: readonly ClaimedExport[],
    claims: Claims,
    inForce: ReturnType<typeof overridesInForce>,
  ): Omit<Resolution, 'annotated' | 'contested'> {
    const units = new Map<string, ExportUnit>();
    const resolved: ResolvedExport[] = [];
    const written: WrittenExport[] = [];
    const observed: (readonly Problem[])[] = [];
    const unavailable = new Set<string>();
    const contextFor = this.#exportContext(claims);
    const add = (key: string, unit: ExportUnit, problems: readonly Problem[]): void => {
      units.set(key, unit);
      resolved.push(unit.resolved);
      written.push(unit.written);
      observed.push(problems);
    };
    for (const [owner, [exp, stored]] of exports) {
      const overrides = inForce.byExport.get(owner) ?? [];
      const report = new Report();
      const unit = {
        resolved: resolveExport(exp, stored, contextFor(overrides, report)),
        written: { exp, stored, overrides },
      };
      const seen = report.problems.filter(isObserved);
      const lasting = new Report();
      lasting.problems.push(...report.problems.filter((problem) => !isObserved(problem)));
      const key = resourceKey(exp);
      const invalid = this.#settle(stored, lasting, this.#previous?.units.exports.get(key));
      const kept = invalid === undefined ? unit : this.#carryOver(invalid.kept, claims);
      if (kept !== undefined) add(key, kept, invalid === undefined ? seen : []);
      else for (const host of unit.resolved.hosts) unavailable.add(host);
    }
    for (const { exp, stored, served, namespace } of annotated) {
      const overrides = inForce.byExport.get(ownerOf(exp)) ?? [];
      const report = new Report();
      const owner = `${claimantOf(namespace)}/${exp.spec.hosts![0]!}`;
      const result = { ...resolveExport(exp, stored, contextFor(overrides, report), owner), claimant: namespace };
      const unit = { resolved: served ? result : { ...result, hosts: [] }, written: { exp, stored, overrides } };
      const problems = report.problems.map((problem): Problem => ({ ...problem, severity: 'warning' }));
      if (hasErrors(report.problems)) this.#report.problems.push(...problems);
      else add(resourceKey(exp), unit, problems);
    }
    for (const { hosts } of resolved) for (const host of hosts) unavailable.delete(host);
    this.#tellOfEmptyTargets(resolved);
    const sites = new Map([...this.#sites.values()].map(({ resolved: site }) => [site.name, site]));
    this.#addSitesOf(resolved, sites);
    const zones = [...this.#zones.values()].map((zone) => zone.data);
    return {
      configuration: { sites, zones, exports: resolved, unavailable: [...unavailable] },
      problems: [...this.#report.problems, ...distinct(observed.flat())],
      lasting: this.#report.problems,
      stale: this.#stale,
      refused: this.#refused,
      until: inForce.firstExpiry,
      rules: this.#rules,
      units: {
        sites: this.#sites,
        zones: this.#zoneUnits,
        overrides: this.#overrides,
        exports: units,
      },
      written,
      clusters: this.#clusters,
      observed,
    };
  }

  #exportContext(claims: Claims): (overrides: readonly Override[], report: Report) => ExportContext {
    const { readFile, observations = new Map(), localityOf = () => undefined } = this.#context;
    const sites = [...this.#siteNames];
    const resolvedSites = new Map([...this.#sites.values()].map(({ resolved }) => [resolved.name, resolved]));
    const invalidSites = new Set(sites.filter((name) => !resolvedSites.has(name)));
    const readMatrix = matrixReader(sites, this.#places, readFile);
    const clusters = this.#clusters;
    return (overrides, report) => ({
      sites,
      resolvedSites,
      invalidSites,
      places: this.#places,
      readMatrix,
      report,
      zones: this.#zones,
      claims,
      overrides,
      clusters,
      observations,
      localityOf,
      tenancy: this.#context.tenancy,
    });
  }

  /** The last valid version of an export, without hosts that are another's or in no zone now. */
  #carryOver(unit: ExportUnit | undefined, claims: Claims): ExportUnit | undefined {
    if (unit === undefined) return undefined;
    const { resolved, written } = unit;
    const owner = `${resolved.tenant}/${resolved.name}`;
    const hosts = resolved.hosts.filter((host) => {
      const holder = claims.holder(host);
      const isOwn = holder === undefined || holder.owner === owner;
      return isOwn && claims.refusal(owner, host) === undefined && isInZones(host, this.#zones);
    });
    return hosts.length === resolved.hosts.length ? unit : { resolved: { ...resolved, hosts }, written };
  }

  /** Sites that are gone and that the last valid version of an export still has endpoints at. */
  #addSitesOf(exports: readonly ResolvedExport[], sites: Map<string, ResolvedSite>): void {
    const before = this.#previous?.configuration.sites;
    if (before === undefined || this.#stale.length === 0) return;
    for (const { endpoints } of exports)
      for (const { site } of endpoints) if (!sites.has(site)) sites.set(site, before.get(site)!);
  }

  /** A record may name the host of an export, but that must have an address. */
  #tellOfEmptyTargets(exports: readonly ResolvedExport[]): void {
    if (this.#excused.length === 0) return;
    const byHost = new Map(exports.flatMap((exp) => exp.hosts.map((host) => [host, exp] as const)));
    for (const { host, stored, problem } of this.#excused) {
      const exp = byHost.get(host);
      if (exp === undefined || exp.endpoints.length > 0) continue;
      const remedy = `give DomainExport ${exp.tenant}/${exp.name}, which answers there, an endpoint`;
      this.#report.pass([{ ...problem, severity: 'warning', remedy }], stored, 'spec.records');
    }
  }

  get #siteNames(): Set<string> {
    const names = new Set(ofKind(this.#known, 'Site').map(([{ metadata }]) => metadata.name));
    for (const { key } of this.#context.invalid ?? []) if (key.startsWith('Site ')) names.add(key.slice(5));
    return names;
  }

  get #clusters(): ReadonlyMap<string, Site> {
    const all = [...this.#sites.values()].filter(({ site }) => site.spec.cluster !== undefined);
    return new Map(all.map(({ site }) => [site.metadata.name, site]));
  }

  /** Of the resources with one kind, tenant and name one stays, the one that is used now if it is there. */
  #withoutDuplicates(resources: readonly StoredResource[]): StoredResource[] {
    const seen = new Map<string, StoredResource>();
    for (const stored of resources) {
      const key = resourceKey(stored.resource);
      const holder = seen.get(key);
      if (holder === undefined) {
        seen.set(key, stored);
        continue;
      }
      const isIncumbent = this.#context.usedFiles?.get(key) === stored.file;
      const [winner, loser] = isIncumbent ? [stored, holder] : [holder, stored];
      seen.set(key, winner);
      const { kind, metadata } = stored.resource;
      const message = `there is a ${kind} \`${metadata.name}\` already (${placeOf(winner, 'metadata.name')})`;
      this.#report.error(loser, 'metadata.name', message, 'rename or remove one of the two');
    }
    return [...seen.values()];
  }
}

function contestedIn(held: readonly ClaimedExport[], all: readonly ClaimedExport[]): ReadonlyMap<string, string> {
  const claimants = new Map<string, number>();
  for (const { host } of all) claimants.set(host, (claimants.get(host) ?? 0) + 1);
  return new Map(
    held.flatMap(({ host, namespace }) => (claimants.get(host)! > 1 ? [[`${host}.`, namespace] as const] : [])),
  );
}

/** What of the exports that follow from claims decides more than their endpoints. */
function claimsKey(claimed: readonly ClaimedExport[]): string {
  return JSON.stringify(claimed.map(({ exp, served, annotated, namespace }) => [exp, served, annotated, namespace]));
}

/** One object of a cluster can be behind several hosts and Services: what is wrong with it is told once. */
function distinct(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [`${problem.file}\n${problem.message}`, problem])).values()];
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
  context: Pick<ResolveContext, 'regions' | 'carriers' | 'observations' | 'localityOf' | 'tenancy'> & {
    readonly zones: readonly StoredResource[];
  },
): Resolution | undefined {
  const { observations = new Map(), localityOf = () => undefined, regions, carriers } = context;
  const { configuration, written, clusters } = before;
  const zones = context.zones.flatMap(({ resource }) => (resource.kind === 'Zone' ? [resource] : []));
  const annotated = claimsKey(annotatedExports(zones, observations, clusters, before.rules.operator));
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
      tenancy: context.tenancy,
    };
    exports[index] = observeExport(exp, stored, exports[index]!, own);
    observed[index] = report.problems;
  }
  return {
    ...before,
    configuration: { ...configuration, exports },
    observed,
    problems: [...before.lasting, ...distinct(observed.flat())],
  };
}

function ofKind<K extends Resource['kind']>(
  resources: readonly StoredResource[],
  kind: K,
): (readonly [Extract<Resource, { kind: K }>, StoredResource])[] {
  return resources
    .filter((stored) => stored.resource.kind === kind)
    .map((stored) => [stored.resource as Extract<Resource, { kind: K }>, stored] as const);
}

/** Names that exports have in target zones, absolute and in lower case. */
function targetNamesOf(
  zones: readonly (readonly [Zone, StoredResource])[],
  exports: Iterable<readonly [DomainExport, StoredResource]>,
): Set<string> {
  const origins = zones.flatMap(([{ spec }]) => (spec.targets === true ? [spec.origin.toLowerCase()] : []));
  const names = new Set<string>();
  if (origins.length === 0) return names;
  for (const [{ metadata }] of exports)
    for (const origin of origins)
      names.add(`${metadata.name}.${metadata.tenant ?? DEFAULT_TENANT}.${origin.replace(/\.$/u, '')}.`);
  return names;
}
