import { isPrivate, parseAddress } from '../lib/address.ts';
import type { DomainExport } from '../model/domain-export.ts';
import type { Observations, ObservedClaim, ObservedReach, ObservedService } from '../model/observed.ts';
import { API_VERSION } from '../model/resource.ts';
import type { Site } from '../model/site.ts';
import type { StoredResource } from '../model/stored.ts';
import type { Zone } from '../model/zone.ts';

/** An export that follows from what objects of edge clusters claim. */
export interface ClaimedExport {
  readonly exp: DomainExport;
  readonly stored: StoredResource;
  /**
   * False: there is nothing to answer with anywhere, so the host is left to the zone. A host that is answered with
   * nothing would hide a wildcard, and external-dns makes no record of it either.
   */
  readonly served: boolean;
  /** An annotation asks for the host: it is not only in the spec of an Ingress or a route. */
  readonly annotated: boolean;
  /** Namespace of the claiming objects, in whichever clusters they are. */
  readonly namespace: string;
  /** Without a final dot. */
  readonly host: string;
  /** The claiming objects, for messages. */
  readonly by: string;
}

interface HostClaims {
  /** Sites by Service. */
  readonly backends: Map<string, Set<string>>;
  /** Sites by claiming object. */
  readonly claimants: Map<string, Set<string>>;
  ttl: number | undefined;
  served: boolean;
  annotated: boolean;
  /** When the oldest of the claiming objects was created. */
  since: number;
}

/**
 * Exports for the hosts that objects of edge clusters claim, as far as a Zone lets them: as if somebody had written a
 * DomainExport with these hosts and Services. A namespace is one claimant, in whichever clusters it is: namespaces that
 * claim one host make an export each, and `Claims` says whose it is. Sorted by host, then the oldest first.
 * @param tenant whose they are: the operator's, who has said in the Zone which hosts may be claimed
 */
export function annotatedExports(
  zones: readonly Zone[],
  observations: Observations,
  clusters: ReadonlyMap<string, Site>,
  tenant: string,
): ClaimedExport[] {
  const open = zones.filter(({ spec }) => spec.hostnameAnnotations !== undefined);
  if (open.length === 0) return [];
  const hosts = new Map<string, Map<string, HostClaims>>();
  for (const { site, services } of observations.values()) {
    const allowsPrivate = clusters.get(site)?.spec.cluster?.allowPrivateAddresses === true;
    for (const [key, service] of services) {
      for (const claim of service.claims) {
        for (const host of claim.hosts) {
          if (!open.some((zone) => allows(zone, host, site, claim.namespace))) continue;
          addClaim(hosts, host, key, site, claim, allowsPrivate);
        }
      }
    }
  }
  return [...hosts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([host, namespaces]) =>
      [...namespaces]
        .sort(([a, { since }], [b, other]) => since - other.since || (a < b ? -1 : 1))
        .map(([namespace, claims]) => exportFor(host, namespace, claims, tenant)),
    );
}

function addClaim(
  hosts: Map<string, Map<string, HostClaims>>,
  host: string,
  key: string,
  site: string,
  claim: ObservedClaim,
  allowsPrivate: boolean,
): void {
  let namespaces = hosts.get(host);
  if (namespaces === undefined) hosts.set(host, (namespaces = new Map()));
  let all = namespaces.get(claim.namespace);
  if (all === undefined) {
    const none = { ttl: undefined, served: false, annotated: false, since: claim.created };
    all = { backends: new Map(), claimants: new Map(), ...none };
    namespaces.set(claim.namespace, all);
  }
  all.since = Math.min(all.since, claim.created);
  addSite(all.backends, key, site);
  addSite(all.claimants, claim.by, site);
  if (claim.ttl !== undefined) all.ttl = Math.min(claim.ttl, all.ttl ?? claim.ttl);
  all.served ||= allowsPrivate ? claim.addresses.length > 0 : hasPublic(claim);
  all.annotated ||= claim.annotated;
}

function addSite(sites: Map<string, Set<string>>, key: string, site: string): void {
  const before = sites.get(key);
  if (before === undefined) sites.set(key, new Set([site]));
  else before.add(site);
}

/** Claims never change: each is looked at once, not with every change of some cluster. */
const publicClaims = new WeakMap<ObservedClaim, boolean>();

function hasPublic(claim: ObservedClaim): boolean {
  let known = publicClaims.get(claim);
  if (known === undefined) {
    known = claim.addresses.some((address) => {
      const parsed = parseAddress(address);
      return parsed !== undefined && !isPrivate(parsed);
    });
    publicClaims.set(claim, known);
  }
  return known;
}

/** The host of an export that follows from claims; undefined for one that somebody wrote: no resource's name has dots. */
export function claimedHost({ metadata, spec }: DomainExport): string | undefined {
  return metadata.name.includes('.') ? spec.hosts?.[0] : undefined;
}

/** Where a host that is claimed for a Service is reached: by all the claims for it together. */
export function claimedReach(
  { claims, readyReplicas }: ObservedService,
  host: string,
): ObservedReach & Pick<ObservedService, 'problems' | 'readyReplicas'> {
  const own = claims.filter(({ hosts }) => hosts.includes(host));
  const [first] = own;
  if (first !== undefined && own.length === 1) return { ...first, readyReplicas: first.readyReplicas ?? readyReplicas };
  const addresses = new Set(own.flatMap((claim) => claim.addresses));
  const up = new Set(own.flatMap((claim) => claim.addresses.filter((address) => !claim.down.includes(address))));
  const splits = new Map(own.flatMap((claim) => claim.splits.map((split) => [split.rule, split] as const)));
  return {
    addresses: [...addresses].sort(),
    down: [...addresses].filter((address) => !up.has(address)),
    splits: [...splits.values()],
    problems: own.flatMap(({ problems }) => problems),
    readyReplicas: Math.max(0, ...own.map((claim) => claim.readyReplicas ?? readyReplicas)),
  };
}

function allows(zone: Zone, host: string, site: string, namespace: string): boolean {
  const { namespaces } = zone.spec.hostnameAnnotations!;
  return namespaces?.includes(namespace) !== false && mayClaim(zone, host, site);
}

/**
 * Whether a zone lets the cluster of a site claim a host, in some namespace.
 * @param host in lower case, without a final dot
 */
export function mayClaim({ spec }: Zone, host: string, site: string): boolean {
  const rule = spec.hostnameAnnotations;
  const origin = spec.origin.replace(/\.$/u, '').toLowerCase();
  if (rule === undefined || (host !== origin && !host.endsWith(`.${origin}`))) return false;
  if (rule.sites?.includes(site) === false) return false;
  return rule.hosts.some((pattern) => {
    const wanted = pattern.replace(/\.$/u, '').toLowerCase();
    return wanted.startsWith('*.') ? host.endsWith(wanted.slice(1)) : host === wanted;
  });
}

function exportFor(
  host: string,
  namespace: string,
  { backends, claimants, ttl, served, annotated }: HostClaims,
  tenant: string,
): ClaimedExport {
  const exp: DomainExport = {
    apiVersion: API_VERSION,
    kind: 'DomainExport',
    // No resource has a name with dots: it cannot be taken for one.
    metadata: { name: host.includes('.') ? host : `${host}.`, tenant },
    spec: {
      hosts: [host],
      backends: [...backends]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, sites]) => {
          const [ofService = '', name = ''] = key.split('/');
          return { serviceRef: { namespace: ofService, name }, sites: [...sites].sort() };
        }),
      ...(ttl === undefined ? {} : { policy: { ttl } }),
    },
  };
  const names = [...claimants].map(([by, sites]) => `${by} at ${[...sites].sort().join(', ')}`);
  const by = names.sort().join(' and ');
  const file = `${annotated ? 'annotation on' : 'hosts of'} ${by}`;
  const stored = { resource: exp, file, locate: () => undefined };
  return { exp, stored, served, annotated, namespace, host, by };
}
