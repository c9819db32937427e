import { nextCondition, type Condition } from '../../kube/conditions.ts';
import type { KubeObject } from '../../kube/objects.ts';
import type { Problem } from '../../lib/problem.ts';
import type { Kind } from '../../model/kinds.ts';
import type { ResolvedEndpoint, ResolvedExport } from '../../model/resolved.ts';
import type { ContestedHost, ReservedHost } from '../../model/reserved-host.ts';

/** A resource on the hub, as far as its status goes by it. */
export interface StatusSubject {
  readonly kind: Kind;
  /** `DomainExport tenant/name`: what problems name. */
  readonly file: string;
  readonly object: KubeObject;
}

/** All that statuses are made from. */
export interface StatusWorld {
  readonly subjects: readonly StatusSubject[];
  readonly problems: readonly Problem[];
  /** What is served: `tenant/name` to export. */
  readonly exports: ReadonlyMap<string, ResolvedExport>;
  /** `DomainExport tenant/name` of changes that are held, and what to do. */
  readonly held: ReadonlyMap<string, string>;
  /** Hosts that are reserved for the tenants that gave them up. */
  readonly reserved: readonly ReservedHost[];
  readonly contested: readonly ContestedHost[];
  /** Sites with clusters: why one cannot be seen, '' if it can, undefined if it was not yet. */
  readonly clusters: ReadonlyMap<string, string | undefined>;
}

export interface Status {
  readonly conditions: readonly Condition[];
  readonly summary?: string;
  /** Of a DomainExport: hosts that it answers, without a final dot. */
  readonly hosts?: readonly string[];
  readonly endpoints?: readonly object[];
  /** Of a Zone. */
  readonly reservedHosts?: readonly { readonly host: string; readonly tenant: string; readonly until: string }[];
  readonly contestedHosts?: readonly { readonly host: string; readonly namespace: string }[];
}

type Said = Pick<Condition, 'status' | 'reason' | 'message'>;

const yes = (reason: string, message: string): Said => ({ status: 'True', reason, message });
const no = (reason: string, message: string): Said => ({ status: 'False', reason, message });
const unknown = (reason: string, message: string): Said => ({ status: 'Unknown', reason, message });

const MAX_PROBLEMS = 10;
const MAX_ENDPOINTS = 500;

/** The statuses that resources should have. Pure. */
export function planStatuses(world: StatusWorld, time: Date): Map<StatusSubject, Status> {
  const byFile = new Map<string, Problem[]>();
  for (const problem of world.problems) {
    const list = byFile.get(problem.file ?? '');
    if (list === undefined) byFile.set(problem.file ?? '', [problem]);
    else list.push(problem);
  }
  return new Map(
    world.subjects.map((subject) => [subject, statusOf(subject, byFile.get(subject.file) ?? [], world, time)]),
  );
}

function statusOf(subject: StatusSubject, problems: readonly Problem[], world: StatusWorld, time: Date): Status {
  const { kind, object, file } = subject;
  const before = (object.status as Partial<Status> | undefined)?.conditions;
  const errors = problems.filter(({ severity }) => severity === 'error');
  const warnings = problems.filter(({ severity }) => severity === 'warning');
  const { generation } = object.metadata;
  const seen = generation === undefined ? {} : { observedGeneration: generation };
  const condition = (type: string, said: Said): Condition => nextCondition(before, { type, ...said, ...seen }, time);
  const accepted =
    errors.length > 0 ? no('Invalid', told(errors)) : yes('Valid', 'it is sound, by itself and with the others');
  const conditions = [condition('Accepted', accepted)];
  if (kind === 'Site') {
    conditions.push(condition('Resolved', clusterSaid(object, world)));
    return { conditions };
  }
  const resolved =
    warnings.length > 0 ? no('Incomplete', told(warnings)) : yes('Complete', 'all that it names is there');
  conditions.push(condition('Resolved', errors.length > 0 ? unknown('Invalid', 'it is not accepted') : resolved));
  if (kind === 'WeightOverride') return { conditions };
  if (kind === 'Zone') {
    conditions.push(
      condition('Serving', errors.length > 0 ? no('Invalid', 'see Accepted') : yes('Serving', 'it is served')),
    );
    const reservedHosts = ofZone(object, world.reserved).map(({ host, tenant, until }) => {
      return { host: host.slice(0, -1), tenant, until: new Date(until).toISOString() };
    });
    const contestedHosts = ofZone(object, world.contested).map(({ host, namespace }) => {
      return { host: host.slice(0, -1), namespace };
    });
    return {
      conditions,
      ...(reservedHosts.length === 0 ? {} : { reservedHosts }),
      ...(contestedHosts.length === 0 ? {} : { contestedHosts }),
    };
  }
  const owner = `${object.metadata.namespace}/${object.metadata.name}`;
  const exp = world.exports.get(owner);
  conditions.push(condition('Serving', servingSaid(exp, errors.length > 0, world.held.get(file))));
  if (exp === undefined) return { conditions };
  const up = exp.endpoints.filter((endpoint) => endpoint.up).length;
  return {
    conditions,
    summary: `${up}/${exp.endpoints.length}`,
    hosts: exp.hosts.slice(0, MAX_ENDPOINTS).map((host) => host.replace(/\.$/u, '')),
    endpoints: exp.endpoints.slice(0, MAX_ENDPOINTS).map(endpointStatus),
  };
}

/** Hosts of a Zone, for its status. */
function ofZone<T extends { readonly origin: string }>({ spec }: KubeObject, hosts: readonly T[]): readonly T[] {
  const { origin } = spec as { origin?: string };
  const own = origin?.replace(/\.$/u, '').toLowerCase();
  return hosts.filter((each) => each.origin === own).slice(0, MAX_ENDPOINTS);
}

function clusterSaid({ metadata, spec }: KubeObject, { clusters }: StatusWorld): Said {
  if ((spec as { cluster?: unknown } | undefined)?.cluster === undefined)
    return yes('NoCluster', 'a site of addresses alone');
  const error = clusters.has(metadata.name) ? clusters.get(metadata.name) : undefined;
  if (error === '') return yes('Seen', 'its cluster is seen as it is');
  if (error === undefined) return unknown('NotSeenYet', 'its cluster was not seen whole yet');
  return no('Unreachable', `its cluster cannot be seen: ${error}; its last endpoints stay`);
}

function servingSaid(exp: ResolvedExport | undefined, invalid: boolean, held: string | undefined): Said {
  if (exp === undefined) return no(invalid ? 'Invalid' : 'NotServed', 'it is not answered with: see Accepted');
  if (held !== undefined) return no('ChangeHeld', held);
  if (exp.endpoints.length === 0) {
    return no('NoEndpoints', 'there is no address to answer with: see Resolved');
  }
  const up = exp.endpoints.filter((endpoint) => endpoint.up).length;
  if (up === 0) return no('AllDown', 'no endpoint is up: clients are answered as if all were');
  if (invalid)
    return yes('LastGood', `${up} of ${exp.endpoints.length} endpoints are up, as it was before it was wrong`);
  return yes('Serving', `${up} of ${exp.endpoints.length} endpoints are up`);
}

function told(problems: readonly Problem[]): string {
  const lines = problems
    .slice(0, MAX_PROBLEMS)
    .map(({ field, message, remedy }) =>
      [...(field === undefined ? [] : [`${field}: `]), message, ...(remedy === undefined ? [] : [`; ${remedy}`])].join(
        '',
      ),
    );
  const more = problems.length - lines.length;
  return `${lines.join('. ')}${more > 0 ? `. And ${more} more` : ''}`;
}

function endpointStatus({ address, site, place, weight, up, observed }: ResolvedEndpoint): object {
  return {
    address,
    site,
    ...(place === undefined ? {} : { region: place.region, isps: [...place.isps] }),
    weight: Math.round(weight * 1000) / 1000,
    up,
    ...(observed === undefined
      ? {}
      : {
          readyReplicas: observed.readyReplicas,
          ...(observed.requestsPerReplica === undefined ? {} : { requestsPerReplica: observed.requestsPerReplica }),
          services: [...observed.services],
        }),
  };
}
