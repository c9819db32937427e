import type { KubeObject } from '../../kube/objects.ts';
import { annotationsOf, distinctHosts, type Annotations, type Reachable } from './annotations.ts';
import { nameOfOther } from '../../model/observed.ts';
import { createdAt, list, map, number, text, texts, type Json } from './fields.ts';

/** What is kept of the objects of the Gateway API, and how they hang together (gateway-api.sigs.k8s.io). */

const GROUP = 'gateway.networking.k8s.io';

export type RouteKind = 'HTTPRoute' | 'GRPCRoute' | 'TLSRoute' | 'TCPRoute' | 'UDPRoute';

/** Protocols of the listeners that a kind of route can be attached to. */
export const LISTENER_PROTOCOLS: Readonly<Record<RouteKind, readonly string[]>> = {
  HTTPRoute: ['HTTP', 'HTTPS'],
  GRPCRoute: ['HTTP', 'HTTPS'],
  TLSRoute: ['TLS'],
  TCPRoute: ['TCP', 'TLS'],
  UDPRoute: ['UDP'],
};

export interface EdgeListener {
  readonly name: string;
  readonly port: number | undefined;
  readonly protocol: string;
  /** Undefined: any. */
  readonly hostname: string | undefined;
  /** Namespaces whose routes it takes. */
  readonly from: 'Same' | 'All' | 'Selector';
  /** Why it does not serve, as its status says. */
  readonly trouble: string | undefined;
}

export interface EdgeGateway extends Reachable {
  readonly namespace: string;
  readonly name: string;
  /** Name of its GatewayClass. */
  readonly className: string;
  readonly annotations: Annotations;
  readonly listeners: readonly EdgeListener[];
  /** Why it does not serve, as its status says. */
  readonly trouble: string | undefined;
}

/** What one controller says of a route at one of its parents. */
export interface Verdict {
  readonly controller: string;
  /** Undefined: nothing is said of it. */
  readonly accepted: boolean | undefined;
  /** Why it is not accepted. */
  readonly reason: string;
  readonly resolvedRefs: boolean;
}

/** One parentRef of a route, and what was said of it. */
export interface EdgeParent {
  /** `namespace/name`. */
  readonly gateway: string;
  /** Name of the listener; undefined: all that fit. */
  readonly section: string | undefined;
  readonly port: number | undefined;
  readonly verdicts: readonly Verdict[];
}

export interface EdgeBackend {
  /** `namespace/name` of the Service; of the route itself where it leads to none. */
  readonly service: string;
  /** The Service is in another namespace, which has to allow it. */
  readonly foreign: boolean;
  /** By rules in which several Services share the requests: the rule's number, and the part of this one. */
  readonly splits: readonly { readonly rule: number; readonly share: number }[];
}

export interface EdgeRoute {
  readonly kind: RouteKind;
  readonly namespace: string;
  readonly name: string;
  readonly annotations: Annotations;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** Hosts in its spec. */
  readonly hostnames: readonly string[];
  readonly parents: readonly EdgeParent[];
  /** Parents that are not followed: `ListenerSet ns/name`. */
  readonly otherParents: readonly string[];
  readonly backends: readonly EdgeBackend[];
  /** What else it routes to: `InferencePool ns/name`. */
  readonly otherBackends: readonly string[];
}

/** Which routes of other namespaces may refer to Services of one. */
export interface EdgeGrant {
  readonly namespace: string;
  /** `kind namespace`. */
  readonly from: readonly string[];
  /** Names of Services; undefined: all. */
  readonly to: readonly string[] | undefined;
}

/** The first of the conditions that is False. */
function falseOf(conditions: unknown, ...types: readonly string[]): Json | undefined {
  return list(conditions).find(({ type, status }) => types.includes(String(type)) && status === 'False');
}

function troubleOf(conditions: unknown): string | undefined {
  const found = falseOf(conditions, 'Accepted', 'Programmed');
  return found === undefined
    ? undefined
    : `${String(found['type'])} is False (${text(found['reason']) ?? 'no reason'})`;
}

export function gatewayFrom(object: KubeObject): EdgeGateway | undefined {
  const { metadata } = object;
  if (metadata.deletionTimestamp !== undefined) return undefined;
  const annotations = annotationsOf(object, 'Gateway');
  const [spec, status] = [map(object.spec), map(object.status)];
  const addresses = list(status['addresses']);
  const ofType = (type: string) =>
    addresses.flatMap((each) => ((each['type'] ?? 'IPAddress') === type ? (text(each['value']) ?? []) : []));
  const statuses = new Map(list(status['listeners']).map((each) => [each['name'], each['conditions']]));
  return {
    namespace: metadata.namespace!,
    name: metadata.name,
    className: text(spec['gatewayClassName']) ?? '',
    annotations,
    listeners: list(spec['listeners']).map((listener) => {
      const from = map(map(listener['allowedRoutes'])['namespaces'])['from'];
      return {
        name: text(listener['name']) ?? '',
        port: number(listener['port']),
        protocol: text(listener['protocol']) ?? '',
        hostname: text(listener['hostname'])?.toLowerCase(),
        from: from === 'All' || from === 'Selector' ? from : 'Same',
        trouble: troubleOf(statuses.get(listener['name'])),
      };
    }),
    trouble: troubleOf(status['conditions']),
    ...(annotations.target ?? { addresses: ofType('IPAddress'), hostnames: ofType('Hostname') }),
  };
}

/** A parentRef is told from others by all of this together. */
function parentKey(ref: Json, namespace: string): string {
  const { group = GROUP, kind = 'Gateway', name, sectionName = '', port = '' } = ref;
  return [group, kind, text(ref['namespace']) ?? namespace, name, sectionName, port].join('\n');
}

/** @param kind of the routes of this list: single objects in one do not say it */
export function routeFrom(object: KubeObject, kind: RouteKind): EdgeRoute | undefined {
  const { metadata } = object;
  if (metadata.deletionTimestamp !== undefined) return undefined;
  const spec = map(object.spec);
  const namespace = metadata.namespace!;
  const verdicts = new Map<string, Verdict[]>();
  for (const parent of list(map(object.status)['parents'])) {
    const key = parentKey(map(parent['parentRef']), namespace);
    const verdict = verdictOf(parent);
    verdicts.set(key, [...(verdicts.get(key) ?? []), verdict]);
  }
  const parents: EdgeParent[] = [];
  const otherParents: string[] = [];
  for (const ref of list(spec['parentRefs'])) {
    const name = `${text(ref['namespace']) ?? namespace}/${String(ref['name'])}`;
    const ofGatewayApi = (ref['group'] ?? GROUP) === GROUP;
    const parentKind = text(ref['kind']) ?? 'Gateway';
    if (ofGatewayApi && parentKind === 'Gateway') {
      const [section, port] = [text(ref['sectionName']), number(ref['port'])];
      parents.push({ gateway: name, section, port, verdicts: verdicts.get(parentKey(ref, namespace)) ?? [] });
    } else if (ofGatewayApi) otherParents.push(`${parentKind} ${name}`);
    // Others are not about traffic from outside: a Service is the parent of a route in a mesh.
  }
  const { backends, otherBackends } = backendsOf(spec, `${namespace}/${nameOfOther(kind, metadata.name)}`);
  const annotations = annotationsOf(object, 'Route');
  return {
    kind,
    namespace,
    name: metadata.name,
    annotations,
    created: createdAt(object),
    hostnames: distinctHosts(texts(spec['hostnames'])),
    parents,
    otherParents,
    backends,
    otherBackends,
  };
}

function verdictOf(parent: Json): Verdict {
  const conditions = list(parent['conditions']);
  const accepted = conditions.find(({ type }) => type === 'Accepted');
  const status = accepted?.['status'];
  return {
    controller: text(parent['controllerName']) ?? '',
    accepted: status === 'True' || status === 'False' ? status === 'True' : undefined,
    reason: text(accepted?.['reason']) ?? 'no reason',
    resolvedRefs: conditions.some((each) => each['type'] === 'ResolvedRefs' && each['status'] === 'True'),
  };
}

/**
 * Services with weight 0 in all rules take nothing, and are not behind the route.
 * @param self stands in for Services where a rule names none: it redirects, or something else serves it
 */
function backendsOf(spec: Json, self: string): Pick<EdgeRoute, 'backends' | 'otherBackends'> {
  const [namespace] = self.split('/');
  const found = new Map<string, { foreign: boolean; splits: { rule: number; share: number }[] }>();
  const others = new Set<string>();
  let serves = false;
  for (const [rule, { backendRefs }] of list(spec['rules']).entries()) {
    const weights = new Map<string, number>();
    let total = 0;
    let services = 0;
    for (const ref of list(backendRefs)) {
      const weight = number(ref['weight']) ?? 1;
      const name = `${text(ref['namespace']) ?? namespace}/${String(ref['name'])}`;
      const kind = text(ref['kind']) ?? 'Service';
      const isService = kind === 'Service' && (text(ref['group']) ?? '') === '';
      if (isService) services++;
      if (weight <= 0) continue;
      total += weight;
      if (isService) weights.set(name, (weights.get(name) ?? 0) + weight);
      else others.add(`${kind} ${name}`);
    }
    // What has weight 0 alone answers with errors.
    serves ||= services === 0 && (list(backendRefs).length === 0 || total > 0);
    for (const [service, weight] of weights) {
      let backend = found.get(service);
      const foreign = !service.startsWith(`${namespace}/`);
      if (backend === undefined) found.set(service, (backend = { foreign, splits: [] }));
      if (weight < total) backend.splits.push({ rule, share: weight / total });
    }
  }
  if (found.size === 0 && serves) found.set(self, { foreign: false, splits: [] });
  const backends = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    backends: backends.map(([service, backend]) => ({ service, ...backend })),
    otherBackends: [...others].sort(),
  };
}

/** The controller of a GatewayClass. */
export function gatewayClassFrom(object: KubeObject): string {
  return text(map(object.spec)['controllerName']) ?? '';
}

export function grantFrom(object: KubeObject): EdgeGrant | undefined {
  const { metadata } = object;
  if (metadata.deletionTimestamp !== undefined) return undefined;
  const spec = map(object.spec);
  const from = list(spec['from']).flatMap(({ group, kind, namespace }) =>
    group === GROUP ? [`${String(kind)} ${String(namespace)}`] : [],
  );
  const to = list(spec['to']).filter(({ group, kind }) => (group ?? '') === '' && kind === 'Service');
  if (from.length === 0 || to.length === 0) return undefined;
  const names = to.map(({ name }) => text(name));
  const all = names.includes(undefined);
  return { namespace: metadata.namespace!, from, to: all ? undefined : (names as string[]) };
}
