import { DEFAULT_TENANT } from '../model/kinds.ts';
import { isClaimant } from '../model/reserved-host.ts';
import type { Site } from '../model/site.ts';
import type { Zone } from '../model/zone.ts';

/** Who writes resources: on a hub many tenants do; undefined, as in files, one operator writes everything. */
export interface Tenancy {
  /** Tenant of the operator, who may use every name: the control plane's own namespace. */
  readonly operator: string;
}

/** Seconds that a host stays reserved on a hub, unless its Zone says otherwise. */
const HUB_HOST_HOLD = 600;

/** What zones say of who may have which host. Hosts are absolute and in lower case. */
export class HostRules {
  readonly #zones = new Map<string, Zone['spec']>();
  readonly #tenancy: Tenancy | undefined;

  constructor(zones: Iterable<Zone>, tenancy: Tenancy | undefined) {
    this.#tenancy = tenancy;
    for (const { spec } of zones) this.#zones.set(bare(spec.origin.toLowerCase()), spec);
  }

  /** The tenant that may use every name. */
  get operator(): string {
    return this.#tenancy?.operator ?? DEFAULT_TENANT;
  }

  /** The zone with the longest origin that holds a host. */
  #zoneOf(host: string): { readonly origin: string; readonly spec: Zone['spec'] } | undefined {
    for (let rest = bare(host); ; rest = rest.slice(rest.indexOf('.') + 1)) {
      const spec = this.#zones.get(rest);
      if (spec !== undefined) return { origin: rest, spec };
      if (!rest.includes('.')) {
        const root = this.#zones.get('');
        return root === undefined ? undefined : { origin: '', spec: root };
      }
    }
  }

  /** The origin of the zone in which a tenant may not have a host; undefined when it may. */
  forbids(tenant: string, host: string): string | undefined {
    const zone = this.#zoneOf(host);
    if (zone === undefined || tenant === this.#tenancy?.operator || isClaimant(tenant)) return undefined;
    return this.#allows(tenant, bare(host), zone.origin, zone.spec) ? undefined : zone.origin;
  }

  #allows(tenant: string, host: string, origin: string, { tenants, targets }: Zone['spec']): boolean {
    if (tenants === undefined && this.#tenancy === undefined) return true;
    const labels = host === origin ? [] : host.slice(0, host.length - origin.length - 1).split('.');
    // `<export>.<tenant>.<origin>`: whoever it names has it.
    if (targets === true && labels.length === 2) return labels[1] === tenant;
    return (tenants ?? []).some(
      ({ name, hosts }) =>
        (name === '*' || name === tenant) &&
        (hosts === undefined ? labels.length > 0 && labels[0] !== '*' : hosts.some((pattern) => covers(pattern, host))),
    );
  }

  /** Seconds for which a host stays reserved for the tenant that gave it up. */
  hold(host: string): number {
    const fallback = this.#tenancy === undefined ? 0 : HUB_HOST_HOLD;
    return this.#zoneOf(host)?.spec.hostHold ?? fallback;
  }

  /** The origin of the zone that holds a host, without a final dot. */
  originOf(host: string): string | undefined {
    return this.#zoneOf(host)?.origin;
  }
}

/** Whether a pattern of a Zone covers a host: the host itself, or with `*.` at the front all below. */
function covers(pattern: string, host: string): boolean {
  const wanted = bare(pattern.toLowerCase());
  return wanted.startsWith('*.') ? host.endsWith(wanted.slice(1)) : host === wanted;
}

const bare = (name: string): string => name.replace(/\.$/u, '');

/** Whether an export of a tenant may refer to a Service in a namespace of a site's cluster. */
export function mayRefer(tenant: string, namespace: string, { spec }: Site, tenancy: Tenancy | undefined): boolean {
  if (namespace === tenant || tenant === tenancy?.operator) return true;
  const rules = spec.cluster?.namespaces;
  if (rules === undefined) return tenancy === undefined;
  return rules.some(
    (rule) =>
      (rule.tenant === '*' || rule.tenant === tenant) &&
      (rule.namespaces.includes(namespace) || rule.namespaces.includes('*')),
  );
}
