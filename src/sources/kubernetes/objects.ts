import type { KubeObject } from '../../kube/objects.ts';
import type { ObservedPort } from '../../model/observed.ts';

/** What is kept of the objects of an edge cluster: hundreds of clusters are watched, and most of an object is not for us. */

export const ANNOTATION = {
  /** Requests a second that one ready replica serves. */
  requestsPerReplica: 'edgeward.dev/requests-per-replica',
  /** ISP of the addresses, in place of what geo data say. */
  isp: 'edgeward.dev/isp',
  /** Region of the addresses, likewise. */
  region: 'edgeward.dev/region',
  /** Host names, with commas between them. */
  hostname: 'external-dns.alpha.kubernetes.io/hostname',
  /** Seconds, or a duration such as `2m`. */
  ttl: 'external-dns.alpha.kubernetes.io/ttl',
} as const;

export interface Annotations {
  readonly requestsPerReplica: number | undefined;
  readonly isp: string | undefined;
  readonly region: string | undefined;
  readonly hosts: readonly string[];
  readonly ttl: number | undefined;
}

/** Where something can be reached: addresses, and host names to be resolved. */
export interface Reachable {
  readonly addresses: readonly string[];
  readonly hostnames: readonly string[];
}

export interface EdgeService extends Reachable {
  readonly namespace: string;
  readonly name: string;
  readonly selector: Readonly<Record<string, string>> | undefined;
  readonly ports: readonly ObservedPort[];
  readonly annotations: Annotations;
}

export interface EdgeSlice {
  /** `namespace/name`. */
  readonly service: string;
  /** Endpoints that serve and are not about to end; a Pod with two addresses is in two slices, under one name. */
  readonly ready: readonly string[];
}

export interface EdgeWorkload {
  readonly namespace: string;
  /** Labels of its Pods. */
  readonly labels: Readonly<Record<string, string>>;
  readonly readyReplicas: number;
  readonly requestsPerReplica: number | undefined;
}

/** An Ingress or a Gateway. */
export interface EdgeEntry extends Reachable {
  readonly namespace: string;
  readonly name: string;
  /** Of an Ingress: the Services it routes to. */
  readonly services: readonly string[];
  readonly annotations: Annotations;
}

export interface EdgeRoute {
  readonly namespace: string;
  /** `namespace/name`s of the Gateways it is attached to. */
  readonly gateways: readonly string[];
  readonly services: readonly string[];
  readonly annotations: Annotations;
}

type Json = Readonly<Record<string, unknown>>;
const map = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const list = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

function annotationsOf({ metadata }: KubeObject): Annotations {
  const all = metadata.annotations ?? {};
  const isp = all[ANNOTATION.isp];
  return {
    requestsPerReplica: positive(all[ANNOTATION.requestsPerReplica]),
    isp: isp !== undefined && /^([a-z0-9][a-z0-9-]*|AS[1-9][0-9]{0,9})$/u.test(isp) ? isp : undefined,
    region: text(all[ANNOTATION.region]),
    hosts: hostsOf(all[ANNOTATION.hostname]),
    ttl: secondsOf(all[ANNOTATION.ttl]),
  };
}

function positive(value: string | undefined): number | undefined {
  const number = Number(value);
  return value !== undefined && Number.isFinite(number) && number > 0 && number <= 1e6 ? number : undefined;
}

function hostsOf(value: string | undefined): string[] {
  const hosts = (value ?? '').split(',').map((host) => host.trim().toLowerCase().replace(/\.$/u, ''));
  return [...new Set(hosts.filter((host) => host !== ''))].sort();
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

function secondsOf(value: string | undefined): number | undefined {
  const [, digits, unit = 's'] = /^([0-9]{1,6})([smh])?$/u.exec(value?.trim() ?? '') ?? [];
  return digits === undefined ? undefined : Math.min(86_400, Number(digits) * UNITS[unit]!);
}

/** `status.loadBalancer.ingress` of Services and Ingresses. */
function ingressOf(status: unknown): Reachable {
  const ingress = list(map(map(status)['loadBalancer'])['ingress']);
  return {
    addresses: ingress.flatMap((each) => text(each['ip']) ?? []),
    hostnames: ingress.flatMap((each) => (text(each['ip']) === undefined ? (text(each['hostname']) ?? []) : [])),
  };
}

/** Undefined for what is about to be deleted: its load balancer is taken down already. */
export function serviceFrom(object: KubeObject): EdgeService | undefined {
  const { metadata } = object;
  if (metadata.deletionTimestamp !== undefined) return undefined;
  const spec = map(object.spec);
  const none = { addresses: [], hostnames: [] };
  return {
    namespace: metadata.namespace!,
    name: metadata.name,
    selector: spec['selector'] as EdgeService['selector'],
    ports: list(spec['ports']).map((port) => {
      const name = text(port['name']);
      const named = name === undefined ? {} : { name };
      return { port: Number(port['port']), protocol: text(port['protocol']) ?? 'TCP', ...named };
    }),
    annotations: annotationsOf(object),
    ...(spec['type'] === 'LoadBalancer' ? ingressOf(object.status) : none),
  };
}

/**
 * What `serving` says is what the Pod's readiness says; `ready` is true for all of a Service that publishes addresses
 * that are not ready (discovery.k8s.io/v1 EndpointConditions).
 */
export function sliceFrom(object: KubeObject): EdgeSlice | undefined {
  const { metadata } = object;
  const service = metadata.labels?.['kubernetes.io/service-name'];
  if (service === undefined || metadata.deletionTimestamp !== undefined) return undefined;
  const ready: string[] = [];
  for (const endpoint of list(object['endpoints'])) {
    const conditions = map(endpoint['conditions']);
    const serves = conditions['serving'] ?? conditions['ready'] ?? true;
    if (serves !== true || conditions['terminating'] === true) continue;
    const target = map(endpoint['targetRef']);
    const [first] = Array.isArray(endpoint['addresses']) ? (endpoint['addresses'] as unknown[]) : [];
    ready.push(text(target['uid']) ?? text(target['name']) ?? String(first));
  }
  return { service: `${metadata.namespace}/${service}`, ready: ready.sort() };
}

export function workloadFrom(object: KubeObject): EdgeWorkload {
  const template = map(map(object.spec)['template']);
  const metadata = map(template['metadata']);
  const own = object.metadata.annotations?.[ANNOTATION.requestsPerReplica];
  const ofPods = map(metadata['annotations'])[ANNOTATION.requestsPerReplica];
  return {
    namespace: object.metadata.namespace!,
    labels: map(metadata['labels']) as Record<string, string>,
    readyReplicas: Number(map(object.status)['readyReplicas'] ?? 0),
    requestsPerReplica: positive(own) ?? positive(text(ofPods)),
  };
}

export function ingressFrom(object: KubeObject): EdgeEntry | undefined {
  const { metadata } = object;
  if (metadata.deletionTimestamp !== undefined) return undefined;
  const spec = map(object.spec);
  const backends = [spec['defaultBackend']];
  for (const rule of list(spec['rules']))
    for (const path of list(map(rule['http'])['paths'])) backends.push(path['backend']);
  const names = backends.flatMap((backend) => text(map(map(backend)['service'])['name']) ?? []);
  return {
    namespace: metadata.namespace!,
    name: metadata.name,
    services: [...new Set(names.map((name) => `${metadata.namespace}/${name}`))].sort(),
    annotations: annotationsOf(object),
    ...ingressOf(object.status),
  };
}

export function gatewayFrom(object: KubeObject): EdgeEntry | undefined {
  const { metadata } = object;
  if (metadata.deletionTimestamp !== undefined) return undefined;
  const addresses = list(map(object.status)['addresses']);
  const ofType = (type: string) =>
    addresses.flatMap((each) => ((each['type'] ?? 'IPAddress') === type ? (text(each['value']) ?? []) : []));
  return {
    namespace: metadata.namespace!,
    name: metadata.name,
    services: [],
    annotations: annotationsOf(object),
    addresses: ofType('IPAddress'),
    hostnames: ofType('Hostname'),
  };
}

/** A route counts at the Gateways that have not refused it. */
export function routeFrom(object: KubeObject): EdgeRoute | undefined {
  const { metadata } = object;
  if (metadata.deletionTimestamp !== undefined) return undefined;
  const spec = map(object.spec);
  const keyOfRef = (ref: Json): string => `${text(ref['namespace']) ?? metadata.namespace}/${String(ref['name'])}`;
  const refused = new Set<string>();
  for (const parent of list(map(object.status)['parents'])) {
    const conditions = list(parent['conditions']);
    if (conditions.some(({ type, status }) => type === 'Accepted' && status === 'False'))
      refused.add(keyOfRef(map(parent['parentRef'])));
  }
  const gateways = list(spec['parentRefs']).flatMap((ref) =>
    (ref['kind'] ?? 'Gateway') === 'Gateway' && !refused.has(keyOfRef(ref)) ? [keyOfRef(ref)] : [],
  );
  const services = list(spec['rules']).flatMap((rule) =>
    list(rule['backendRefs']).flatMap((ref) => ((ref['kind'] ?? 'Service') === 'Service' ? [keyOfRef(ref)] : [])),
  );
  const annotations = annotationsOf(object);
  const own = annotations.hosts.length === 0 ? [] : annotations.hosts;
  return {
    namespace: metadata.namespace!,
    gateways: [...new Set(gateways)].sort(),
    services: [...new Set(services)].sort(),
    annotations: { ...annotations, hosts: own },
  };
}
