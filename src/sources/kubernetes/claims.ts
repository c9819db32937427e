import { objectText, type ObservedClaim, type ObservedProblem, type ObservedReach } from '../../model/observed.ts';
import { commonHost, listenersOf, wantedHosts } from './attachment.ts';
import { entryProblems, entryReach, gatewayEntry, ingressEntry, nameOfRoute, type GatewayEntry } from './entries.ts';
import type { EdgeParent, EdgeRoute } from './gateways.ts';
import type { EdgeEndpoint, EdgeIngress } from './objects.ts';
import { addressesIn, faultsOf, noAddressOf, NOTHING, NOWHERE, reachOf, type ClusterView, type Found } from './view.ts';

/** Where a Service is reached by itself. */
export interface OwnReach {
  /** What hosts in its own annotations are answered with. */
  readonly reach: ObservedReach;
  /** Why `reach` is empty, if it is. */
  readonly whyNowhere: () => ObservedProblem;
  readonly podAddresses: (endpoint: EdgeEndpoint) => readonly Found[];
  readonly isUp: (endpoint: EdgeEndpoint) => boolean;
}

/** All hosts that are claimed for a Service: by itself, and by the Ingresses and routes that lead to it. */
export function claimsOf(view: ClusterView, own: OwnReach): readonly ObservedClaim[] {
  const claims = [
    ...serviceClaims(view, own),
    ...podClaims(view, own),
    ...view.ingresses.flatMap((ingress) => ingressClaims(view, ingress)),
    ...view.routes.flatMap((route) => routeClaims(view, route)),
  ];
  return claims.length === 0 ? NOTHING : claims;
}

function serviceClaims(view: ClusterView, { reach, whyNowhere }: OwnReach): ObservedClaim[] {
  const { service, before } = view;
  const { annotations, clusterIPs, kind } = service;
  const { ttl, hosts, internalHosts, target } = annotations;
  if (hosts.length + internalHosts.length === 0) return [];
  const by = objectText(service);
  const problems = [...faultsOf(by, annotations, true), ...faultsOf(by, annotations, false)];
  const claim = (names: readonly string[], reached: ObservedReach): ObservedClaim => {
    const nowhere = reached.addresses.length === 0 ? [whyNowhere()] : NOTHING;
    const { namespace, created } = service;
    return {
      by,
      namespace,
      created,
      annotated: true,
      hosts: names,
      ...reached,
      ttl,
      problems: [...problems, ...nowhere],
    };
  };
  const claims = hosts.length === 0 ? [] : [claim(hosts, reach)];
  if (internalHosts.length === 0) return claims;
  // The cluster's own address is what external-dns gives these hosts, where a Service has one.
  const internal = target === undefined && clusterIPs.length > 0 && kind !== 'NodePort';
  const inner = addressesIn(view, { addresses: clusterIPs, hostnames: NOTHING }, before?.addresses);
  claims.push(claim(internalHosts, internal ? reachOf(inner.map((address) => ({ address, up: true }))) : reach));
  return claims;
}

/** A Pod of a headless Service that has a name in it is a host of its own, as long as there is the Pod. */
function podClaims({ service, slices = [] }: ClusterView, { podAddresses, isUp }: OwnReach): ObservedClaim[] {
  const { hosts, internalHosts, target, ttl } = service.annotations;
  const domains = [...hosts, ...internalHosts];
  if (service.kind !== 'Headless' || target !== undefined || domains.length === 0) return [];
  const pods = new Map<string, EdgeEndpoint[]>();
  for (const endpoint of slices.flatMap(({ endpoints }) => endpoints)) {
    if (endpoint.hostname === undefined) continue;
    const same = pods.get(endpoint.hostname);
    if (same === undefined) pods.set(endpoint.hostname, [endpoint]);
    else same.push(endpoint);
  }
  const by = objectText(service);
  const { namespace, created } = service;
  return [...pods].flatMap(([hostname, endpoints]) => {
    const reach = reachOf(endpoints.flatMap(podAddresses));
    if (reach.addresses.length === 0) return [];
    const names = domains.map((host) => `${hostname}.${host}`);
    const readyReplicas = endpoints.some(isUp) ? 1 : 0;
    return [{ by, namespace, created, annotated: true, hosts: names, ...reach, readyReplicas, ttl, problems: NOTHING }];
  });
}

function ingressClaims(view: ClusterView, ingress: EdgeIngress): ObservedClaim[] {
  const { annotations, backends, created } = ingress;
  const { namespace, name } = view.service;
  const spec = backends.find(({ service }) => service === `${namespace}/${name}`)!.hosts;
  const asked = annotations.hosts.filter((host) => !spec.includes(host));
  const entry = ingressEntry(ingress);
  const by = entry.via;
  const problems = [
    ...faultsOf(by, annotations, true),
    ...entryProblems(entry),
    ...faultsOf(objectText(view.service), view.service.annotations, false),
  ];
  const claim = (hosts: readonly string[], annotated: boolean): ObservedClaim[] => {
    if (hosts.length === 0) return [];
    const reach = entryReach(view, [entry], addressesBefore(view, by, hosts));
    const nowhere = reach.addresses.length === 0 ? [noAddressOf(by, ingress)] : NOTHING;
    const { ttl } = annotations;
    return [{ by, namespace, created, annotated, hosts, ...reach, ttl, problems: [...problems, ...nowhere] }];
  };
  return [...claim(spec, false), ...claim(asked, true)];
}

/** The hosts that a route and the listeners it is attached to have in common, by each of its parents. */
function routeClaims(view: ClusterView, route: EdgeRoute): ObservedClaim[] {
  const by = nameOfRoute(route);
  const wanted = wantedHosts(route);
  const left = new Map(wanted.map(({ host, annotated }) => [host, annotated]));
  const problems = [
    ...faultsOf(by, route.annotations, true),
    ...faultsOf(by, route.annotations, false),
    ...otherBackendsOf(by, route),
    ...faultsOf(objectText(view.service), view.service.annotations, false),
  ];
  const claims: ObservedClaim[] = [];
  const reasons: string[] = [];
  for (const parent of route.parents) {
    const entry = gatewayEntry(view, route, parent);
    if (typeof entry === 'string') {
      reasons.push(entry);
      continue;
    }
    const found = hostsThrough(entry, parent);
    for (const { asked } of found) left.delete(asked);
    // Another controller has the DNS of what is behind that Gateway.
    if (!entry.object.annotations.ours) continue;
    claims.push(...claimsThrough(view, entry, found, problems));
  }
  left.delete('');
  if (left.size === 0) return claims;
  for (const other of route.otherParents) reasons.push(`has ${other} as its parent, which is not followed`);
  reasons.push(`asks for ${[...left.keys()].join(', ')}, which no listener of its Gateways takes`);
  const remedy = 'correct its parents or its hosts; its status says more';
  const refused = { object: by, message: reasons[0]!, remedy };
  const annotated = [...left.values()].some(Boolean);
  const { ttl } = route.annotations;
  const { namespace, created } = route;
  claims.push({
    by,
    namespace,
    created,
    annotated,
    hosts: [...left.keys()],
    ...NOWHERE,
    ttl,
    problems: [...problems, refused],
  });
  return claims;
}

interface FoundHost {
  readonly host: string;
  /** What it was found for: '' for hosts of listeners. */
  readonly asked: string;
  readonly annotated: boolean;
}

function hostsThrough({ route, object }: GatewayEntry, parent: EdgeParent): FoundHost[] {
  const listeners = listenersOf(route, parent, object);
  const names = object.listeners.length === 0 ? [''] : listeners.map(({ hostname = '' }) => hostname);
  const found = wantedHosts(route).flatMap(({ host: asked, annotated }) =>
    names
      .flatMap((name) => commonHost(name, asked) ?? [])
      .filter((host) => host !== '')
      .map((host) => ({ host, asked, annotated })),
  );
  if (!route.annotations.ours) return found;
  // Hosts that the Gateway's own annotation asks for go to all that is behind it.
  return [...found, ...object.annotations.hosts.map((host) => ({ host, asked: host, annotated: true }))];
}

function claimsThrough(
  view: ClusterView,
  entry: GatewayEntry,
  found: readonly FoundHost[],
  problems: readonly ObservedProblem[],
): ObservedClaim[] {
  const { route, object, via } = entry;
  const by = nameOfRoute(route);
  const ofGateway = [...entryProblems(entry), ...faultsOf(via, object.annotations, true)];
  const inSpec = new Set(found.filter(({ annotated }) => !annotated).map(({ host }) => host));
  const asked = new Set(found.map(({ host }) => host).filter((host) => !inSpec.has(host)));
  const claim = (names: ReadonlySet<string>, annotated: boolean): ObservedClaim[] => {
    if (names.size === 0) return [];
    const hosts = [...names];
    const reach = entryReach(view, [entry], addressesBefore(view, by, hosts));
    const nowhere = reach.addresses.length === 0 ? [noAddressOf(via, object)] : NOTHING;
    const ttl = route.annotations.ttl ?? object.annotations.ttl;
    const { namespace, created } = route;
    return [
      { by, namespace, created, annotated, hosts, ...reach, ttl, problems: [...problems, ...ofGateway, ...nowhere] },
    ];
  };
  return [...claim(inSpec, false), ...claim(asked, true)];
}

/** Addresses that one object gave these hosts when the Service was last looked at. */
function addressesBefore({ before }: ClusterView, by: string, hosts: readonly string[]): readonly string[] | undefined {
  const claims = before?.claims.filter((claim) => claim.by === by && claim.hosts.includes(hosts[0]!));
  return claims?.flatMap(({ addresses }) => addresses);
}

function otherBackendsOf(object: string, { otherBackends }: EdgeRoute): readonly ObservedProblem[] {
  if (otherBackends.length === 0) return NOTHING;
  const message = `routes to ${otherBackends.join(', ')}, whose capacity is not known`;
  return [{ object, message, remedy: 'only the replicas of Services count for its weight' }];
}
