import { claimantOf, type HostReservation } from '../model/reserved-host.ts';
import type { Configuration } from '../resolve/configuration.ts';

/** Which export answers at each host, and which hosts are reserved. Hosts are absolute and in lower case. */
export class HostOwners {
  #owners: ReadonlyMap<string, string> = new Map();
  #reserved: ReadonlyMap<string, HostReservation> = new Map();

  /** By host: `tenant/name` of the export that answers there. */
  get owners(): ReadonlyMap<string, string> {
    return this.#owners;
  }

  get reserved(): ReadonlyMap<string, HostReservation> {
    return this.#reserved;
  }

  /** Begins with what was known before a restart. */
  recall(owners: ReadonlyMap<string, string>, reserved: ReadonlyMap<string, HostReservation>): void {
    this.#owners = owners;
    this.#reserved = reserved;
  }

  /**
   * Follows what is served: hosts that their tenants do not have any more become reserved for them.
   * @param hold seconds, by host
   * @param now milliseconds since 1970
   */
  follow({ exports }: Configuration, hold: (host: string) => number, now: number): void {
    const owners = new Map<string, string>();
    for (const { tenant, name, hosts, claimant } of exports) {
      const owner = `${claimant === undefined ? tenant : claimantOf(claimant)}/${name}`;
      for (const host of hosts) owners.set(host, owner);
    }
    const reserved = new Map([...this.#reserved].filter(([host, { until }]) => until > now && !owners.has(host)));
    for (const [host, owner] of this.#owners) {
      if (owners.has(host)) continue;
      const seconds = hold(host);
      if (seconds > 0) reserved.set(host, { tenant: tenantOf(owner), until: now + seconds * 1000 });
    }
    this.#owners = owners;
    this.#reserved = reserved;
  }
}

function tenantOf(owner: string): string {
  return owner.slice(0, owner.indexOf('/'));
}
