import {
  LISTENER_PROTOCOLS,
  type EdgeGateway,
  type EdgeGrant,
  type EdgeListener,
  type EdgeParent,
  type EdgeRoute,
} from './gateways.ts';

/** How the objects of the Gateway API hang together. Pure. */

export function permits(grant: EdgeGrant, route: Pick<EdgeRoute, 'kind' | 'namespace'>, service: string): boolean {
  const [namespace, name = ''] = service.split('/');
  return (
    grant.namespace === namespace &&
    grant.from.includes(`${route.kind} ${route.namespace}`) &&
    (grant.to === undefined || grant.to.includes(name))
  );
}

/** Whether two controllers have said something of one parent: the one that owns the Gateway's class is right. */
export function isDisputed({ parents }: EdgeRoute): boolean {
  return parents.some(({ verdicts }) => verdicts.length > 1);
}

/** Whether the namespace of a Service has to be asked: no controller says that the route may refer to it. */
export function needsGrant({ backends, parents }: EdgeRoute): boolean {
  const said = parents.some(({ verdicts }) => verdicts.every(({ resolvedRefs }) => !resolvedRefs));
  return said && backends.some(({ foreign }) => foreign);
}

/** Listeners of a Gateway that a parentRef can mean, by their names, ports and protocols. */
function fittingListeners(route: EdgeRoute, parent: EdgeParent, gateway: EdgeGateway): EdgeListener[] {
  const protocols = LISTENER_PROTOCOLS[route.kind];
  return gateway.listeners.filter(
    ({ name, port, protocol }) =>
      (parent.section === undefined || parent.section === name) &&
      (parent.port === undefined || parent.port === port) &&
      // A protocol of an implementation's own may carry anything.
      (protocols.includes(protocol) || protocol.includes('/') || protocol === ''),
  );
}

/** Those of them that take routes of the route's namespace; all, where only its controller knows which do. */
export function listenersOf(route: EdgeRoute, parent: EdgeParent, gateway: EdgeGateway): EdgeListener[] {
  const fitting = fittingListeners(route, parent, gateway);
  const open = fitting.filter(({ from }) => from !== 'Same' || route.namespace === gateway.namespace);
  return open.length > 0 ? open : fitting;
}

export type Attachment =
  | { readonly attached: true; readonly resolvedRefs: boolean }
  /** `reason` follows `HTTPRoute ns/name`. */
  | { readonly attached: false; readonly reason: string };

/**
 * Whether a route is attached to a Gateway by one of its parentRefs. What the controller of the Gateway's class says
 * counts; where the class is not known, one controller that accepts is enough. As long as nobody has said anything, the
 * route is attached where the listeners take routes of its namespace: statuses are behind after a change, and some
 * controllers leave them out.
 * @param controllerOf the controller of a GatewayClass; undefined: not known
 */
export function attachment(
  route: EdgeRoute,
  parent: EdgeParent,
  gateway: EdgeGateway,
  controllerOf: (className: string) => string | undefined,
): Attachment {
  const owner = controllerOf(gateway.className);
  const owners = parent.verdicts.filter(({ controller }) => controller === owner);
  const verdicts = (owners.length > 0 ? owners : parent.verdicts).filter(({ accepted }) => accepted !== undefined);
  const taken = verdicts.find(({ accepted }) => accepted === true);
  if (taken !== undefined) return { attached: true, resolvedRefs: taken.resolvedRefs };
  const at = `Gateway ${parent.gateway}`;
  const [refused] = verdicts;
  if (refused !== undefined) return { attached: false, reason: `is refused by ${at} (${refused.reason})` };
  const same = route.namespace === gateway.namespace;
  const open = fittingListeners(route, parent, gateway).some(({ from }) => from === 'All' || (from === 'Same' && same));
  if (open || (same && gateway.listeners.length === 0)) return { attached: true, resolvedRefs: false };
  return { attached: false, reason: `has not been accepted by ${at} yet` };
}

/**
 * The more particular one of two hosts where one is in the other; a wildcard has any number of labels in it, and '' is
 * any host. Undefined: they have none in common.
 */
export function commonHost(a: string, b: string): string | undefined {
  if (a === '' || a === b) return b;
  if (b === '') return a;
  const within = (host: string, wildcard: string): boolean =>
    wildcard.startsWith('*.') && host.length > wildcard.length - 1 && host.endsWith(wildcard.slice(1));
  if (within(b, a)) return b;
  return within(a, b) ? a : undefined;
}

/** Hosts that a route asks for; '' for those of its listeners. */
export function wantedHosts({ annotations, hostnames }: EdgeRoute): { host: string; annotated: boolean }[] {
  const { hostnameSource, hosts, ours } = annotations;
  if (!ours) return [];
  const own = hostnames.map((host) => ({ host, annotated: false }));
  const asked = hosts.map((host) => ({ host, annotated: true }));
  if (hostnameSource === 'annotation-only') return asked;
  if (hostnameSource === 'defined-hosts-only') return own;
  return [...(own.length === 0 ? [{ host: '', annotated: false }] : own), ...asked];
}
