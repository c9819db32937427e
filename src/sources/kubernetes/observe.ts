import { objectText, type ObservedProblem, type ObservedReach, type ObservedService } from '../../model/observed.ts';
import { claimsOf } from './claims.ts';
import { entriesOf, entryProblems, entryReach } from './entries.ts';
import type { EdgeEndpoint, EdgeNode } from './objects.ts';
import { addressesIn, faultsOf, noAddressOf, NOTHING, reachOf, type ClusterView, type Found } from './view.ts';

/** Puts together what answers need to know of one Service. Pure. */
export function observeService(view: ClusterView): ObservedService {
  const { service, workloads, before } = view;
  const { entries, closed } = entriesOf(view);
  const own = ownReach(view);
  const through = entryReach(view, entries, before?.addresses);
  const direct = own !== undefined && (goesFirst(view) || entries.length === 0);
  const reach = direct ? own : through;
  const whyNowhere = (): ObservedProblem => explainNowhere(view, entries[0]?.via, closed[0]);
  const annotations = [
    service.annotations,
    ...entries.flatMap(({ object, route }) => [
      object.annotations,
      ...(route === undefined ? [] : [route.annotations]),
    ]),
  ];
  const first = (field: 'isp' | 'region'): string | undefined =>
    annotations.find((each) => each[field] !== undefined)?.[field];
  const problems = [
    ...faultsOf(objectText(service), service.annotations, false),
    ...(direct ? NOTHING : entries.flatMap(entryProblems)),
    ...(reach.addresses.length === 0 ? [whyNowhere()] : NOTHING),
  ];
  const requestsPerReplica = workloads.find((each) => each.requestsPerReplica !== undefined)?.requestsPerReplica;
  return {
    namespace: service.namespace,
    name: service.name,
    ...reach,
    via: direct ? [service.via] : [...new Set(entries.map(({ via }) => via))],
    readyReplicas: countReady(view),
    requestsPerReplica: service.annotations.requestsPerReplica ?? requestsPerReplica,
    ports: service.ports,
    isp: first('isp'),
    region: first('region'),
    claims: claimsOf(view, {
      reach: own ?? through,
      whyNowhere,
      podAddresses: (endpoint) => podAddresses(view, endpoint),
      isUp: (endpoint) => isUp(view, endpoint),
    }),
    problems: problems.length === 0 ? NOTHING : problems,
  };
}

/** By EndpointSlices, which say what traffic can reach; where there are none, by the workloads behind the selector. */
function countReady({ service, slices, workloads }: ClusterView): number {
  // What is behind a foreign name cannot be counted.
  if (service.kind === 'ExternalName') return 1;
  if (slices === undefined) return workloads.reduce((sum, { readyReplicas }) => sum + readyReplicas, 0);
  const ready = new Set<string>();
  for (const { endpoints } of slices) for (const endpoint of endpoints) if (endpoint.ready) ready.add(endpoint.id);
  return ready.size;
}

/** Whether an endpoint's address takes clients. */
function isUp({ service }: ClusterView, { ready, ending }: EdgeEndpoint): boolean {
  return ready || (service.publishNotReady && !ending);
}

/** Whether its own addresses go before those of what leads to it: Pods and nodes are behind a Gateway or an Ingress. */
function goesFirst({ service: { kind, annotations, via } }: ClusterView): boolean {
  const { target, access, endpointsType } = annotations;
  if (target !== undefined || via === 'externalIPs' || kind === 'LoadBalancer') return true;
  return (kind === 'NodePort' && access !== undefined) || (kind === 'Headless' && endpointsType !== undefined);
}

/** Where it is reached by itself; undefined: it has no address of its own. */
function ownReach(view: ClusterView): ObservedReach | undefined {
  const { service, slices = [], before } = view;
  if (service.nodes !== undefined && service.kind === 'NodePort') return whereFound(nodePortAddresses(view));
  if (service.addresses.length + service.hostnames.length > 0) {
    const addresses = addressesIn(view, service, before?.addresses);
    return reachOf(addresses.map((address) => ({ address, up: true })));
  }
  if (service.kind !== 'Headless' || service.annotations.target !== undefined) return undefined;
  return whereFound(slices.flatMap(({ endpoints }) => endpoints.flatMap((endpoint) => podAddresses(view, endpoint))));
}

function whereFound(found: readonly Found[]): ObservedReach | undefined {
  const reach = reachOf(found);
  return reach.addresses.length === 0 ? undefined : reach;
}

/** Where one Pod of a headless Service is reached. */
function podAddresses(view: ClusterView, endpoint: EdgeEndpoint): readonly Found[] {
  const { service, nodes } = view;
  const up = isUp(view, endpoint);
  if (service.nodes === undefined)
    return endpoint.address === undefined ? NOTHING : [{ address: endpoint.address, up }];
  const node = endpoint.node === undefined ? undefined : nodes?.get(endpoint.node);
  if (node === undefined) return NOTHING;
  if (service.nodes !== 'Host') return node.external.map((address) => ({ address, up }));
  // Kubelets tell a Pod's host by the first internal address, where there is one.
  const host = node.internal[0] ?? node.external[0];
  return host === undefined ? NOTHING : [{ address: host, up }];
}

/** Nodes that take traffic of a Service of type NodePort: all, or those with a Pod of it. */
function nodePortAddresses(view: ClusterView): Found[] {
  const { service, slices = [], nodes = new Map<string, EdgeNode>() } = view;
  const withPods = new Map<string, boolean>();
  for (const endpoint of slices.flatMap(({ endpoints }) => endpoints)) {
    const { node } = endpoint;
    if (node !== undefined) withPods.set(node, isUp(view, endpoint) || withPods.get(node) === true);
  }
  const taking = [...nodes].flatMap(([name, node]) => {
    const up = service.localOnly ? withPods.get(name) : true;
    return up === undefined ? [] : [{ node, up: up && node.ready }];
  });
  const anyExternal = taking.some(({ node }) => node.external.length > 0);
  const external = service.nodes === 'External' || (service.nodes === 'Either' && anyExternal);
  return taking.flatMap(({ node, up }) =>
    (external ? node.external : node.internal).map((address) => ({ address, up })),
  );
}

/**
 * Why a Service is not reached from outside, and what would be right.
 * @param via something that leads to it
 * @param closed why something does not that would
 */
function explainNowhere(
  { service, nodes }: ClusterView,
  via: string | undefined,
  closed: string | undefined,
): ObservedProblem {
  const object = objectText(service);
  const say = (message: string, remedy: string): ObservedProblem => ({ object, message, remedy });
  if (service.hostnames.length > 0) return noAddressOf(object, service);
  if (service.kind === 'LoadBalancer' && service.annotations.target === undefined)
    return say('has no address yet: no load balancer has given it one', 'it is served as soon as its status has one');
  if (service.nodes !== undefined && nodes === undefined) {
    const remedy = 'apply deploy/kubernetes/edge-reader.yaml there again';
    return say('needs the addresses of nodes, which the account may not list', remedy);
  }
  if (via !== undefined)
    return say(`has no address yet: ${via} leads to it and has none`, 'it is served as soon as that has one');
  if (closed !== undefined) return say(`has no address: ${closed}`, 'correct the route; its status says more');
  switch (service.kind) {
    case 'NodePort':
      if (service.nodes === undefined) {
        return say(
          'is of type NodePort, and nothing from outside leads to it',
          'annotate it with `external-dns.kubernetes.io/access: public` to answer with addresses of nodes, or put a load balancer, a Gateway or an Ingress before it',
        );
      }
      return say(
        `is of type NodePort, and no node that takes its traffic has an ${service.nodes === 'Internal' ? 'InternalIP' : 'ExternalIP'}`,
        'give the nodes addresses, or the Service a load balancer',
      );
    case 'Headless':
      return say('is headless, and no Pod of it has an address to answer with', 'it is served as soon as one has');
    case 'ExternalName':
      return say('is of type ExternalName without a name', 'give it `externalName`');
    default:
      return say(
        `is of type ${service.kind}, and nothing from outside leads to it`,
        'make it a LoadBalancer, lead a Gateway or an Ingress to it, or give it `externalIPs` or the annotation `external-dns.kubernetes.io/target`',
      );
  }
}
