import {
  GATEWAY_CLASSES,
  GATEWAYS,
  REFERENCE_GRANTS,
  ROUTES,
  type KubeObject,
  type ResourceType,
} from '../../kube/objects.ts';
import type { Change, Learnt, Reflector } from '../../kube/reflector.ts';
import type { Reachable } from './annotations.ts';
import { isDisputed, needsGrant } from './attachment.ts';
import { ByService, track } from './by-service.ts';
import {
  gatewayClassFrom,
  gatewayFrom,
  grantFrom,
  LISTENER_PROTOCOLS,
  routeFrom,
  type EdgeGateway,
  type EdgeGrant,
  type EdgeRoute,
  type RouteKind,
} from './gateways.ts';
import { Lazy } from './lazy.ts';
import type { ClusterView } from './view.ts';

/**
 * Begins to watch a kind.
 * @param types its versions, the newest first
 * @param concerned Services that depend on whether the kind can be read at all
 */
export type Reflect = <T>(
  types: ResourceType | readonly ResourceType[],
  project: (object: KubeObject) => T | undefined,
  onChange: (changes: readonly Change<T>[], learnt: Learnt) => void,
  concerned?: () => readonly string[],
) => Reflector<T>;

export interface GatewayWatchOptions {
  readonly reflect: Reflect;
  /** Called with Services that are to be looked at again. */
  readonly mark: (services: readonly string[], learnt: Learnt) => void;
  readonly useNames: (value: Reachable | undefined, before: Reachable | undefined) => void;
}

/** Watches the Gateway API of one cluster: Gateways always, all else where it is needed. */
export class GatewayWatch {
  readonly gateways: Reflector<EdgeGateway>;
  readonly #options: GatewayWatchOptions;
  /** Each while a Gateway has a listener for such routes. */
  readonly #routes: ReadonlyMap<RouteKind, Lazy<EdgeRoute>>;
  readonly #routesOf = new ByService<EdgeRoute>(servicesOf);
  /** While two controllers say something of one route. */
  readonly #classes: Lazy<string>;
  readonly #disputed = new Set<string>();
  /** While a route refers to another namespace, and its controller does not say that it may. */
  readonly #grants: Lazy<EdgeGrant>;
  readonly #foreign = new Set<string>();

  constructor(options: GatewayWatchOptions) {
    this.#options = options;
    const { reflect, mark, useNames } = options;
    this.gateways = reflect(GATEWAYS, gatewayFrom, (changes, learnt) => {
      for (const { value, before } of changes) useNames(value, before);
      this.#openRoutes(learnt);
      const changed = new Set(changes.map(({ key }) => key));
      mark(
        this.#behind(({ parents }) => parents.some(({ gateway }) => changed.has(gateway))),
        learnt,
      );
    });
    const kinds = Object.entries(ROUTES) as [RouteKind, readonly ResourceType[]][];
    this.#routes = new Map(kinds.map(([kind, types]) => [kind, this.#lazyRoutes(kind, types)]));
    this.#classes = new Lazy((begun) => {
      const users = (): string[] => this.#behind(isDisputed);
      return reflect(GATEWAY_CLASSES, gatewayClassFrom, (_, learnt) => mark(users(), begun(learnt)), users);
    });
    this.#grants = new Lazy((begun) => {
      const users = (): string[] => this.#behind(needsGrant);
      return reflect(REFERENCE_GRANTS, grantFrom, (_, learnt) => mark(users(), begun(learnt)), users);
    });
  }

  /** Of the kinds that are watched only now. */
  get lazyReflectors(): readonly Reflector<unknown>[] {
    const all = [...this.#routes.values(), this.#classes, this.#grants] as readonly Lazy<unknown>[];
    return all.flatMap(({ reflector }) => reflector ?? []);
  }

  has(service: string): boolean {
    return this.#routesOf.has(service);
  }

  viewOf(service: string): Pick<ClusterView, 'routes' | 'gatewayOf' | 'controllerOf' | 'grants'> {
    return {
      routes: this.#routesOf.of(service) ?? [],
      gatewayOf: (key) => this.gateways.items.get(key),
      controllerOf: (name) => this.#classes.items?.get(name),
      grants: this.#grants.items,
    };
  }

  /** Whether something that a Service depends on is being listed for the first time. */
  isPending(service: string): boolean {
    const [disputed, foreign] = [this.#classes.pending, this.#grants.pending];
    if (!disputed && !foreign) return false;
    const routes = this.#routesOf.of(service) ?? [];
    return routes.some((route) => (disputed && isDisputed(route)) || (foreign && needsGrant(route)));
  }

  /** Services whose addresses a host name gives. */
  usersOf(name: string): string[] {
    const named = [...this.gateways.items].filter(([, { hostnames }]) => hostnames.includes(name));
    if (named.length === 0) return [];
    const keys = new Set(named.map(([key]) => key));
    return this.#behind(({ parents }) => parents.some(({ gateway }) => keys.has(gateway)));
  }

  /** Services behind some of the routes. */
  #behind(which: (route: EdgeRoute) => boolean): string[] {
    return [...this.#routes.values()].flatMap(({ items = new Map<string, EdgeRoute>() }) =>
      [...items.values()].filter(which).flatMap(servicesOf),
    );
  }

  #lazyRoutes(kind: RouteKind, types: readonly ResourceType[]): Lazy<EdgeRoute> {
    const take = (changes: readonly Change<EdgeRoute>[], learnt: Learnt): void => {
      const services = changes.flatMap(({ key, value, before }) => {
        // Routes of two kinds may have one name.
        const change = { key: `${kind} ${key}`, value, before };
        track(this.#disputed, change.key, value !== undefined && isDisputed(value));
        track(this.#foreign, change.key, value !== undefined && needsGrant(value));
        return this.#routesOf.take(change);
      });
      this.#classes.want(this.#disputed.size > 0, learnt === 'watch');
      this.#grants.want(this.#foreign.size > 0, learnt === 'watch');
      this.#options.mark(services, learnt);
    };
    return new Lazy<EdgeRoute>(
      (begun) =>
        this.#options.reflect(
          types,
          (object) => routeFrom(object, kind),
          (changes, learnt) => take(changes, begun(learnt)),
        ),
      (items) =>
        take(
          [...items].map(([key, before]) => ({ key, value: undefined, before })),
          'watch',
        ),
    );
  }

  #openRoutes(learnt: Learnt): void {
    const gateways = [...this.gateways.items.values()];
    const protocols = new Set(gateways.flatMap(({ listeners }) => listeners.map(({ protocol }) => protocol)));
    // A Gateway whose listeners are not known, or of an implementation's own protocol, may carry anything.
    const any =
      gateways.some(({ listeners }) => listeners.length === 0) ||
      [...protocols].some((protocol) => protocol === '' || protocol.includes('/'));
    for (const [kind, routes] of this.#routes) {
      const needed = any || LISTENER_PROTOCOLS[kind].some((protocol) => protocols.has(protocol));
      routes.want(needed, learnt === 'watch');
    }
  }
}

function servicesOf({ backends }: EdgeRoute): string[] {
  return backends.map(({ service }) => service);
}
