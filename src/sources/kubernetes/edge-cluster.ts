import { isDeepStrictEqual } from 'node:util';
import { messageOf, type Cluster } from '../../kube/cluster.ts';
import {
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  GATEWAYS,
  HTTP_ROUTES,
  INGRESSES,
  SERVICES,
  STATEFUL_SETS,
  type KubeObject,
  type ResourceType,
} from '../../kube/objects.ts';
import { Reflector, type Change, type Learnt, type ReflectorTiming } from '../../kube/reflector.ts';
import { formatAddress, parseAddress } from '../../lib/address.ts';
import type { ObservedService, ObservedSite } from '../../model/observed.ts';
import { HostNames, type HostResolver } from './host-names.ts';
import * as edge from './objects.ts';
import type { EdgeEntry, EdgeRoute, EdgeService, EdgeSlice, EdgeWorkload, Reachable } from './objects.ts';

export interface EdgeClusterOptions {
  readonly site: string;
  readonly cluster: Cluster;
  /** What was known of the cluster when it was last seen: it stands until all of the cluster is seen again. */
  readonly remembered?: Remembered | undefined;
  /** Called with the `namespace/name`s of the Services that changed; `observed` is up to date by then. */
  readonly onChange: (changed: ReadonlySet<string>, learnt: Learnt) => void;
  /** Called when the cluster is first seen whole, cannot be seen, or can again. */
  readonly onState: (observed: ObservedSite) => void;
  /** Called with what goes wrong beside the API server, in words. */
  readonly onProblem: (message: string) => void;
  readonly hostResolver?: HostResolver | undefined;
  readonly timing?: Partial<ReflectorTiming> | undefined;
  /** Milliseconds between looks at whether the cluster can be reached at all. */
  readonly probeMs?: number | undefined;
}

/** What is remembered of a cluster. */
export interface Remembered {
  readonly services: ReadonlyMap<string, ObservedService>;
  /** When it was so, milliseconds since 1970. */
  readonly at: number;
}

/** Changes that come together are told together. */
const GATHER_MS = 2;

/** Looks that fail in a row until the cluster counts as out of reach. */
const PROBE_FAILURES = 2;

/** Watches one edge cluster, and puts together what answers need to know of its Services. */
export class EdgeCluster {
  readonly #options: EdgeClusterOptions;
  readonly #services: Reflector<EdgeService>;
  readonly #slices: Reflector<EdgeSlice>;
  readonly #workloads: readonly Reflector<EdgeWorkload>[];
  readonly #ingresses: Reflector<EdgeEntry>;
  readonly #gateways: Reflector<EdgeEntry>;
  readonly #routes: Reflector<EdgeRoute>;
  readonly #all: readonly Reflector<unknown>[];
  readonly #hostNames: HostNames;
  /** Slices by Service. */
  readonly #slicesOf = new Map<string, Map<string, EdgeSlice>>();
  /** Gateways and Ingresses by the Services they route to; undefined: to be found out. */
  #entriesOf: ReadonlyMap<string, readonly Entry[]> | undefined;
  #observed: ObservedSite;
  #dirty = new Set<string>();
  #everything = true;
  #learnt: Learnt = 'list';
  #gather: NodeJS.Timeout | undefined;
  #probe: NodeJS.Timeout | undefined;
  #probeFailures = 0;
  #probeError: string | undefined;
  #stopped = false;
  /** Milliseconds since 1970 when all was last well; over a restart no other clock goes on. */
  #seenAt: number | undefined;

  constructor(options: EdgeClusterOptions) {
    this.#options = options;
    const { site, remembered } = options;
    this.#observed = { site, services: remembered?.services ?? new Map(), hasSynced: false, error: undefined };
    this.#seenAt = remembered?.at;
    this.#hostNames = new HostNames(
      (name) => this.#mark(this.#usersOf(name), 'watch'),
      (name, error) =>
        options.onProblem(`the host name ${name} of a load balancer cannot be looked up: ${messageOf(error)}`),
      options.hostResolver,
    );
    this.#services = this.#reflect(SERVICES, edge.serviceFrom, (changes, learnt) => {
      for (const { value, before } of changes) this.#useNames(value, before);
      this.#mark(
        changes.map(({ key }) => key),
        learnt,
      );
    });
    this.#slices = this.#reflect(ENDPOINT_SLICES, edge.sliceFrom, (changes, learnt) => {
      for (const change of changes) this.#indexSlice(change);
      this.#mark(
        changes.flatMap(({ value, before }) => [value?.service, before?.service].filter((key) => key !== undefined)),
        learnt,
      );
    });
    const workloads = (type: ResourceType): Reflector<EdgeWorkload> =>
      this.#reflect(type, edge.workloadFrom, (changes, learnt) => {
        this.#mark(
          changes.flatMap(({ value, before }) => [...this.#selecting(value), ...this.#selecting(before)]),
          learnt,
        );
      });
    this.#workloads = [workloads(DEPLOYMENTS), workloads(STATEFUL_SETS)];
    this.#ingresses = this.#reflectEntries(INGRESSES, edge.ingressFrom);
    this.#gateways = this.#reflectEntries(GATEWAYS, edge.gatewayFrom);
    this.#routes = this.#reflectEntries(HTTP_ROUTES, edge.routeFrom);
    this.#all = [
      this.#services,
      this.#slices,
      ...this.#workloads,
      this.#ingresses,
      this.#gateways,
      this.#routes,
    ] as readonly Reflector<unknown>[];
  }

  get observed(): ObservedSite {
    return this.#observed;
  }

  /** What is known, for another connection to go on from. */
  get known(): Remembered {
    return { services: this.#observed.services, at: this.#seenAt ?? Date.now() };
  }

  /** Seconds since all was last well, at most; undefined when nothing is known of that. */
  get age(): number | undefined {
    if (this.#seenAt === undefined) return undefined;
    const { hasSynced, error } = this.#observed;
    return hasSynced && error === undefined ? 0 : Math.max(0, (Date.now() - this.#seenAt) / 1000);
  }

  start(): void {
    for (const reflector of this.#all) reflector.start();
    this.#probeSoon();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#gather);
    clearTimeout(this.#probe);
    this.#hostNames.close();
    await Promise.all(this.#all.map((reflector) => reflector.stop()));
    await this.#options.cluster.close();
  }

  #reflect<T>(
    type: ResourceType,
    project: (object: KubeObject) => T | undefined,
    onChange: (changes: readonly Change<T>[], learnt: Learnt) => void,
  ): Reflector<T> {
    return new Reflector<T>({
      cluster: this.#options.cluster,
      type,
      project,
      onChange,
      same: isDeepStrictEqual,
      // Without Services there is nothing to see; all else is of use where it is.
      optional: type !== SERVICES,
      onState: () => this.#mark([], 'watch'),
      timing: { mostBackoffMs: 10_000, ...this.#options.timing },
    });
  }

  #reflectEntries<T extends EdgeEntry | EdgeRoute>(
    type: ResourceType,
    project: (object: KubeObject) => T | undefined,
  ): Reflector<T> {
    return this.#reflect(type, project, (changes, learnt) => {
      if (type !== HTTP_ROUTES)
        for (const { value, before } of changes) this.#useNames(value as EdgeEntry, before as EdgeEntry);
      const before = [...this.#entries().keys()];
      this.#entriesOf = undefined;
      this.#mark([...before, ...this.#entries().keys()], learnt);
    });
  }

  #useNames(value: Reachable | undefined, before: Reachable | undefined): void {
    for (const name of value?.hostnames ?? []) this.#hostNames.use(name);
    for (const name of before?.hostnames ?? []) this.#hostNames.release(name);
  }

  /** Services whose addresses a host name gives. */
  #usersOf(name: string): string[] {
    const users = [...this.#services.items].filter(([, { hostnames }]) => hostnames.includes(name)).map(([key]) => key);
    for (const [service, entries] of this.#entries())
      if (entries.some(({ entry }) => entry.hostnames.includes(name))) users.push(service);
    return users;
  }

  #indexSlice({ key, value, before }: Change<EdgeSlice>): void {
    if (before !== undefined && before.service !== value?.service) {
      const slices = this.#slicesOf.get(before.service);
      slices?.delete(key);
      if (slices?.size === 0) this.#slicesOf.delete(before.service);
    }
    if (value === undefined) return;
    let slices = this.#slicesOf.get(value.service);
    if (slices === undefined) this.#slicesOf.set(value.service, (slices = new Map()));
    slices.set(key, value);
  }

  /** Services that select a workload's Pods. */
  #selecting(workload: EdgeWorkload | undefined): string[] {
    if (workload === undefined) return [];
    return [...this.#services.items].filter(([, service]) => selects(service, workload)).map(([key]) => key);
  }

  #entries(): ReadonlyMap<string, readonly Entry[]> {
    if (this.#entriesOf !== undefined) return this.#entriesOf;
    const entries = new Map<string, Entry[]>();
    const add = (service: string, entry: Entry): void => {
      const all = entries.get(service);
      if (all === undefined) entries.set(service, [entry]);
      else all.push(entry);
    };
    for (const [key, entry] of this.#ingresses.items)
      for (const service of entry.services) add(service, { via: `Ingress ${key}`, entry, route: undefined });
    for (const route of this.#routes.items.values()) {
      for (const gateway of route.gateways) {
        const entry = this.#gateways.items.get(gateway);
        if (entry === undefined) continue;
        for (const service of route.services) add(service, { via: `Gateway ${gateway}`, entry, route });
      }
    }
    return (this.#entriesOf = entries);
  }

  #mark(services: readonly string[], learnt: Learnt): void {
    for (const service of services) this.#dirty.add(service);
    if (learnt === 'list') this.#learnt = 'list';
    if (this.#stopped) return;
    this.#gather ??= setTimeout(() => this.#tell(), GATHER_MS);
  }

  #tell(): void {
    this.#gather = undefined;
    const before = this.#observed;
    const hasSynced = before.hasSynced || this.#all.every(({ state }) => state.hasSynced);
    const failing = this.#all.find(({ state }) => state.error !== undefined && !state.absent);
    const error = this.#probeError ?? failing?.state.error;
    if (error === undefined && hasSynced) this.#seenAt = Date.now();
    // Of a cluster that is not seen whole nothing is told but that.
    const learnt = this.#learnt;
    const changed = hasSynced ? this.#settleServices() : new Set<string>();
    this.#observed = { ...this.#observed, hasSynced, error };
    // First what there is, then that it is seen: who waits for that goes on from it.
    if (changed.size > 0) this.#options.onChange(changed, learnt);
    if (hasSynced !== before.hasSynced || error !== before.error) this.#options.onState(this.#observed);
  }

  /** Brings the Services up to date. @returns those that changed */
  #settleServices(): Set<string> {
    const services = new Map(this.#observed.services);
    const looked = this.#everything ? new Set([...services.keys(), ...this.#services.items.keys()]) : this.#dirty;
    const changed = new Set<string>();
    for (const key of looked) {
      const before = services.get(key);
      const now = this.#observe(key);
      if (isDeepStrictEqual(before, now)) continue;
      changed.add(key);
      if (now === undefined) services.delete(key);
      else services.set(key, now);
    }
    this.#dirty = new Set();
    this.#everything = false;
    this.#learnt = 'watch';
    if (changed.size > 0) this.#observed = { ...this.#observed, services };
    return changed;
  }

  #observe(key: string): ObservedService | undefined {
    const service = this.#services.items.get(key);
    if (service === undefined) return undefined;
    const entries = this.#entries().get(key) ?? [];
    const direct = service.addresses.length + service.hostnames.length > 0;
    const addresses = new Set<string>();
    const reachable: readonly Reachable[] = direct ? [service] : entries.map(({ entry }) => entry);
    for (const each of reachable) {
      for (const name of each.hostnames) {
        // Until somebody has answered, what was remembered of the Service stands.
        const found = this.#hostNames.addressesOf(name) ?? this.#observed.services.get(key)?.addresses ?? [];
        for (const address of found) addresses.add(address);
      }
      for (const text of each.addresses) {
        const parsed = parseAddress(text);
        if (parsed !== undefined) addresses.add(formatAddress(parsed));
      }
    }
    const { ready, requestsPerReplica } = this.#replicasOf(key, service);
    const annotations = [
      service.annotations,
      ...entries.flatMap(({ entry, route }) => [
        entry.annotations,
        ...(route === undefined ? [] : [route.annotations]),
      ]),
    ];
    const first = <K extends keyof edge.Annotations>(field: K): edge.Annotations[K] | undefined =>
      annotations.find((each) => each[field] !== undefined)?.[field];
    return {
      namespace: service.namespace,
      name: service.name,
      addresses: [...addresses].sort(),
      via: direct ? ['load balancer'] : entries.map(({ via }) => via),
      readyReplicas: ready,
      requestsPerReplica: service.annotations.requestsPerReplica ?? requestsPerReplica,
      ports: service.ports,
      isp: first('isp'),
      region: first('region'),
      hosts: [...new Set(annotations.flatMap(({ hosts }) => hosts))].sort(),
      ttl: first('ttl'),
    };
  }

  /** By EndpointSlices, which say what traffic can reach; where there are none, by the workloads behind the selector. */
  #replicasOf(key: string, service: EdgeService): { ready: number; requestsPerReplica: number | undefined } {
    const workloads = this.#workloads.flatMap(({ items }) =>
      [...items.values()].filter((workload) => selects(service, workload)),
    );
    const requestsPerReplica = workloads.find((each) => each.requestsPerReplica !== undefined)?.requestsPerReplica;
    const slices = this.#slicesOf.get(key);
    if (slices === undefined) {
      return { ready: workloads.reduce((sum, { readyReplicas }) => sum + readyReplicas, 0), requestsPerReplica };
    }
    const ready = new Set<string>();
    for (const slice of slices.values()) for (const name of slice.ready) ready.add(name);
    return { ready: ready.size, requestsPerReplica };
  }

  #probeSoon(): void {
    const ms = (this.#options.probeMs ?? 5000) * (0.9 + Math.random() * 0.2);
    this.#probe = setTimeout(() => void this.#look(), ms);
  }

  /** Watches notice only after a while that nobody is behind them any more. */
  async #look(): Promise<void> {
    try {
      await this.#options.cluster.ping();
      const back = this.#probeFailures > 0;
      this.#probeFailures = 0;
      this.#probeError = undefined;
      if (back) for (const reflector of this.#all) reflector.hurry();
    } catch (error) {
      if (++this.#probeFailures >= PROBE_FAILURES) this.#probeError = `cannot be reached: ${messageOf(error)}`;
    }
    if (this.#stopped) return;
    this.#mark([], 'watch');
    this.#probeSoon();
  }
}

interface Entry {
  /** For messages. */
  readonly via: string;
  readonly entry: EdgeEntry;
  readonly route: EdgeRoute | undefined;
}

function selects({ namespace, selector }: EdgeService, workload: EdgeWorkload): boolean {
  if (selector === undefined || namespace !== workload.namespace) return false;
  const pairs = Object.entries(selector);
  return pairs.length > 0 && pairs.every(([key, value]) => workload.labels[key] === value);
}
