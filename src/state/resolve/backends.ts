import { formatAddress, isPrivate, parseAddress, type Address } from '../../lib/address.ts';
import { suggest } from '../../lib/nearest.ts';
import type { DomainExport } from '../../model/domain-export.ts';
import type { Observations, ObservedService } from '../../model/observed.ts';
import type { ResolvedEndpoint, ResolvedSite } from '../../model/resolved.ts';
import type { Site } from '../../model/site.ts';
import type { StoredResource } from '../../model/stored.ts';
import { applyOverrides, type Override } from './overrides.ts';
import type { Report } from './report.ts';
import type { Places } from './sites.ts';

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
  readonly services: string[];
  capacity: number;
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
  const found = new Map<string, Candidate>();
  for (const [index, backend] of (exp.spec.backends ?? []).entries()) {
    const field = `spec.backends[${index}]`;
    const { namespace, name } = backend.serviceRef;
    const key = `${namespace}/${name}`;
    const perReplica = backend.requestsPerReplica ?? exp.spec.requestsPerReplica ?? 1;
    let seen = 0;
    let unseen = 0;
    for (const site of [...(backend.sites ?? clusters.keys())].sort()) {
      const observed = observations.get(site);
      const service = observed?.services.get(key);
      if (service === undefined) {
        if (observed?.hasSynced !== true && clusters.has(site)) unseen++;
        continue;
      }
      seen++;
      addService(service, site, perReplica, field, found, own, stored, context);
    }
    if (seen === 0) {
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

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

function addService(
  service: ObservedService,
  site: string,
  perReplica: number,
  field: string,
  found: Map<string, Candidate>,
  own: ReadonlySet<string>,
  stored: StoredResource,
  { clusters, report }: BackendContext,
): void {
  const key = `${service.namespace}/${service.name}`;
  const at = `Service ${key} at ${site}`;
  if (service.addresses.length === 0) {
    const remedy = 'it is served when it has one: a load balancer, or a Gateway or Ingress that routes to it';
    report.warning(stored, `${field}.serviceRef`, `${at} has no address yet`, remedy);
    return;
  }
  if (service.readyReplicas === 0) {
    const remedy = 'its endpoints are down until a replica is ready';
    report.warning(stored, `${field}.serviceRef`, `${at} has no ready replica`, remedy);
  }
  const usable = service.addresses.flatMap((address) => {
    const parsed = parseAddress(address);
    if (parsed === undefined) return [];
    const refused = isPrivate(parsed) && clusters.get(site)?.spec.cluster?.allowPrivateAddresses !== true;
    if (!refused) return [parsed];
    const remedy = 'give it a public address, or the Site `cluster.allowPrivateAddresses: true`';
    report.warning(stored, `${field}.serviceRef`, `${address} of ${at} is private and refused`, remedy);
    return [];
  });
  // Each family is answered by itself, and its addresses share what is behind them.
  const count = { 4: 0, 6: 0 };
  for (const { family } of usable) count[family]++;
  for (const parsed of usable) {
    const address = formatAddress(parsed);
    if (own.has(address)) continue;
    const capacity = (service.readyReplicas * (service.requestsPerReplica ?? perReplica)) / count[parsed.family];
    const before = found.get(address);
    if (before === undefined) {
      const services = [key];
      found.set(address, { parsed, address, site, service, services, capacity, ready: service.readyReplicas });
      continue;
    }
    if (before.site !== site) {
      const message = `${address} is an address at ${before.site} and at ${site}: answered as one, at ${before.site}`;
      report.warning(
        stored,
        `${field}.serviceRef`,
        message,
        'give each site addresses of its own, unless it is anycast',
      );
    }
    // Several Services behind one address, or several sites behind an anycast one: it can serve what they all can.
    if (before.site !== site || !before.services.includes(key)) {
      before.capacity += capacity;
      before.ready += service.readyReplicas;
    }
    if (!before.services.includes(key)) before.services.push(key);
  }
}

function endpointOf(candidate: Candidate, context: BackendContext): ResolvedEndpoint {
  const { parsed, address, site, service, services, capacity, ready } = candidate;
  const up = ready > 0;
  // One that is down keeps a weight, so that nothing but its state changes when it comes back.
  const ownWeight = up ? capacity : 1;
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
