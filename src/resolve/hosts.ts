import { nearest } from '../lib/nearest.ts';
import { err, ok, type Result } from '../lib/result.ts';
import type { DomainExport } from '../model/domain-export.ts';
import { ownerOf } from '../model/kinds.ts';
import { isClaimant, type HostReservation } from '../model/reserved-host.ts';
import type { StoredResource } from '../model/stored.ts';
import { Type } from '../wire/codes.ts';
import { LOWER, labelCount, nameFromText, nameKey, nameToText, parentOf, type WireName } from '../wire/name.ts';
import { placeOf, type Report } from './report.ts';
import type { HostRules } from './tenancy.ts';
import type { ServedZone } from './zones.ts';

/** An export that wants a host. */
interface Claim {
  readonly owner: string;
  readonly stored: StoredResource;
  readonly field: string;
}

/** Who has which host now. Hosts are absolute and in lower case. */
export interface Incumbents {
  /** By host: `tenant/name` of the export that answers there. */
  readonly owners: ReadonlyMap<string, string>;
  /** Hosts that nobody but a tenant may have for a time. */
  readonly reserved: ReadonlyMap<string, HostReservation>;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * Which export answers at which host: a host has one. The export that has it keeps it as long as it wants it; a host
 * that its tenant gave up is that tenant's for a time; else the first export that wants it has it.
 */
export class Claims {
  readonly #claims = new Map<string, Claim[]>();
  readonly #incumbents: Incumbents;
  readonly #rules: HostRules;

  constructor(incumbents: Incumbents, rules: HostRules) {
    this.#incumbents = incumbents;
    this.#rules = rules;
  }

  /** Enters the hosts of an export that it may have. Exports are entered in their order. */
  enter(exp: DomainExport, stored: StoredResource, owner = ownerOf(exp)): void {
    for (const [index, text] of (exp.spec.hosts ?? []).entries()) {
      const host = hostFromText(text);
      if (!host.ok) continue;
      const name = nameToText(host.value);
      if (this.#rules.forbids(tenantOf(owner), name) !== undefined) continue;
      const claims = this.#claims.get(name);
      const claim = { owner, stored, field: `spec.hosts[${index}]` };
      if (claims === undefined) this.#claims.set(name, [claim]);
      else claims.push(claim);
    }
  }

  /** The claim that has a host; undefined when nobody wants it, or nobody who may have it now. */
  holder(host: string): Claim | undefined {
    const claims = this.#claims.get(host);
    if (claims === undefined) return undefined;
    const incumbent = this.#incumbents.owners.get(host);
    const same = claims.find(({ owner }) => owner === incumbent);
    if (same !== undefined) return same;
    const reservation = this.reservation(host);
    const mayHave = ({ owner }: Claim): boolean => reservation === undefined || reservation.tenant === tenantOf(owner);
    // Another export of the tenant that has the host comes before those of others.
    return claims.find((claim) => mayHave(claim) && isSameTenant(claim.owner, incumbent)) ?? claims.find(mayHave);
  }

  /** For whom a host is reserved now. */
  reservation(host: string): HostReservation | undefined {
    const { owners, reserved, now } = this.#incumbents;
    const incumbent = owners.get(host);
    const isGivenUp =
      incumbent !== undefined && this.#claims.get(host)?.some(({ owner }) => owner === incumbent) !== true;
    const reservation = isGivenUp
      ? { tenant: tenantOf(incumbent), until: now + this.#rules.hold(host) * 1000 }
      : reserved.get(host);
    return reservation !== undefined && reservation.until > now ? reservation : undefined;
  }

  /** Why an export may not have a host by who its tenant is; undefined when it may. */
  refusal(owner: string, host: string): Trouble | undefined {
    const tenant = tenantOf(owner);
    const shown = host.slice(0, -1);
    const origin = this.#rules.forbids(tenant, host);
    if (origin !== undefined) {
      const message = `${tenantText(tenant)} may not have the host ${shown} in zone ${origin}`;
      return {
        message,
        remedy: 'choose a host that it may have, or have the operator name the tenant in the `tenants` of the Zone',
      };
    }
    const reservation = this.reservation(host);
    if (reservation === undefined || reservation.tenant === tenant) return undefined;
    const until = new Date(reservation.until).toISOString();
    const message = `${shown} is reserved for ${tenantText(reservation.tenant)}, which gave it up, until ${until}`;
    return { message, remedy: 'wait, or choose another host' };
  }

  /** Whether some export wants exactly this host. @param host absolute, lower case */
  isWanted(host: string): boolean {
    return this.#claims.has(host);
  }

  /** Whether some export wants a host, itself or by a wildcard above it. @param host absolute, lower case */
  covers(host: string): boolean {
    if (this.#claims.has(host)) return true;
    for (let at = host.indexOf('.') + 1; at > 0 && at < host.length; at = host.indexOf('.', at) + 1)
      if (this.#claims.has(`*.${host.slice(at)}`)) return true;
    return false;
  }
}

/** For messages: a tenant, or a namespace that claims hosts. */
function tenantText(tenant: string): string {
  const [first, rest] = tenant.split(' ');
  return rest === undefined ? `tenant \`${first}\`` : `${first} \`${rest}\``;
}

interface Trouble {
  readonly message: string;
  readonly remedy: string;
}

/** Names that clients look up for addresses (RFC 1123 2.1); a first label `*` makes a wildcard (RFC 4592). */
const HOST = /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+$/u;

/** The hosts of an export, lower case with the final dot: its own, and one in each target zone. */
export function resolveHosts(
  { metadata, spec }: DomainExport,
  owner: string,
  stored: StoredResource,
  zones: ReadonlyMap<string, ServedZone>,
  claims: Claims,
  report: Report,
): string[] {
  const hosts: string[] = [];
  const claim = (host: string, field: string): void => {
    const refusal = claims.refusal(owner, host);
    if (refusal !== undefined) return report.error(stored, field, refusal.message, refusal.remedy);
    const holder = claims.holder(host);
    const shown = host.slice(0, -1);
    if (holder !== undefined && holder.owner !== owner) {
      const message = `${shown} is a host of ${holderText(holder)} already${holderPlace(holder)}`;
      return report.error(stored, field, message, 'remove it from one of the two');
    }
    if (!hosts.includes(host)) {
      hosts.push(host);
      return undefined;
    }
    // A host that spells out the export's own target name only repeats it.
    if (field === 'metadata.name') return undefined;
    return report.error(stored, field, `${shown} stands here twice`, 'remove one of the two');
  };
  for (const [index, text] of (spec.hosts ?? []).entries()) {
    const field = `spec.hosts[${index}]`;
    const host = hostFromText(text);
    const trouble = host.ok ? zoneTrouble(text, host.value, zones) : host.error;
    if (trouble !== undefined) report.error(stored, field, trouble.message, trouble.remedy);
    else if (host.ok) claim(nameToText(host.value), field);
  }
  // What a namespace claims is one host, and has no name on the hub.
  const targetZones = isClaimed(owner) ? [] : [...zones.values()].filter((zone) => zone.targets);
  for (const zone of targetZones) {
    const label = `${metadata.name}.${owner.split('/')[0]}`;
    const target = nameFromText(label, zone.data.origin);
    const shown = `${label}.${zone.origin}`;
    const trouble = target.ok
      ? zoneTrouble(shown, lowerCase(target.value), zones)
      : { message: `${shown} is longer than 255 octets`, remedy: 'shorten a name, or the origin of the target zone' };
    if (trouble !== undefined) report.error(stored, 'metadata.name', trouble.message, trouble.remedy);
    else if (target.ok) claim(nameToText(lowerCase(target.value)), 'metadata.name');
  }
  if ((spec.hosts ?? []).length === 0 && targetZones.length === 0) {
    const remedy = 'give it `hosts`, or a Zone `targets: true`';
    report.warning(stored, 'spec.hosts', 'no host answers with this export', remedy);
  }
  return hosts;
}

const isClaimed = (owner: string): boolean => isClaimant(tenantOf(owner));

/** What has a host, for messages. */
function holderText({ owner, stored }: Claim): string {
  return isClaimed(owner) ? stored.file : `DomainExport ${owner}`;
}

/** Objects that claim hosts are named already, and are in no file. */
function holderPlace({ owner, stored, field }: Claim): string {
  return isClaimed(owner) ? '' : ` (${placeOf(stored, field)})`;
}

function hostFromText(text: string): Result<WireName, Trouble> {
  const name = nameFromText(text);
  if (!name.ok) return err({ message: name.error, remedy: 'write a host name such as `app.example.org`' });
  const host = lowerCase(name.value);
  if (HOST.test(nameToText(host))) return ok(host);
  const remedy = 'write letters, digits and hyphens, with `*` at most as the whole first label';
  return err({ message: `${JSON.stringify(text)} is not a host name`, remedy });
}

function lowerCase(name: WireName): WireName {
  return name.map((octet) => LOWER[octet]!);
}

/** Why a host cannot answer with an export: no zone is served for it, or something in the zone is in the way. */
function zoneTrouble(text: string, host: WireName, zones: ReadonlyMap<string, ServedZone>): Trouble | undefined {
  const zone = zoneOf(host, zones);
  if (zone === undefined) return noZone(text, zones);
  const apexLabels = labelCount(zone.data.origin);
  const shown = text.replace(/\.$/u, '');
  for (let name = host; labelCount(name) >= apexLabels; name = parentOf(name)) {
    const number = zone.data.find(name);
    const has = (type: number): boolean => number >= 0 && zone.data.setOf(number, type) >= 0;
    const atHost = name === host;
    const atApex = labelCount(name) === apexLabels;
    const at = nameToText(name).replace(/\.$/u, '');
    if (!atApex && has(Type.NS)) {
      const message = `${shown} is ${atHost ? 'delegated away' : `below the delegation of ${at}`}`;
      return { message: message + recordPlace(zone, name, Type.NS), remedy: 'choose a name that the zone answers for' };
    }
    if (!atHost && has(Type.DNAME)) {
      const message = `${shown} is below the DNAME at ${at}, which hides it`;
      return {
        message: message + recordPlace(zone, name, Type.DNAME),
        remedy: 'remove the DNAME, or choose another name',
      };
    }
    const own = atHost ? IN_THE_WAY.find(([type]) => has(type)) : undefined;
    if (own !== undefined) {
      const message = `${shown} has ${own[1]} record in the zone`;
      return { message: message + recordPlace(zone, name, own[0]), remedy: 'remove that record, or the host here' };
    }
    if (name[0] === 0) break;
  }
  return undefined;
}

const IN_THE_WAY = [
  [Type.CNAME, 'a CNAME'],
  [Type.A, 'an A'],
  [Type.AAAA, 'an AAAA'],
] as const;

function recordPlace(zone: ServedZone, owner: WireName, type: number): string {
  const number = zone.data.find(owner);
  const found = zone.data.placeOf(zone.data.setOf(number, type));
  if (found.file !== undefined) return ` (${found.file}${found.line === undefined ? '' : `:${found.line}`})`;
  return ` (${placeOf(zone.stored, found.field ?? 'spec.records')})`;
}

/** The zone with the longest origin that a name is in. */
function zoneOf(name: WireName, zones: ReadonlyMap<string, ServedZone>): ServedZone | undefined {
  for (let at = name; ; at = parentOf(at)) {
    const zone = zones.get(nameKey(at));
    if (zone !== undefined || at[0] === 0) return zone;
  }
}

function noZone(text: string, zones: ReadonlyMap<string, ServedZone>): Trouble {
  const message = `${text} is in no served zone`;
  const labels = text.replace(/\.$/u, '').split('.');
  for (const { origin } of zones.values()) {
    const depth = origin.split('.').length;
    if (depth > labels.length || nearest(labels.slice(-depth).join('.'), [origin]) === undefined) continue;
    return { message, remedy: `did you mean \`${[...labels.slice(0, -depth), origin].join('.')}\`?` };
  }
  const origins = [...zones.values()].map((zone) => `\`${zone.origin}\``);
  if (origins.length === 0) return { message, remedy: 'add a Zone: none is served' };
  const shown = origins.slice(0, 5).join(', ') + (origins.length > 5 ? ` and ${origins.length - 5} more` : '');
  return { message, remedy: `add a Zone for it; served are ${shown}` };
}

/** Whether a served zone holds a host. @param host absolute */
export function isInZones(host: string, zones: ReadonlyMap<string, ServedZone>): boolean {
  const name = nameFromText(host);
  return name.ok && zoneOf(name.value, zones) !== undefined;
}

function tenantOf(owner: string): string {
  return owner.slice(0, owner.indexOf('/'));
}

function isSameTenant(owner: string, other: string | undefined): boolean {
  return other !== undefined && tenantOf(owner) === tenantOf(other);
}
