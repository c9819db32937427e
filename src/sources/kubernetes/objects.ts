import { keyOf, type KubeObject } from '../../kube/objects.ts';
import { NEVER, nameOfOther, type ObservedPort } from '../../model/observed.ts';
import { annotationsOf, distinctHosts, requestsPerReplicaIn, type Annotations, type Reachable } from './annotations.ts';
import { createdAt, list, map, text, texts } from './fields.ts';

/** What is kept of the objects of an edge cluster: hundreds of clusters are watched, and most of an object is not for us. */

/** Kinds of Services as far as their addresses go. */
export type ServiceKind = 'LoadBalancer' | 'ClusterIP' | 'Headless' | 'NodePort' | 'ExternalName';

/** Which addresses of nodes a Service is reached by. `Either`: external ones where there are any, else internal ones. */
export type NodeAddresses = 'External' | 'Internal' | 'Either' | 'Host';

export interface EdgeService extends Reachable {
  readonly namespace: string;
  readonly name: string;
  readonly kind: ServiceKind;
  readonly selector: Readonly<Record<string, string>> | undefined;
  readonly ports: readonly ObservedPort[];
  readonly annotations: Annotations;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** What gives it its own addresses, for messages. */
  readonly via: string;
  /** Undefined: nodes have nothing to do with its addresses. */
  readonly nodes: NodeAddresses | undefined;
  /** Only nodes with a Pod of the Service take its traffic. */
  readonly localOnly: boolean;
  readonly publishNotReady: boolean;
  /** Only where `internal-hostname` asks for them. */
  readonly clusterIPs: readonly string[];
}

export interface EdgeEndpoint {
  /** A Pod with two addresses is in two slices, under one id. */
  readonly id: string;
  /** Serves, and is not about to end. */
  readonly ready: boolean;
  /** About to end. */
  readonly ending: boolean;
  /** Undefined: a host name, or of a Service that is not headless. */
  readonly address: string | undefined;
  readonly node: string | undefined;
  /** Name of the Pod in the Service's domain. */
  readonly hostname: string | undefined;
}

export interface EdgeSlice {
  /** `namespace/name`. */
  readonly service: string;
  readonly endpoints: readonly EdgeEndpoint[];
}

export interface EdgeWorkload {
  readonly namespace: string;
  /** Labels of its Pods. */
  readonly labels: Readonly<Record<string, string>>;
  readonly readyReplicas: number;
  readonly requestsPerReplica: number | undefined;
}

export interface EdgeNode {
  readonly external: readonly string[];
  readonly internal: readonly string[];
  /** Ready, and not cordoned. */
  readonly ready: boolean;
}

export interface EdgeIngress extends Reachable {
  readonly namespace: string;
  readonly name: string;
  readonly annotations: Annotations;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** The Services that it routes to, and the hosts in its spec for which it does; itself where it names no Service. */
  readonly backends: readonly { readonly service: string; readonly hosts: readonly string[] }[];
}

const NOWHERE: Reachable = { addresses: [], hostnames: [] };

/** `status.loadBalancer.ingress` of Services and Ingresses. */
function loadBalancerOf(status: unknown): Reachable {
  const ingress = list(map(map(status)['loadBalancer'])['ingress']);
  if (ingress.length === 0) return NOWHERE;
  return {
    addresses: ingress.flatMap((each) => text(each['ip']) ?? []),
    hostnames: ingress.flatMap((each) => (text(each['ip']) === undefined ? (text(each['hostname']) ?? []) : [])),
  };
}

/** Undefined for what is about to be deleted: its load balancer is taken down already. */
export function serviceFrom(object: KubeObject): EdgeService | undefined {
  const { metadata, status } = object;
  if (metadata.deletionTimestamp !== undefined) return undefined;
  const spec = map(object.spec);
  const annotations = annotationsOf(object, 'Service');
  const type = text(spec['type']) ?? 'ClusterIP';
  const kind = (type === 'ClusterIP' && spec['clusterIP'] === 'None' ? 'Headless' : type) as ServiceKind;
  const nodes = annotations.target === undefined ? nodeAddressesOf(kind, annotations) : undefined;
  const clusterIPs = texts(spec['clusterIPs'] ?? [spec['clusterIP']]).filter((address) => address !== 'None');
  return {
    namespace: metadata.namespace!,
    name: metadata.name,
    kind,
    selector: spec['selector'] as EdgeService['selector'],
    ports: list(spec['ports']).map((port) => {
      const name = text(port['name']);
      const named = name === undefined ? {} : { name };
      return { port: Number(port['port']), protocol: text(port['protocol']) ?? 'TCP', ...named };
    }),
    annotations,
    created: createdAt(object),
    // Where nodes are asked for, external-dns does not look at external addresses.
    ...(kind === 'NodePort' && nodes !== undefined
      ? { ...NOWHERE, via: 'nodes' }
      : ownAddresses(kind, spec, status, annotations)),
    nodes,
    localOnly: spec['externalTrafficPolicy'] === 'Local',
    publishNotReady: spec['publishNotReadyAddresses'] === true,
    clusterIPs: annotations.internalHosts.length > 0 ? clusterIPs : [],
  };
}

/** External addresses go before those of a load balancer, and before the name of an ExternalName, as in external-dns. */
function ownAddresses(
  kind: ServiceKind,
  spec: Readonly<Record<string, unknown>>,
  status: unknown,
  { target }: Annotations,
): Reachable & { via: string } {
  if (target !== undefined) return { ...target, via: 'annotation `target`' };
  const external = texts(spec['externalIPs']);
  if (external.length > 0) return { addresses: external, hostnames: [], via: 'externalIPs' };
  if (kind === 'LoadBalancer') return { ...loadBalancerOf(status), via: 'load balancer' };
  const name = kind === 'ExternalName' ? text(spec['externalName']) : undefined;
  if (name === undefined) return { ...NOWHERE, via: kind };
  // Kubernetes accepts IPv4 addresses as well, since they look like names.
  const isAddress = /^[0-9.]+$/u.test(name) || name.includes(':');
  const plain = name.toLowerCase().replace(/\.$/u, '');
  return { addresses: isAddress ? [name] : [], hostnames: isAddress ? [] : [plain], via: 'external name' };
}

/**
 * Services of type NodePort are most often there for a load balancer or an Ingress: their nodes are asked for by a host
 * or by `access`.
 */
function nodeAddressesOf(kind: ServiceKind, annotations: Annotations): NodeAddresses | undefined {
  const { access, endpointsType, hosts, internalHosts } = annotations;
  if (kind === 'NodePort') {
    if (access === 'public') return 'External';
    if (access === 'private') return 'Internal';
    return hosts.length + internalHosts.length > 0 ? 'Either' : undefined;
  }
  if (kind !== 'Headless' || endpointsType === undefined) return undefined;
  return endpointsType === 'HostIP' ? 'Host' : 'External';
}

/** Labels of EndpointSlices that their controller writes. */
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const ENDPOINT_SLICE_CONTROLLER = 'endpointslice-controller.k8s.io';
const HEADLESS = 'service.kubernetes.io/headless';

const MAX_SHARED = 10_000;

/** Names of nodes come with every endpoint: one text for all of them. */
export class SharedTexts {
  readonly #texts = new Map<string, string>();

  get(value: string | undefined): string | undefined {
    if (value === undefined) return undefined;
    const known = this.#texts.get(value);
    if (known !== undefined) return known;
    // Nodes come and go; texts in use stay where they are.
    if (this.#texts.size >= MAX_SHARED) this.#texts.clear();
    this.#texts.set(value, value);
    return value;
  }
}

/**
 * What `serving` says is what the Pod's readiness says; `ready` is true for all of a Service that publishes addresses
 * that are not ready (discovery.k8s.io/v1 EndpointConditions).
 */
export function sliceFrom(object: KubeObject, shared: SharedTexts): EdgeSlice | undefined {
  const { metadata } = object;
  const service = metadata.labels?.['kubernetes.io/service-name'];
  if (service === undefined || metadata.deletionTimestamp !== undefined) return undefined;
  const { [MANAGED_BY]: managedBy, [HEADLESS]: headless } = metadata.labels!;
  // Pods behind another address are counted: there are many of them, and nobody asks for theirs.
  const keepAddress =
    object['addressType'] !== 'FQDN' && (managedBy !== ENDPOINT_SLICE_CONTROLLER || headless !== undefined);
  const endpoints = list(object['endpoints']).flatMap((endpoint): EdgeEndpoint[] => {
    const conditions = map(endpoint['conditions']);
    const serves = (conditions['serving'] ?? conditions['ready'] ?? true) === true;
    const ending = conditions['terminating'] === true;
    if (ending && !serves) return [];
    const target = map(endpoint['targetRef']);
    const [address] = texts(endpoint['addresses']);
    return [
      {
        id: text(target['uid']) ?? text(target['name']) ?? String(address),
        ready: serves && !ending,
        ending,
        address: keepAddress ? address : undefined,
        node: shared.get(text(endpoint['nodeName'])),
        hostname: text(endpoint['hostname']),
      },
    ];
  });
  // Their order means nothing, and changes.
  endpoints.sort((a, b) => (a.id < b.id ? -1 : Number(a.id > b.id)));
  return { service: `${metadata.namespace}/${service}`, endpoints };
}

export function workloadFrom(object: KubeObject): EdgeWorkload {
  const template = map(map(object.spec)['template']);
  const metadata = map(template['metadata']);
  return {
    namespace: object.metadata.namespace!,
    labels: map(metadata['labels']) as Record<string, string>,
    readyReplicas: Number(map(object.status)['readyReplicas'] ?? 0),
    requestsPerReplica:
      requestsPerReplicaIn(object.metadata.annotations) ??
      requestsPerReplicaIn(map(metadata['annotations']) as Record<string, string>),
  };
}

export function nodeFrom(object: KubeObject): EdgeNode | undefined {
  if (object.metadata.deletionTimestamp !== undefined) return undefined;
  const status = map(object.status);
  const addresses = list(status['addresses']);
  const ofType = (type: string): string[] =>
    addresses.flatMap((each) => (each['type'] === type ? (text(each['address']) ?? []) : []));
  const ready = list(status['conditions']).some((each) => each['type'] === 'Ready' && each['status'] === 'True');
  return {
    external: ofType('ExternalIP'),
    internal: ofType('InternalIP'),
    ready: ready && map(object.spec)['unschedulable'] !== true,
  };
}

export function ingressFrom(object: KubeObject): EdgeIngress | undefined {
  const { metadata } = object;
  if (metadata.deletionTimestamp !== undefined) return undefined;
  const annotations = annotationsOf(object, 'Ingress');
  return {
    namespace: metadata.namespace!,
    name: metadata.name,
    annotations: annotations.hostnameSource === 'defined-hosts-only' ? { ...annotations, hosts: [] } : annotations,
    created: createdAt(object),
    backends: ingressBackends(object, annotations),
    ...(annotations.target ?? loadBalancerOf(object.status)),
  };
}

function ingressBackends(object: KubeObject, annotations: Annotations): EdgeIngress['backends'] {
  const spec = map(object.spec);
  const serviceOf = (backend: unknown): string[] => {
    const name = text(map(map(backend)['service'])['name']);
    return name === undefined ? [] : [keyOf({ metadata: { namespace: object.metadata.namespace!, name } })];
  };
  const hostsOf = new Map<string, Set<string>>();
  const add = (service: string, host: string | undefined): void => {
    let hosts = hostsOf.get(service);
    if (hosts === undefined) hostsOf.set(service, (hosts = new Set()));
    if (host !== undefined) hosts.add(host);
  };
  const rest = serviceOf(spec['defaultBackend']);
  for (const service of rest) add(service, undefined);
  const named = new Set<string>();
  for (const rule of list(spec['rules'])) {
    const host = text(rule['host']);
    if (host !== undefined) named.add(host);
    const paths = list(map(rule['http'])['paths']).flatMap(({ backend }) => serviceOf(backend));
    // A rule without a path leaves all to the default backend.
    for (const service of paths.length > 0 ? paths : rest) add(service, host);
  }
  if (hostsOf.size === 0) {
    const self = `${object.metadata.namespace}/${nameOfOther('Ingress', object.metadata.name)}`;
    add(self, undefined);
    for (const host of named) add(self, host);
  }
  for (const host of list(spec['tls']).flatMap((tls) => texts(tls['hosts'])))
    if (!named.has(host)) for (const service of hostsOf.keys()) add(service, host);
  const counts = annotations.ours && annotations.hostnameSource !== 'annotation-only';
  return [...hostsOf]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([service, hosts]) => ({ service, hosts: counts ? distinctHosts([...hosts]) : [] }));
}

/** Stands in for the Service of an Ingress or a route that names none: it counts as one replica. */
export function standIn(namespace: string, name: string, annotations: Annotations): EdgeService {
  return {
    ...NOWHERE,
    namespace,
    name,
    kind: 'ExternalName',
    selector: undefined,
    ports: [],
    annotations,
    created: NEVER,
    via: name,
    nodes: undefined,
    localOnly: false,
    publishNotReady: false,
    clusterIPs: [],
  };
}
