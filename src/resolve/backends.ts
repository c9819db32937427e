import { formatAddress, isPrivate, parseAddress, type Address } from '../lib/address.ts';
import { suggest } from '../lib/nearest.ts';
import type { DomainExport } from '../model/domain-export.ts';
import { DEFAULT_TENANT } from '../model/kinds.ts';
import { objectText, type Observations, type ObservedService } from '../model/observed.ts';
import type { ResolvedEndpoint, ResolvedSite } from '../model/resolved.ts';
import type { Site } from '../model/site.ts';
import type { StoredResource } from '../model/stored.ts';
import { claimedHost, claimedReach } from './annotated.ts';
import { applyOverrides, type Override } from './overrides.ts';
import type { Report } from './report.ts';
import type { Places } from './sites.ts';
import { mayRefer, type Tenancy } from './tenancy.ts';

/** What geo data say of an address; '' for what is not known. */
export interface AddressLocality {
  readonly region: string;
  readonly isp: string;
}

export interface BackendContext {
  readonly resolvedSites: ReadonlyMap<string, ResolvedSite>;
  /** Those with clusters, by name. */
  readonly clusters: ReadonlyMap<string, Site>;
  readonly observations: Observations;
  readonly localityOf: (address: Address) => AddressLocality | undefined;
  readonly places: Places;
  readonly overrides: readonly Override[];
  readonly report: Report;
  readonly tenancy: Tenancy | undefined;
}

/** Says which sites that backends name are not there, or have no cluster. */
export function checkBackends(
  { spec }: DomainExport,
  stored: StoredResource,
  sites: readonly string[],
  clusters: ReadonlyMap<string, Site>,
  report: Report,
): void {
  for (const [index, backend] of (spec.backends ?? []).entries()) {
    for (const [at, site] of (backend.sites ?? []).entries()) {
      const field = `spec.backends[${index}].sites[${at}]`;
      if (!sites.includes(site)) report.error(stored, field, `no site \`${site}\``, suggest(site, sites, 'sites'));
      else if (!clusters.has(site)) {
        report.warning(
          stored,
          field,
          `site \`${site}\` has no cluster`,
          `give the Site a \`cluster\`, or remove ${backend.sites?.length === 1 ? 'the backend' : 'it here'}`,
        );
      }
    }
  }
  if ((spec.backends ?? []).length > 0 && clusters.size === 0) {
    report.warning(stored, 'spec.backends', 'no site has a cluster', 'give a Site a `cluster`');
  }
}

/** What one address gets from all Services behind it. */
interface Candidate {
  readonly parsed: Address;
  readonly address: string;
  readonly site: string;
  readonly service: ObservedService;
  /** By Service and site: what its ready replicas can serve. */
  readonly capacities: Map<string, number>;
  /** By rule of a route: the requests that it takes before the first of its Services is full. */
  readonly limits: Map<string, number>;
  readonly services: string[];
  ready: number;
}

/**
 * The endpoints of an export's backends, in an order that does not depend on their states: by site, then address. Its
 * own endpoints go before: an address of theirs is left to them.
 */
export function backendEndpoints(
  exp: DomainExport,
  stored: StoredResource,
  own: ReadonlySet<string>,
  context: BackendContext,
): ResolvedEndpoint[] {
  const { clusters, observations, report } = context;
  const host = claimedHost(exp);
  const found = new Map<string, Candidate>();
  for (const [index, backend] of (exp.spec.backends ?? []).entries()) {
    const field = `spec.backends[${index}]`;
    const { namespace, name } = backend.serviceRef;
    const key = `${namespace}/${name}`;
    const perReplica = backend.requestsPerReplica ?? exp.spec.requestsPerReplica ?? 1;
    let seen = 0;
    let unseen = 0;
    const allowed = allowedSites(exp, backend, stored, field, context);
    for (const site of allowed) {
      const observed = observations.get(site);
      const service = observed?.services.get(key);
      if (service === undefined) {
        if (observed?.hasSynced !== true && clusters.has(site)) unseen++;
        continue;
      }
      seen++;
      // A host that an Ingress claims is reached there, whatever other ways to the Service there are.
      const reached = host === undefined ? service : { ...service, ...claimedReach(service, host) };
      addService(reached, site, perReplica, field, found, own, stored, context);
    }
    if (seen === 0 && allowed.length > 0) {
      const more =
        unseen === 0 ? '' : ` (${unseen} ${unseen === 1 ? 'cluster has' : 'clusters have'} not been seen yet)`;
      const remedy = 'apply it there, or correct the reference';
      report.warning(stored, `${field}.serviceRef`, `no cluster has a Service ${key}${more}`, remedy);
    }
  }
  return [...found.values()]
    .sort((a, b) => compare(a.site, b.site) || compare(a.address, b.address))
    .map((candidate) => endpointOf(candidate, context));
}

/** Sites at which a backend's Service may be one of the export's. */
function allowedSites(
  { metadata: { tenant = DEFAULT_TENANT } }: DomainExport,
  { serviceRef: { namespace }, sites }: NonNullable<DomainExport['spec']['backends']>[number],
  stored: StoredResource,
  field: string,
  { clusters, tenancy, report }: BackendContext,
): string[] {
  const wanted = [...(sites ?? clusters.keys())].sort();
  const forbidden = wanted.filter((name) => {
    const site = clusters.get(name);
    return site !== undefined && !mayRefer(tenant, namespace, site, tenancy);
  });
  const allowed = wanted.filter((name) => !forbidden.includes(name));
  // Who asks for all sites means those that there are for him.
  if (forbidden.length > 0 && (sites !== undefined || allowed.length === 0)) {
    const shown = forbidden.slice(0, 3).join(', ');
    const more = forbidden.length > 3 ? ` and ${forbidden.length - 3} more` : '';
    report.warning(
      stored,
      `${field}.serviceRef`,
      `tenant \`${tenant}\` may not use Services of namespace \`${namespace}\` at ${shown}${more}`,
      `use a Service in namespace \`${tenant}\`, or have the operator allow it by \`cluster.namespaces\` of the Site`,
    );
  }
  return allowed;
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

function addService(
  service: ObservedService,
  site: string,
  perReplica: number,
  field: string,
  found: Map<string, Candidate>,
  own: ReadonlySet<string>,
  stored: StoredResource,
  context: BackendContext,
): void {
  const { clusters, report } = context;
  const key = `${service.namespace}/${service.name}`;
  const at = `${objectText(service)} at ${site}`;
  const warn = (message: string, remedy: string): void =>
    report.warning(stored, `${field}.serviceRef`, message, remedy);
  for (const { object, message, remedy } of service.problems) warn(`${object} at ${site} ${message}`, remedy);
  checkPlace(service, at, context, warn);
  if (service.addresses.length === 0) {
    if (service.problems.length > 0) return;
    const remedy = 'it is served when it has one: a load balancer, or a Gateway or Ingress that routes to it';
    warn(`${at} has no address yet`, remedy);
    return;
  }
  if (service.readyReplicas === 0)
    warn(`${at} has no ready replica`, 'its endpoints are down until a replica is ready');
  const allowsPrivate = clusters.get(site)?.spec.cluster?.allowPrivateAddresses === true;
  const parsed = service.addresses.flatMap((address) => parseAddress(address) ?? []);
  const usable = parsed.filter((address) => allowsPrivate || !isPrivate(address));
  if (usable.length < parsed.length) {
    const refused = parsed.filter((address) => !usable.includes(address)).map(formatAddress);
    const more = refused.length > 3 ? ` and ${refused.length - 3} more addresses` : '';
    const are = refused.length === 1 ? 'is private and refused' : 'are private and refused';
    const remedy = 'give it a public address, or the Site `cluster.allowPrivateAddresses: true`';
    warn(`${refused.slice(0, 3).join(', ')}${more} of ${at} ${are}`, remedy);
  }
  const isUp = (address: Address): boolean => !service.down.includes(formatAddress(address));
  // Each family is answered by itself, and its addresses share what is behind them: those that are up, where any is.
  const count = { 4: 0, 6: 0 };
  for (const address of usable) if (isUp(address)) count[address.family]++;
  for (const parsedAddress of usable) {
    const address = formatAddress(parsedAddress);
    if (own.has(address)) continue;
    const up = isUp(parsedAddress);
    let candidate = found.get(address);
    if (candidate === undefined) {
      const [capacities, limits] = [new Map<string, number>(), new Map<string, number>()];
      candidate = { parsed: parsedAddress, address, site, service, services: [], capacities, limits, ready: 0 };
      found.set(address, candidate);
    }
    if (candidate.site !== site) {
      const message = `${address} is an address at ${candidate.site} and at ${site}: answered as one, at ${candidate.site}`;
      warn(message, 'give each site addresses of its own, unless it is anycast');
    }
    if (!candidate.services.includes(key)) candidate.services.push(key);
    // Several Services behind one address, or several sites behind an anycast one: it can serve what they all can.
    const here = `${key} ${site}`;
    if (candidate.capacities.has(here) || !up) continue;
    const each = (service.readyReplicas * (service.requestsPerReplica ?? perReplica)) / count[parsedAddress.family];
    candidate.capacities.set(here, each);
    candidate.ready += service.readyReplicas;
    if (each === 0) continue;
    if (service.splits.length === 0) candidate.limits.set(here, each);
    for (const { rule, share } of service.splits) {
      const limit = Math.min(each / share, candidate.limits.get(`${rule} ${site}`) ?? Number.POSITIVE_INFINITY);
      candidate.limits.set(`${rule} ${site}`, limit);
    }
  }
}

/** Annotations that name a carrier or a region that there is not. */
function checkPlace(
  { isp, region }: ObservedService,
  at: string,
  { places: { regions, carriers } }: BackendContext,
  warn: (message: string, remedy: string) => void,
): void {
  if (region !== undefined && regions.get(region) === undefined)
    warn(`${at} has region \`${region}\` by annotation, which is not known`, 'use a code of geo-data/regions.csv');
  if (isp !== undefined && !carriers.has(isp) && !/^AS[1-9][0-9]*$/u.test(isp))
    warn(`${at} has ISP \`${isp}\` by annotation, which is not known`, 'use a name of geo-data/carriers.csv');
}

/**
 * Services that share the requests of a rule are full when the first of them is; and together they serve no more than
 * all their replicas do.
 */
function capacityOf({ capacities, limits }: Candidate): number {
  const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);
  return Math.min(sum(capacities.values()), sum(limits.values()));
}

function endpointOf(candidate: Candidate, context: BackendContext): ResolvedEndpoint {
  const { parsed, address, site, service, services, ready } = candidate;
  const up = ready > 0;
  // One that is down keeps a weight, so that nothing but its state changes when it comes back.
  const ownWeight = up ? capacityOf(candidate) : 1;
  return {
    ...parsed,
    address,
    site,
    place: placeOfAddress(parsed, service, context.resolvedSites.get(site)!, context),
    observed: { services, readyReplicas: ready, requestsPerReplica: service.requestsPerReplica, ports: service.ports },
    ownWeight,
    ...applyOverrides(address, site, ownWeight, context.overrides),
    up,
  };
}

/** Places that differ from their sites; the same object for the same place, since what is compiled goes by identity. */
const places = new WeakMap<ResolvedSite, Map<string, ResolvedSite>>();

/**
 * Where an address is: its ISP as geo data know it, its region where that is inside the site's (`CN-GD` in `CN`), both
 * overridden by annotation. A site is where its operator says it is: what geo data place elsewhere stays there.
 */
function placeOfAddress(
  address: Address,
  { isp, region }: ObservedService,
  site: ResolvedSite,
  { localityOf, places: { regions } }: BackendContext,
): ResolvedSite | undefined {
  const known = localityOf(address);
  const inside =
    known !== undefined && known.region !== site.region && regions.contains(site.region, known.region)
      ? known.region
      : site.region;
  const ownRegion = region !== undefined && regions.get(region) !== undefined ? region : inside;
  const ownIsp = isp ?? known?.isp ?? '';
  const isps = ownIsp === '' ? site.isps : [ownIsp];
  const sameIsps = isps.length === site.isps.length && isps.every((each, index) => each === site.isps[index]);
  if (sameIsps && ownRegion === site.region) return undefined;
  let known_ = places.get(site);
  if (known_ === undefined) places.set(site, (known_ = new Map()));
  const key = `${ownRegion} ${isps.join(' ')}`;
  let place = known_.get(key);
  if (place === undefined) {
    const centre = ownRegion === site.region ? site : regions.get(ownRegion)!;
    const { latitude, longitude } = centre;
    known_.set(key, (place = { ...site, region: ownRegion, isps, latitude, longitude }));
  }
  return place;
}
