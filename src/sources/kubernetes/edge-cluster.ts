import { isDeepStrictEqual } from 'node:util';
import { messageOf, type Cluster } from '../../kube/cluster.ts';
import {
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  INGRESSES,
  NODES,
  SERVICES,
  STATEFUL_SETS,
  type ResourceType,
} from '../../kube/objects.ts';
import { Reflector, type Learnt, type ReflectorTiming } from '../../kube/reflector.ts';
import { isOther, type ObservedService, type ObservedSite } from '../../model/observed.ts';
import { NONE, type Reachable } from './annotations.ts';
import { ByService, track } from './by-service.ts';
import { GatewayWatch, type Reflect } from './gateway-watch.ts';
import { HostNames, type HostResolver } from './host-names.ts';
import { Lazy } from './lazy.ts';
import * as edge from './objects.ts';
import type { EdgeIngress, EdgeNode, EdgeService, EdgeSlice, EdgeWorkload } from './objects.ts';
import { observeService } from './observe.ts';

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
  readonly #ingresses: Reflector<EdgeIngress>;
  readonly #always: readonly Reflector<unknown>[];
  /** While Services are reached by the addresses of nodes: those are large, and change every few minutes. */
  readonly #nodes: Lazy<EdgeNode>;
  readonly #nodeUsers = new Set<string>();
  readonly #gatewayApi: GatewayWatch;
  readonly #hostNames: HostNames;
  readonly #slicesOf = new ByService<EdgeSlice>(({ service }) => [service]);
  readonly #ingressesOf = new ByService<EdgeIngress>(({ backends }) => backends.map(({ service }) => service));
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
      (name, error) => options.onProblem(`the host name ${name} cannot be looked up: ${messageOf(error)}`),
      options.hostResolver,
    );
    this.#services = this.#reflect(SERVICES, edge.serviceFrom, (changes, learnt) => {
      for (const { key, value, before } of changes) {
        this.#useNames(value, before);
        track(this.#nodeUsers, key, value?.nodes !== undefined);
      }
      this.#nodes.want(this.#nodeUsers.size > 0, learnt === 'watch');
      this.#mark(
        changes.map(({ key }) => key),
        learnt,
      );
    });
    const nodeNames = new edge.SharedTexts();
    this.#slices = this.#reflect(
      ENDPOINT_SLICES,
      (object) => edge.sliceFrom(object, nodeNames),
      (changes, learnt) =>
        this.#mark(
          changes.flatMap((change) => this.#slicesOf.take(change)),
          learnt,
        ),
    );
    const workloads = (type: ResourceType): Reflector<EdgeWorkload> =>
      this.#reflect(type, edge.workloadFrom, (changes, learnt) => {
        this.#mark(
          changes.flatMap(({ value, before }) => [...this.#selecting(value), ...this.#selecting(before)]),
          learnt,
        );
      });
    this.#workloads = [workloads(DEPLOYMENTS), workloads(STATEFUL_SETS)];
    this.#ingresses = this.#reflect(INGRESSES, edge.ingressFrom, (changes, learnt) => {
      for (const { value, before } of changes) this.#useNames(value, before);
      this.#mark(
        changes.flatMap((change) => this.#ingressesOf.take(change)),
        learnt,
      );
    });
    this.#gatewayApi = new GatewayWatch({
      reflect: this.#reflect,
      mark: (services, learnt) => this.#mark(services, learnt),
      useNames: (value, before) => this.#useNames(value, before),
    });
    this.#nodes = new Lazy((begun) => {
      const users = (): string[] => [...this.#nodeUsers];
      return this.#reflect(NODES, edge.nodeFrom, (_, learnt) => this.#mark(users(), begun(learnt)), users);
    });
    this.#always = [
      this.#services,
      this.#slices,
      ...this.#workloads,
      this.#ingresses,
      this.#gatewayApi.gateways,
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
    for (const reflector of this.#always) reflector.start();
    this.#probeSoon();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#gather);
    clearTimeout(this.#probe);
    this.#hostNames.close();
    await Promise.all(this.#all().map((reflector) => reflector.stop()));
    await this.#options.cluster.close();
  }

  /** All that are watched now. */
  #all(): readonly Reflector<unknown>[] {
    const nodes = this.#nodes.reflector as Reflector<unknown> | undefined;
    return [...this.#always, ...this.#gatewayApi.lazyReflectors, ...(nodes === undefined ? [] : [nodes])];
  }

  readonly #reflect: Reflect = (types, project, onChange, concerned = () => []) => {
    const [type, ...olderTypes] = [types].flat() as [ResourceType, ...ResourceType[]];
    return new Reflector({
      cluster: this.#options.cluster,
      type,
      olderTypes,
      project,
      onChange,
      same: isDeepStrictEqual,
      // Without Services there is nothing to see; all else is of use where it is.
      optional: type !== SERVICES,
      onState: () => this.#mark(concerned(), 'watch'),
      timing: { mostBackoffMs: 10_000, ...this.#options.timing },
    });
  };

  #useNames(value: Reachable | undefined, before: Reachable | undefined): void {
    for (const name of value?.hostnames ?? []) this.#hostNames.use(name);
    for (const name of before?.hostnames ?? []) this.#hostNames.release(name);
  }

  /** Services whose addresses a host name gives. */
  #usersOf(name: string): string[] {
    const services = [...this.#services.items].filter(([, { hostnames }]) => hostnames.includes(name));
    const ingresses = [...this.#ingresses.items.values()].filter(({ hostnames }) => hostnames.includes(name));
    return [
      ...services.map(([key]) => key),
      ...ingresses.flatMap(({ backends }) => backends.map(({ service }) => service)),
      ...this.#gatewayApi.usersOf(name),
    ];
  }

  /** Services that select a workload's Pods. */
  #selecting(workload: EdgeWorkload | undefined): string[] {
    if (workload === undefined) return [];
    return [...this.#services.items].filter(([, service]) => selects(service, workload)).map(([key]) => key);
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
    const all = this.#all();
    const hasSynced = before.hasSynced || all.every(({ state }) => state.hasSynced);
    const failing = all.find(({ state }) => state.error !== undefined && !state.absent);
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
    const looked = this.#everything
      ? new Set([...services.keys(), ...this.#services.items.keys(), ...this.#dirty])
      : this.#dirty;
    const changed = new Set<string>();
    const waiting = new Set<string>();
    for (const key of looked) {
      // What it depends on has just begun to be listed, and will be there at once: until then it stays as it was.
      if ((this.#nodes.pending && this.#nodeUsers.has(key)) || this.#gatewayApi.isPending(key)) {
        waiting.add(key);
        continue;
      }
      const before = services.get(key);
      const now = this.#observe(key);
      if (isDeepStrictEqual(before, now)) continue;
      changed.add(key);
      if (now === undefined) services.delete(key);
      else services.set(key, now);
    }
    this.#dirty = waiting;
    this.#everything = false;
    this.#learnt = 'watch';
    if (changed.size > 0) this.#observed = { ...this.#observed, services };
    return changed;
  }

  #observe(key: string): ObservedService | undefined {
    const service = this.#services.items.get(key) ?? this.#standIn(key);
    if (service === undefined) return undefined;
    const observed = observeService({
      service,
      slices: this.#slicesOf.of(key),
      workloads: this.#workloads.flatMap(({ items }) =>
        [...items.values()].filter((workload) => selects(service, workload)),
      ),
      ingresses: this.#ingressesOf.of(key) ?? [],
      ...this.#gatewayApi.viewOf(key),
      nodes: this.#nodes.items,
      addressesOf: (name) => this.#hostNames.addressesOf(name),
      before: this.#observed.services.get(key),
    });
    // What is no Service is of use by its hosts alone.
    return isOther(service.name) && observed.claims.length === 0 ? undefined : observed;
  }

  /** For an Ingress or a route that names no Service. */
  #standIn(key: string): EdgeService | undefined {
    const [namespace = '', name = ''] = key.split('/');
    const isThere = this.#ingressesOf.has(key) || this.#gatewayApi.has(key);
    return isOther(name) && isThere ? edge.standIn(namespace, name, NONE) : undefined;
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
      if (back) for (const reflector of this.#all()) reflector.hurry();
    } catch (error) {
      if (++this.#probeFailures >= PROBE_FAILURES) this.#probeError = `cannot be reached: ${messageOf(error)}`;
    }
    if (this.#stopped) return;
    this.#mark([], 'watch');
    this.#probeSoon();
  }
}

function selects({ namespace, selector }: EdgeService, workload: EdgeWorkload): boolean {
  if (selector === undefined || namespace !== workload.namespace) return false;
  const pairs = Object.entries(selector);
  return pairs.length > 0 && pairs.every(([key, value]) => workload.labels[key] === value);
}
