import { objectText, type ObservedProblem, type ObservedReach, type ObservedSplit } from '../../model/observed.ts';
import type { Annotations, Reachable } from './annotations.ts';
import { attachment, listenersOf, permits } from './attachment.ts';
import type { EdgeGateway, EdgeParent, EdgeRoute } from './gateways.ts';
import type { EdgeIngress } from './objects.ts';
import { addressesIn, faultsOf, NOTHING, NOWHERE, reachOf, type ClusterView } from './view.ts';

/** A way from outside to a Service that another object makes. */
export interface Entry {
  /** `Ingress ns/name`, or `Gateway ns/name`. */
  readonly via: string;
  readonly object: Reachable & { readonly annotations: Annotations };
  /** Why what is reached there cannot serve; undefined: it can. */
  readonly trouble: string | undefined;
  readonly splits: readonly ObservedSplit[];
  /** Undefined: an Ingress. */
  readonly route: EdgeRoute | undefined;
}

export interface GatewayEntry extends Entry {
  readonly object: EdgeGateway;
  readonly route: EdgeRoute;
}

export function nameOfRoute({ kind, namespace, name }: EdgeRoute): string {
  return `${kind} ${namespace}/${name}`;
}

export function ingressEntry(object: EdgeIngress): Entry {
  const via = `Ingress ${object.namespace}/${object.name}`;
  return { via, object, trouble: undefined, splits: NOTHING, route: undefined };
}

/** The way through one parent of a route; or why there is none, as it follows the route's name. */
export function gatewayEntry(view: ClusterView, route: EdgeRoute, parent: EdgeParent): GatewayEntry | string {
  const gateway = view.gatewayOf(parent.gateway);
  if (gateway === undefined) return `names Gateway ${parent.gateway}, which is not there`;
  const { namespace, name } = view.service;
  const key = `${namespace}/${name}`;
  const { foreign, splits } = route.backends.find(({ service }) => service === key)!;
  const state = attachment(route, parent, gateway, view.controllerOf);
  if (!state.attached) return state.reason;
  if (foreign && !state.resolvedRefs && !isGranted(view, route, key))
    return `routes to ${objectText(view.service)}, which its namespace does not allow`;
  const listeners = listenersOf(route, parent, gateway);
  const closed = listeners.length > 0 && listeners.every(({ trouble }) => trouble !== undefined);
  const listenerTrouble = closed ? `at its listener ${listeners[0]!.name} ${listeners[0]!.trouble}` : undefined;
  const rule = nameOfRoute(route);
  return {
    via: `Gateway ${parent.gateway}`,
    object: gateway,
    trouble: gateway.trouble ?? listenerTrouble,
    route,
    splits: splits.length === 0 ? NOTHING : splits.map((each) => ({ rule: `${rule} ${each.rule}`, share: each.share })),
  };
}

function isGranted({ grants }: ClusterView, route: EdgeRoute, service: string): boolean {
  for (const grant of grants?.values() ?? []) if (permits(grant, route, service)) return true;
  return false;
}

/** All ways that other objects make; `closed` are those that would be there, and why they are not. */
export function entriesOf(view: ClusterView): {
  readonly entries: readonly Entry[];
  readonly closed: readonly string[];
} {
  const { ingresses, routes } = view;
  if (ingresses.length + routes.length === 0) return { entries: NOTHING, closed: NOTHING };
  const entries = ingresses.map(ingressEntry);
  const closed: string[] = [];
  for (const route of routes) {
    for (const parent of route.parents) {
      const entry = gatewayEntry(view, route, parent);
      if (typeof entry === 'string') closed.push(`${nameOfRoute(route)} ${entry}`);
      else entries.push(entry);
    }
  }
  return { entries, closed };
}

/** @param before addresses of host names that nobody has answered for yet */
export function entryReach(
  view: ClusterView,
  entries: readonly Entry[],
  before: readonly string[] | undefined,
): ObservedReach {
  if (entries.length === 0) return NOWHERE;
  const found = entries.flatMap(({ object, trouble }) =>
    addressesIn(view, object, before).map((address) => ({ address, up: trouble === undefined })),
  );
  // A route with two parents has its rules once.
  const splits = new Map(entries.flatMap((entry) => entry.splits).map((split) => [split.rule, split]));
  return reachOf(found, splits.size === 0 ? NOTHING : [...splits.values()]);
}

export function entryProblems({ via, object, trouble }: Entry): readonly ObservedProblem[] {
  const faults = faultsOf(via, object.annotations, false);
  if (trouble === undefined) return faults;
  const remedy = 'its addresses are down until its controller says otherwise';
  return [...faults, { object: via, message: `does not serve: ${trouble}`, remedy }];
}
