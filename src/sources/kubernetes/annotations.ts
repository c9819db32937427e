import { parseAddress } from '../../lib/address.ts';
import { secondsOfGoDuration } from '../../lib/duration.ts';
import type { KubeObject } from '../../kube/objects.ts';

/** Our own annotations. */
const REQUESTS_PER_REPLICA = 'edgeward.dev/requests-per-replica';
const ISP = 'edgeward.dev/isp';
const REGION = 'edgeward.dev/region';

/** Prefixes of external-dns: its default, and its default before version 0.22. The first one found goes first. */
const PREFIXES = ['external-dns.kubernetes.io/', 'external-dns.alpha.kubernetes.io/'] as const;

/** external-dns acts on objects without a `controller` annotation, or with this value. */
const CONTROLLER = 'dns-controller';

/** The kinds whose annotations are read; all routes are alike. */
export type AnnotatedKind = 'Service' | 'Ingress' | 'Gateway' | 'Route';

/** Annotations of external-dns that each kind has an effect of. `alias` asks for addresses in place of a CNAME: always so. */
const SUPPORTED: Readonly<Record<AnnotatedKind, ReadonlySet<string>>> = {
  Service: new Set([
    'hostname',
    'internal-hostname',
    'target',
    'ttl',
    'access',
    'endpoints-type',
    'controller',
    'alias',
  ]),
  Ingress: new Set(['hostname', 'target', 'ttl', 'ingress-hostname-source', 'controller', 'alias']),
  Gateway: new Set(['hostname', 'target', 'ttl', 'controller']),
  Route: new Set(['hostname', 'ttl', 'gateway-hostname-source', 'controller', 'alias']),
};

/** Settings by which DNS providers choose among records of one name. */
const ROUTING =
  /^(?:set-identifier|aws-(?:weight|region|failover|geo.*|multi-value-answer|health-check-id)|coredns-group)$/u;

/** Host names are looked up all the time: one object must not make us look up thousands. */
const MAX_TARGETS = 64;

const HOST_NAME =
  /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/u;

/** Where something can be reached: addresses, and host names to be resolved. */
export interface Reachable {
  readonly addresses: readonly string[];
  readonly hostnames: readonly string[];
}

/** One thing that is wrong with an object, as it follows the object's name. */
export interface Fault {
  readonly message: string;
  readonly remedy: string;
  /** Whether it is about the hosts that the object claims, and not about where it can be reached. */
  readonly ofHosts: boolean;
}

/** Which hosts of an object count: those of its spec, those of its annotation, or both. */
export type HostnameSource = 'defined-hosts-only' | 'annotation-only';

export interface Annotations {
  readonly requestsPerReplica: number | undefined;
  readonly isp: string | undefined;
  readonly region: string | undefined;
  readonly hosts: readonly string[];
  readonly internalHosts: readonly string[];
  readonly hostnameSource: HostnameSource | undefined;
  /** Seconds. */
  readonly ttl: number | undefined;
  /** In place of what the cluster says. */
  readonly target: Reachable | undefined;
  readonly access: 'public' | 'private' | undefined;
  readonly endpointsType: 'NodeExternalIP' | 'HostIP' | undefined;
  /** False: another controller has the DNS of this object. */
  readonly ours: boolean;
  readonly faults: readonly Fault[];
}

/** Shared by the many objects that have none of these annotations. */
export const NONE: Annotations = {
  requestsPerReplica: undefined,
  isp: undefined,
  region: undefined,
  hosts: [],
  internalHosts: [],
  hostnameSource: undefined,
  ttl: undefined,
  target: undefined,
  access: undefined,
  endpointsType: undefined,
  ours: true,
  faults: [],
};

/** Reads the annotations of one object, and collects what cannot be read. */
class Reader {
  readonly #all: Readonly<Record<string, string>>;
  readonly faults: Fault[] = [];

  constructor(all: Readonly<Record<string, string>>) {
    this.#all = all;
  }

  /** The key and the value of an annotation of external-dns. */
  find(name: string): readonly [key: string, value: string] | undefined {
    for (const prefix of PREFIXES) {
      const value = this.#all[prefix + name];
      if (value !== undefined) return [prefix + name, value];
    }
    return undefined;
  }

  value(name: string): string | undefined {
    return this.find(name)?.[1];
  }

  own(key: string): string | undefined {
    return this.#all[key];
  }

  fault(key: string, value: string, why: string, remedy: string, ofHosts = false): void {
    this.faults.push({ message: `has annotation \`${key}: ${shown(value)}\`, ${why}`, remedy, ofHosts });
  }

  /** The value of an annotation that knows a few words; whatever their case. */
  word<T extends string>(name: string, words: readonly T[], ofHosts = false): T | undefined {
    const found = this.find(name);
    if (found === undefined) return undefined;
    const [key, value] = found;
    const word = words.find((each) => each.toLowerCase() === value.trim().toLowerCase());
    if (word !== undefined) return word;
    const wanted = words.map((each) => `\`${each}\``).join(' or ');
    this.fault(key, value, 'which is ignored: the value is not known', `write ${wanted}, or remove it`, ofHosts);
    return undefined;
  }
}

export function annotationsOf({ metadata }: KubeObject, kind: AnnotatedKind): Annotations {
  const all = metadata.annotations;
  if (all === undefined || !Object.keys(all).some(isOurs)) return NONE;
  const read = new Reader(all);
  const requests = requestsPerReplicaOf(read);
  const own = { requestsPerReplica: requests, isp: ispOf(read), region: text(read.own(REGION)) };
  if ((read.value('controller') ?? CONTROLLER) !== CONTROLLER)
    return { ...NONE, ...own, ours: false, faults: read.faults };
  const source = kind === 'Ingress' ? 'ingress-hostname-source' : kind === 'Route' ? 'gateway-hostname-source' : '';
  const result = {
    ...own,
    hosts: hostsOf(read.value('hostname')),
    internalHosts: kind === 'Service' ? hostsOf(read.value('internal-hostname')) : NONE.internalHosts,
    hostnameSource:
      source === '' ? undefined : read.word<HostnameSource>(source, ['defined-hosts-only', 'annotation-only'], true),
    ttl: ttlOf(read),
    target: kind === 'Route' ? undefined : targetOf(read),
    access: kind === 'Service' ? read.word('access', ['public', 'private'] as const) : undefined,
    endpointsType: kind === 'Service' ? read.word('endpoints-type', ['NodeExternalIP', 'HostIP'] as const) : undefined,
    ours: true,
  };
  tellUnsupported(Object.keys(all), kind, read);
  return { ...result, faults: read.faults.length === 0 ? NONE.faults : read.faults };
}

/** Requests a second of one replica, as a workload or its Pods have it. */
export function requestsPerReplicaIn(annotations: Readonly<Record<string, string>> | undefined): number | undefined {
  return positive(annotations?.[REQUESTS_PER_REPLICA]);
}

function isOurs(key: string): boolean {
  return key.startsWith('edgeward.dev/') || PREFIXES.some((prefix) => key.startsWith(prefix));
}

const text = (value: string | undefined): string | undefined => (value === '' ? undefined : value);

function shown(value: string): string {
  return value.length > 60 ? `${value.slice(0, 57)}...` : value;
}

function positive(value: string | undefined): number | undefined {
  const number = Number(value);
  return value !== undefined && Number.isFinite(number) && number > 0 && number <= 1e6 ? number : undefined;
}

function requestsPerReplicaOf(read: Reader): number | undefined {
  const value = read.own(REQUESTS_PER_REPLICA);
  const number = positive(value);
  if (value !== undefined && number === undefined)
    read.fault(REQUESTS_PER_REPLICA, value, 'which is ignored', 'write a number above 0 and up to 1000000');
  return number;
}

function ispOf(read: Reader): string | undefined {
  const value = read.own(ISP);
  if (value === undefined || /^([a-z0-9][a-z0-9-]*|AS[1-9][0-9]{0,9})$/u.test(value)) return value;
  read.fault(ISP, value, 'which is ignored', 'write a carrier such as `telecom`, or an AS number such as `AS3320`');
  return undefined;
}

/** Host names with commas between them; spaces do not count. */
export function hostsOf(value: string | undefined): readonly string[] {
  if (value === undefined) return NONE.hosts;
  return distinctHosts(value.replaceAll(/\s/gu, '').split(','));
}

/** Lower case, without final dots, sorted, each once. */
export function distinctHosts(hosts: readonly string[]): string[] {
  const plain = hosts.map((host) => host.toLowerCase().replace(/\.$/u, ''));
  return [...new Set(plain.filter((host) => host !== ''))].sort();
}

/** Seconds, or a Go duration whose fraction of a second does not count; 0 asks for the default, as in external-dns. */
function ttlOf(read: Reader): number | undefined {
  const found = read.find('ttl');
  if (found === undefined) return undefined;
  const [key, value] = found;
  const plain = value.trim();
  const seconds = /^[+-]?[0-9]+$/u.test(plain) ? Number(plain) : secondsOfGoDuration(plain);
  const remedy = 'write seconds from 1 to 86400, or a duration such as `1m30s`';
  if (seconds === undefined)
    read.fault(key, value, 'which is neither seconds nor a duration: the default TTL holds', remedy, true);
  else if (seconds > 86_400) {
    read.fault(key, value, 'which is above a day: the TTL is 86400', remedy, true);
    return 86_400;
  } else if (seconds >= 1) return Math.floor(seconds);
  else if (seconds !== 0) read.fault(key, value, 'which is below one second: the default TTL holds', remedy, true);
  return undefined;
}

function targetOf(read: Reader): Reachable | undefined {
  const found = read.find('target');
  if (found === undefined) return undefined;
  const [key, value] = found;
  const targets = hostsOf(value);
  if (targets.length === 0) return undefined;
  const addresses: string[] = [];
  const hostnames: string[] = [];
  for (const target of targets.slice(0, MAX_TARGETS)) {
    if (parseAddress(target) !== undefined) addresses.push(target);
    else if (HOST_NAME.test(target) && !/^[0-9.]+$/u.test(target)) hostnames.push(target);
    else read.fault(key, target, 'which is neither an address nor a host name', 'write one without port and scheme');
  }
  if (targets.length > MAX_TARGETS) {
    const why = `of which only ${MAX_TARGETS} of ${targets.length} targets are used`;
    read.fault(key, value, why, 'name fewer targets, or one host name that has them all');
  }
  return { addresses, hostnames };
}

/** Annotations of external-dns without an effect here: one sentence for all of a sort, however many there are. */
function tellUnsupported(keys: readonly string[], kind: AnnotatedKind, read: Reader): void {
  const names = new Set(
    keys.flatMap((key) => {
      const prefix = PREFIXES.find((each) => key.startsWith(each));
      return prefix === undefined ? [] : [key.slice(prefix.length)];
    }),
  );
  const ignored = [...names].filter((name) => !SUPPORTED[kind].has(name)).sort();
  const tell = (found: readonly string[], why: string, remedy: string): void => {
    if (found.length === 0) return;
    const named = found.map((name) => `\`${read.find(name)![0]}\``).join(', ');
    const message = `has ${found.length === 1 ? 'annotation' : 'annotations'} ${named}, ${why}`;
    read.faults.push({ message, remedy, ofHosts: true });
  };
  const misplaced = ignored.filter((name) => kind === 'Route' && name === 'target');
  const routing = ignored.filter((name) => ROUTING.test(name));
  const others = ignored.filter((name) => !misplaced.includes(name) && !routing.includes(name));
  tell(misplaced, 'which is not read on routes', 'move it to the Gateway');
  tell(
    routing,
    'by which other DNS providers choose among records: that has no effect here',
    'remove it; the policy of a DomainExport and WeightOverrides steer clients',
  );
  tell(others, 'which has no effect here', 'remove it, or read in docs/kubernetes.md what stands in for it');
}
