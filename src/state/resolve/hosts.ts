import { nearest } from '../../lib/nearest.ts';
import { err, ok, type Result } from '../../lib/result.ts';
import type { DomainExport } from '../../model/domain-export.ts';
import type { StoredResource } from '../../model/stored.ts';
import { Type } from '../../wire/codes.ts';
import { LOWER, labelCount, nameFromText, nameKey, nameToText, parentOf, type WireName } from '../../wire/name.ts';
import { placeOf, type Report } from './report.ts';
import type { ServedZone } from './zones.ts';

/** An export that wants a host. */
interface Claim {
  readonly owner: string;
  readonly stored: StoredResource;
  readonly field: string;
}

/** Which export answers at which host: a host has one. */
export class Claims {
  readonly #claims = new Map<string, Claim[]>();
  readonly #incumbents: ReadonlyMap<string, string>;

  /** @param incumbents by host: the export that answers there now; it keeps the host as long as it wants it */
  constructor(incumbents: ReadonlyMap<string, string>) {
    this.#incumbents = incumbents;
  }

  /** Enters the hosts of an export. Exports are entered in their order: of two new ones the first has the host. */
  enter({ spec }: DomainExport, owner: string, stored: StoredResource): void {
    for (const [index, text] of (spec.hosts ?? []).entries()) {
      const host = hostFromText(text);
      if (!host.ok) continue;
      const name = nameToText(host.value);
      const claims = this.#claims.get(name);
      const claim = { owner, stored, field: `spec.hosts[${index}]` };
      if (claims === undefined) this.#claims.set(name, [claim]);
      else claims.push(claim);
    }
  }

  /** The claim that has a host; undefined when nobody wants it. */
  holder(host: string): Claim | undefined {
    const claims = this.#claims.get(host);
    const incumbent = this.#incumbents.get(host);
    return claims?.find(({ owner }) => owner === incumbent) ?? claims?.[0];
  }

  /** Whether some export wants a host, itself or by a wildcard above it. @param host absolute, lower case */
  covers(host: string): boolean {
    if (this.#claims.has(host)) return true;
    for (let at = host.indexOf('.') + 1; at > 0 && at < host.length; at = host.indexOf('.', at) + 1)
      if (this.#claims.has(`*.${host.slice(at)}`)) return true;
    return false;
  }
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
    const holder = claims.holder(host);
    const shown = host.slice(0, -1);
    if (holder !== undefined && holder.owner !== owner) {
      const message = `${shown} is a host of DomainExport ${holder.owner} already (${placeOf(holder.stored, holder.field)})`;
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
  const targetZones = [...zones.values()].filter((zone) => zone.targets);
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
    const types = zone.data.nodes.get(nameKey(name))?.rrsets.map((rrset) => rrset.type) ?? [];
    const atHost = name === host;
    const atApex = labelCount(name) === apexLabels;
    const at = nameToText(name).replace(/\.$/u, '');
    if (!atApex && types.includes(Type.NS)) {
      const message = `${shown} is ${atHost ? 'delegated away' : `below the delegation of ${at}`}`;
      return { message: message + recordPlace(zone, name, Type.NS), remedy: 'choose a name that the zone answers for' };
    }
    if (!atHost && types.includes(Type.DNAME)) {
      const message = `${shown} is below the DNAME at ${at}, which hides it`;
      return {
        message: message + recordPlace(zone, name, Type.DNAME),
        remedy: 'remove the DNAME, or choose another name',
      };
    }
    const own = atHost ? IN_THE_WAY.find(([type]) => types.includes(type)) : undefined;
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
  const found = zone.where.locate(owner, type);
  if (found?.file !== undefined) return ` (${found.file}${found.line === undefined ? '' : `:${found.line}`})`;
  return ` (${placeOf(zone.stored, found?.field ?? 'spec.records')})`;
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
