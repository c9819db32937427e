import { formatAddress, parseAddress } from '../../lib/address.ts';
import type {
  ObservedClaim,
  ObservedProblem,
  ObservedReach,
  ObservedService,
  ObservedSplit,
} from '../../model/observed.ts';
import type { Annotations, Reachable } from './annotations.ts';
import {
  attachment,
  commonHost,
  listenersOf,
  permits,
  wantedHosts,
  type EdgeBackend,
  type EdgeGateway,
  type EdgeGrant,
  type EdgeParent,
  type EdgeRoute,
} from './gateways.ts';
import type { EdgeEndpoint, EdgeIngress, EdgeNode, EdgeService, EdgeSlice, EdgeWorkload } from './objects.ts';

/** What is known of a cluster when a Service of it is looked at. */
export interface ClusterView {
  readonly service: EdgeService;
  /** Undefined: the Service has none. */
  readonly slices: readonly EdgeSlice[] | undefined;
  /** Workloads that its selector selects. */
  readonly workloads: readonly EdgeWorkload[];
  readonly ingresses: readonly EdgeIngress[];
  readonly routes: readonly EdgeRoute[];
  readonly gatewayOf: (key: string) => EdgeGateway | undefined;
  readonly controllerOf: (className: string) => string | undefined;
  /** Undefined: not read. */
  readonly grants: Iterable<EdgeGrant> | undefined;
  /** By name. Undefined: they cannot be read. */
  readonly nodes: ReadonlyMap<string, EdgeNode> | undefined;
  /** Undefined: nobody has answered for the host name yet. */
  readonly addressesOf: (hostname: string) => readonly string[] | undefined;
  /** What the Service was when it was last looked at. */
  readonly before: ObservedService | undefined;
}

const NOTHING: readonly never[] = [];
const NOWHERE: ObservedReach = { addresses: NOTHING, down: NOTHING, splits: NOTHING };

/** A way from outside to the Service that another object makes. */
interface Entry {
  /** `Ingress ns/name`, or `Gateway ns/name`. */
  readonly via: string;
  readonly object: Reachable & { readonly annotations: Annotations };
  /** Why what is reached there cannot serve; undefined: it can. */
  readonly trouble: string | undefined;
  readonly route: EdgeRoute | undefined;
  readonly splits: readonly ObservedSplit[];
}

/** Puts together what answers need to know of one Service. Pure. */
export function observeService(view: ClusterView): ObservedService {
  return new Observer(view).observe();
}

class Observer {
  readonly #view: ClusterView;
  readonly #key: string;
  readonly #object: string;
  readonly #endpoints: readonly EdgeEndpoint[];
  readonly #entries: readonly Entry[];
  /** Ways that other objects would make, and why they are closed. */
  readonly #closed: string[] = [];
  readonly #readyReplicas: number;

  constructor(view: ClusterView) {
    this.#view = view;
    const { service, slices = [] } = view;
    this.#key = `${service.namespace}/${service.name}`;
    this.#object = `Service ${this.#key}`;
    this.#endpoints = slices.flatMap(({ endpoints }) => endpoints);
    this.#entries = this.#findEntries();
    this.#readyReplicas = this.#countReady();
  }

  observe(): ObservedService {
    const { service, workloads } = this.#view;
    const entries = this.#entries;
    const own = this.#ownReach();
    const through = this.#entryReach(entries, this.#view.before?.addresses);
    const direct = own !== undefined && (this.#goesFirst() || entries.length === 0);
    const reach = direct ? own : through;
    const annotations = [
      service.annotations,
      ...entries.flatMap(({ object, route }) => [object.annotations, ...(route === undefined ? [] : [route.annotations])]),
    ];
    const first = <K extends 'isp' | 'region'>(field: K): string | undefined =>
      annotations.find((each) => each[field] !== undefined)?.[field];
    const problems = [
      ...this.#faults(false),
      ...(direct ? NOTHING : entries.flatMap((entry) => this.#entryProblems(entry))),
      ...(reach.addresses.length === 0 ? [this.#whyNowhere()] : NOTHING),
    ];
    const requestsPerReplica = workloads.find((each) => each.requestsPerReplica !== undefined)?.requestsPerReplica;
    return {
      namespace: service.namespace,
      name: service.name,
      ...reach,
      via: direct ? [service.via] : [...new Set(entries.map(({ via }) => via))],
      readyReplicas: this.#readyReplicas,
      requestsPerReplica: service.annotations.requestsPerReplica ?? requestsPerReplica,
      ports: service.ports,
      isp: first('isp'),
      region: first('region'),
      claims: this.#claims(own ?? through),
      problems: problems.length === 0 ? NOTHING : problems,
    };
  }

  /** Annotations of the Service itself. */
  #faults(ofHosts: boolean): ObservedProblem[] {
    return faultsOf(this.#object, this.#view.service.annotations, ofHosts);
  }

  // --- what is behind the Service

  /** By EndpointSlices, which say what traffic can reach; where there are none, by the workloads behind the selector. */
  #countReady(): number {
    const { service, slices, workloads } = this.#view;
    // Nobody counts what is behind a name of somebody else's.
    if (service.kind === 'ExternalName') return 1;
    if (slices === undefined) return workloads.reduce((sum, { readyReplicas }) => sum + readyReplicas, 0);
    return new Set(this.#endpoints.filter(({ ready }) => ready).map(({ id }) => id)).size;
  }

  /** Whether clients are let have an endpoint's address. */
  #isUp({ ready, ending }: EdgeEndpoint): boolean {
    return ready || (this.#view.service.publishNotReady && !ending);
  }

  // --- where it is reached by itself

  /** Whether its own addresses go before those of what leads to it: Pods and nodes are behind a Gateway or an Ingress. */
  #goesFirst(): boolean {
    const { kind, annotations, via } = this.#view.service;
    const { target, access, endpointsType } = annotations;
    if (target !== undefined || via === 'externalIPs' || kind === 'LoadBalancer') return true;
    return (kind === 'NodePort' && access !== undefined) || (kind === 'Headless' && endpointsType !== undefined);
  }

  /** Undefined: it has no address of its own. */
  #ownReach(): ObservedReach | undefined {
    const { service, before } = this.#view;
    if (service.nodes !== undefined && service.kind === 'NodePort') return this.#nodePortReach();
    if (service.addresses.length + service.hostnames.length > 0)
      return this.#resolve([{ reachable: service, up: true }], before?.addresses);
    if (service.kind !== 'Headless' || service.annotations.target !== undefined) return undefined;
    const reach = reachOf(this.#endpoints.flatMap((endpoint) => this.#podAddresses(endpoint)));
    return reach.addresses.length === 0 ? undefined : reach;
  }

  /** Where one Pod of a headless Service is reached. */
  #podAddresses(endpoint: EdgeEndpoint): Found[] {
    const { service, nodes } = this.#view;
    const up = this.#isUp(endpoint);
    if (service.nodes === undefined) return endpoint.address === undefined ? [] : [{ address: endpoint.address, up }];
    const node = endpoint.node === undefined ? undefined : nodes?.get(endpoint.node);
    if (node === undefined) return [];
    // Kubelets tell a Pod's host by its first internal address, where it has one.
    const host = [node.internal[0] ?? node.external[0]].filter((address) => address !== undefined);
    return (service.nodes === 'Host' ? host : node.external).map((address) => ({ address, up }));
  }

  /** The nodes that take traffic of a Service of type NodePort. */
  #nodePortReach(): ObservedReach | undefined {
    const { service, nodes = new Map<string, EdgeNode>() } = this.#view;
    const taking: { node: EdgeNode; up: boolean }[] = [];
    const local = new Map<string, boolean>();
    for (const endpoint of this.#endpoints)
      if (endpoint.node !== undefined) local.set(endpoint.node, this.#isUp(endpoint) || local.get(endpoint.node) === true);
    for (const [name, node] of nodes) {
      const up = service.localOnly ? local.get(name) : true;
      if (up !== undefined) taking.push({ node, up: up && node.ready });
    }
    const external = taking.some(({ node }) => node.external.length > 0);
    const wanted = service.nodes === 'Either' ? (external ? 'External' : 'Internal') : service.nodes;
    const found = taking.flatMap(({ node, up }) =>
      (wanted === 'External' ? node.external : node.internal).map((address) => ({ address, up })),
    );
    const reach = reachOf(found);
    return reach.addresses.length === 0 ? undefined : reach;
  }

  /** @param before what to take for a host name that nobody has answered for yet */
  #resolve(
    from: readonly { readonly reachable: Reachable; readonly up: boolean }[],
    before: readonly string[] | undefined,
    splits: readonly ObservedSplit[] = NOTHING,
  ): ObservedReach {
    const found = from.flatMap(({ reachable, up }) => {
      const resolved = reachable.hostnames.flatMap((name) => this.#view.addressesOf(name) ?? before ?? []);
      return [...reachable.addresses, ...resolved].map((address) => ({ address, up }));
    });
    return { ...reachOf(found), splits };
  }

  // --- where other objects lead to it

  #findEntries(): Entry[] {
    const { ingresses, routes } = this.#view;
    const entries: Entry[] = ingresses.map((object) => ({
      via: `Ingress ${object.namespace}/${object.name}`,
      object,
      trouble: undefined,
      route: undefined,
      splits: NOTHING,
    }));
    for (const route of routes) {
      for (const parent of route.parents) {
        const entry = this.#entryOf(route, parent);
        if (typeof entry === 'object') entries.push(entry);
        else this.#closed.push(`${nameOfRoute(route)} ${entry}`);
      }
    }
    return entries;
  }

  #backendIn(route: EdgeRoute): EdgeBackend {
    return route.backends.find(({ service }) => service === this.#key)!;
  }

  /** The way through one parent of a route; or why there is none, as it follows the route's name. */
  #entryOf(route: EdgeRoute, parent: EdgeParent): Entry | string {
    const gateway = this.#view.gatewayOf(parent.gateway);
    if (gateway === undefined) return `names Gateway ${parent.gateway}, which is not there`;
    const { foreign, splits } = this.#backendIn(route);
    const state = attachment(route, parent, gateway, this.#view.controllerOf);
    if (!state.attached) return state.reason;
    if (foreign && !state.resolvedRefs && !this.#isGranted(route))
      return `routes to ${this.#object}, which its namespace does not allow`;
    const listeners = listenersOf(route, parent, gateway);
    const listenerTrouble =
      listeners.length > 0 && listeners.every(({ trouble }) => trouble !== undefined)
        ? `${listeners[0]!.trouble} at its listener ${listeners[0]!.name}`
        : undefined;
    const rule = nameOfRoute(route);
    return {
      via: `Gateway ${parent.gateway}`,
      object: gateway,
      trouble: gateway.trouble ?? listenerTrouble,
      route,
      splits: splits.length === 0 ? NOTHING : splits.map((each) => ({ rule: `${rule} ${each.rule}`, share: each.share })),
    };
  }

  #isGranted(route: EdgeRoute): boolean {
    for (const grant of this.#view.grants ?? []) if (permits(grant, route, this.#key)) return true;
    return false;
  }

  #entryReach(entries: readonly Entry[], before: readonly string[] | undefined): ObservedReach {
    if (entries.length === 0) return NOWHERE;
    const from = entries.map(({ object, trouble }) => ({ reachable: object, up: trouble === undefined }));
    const splits = entries.flatMap((entry) => entry.splits);
    const distinct = new Map(splits.map((split) => [split.rule, split]));
    return this.#resolve(from, before, splits.length === 0 ? NOTHING : [...distinct.values()]);
  }

  #entryProblems({ via, object, trouble }: Entry): ObservedProblem[] {
    const faults = faultsOf(via, object.annotations, false);
    if (trouble === undefined) return faults;
    const message = `does not serve: ${trouble}`;
    return [...faults, { object: via, message, remedy: 'its addresses are down until its controller says otherwise' }];
  }

  // --- who claims hosts for it

  #claims(reach: ObservedReach): readonly ObservedClaim[] {
    const claims = [...this.#ownClaims(reach)];
    for (const ingress of this.#view.ingresses) claims.push(...this.#ingressClaims(ingress));
    for (const route of this.#view.routes) claims.push(...this.#routeClaims(route));
    return claims.length === 0 ? NOTHING : claims;
  }

  *#ownClaims(reach: ObservedReach): Generator<ObservedClaim> {
    const { service, before } = this.#view;
    const { annotations, clusterIPs } = service;
    const { ttl, hosts, internalHosts, target } = annotations;
    const by = this.#object;
    const problems = [...this.#faults(true), ...this.#faults(false)];
    const common = { by, annotated: true, ttl };
    if (hosts.length > 0) {
      const nowhere = reach.addresses.length === 0 ? [this.#whyNowhere()] : NOTHING;
      yield { ...common, hosts, ...reach, problems: [...problems, ...nowhere] };
    }
    if (internalHosts.length > 0) {
      // The cluster's own address is what external-dns gives these hosts, where a Service has one.
      const internal = target === undefined && clusterIPs.length > 0 && service.kind !== 'NodePort';
      const inner = { addresses: clusterIPs, hostnames: NOTHING };
      const reached = internal ? this.#resolve([{ reachable: inner, up: true }], before?.addresses) : reach;
      yield { ...common, hosts: internalHosts, ...reached, problems };
    }
    if (service.kind !== 'Headless' || target !== undefined) return;
    const pods = new Map<string, EdgeEndpoint[]>();
    for (const endpoint of this.#endpoints) {
      if (endpoint.hostname === undefined) continue;
      const same = pods.get(endpoint.hostname);
      if (same === undefined) pods.set(endpoint.hostname, [endpoint]);
      else same.push(endpoint);
    }
    for (const [hostname, endpoints] of pods) {
      const own = reachOf(endpoints.flatMap((endpoint) => this.#podAddresses(endpoint)));
      const names = [...hosts, ...internalHosts].map((host) => `${hostname}.${host}`);
      if (names.length === 0 || own.addresses.length === 0) continue;
      const readyReplicas = endpoints.some((endpoint) => this.#isUp(endpoint)) ? 1 : 0;
      yield { ...common, hosts: names, ...own, readyReplicas, problems: NOTHING };
    }
  }

  *#ingressClaims(ingress: EdgeIngress): Generator<ObservedClaim> {
    const { annotations } = ingress;
    const spec = ingress.backends.find(({ service }) => service === this.#key)!.hosts;
    const entry = this.#entries.find(({ object }) => object === ingress)!;
    const by = entry.via;
    const asked = annotations.hosts.filter((host) => !spec.includes(host));
    const problems = [...faultsOf(by, annotations, true), ...faultsOf(by, annotations, false), ...this.#faults(false)];
    for (const [hosts, annotated] of [
      [spec, false],
      [asked, true],
    ] as const) {
      if (hosts.length === 0) continue;
      const reach = this.#entryReach([entry], this.#addressesBefore(by, hosts));
      const nowhere = reach.addresses.length === 0 ? [noAddressOf(by, ingress)] : NOTHING;
      yield { by, annotated, hosts, ...reach, ttl: annotations.ttl, problems: [...problems, ...nowhere] };
    }
  }

  /** Claims for the hosts that a route and the listeners it is attached to have in common, through each Gateway. */
  *#routeClaims(route: EdgeRoute): Generator<ObservedClaim> {
    const by = nameOfRoute(route);
    const left = new Map(wantedHosts(route).map(({ host, annotated }) => [host, annotated]));
    const wanted = [...left];
    const reasons: string[] = [];
    const { ttl, ours } = route.annotations;
    const own = [
      ...faultsOf(by, route.annotations, true),
      ...faultsOf(by, route.annotations, false),
      ...otherBackendsOf(by, route),
      ...this.#faults(false),
    ];
    for (const parent of route.parents) {
      const entry = this.#entryOf(route, parent);
      if (typeof entry === 'string') {
        reasons.push(entry);
        continue;
      }
      const gateway = entry.object as EdgeGateway;
      const found = new Map<string, boolean>();
      const listeners = gateway.listeners.length === 0 ? [''] : listenersOf(route, parent, gateway).map(hostnameOf);
      for (const [host, annotated] of wanted) {
        const common = listeners.flatMap((each) => commonHost(each, host) ?? []).filter((each) => each !== '');
        if (common.length > 0) left.delete(host);
        for (const each of common) found.set(each, found.get(each) ?? annotated);
      }
      // Another controller has the DNS of what is behind this Gateway.
      if (!gateway.annotations.ours) continue;
      // Hosts that the Gateway's own annotation asks for go to all that is behind it.
      if (ours) for (const host of gateway.annotations.hosts) found.set(host, found.get(host) ?? true);
      const problems = [...own, ...this.#entryProblems(entry), ...faultsOf(entry.via, gateway.annotations, true)];
      for (const annotated of [false, true]) {
        const hosts = [...found].flatMap(([host, each]) => (each === annotated ? [host] : []));
        if (hosts.length === 0) continue;
        const reach = this.#entryReach([entry], this.#addressesBefore(by, hosts));
        const nowhere = reach.addresses.length === 0 ? [noAddressOf(entry.via, gateway)] : NOTHING;
        const gatewayTtl = ttl ?? gateway.annotations.ttl;
        yield { by, annotated, hosts, ...reach, ttl: gatewayTtl, problems: [...problems, ...nowhere] };
      }
    }
    left.delete('');
    for (const other of route.otherParents) reasons.push(`has ${other} as its parent, which is not followed`);
    if (left.size === 0) return;
    reasons.push(`asks for ${[...left.keys()].join(', ')}, which no listener of its Gateways takes`);
    const refused = { object: by, message: reasons[0]!, remedy: 'attach it to a Gateway that takes it; its status says more' };
    yield { by, annotated: [...left.values()].some(Boolean), hosts: [...left.keys()], ...NOWHERE, ttl, problems: [...own, refused] };
  }

  /** Addresses that one object gave these hosts when the Service was last looked at. */
  #addressesBefore(by: string, hosts: readonly string[]): readonly string[] | undefined {
    const claims = this.#view.before?.claims.filter((claim) => claim.by === by && claim.hosts.includes(hosts[0]!));
    return claims?.flatMap(({ addresses }) => addresses);
  }

  // --- why it is not reached

  #whyNowhere(): ObservedProblem {
    const { service, nodes } = this.#view;
    const say = (message: string, remedy: string): ObservedProblem => ({ object: this.#object, message, remedy });
    if (service.hostnames.length > 0) return noAddressOf(this.#object, service);
    if (service.kind === 'LoadBalancer' && service.annotations.target === undefined)
      return say('has no address yet: no load balancer has given it one', 'it is served as soon as its status has one');
    if (service.nodes !== undefined && nodes === undefined) {
      const remedy = 'apply deploy/kubernetes/edge-reader.yaml there again';
      return say('needs the addresses of nodes, which the account may not list', remedy);
    }
    const [entry] = this.#entries;
    if (entry !== undefined)
      return say(`has no address yet: ${entry.via} leads to it and has none`, 'it is served as soon as that has one');
    const [closed] = this.#closed;
    if (closed !== undefined) return say(`has no address: ${closed}`, 'correct the route; its status says more');
    switch (service.kind) {
      case 'NodePort':
        if (service.nodes === undefined) {
          const remedy =
            'annotate it with `external-dns.kubernetes.io/access: public` to answer with the addresses of nodes, or put a load balancer, a Gateway or an Ingress before it';
          return say('is of type NodePort, and nothing from outside leads to it', remedy);
        }
        return say(
          `is of type NodePort, and no node that takes its traffic has ${service.nodes === 'Internal' ? 'an InternalIP' : 'an ExternalIP'}`,
          'give the nodes addresses, or the Service a load balancer',
        );
      case 'Headless':
        return say(
          'is headless, and has no Pod with an address to answer with',
          'it is served as soon as there is such a Pod',
        );
      case 'ExternalName':
        return say('is of type ExternalName without a name', 'give it `externalName`');
      default:
        return say(
          'is of type ClusterIP, and nothing from outside leads to it',
          'make it a LoadBalancer, lead a Gateway or an Ingress to it, or give it `externalIPs` or the annotation `external-dns.kubernetes.io/target`',
        );
    }
  }
}

interface Found {
  readonly address: string;
  readonly up: boolean;
}

/** An address that is up anywhere is up. */
function reachOf(found: readonly Found[]): ObservedReach {
  const states = new Map<string, boolean>();
  for (const { address, up } of found) {
    const parsed = parseAddress(address);
    if (parsed === undefined) continue;
    const plain = formatAddress(parsed);
    states.set(plain, up || states.get(plain) === true);
  }
  if (states.size === 0) return NOWHERE;
  const addresses = [...states.keys()].sort();
  const down = addresses.filter((address) => states.get(address) === false);
  return { addresses, down: down.length === 0 ? NOTHING : down, splits: NOTHING };
}

function hostnameOf({ hostname = '' }: { readonly hostname: string | undefined }): string {
  return hostname;
}

function nameOfRoute({ kind, namespace, name }: EdgeRoute): string {
  return `${kind} ${namespace}/${name}`;
}

function faultsOf(object: string, { faults }: Annotations, ofHosts: boolean): ObservedProblem[] {
  return faults
    .filter((fault) => fault.ofHosts === ofHosts)
    .map(({ message, remedy }) => ({ object, message, remedy }));
}

function otherBackendsOf(object: string, { otherBackends }: EdgeRoute): ObservedProblem[] {
  if (otherBackends.length === 0) return [];
  const message = `also routes to ${otherBackends.join(', ')}`;
  return [{ object, message, remedy: 'only Services count for its capacity' }];
}

function noAddressOf(object: string, { hostnames }: Reachable): ObservedProblem {
  const message =
    hostnames.length === 0 ? 'has no address yet' : `is reached by ${hostnames.join(', ')}, which has no address yet`;
  return { object, message, remedy: 'it is served as soon as its status has one' };
}
