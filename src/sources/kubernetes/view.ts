import { formatAddress, parseAddress } from '../../lib/address.ts';
import type { ObservedProblem, ObservedReach, ObservedService, ObservedSplit } from '../../model/observed.ts';
import type { Annotations, Reachable } from './annotations.ts';
import type { EdgeGateway, EdgeGrant, EdgeRoute } from './gateways.ts';
import type { EdgeIngress, EdgeNode, EdgeService, EdgeSlice, EdgeWorkload } from './objects.ts';

/** What is known of a cluster when one Service of it is looked at. */
export interface ClusterView {
  readonly service: EdgeService;
  /** Undefined: the Service has none. */
  readonly slices: readonly EdgeSlice[] | undefined;
  /** Workloads that its selector selects. */
  readonly workloads: readonly EdgeWorkload[];
  /** Those that lead to it. */
  readonly ingresses: readonly EdgeIngress[];
  readonly routes: readonly EdgeRoute[];
  readonly gatewayOf: (key: string) => EdgeGateway | undefined;
  /** Undefined: the class is not known. */
  readonly controllerOf: (className: string) => string | undefined;
  /** Undefined: they are not read. */
  readonly grants: ReadonlyMap<string, EdgeGrant> | undefined;
  /** By name. Undefined: they cannot be read. */
  readonly nodes: ReadonlyMap<string, EdgeNode> | undefined;
  /** Undefined: nobody has answered for the host name yet. */
  readonly addressesOf: (hostname: string) => readonly string[] | undefined;
  /** The Service as it was when it was last looked at. */
  readonly before: ObservedService | undefined;
}

/** Most Services have none of most things: these are shared. */
export const NOTHING: readonly never[] = [];
export const NOWHERE: ObservedReach = { addresses: NOTHING, down: NOTHING, splits: NOTHING };

export interface Found {
  readonly address: string;
  readonly up: boolean;
}

/** An address that is up anywhere is up. */
export function reachOf(found: readonly Found[], splits: readonly ObservedSplit[] = NOTHING): ObservedReach {
  const states = new Map<string, boolean>();
  for (const { address, up } of found) {
    const parsed = parseAddress(address);
    if (parsed === undefined) continue;
    const plain = formatAddress(parsed);
    states.set(plain, up || states.get(plain) === true);
  }
  if (states.size === 0) return NOWHERE;
  const addresses = [...states.keys()].sort();
  const down = addresses.filter((address) => states.get(address) === false);
  return { addresses, down: down.length === 0 ? NOTHING : down, splits };
}

/** @param before addresses of host names that nobody has answered for yet */
export function addressesIn(
  { addressesOf }: ClusterView,
  { addresses, hostnames }: Reachable,
  before: readonly string[] = NOTHING,
): string[] {
  return [...addresses, ...hostnames.flatMap((name) => addressesOf(name) ?? before)];
}

/** What is wrong with an object's annotations: those about its hosts, or the others. */
export function faultsOf(object: string, { faults }: Annotations, ofHosts: boolean): readonly ObservedProblem[] {
  if (faults.length === 0) return NOTHING;
  return faults
    .filter((fault) => fault.ofHosts === ofHosts)
    .map(({ message, remedy }) => ({ object, message, remedy }));
}

export function noAddressOf(object: string, { hostnames }: Reachable): ObservedProblem {
  if (hostnames.length === 0)
    return { object, message: 'has no address yet', remedy: 'it is served as soon as its status has one' };
  const message = `is reached by ${hostnames.join(', ')}, which has no address`;
  return { object, message, remedy: 'check that the name exists, and that the control plane can look it up' };
}
