/** What edge clusters are seen to have: what sources tell, and state resolves exports by. Immutable. */

export interface ObservedPort {
  readonly port: number;
  /** `TCP`, `UDP` or `SCTP`. */
  readonly protocol: string;
  /** Undefined: without a name. */
  readonly name?: string;
}

/** One Service of an edge cluster, as far as answers go by it. */
export interface ObservedService {
  readonly namespace: string;
  readonly name: string;
  /** Where it can be reached from outside, IPv4 and IPv6, host names resolved; canonical text, sorted, each once. */
  readonly addresses: readonly string[];
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
  /** Hosts that it claims by annotation, lower case without final dot. */
  readonly hosts: readonly string[];
  /** Seconds, by annotation. */
  readonly ttl: number | undefined;
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
