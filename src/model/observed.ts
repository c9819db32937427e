/** What edge clusters are seen to have: what sources tell, and state resolves exports by. Immutable. */

/** In place of a time that is not known: newer than all that are. */
export const NEVER = Number.MAX_SAFE_INTEGER;

export interface ObservedPort {
  readonly port: number;
  /** `TCP`, `UDP` or `SCTP`. */
  readonly protocol: string;
  /** Undefined: without a name. */
  readonly name?: string;
}

/** One thing that is wrong with an object of an edge cluster. */
export interface ObservedProblem {
  /** `Service ns/name`, `HTTPRoute ns/name`. */
  readonly object: string;
  /** What is wrong, as it follows the object's name: `has annotation ...`. */
  readonly message: string;
  /** What would be right. */
  readonly remedy: string;
}

/**
 * The part that one Service has in a rule of a route with several weighted Services. Rules with one Service have none:
 * there the Service takes all.
 */
export interface ObservedSplit {
  /** Name of the rule, the same for all Services in it. */
  readonly rule: string;
  /** Share of the rule's requests that go to this Service, above 0 and below 1. */
  readonly share: number;
}

/** Where something can be reached from outside. */
export interface ObservedReach {
  /** IPv4 and IPv6, host names resolved; canonical text, sorted, each once. */
  readonly addresses: readonly string[];
  /** Those of `addresses` that cannot serve now, as the cluster says: a node that is not ready, for example. */
  readonly down: readonly string[];
  readonly splits: readonly ObservedSplit[];
}

/** Hosts that one object of a cluster claims for a Service. */
export interface ObservedClaim extends ObservedReach {
  /** The object: `Service ns/name`, `Ingress ns/name`, `HTTPRoute ns/name`. */
  readonly by: string;
  /** Of that object. */
  readonly namespace: string;
  /** When that object was created: milliseconds since 1970. */
  readonly created: number;
  /** True: an annotation asks for the hosts; false: they are in the spec of an Ingress, a route or a listener. */
  readonly annotated: boolean;
  /** Lower case without final dot. */
  readonly hosts: readonly string[];
  /** Replicas behind these addresses, where they are not all of the Service. */
  readonly readyReplicas?: number;
  /** Seconds, by annotation. */
  readonly ttl: number | undefined;
  readonly problems: readonly ObservedProblem[];
}

/**
 * One Service of an edge cluster, as far as answers go by it; or an Ingress or a route that leads to no Service, such as
 * one that only redirects.
 */
export interface ObservedService extends ObservedReach {
  readonly namespace: string;
  /** Of what is no Service: kind and name, `Ingress:web`, which no Service can have as its name. */
  readonly name: string;
  /** What gives it the addresses: `load balancer`, `Gateway ns/name`, `Ingress ns/name`; for messages. */
  readonly via: readonly string[];
  /** Replicas that serve now: ready, and not about to end. */
  readonly readyReplicas: number;
  /** By annotation; undefined: the export's default. */
  readonly requestsPerReplica: number | undefined;
  readonly ports: readonly ObservedPort[];
  /** By annotation, in place of what geo data says of the address. */
  readonly isp: string | undefined;
  readonly region: string | undefined;
  readonly claims: readonly ObservedClaim[];
  /** What is wrong with its addresses and annotations, whoever refers to it. */
  readonly problems: readonly ObservedProblem[];
}

/** One edge cluster. */
export interface ObservedSite {
  readonly site: string;
  /** By `namespace/name`. */
  readonly services: ReadonlyMap<string, ObservedService>;
  /** All of it was seen at least once: what is not there is not there. */
  readonly hasSynced: boolean;
  /** Why it cannot be seen now; undefined while it can. */
  readonly error: string | undefined;
}

export type Observations = ReadonlyMap<string, ObservedSite>;

/** Name in `ObservedService` of an object that is no Service. */
export function nameOfOther(kind: string, name: string): string {
  return `${kind}:${name}`;
}

export function isOther(name: string): boolean {
  return name.includes(':');
}

/** `Service ns/name`, or `Ingress ns/name` for what is no Service. */
export function objectText({ namespace, name }: Pick<ObservedService, 'namespace' | 'name'>): string {
  const [kind = '', own] = name.split(':');
  return own === undefined ? `Service ${namespace}/${name}` : `${kind} ${namespace}/${own}`;
}
