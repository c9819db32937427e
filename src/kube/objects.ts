/** The part of a Kubernetes object's metadata that we read or write. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly { readonly kind: string; readonly name: string; readonly uid: string }[];
}

/** Any object of any kind. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly spec?: unknown;
  readonly status?: unknown;
  readonly [field: string]: unknown;
}

/** A kind, and where its objects are in the API. */
export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export const resourceType = (group: string, version: string, plural: string, kind: string, namespaced = true) =>
  ({ group, version, plural, kind, namespaced }) satisfies ResourceType;

export const SERVICES = resourceType('', 'v1', 'services', 'Service');
export const SECRETS = resourceType('', 'v1', 'secrets', 'Secret');
export const ENDPOINT_SLICES = resourceType('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice');
export const DEPLOYMENTS = resourceType('apps', 'v1', 'deployments', 'Deployment');
export const STATEFUL_SETS = resourceType('apps', 'v1', 'statefulsets', 'StatefulSet');
export const INGRESSES = resourceType('networking.k8s.io', 'v1', 'ingresses', 'Ingress');
export const NODES = resourceType('', 'v1', 'nodes', 'Node', false);

const gatewayApi = (version: string, plural: string, kind: string, namespaced = true) =>
  resourceType('gateway.networking.k8s.io', version, plural, kind, namespaced);

export const GATEWAYS = gatewayApi('v1', 'gateways', 'Gateway');
export const GATEWAY_CLASSES = gatewayApi('v1', 'gatewayclasses', 'GatewayClass', false);
export const HTTP_ROUTES = gatewayApi('v1', 'httproutes', 'HTTPRoute');
export const REFERENCE_GRANTS = [
  gatewayApi('v1', 'referencegrants', 'ReferenceGrant'),
  gatewayApi('v1beta1', 'referencegrants', 'ReferenceGrant'),
];

/** The kinds of routes, each in the versions that clusters have it in, the newest first. */
export const ROUTES = {
  HTTPRoute: [HTTP_ROUTES],
  GRPCRoute: [gatewayApi('v1', 'grpcroutes', 'GRPCRoute')],
  // Since version 1.5 of the Gateway API, and before.
  TLSRoute: [gatewayApi('v1', 'tlsroutes', 'TLSRoute'), gatewayApi('v1alpha2', 'tlsroutes', 'TLSRoute')],
  // Since version 1.6, and before.
  TCPRoute: [gatewayApi('v1', 'tcproutes', 'TCPRoute'), gatewayApi('v1alpha2', 'tcproutes', 'TCPRoute')],
  UDPRoute: [gatewayApi('v1', 'udproutes', 'UDPRoute'), gatewayApi('v1alpha2', 'udproutes', 'UDPRoute')],
};

export const LEASES = resourceType('coordination.k8s.io', 'v1', 'leases', 'Lease');
export const EVENTS = resourceType('events.k8s.io', 'v1', 'events', 'Event');

export function apiVersionOf({ group, version }: ResourceType): string {
  return group === '' ? version : `${group}/${version}`;
}

/** Path of a kind's collection, or of one object in it. */
export function pathOf(type: ResourceType, namespace?: string, name?: string, subresource?: string): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  const inside = type.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  return `${root}${inside}/${type.plural}${object}${subresource === undefined ? '' : `/${subresource}`}`;
}

/** Name of an object in its kind: `namespace/name`, or `name` where there are no namespaces. */
export function keyOf({ metadata }: { readonly metadata: Pick<ObjectMeta, 'name' | 'namespace'> }): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}
