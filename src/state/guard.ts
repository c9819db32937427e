import { createHash } from 'node:crypto';
import type { ResolvedExport } from '../model/resolved.ts';
import type { ZoneData } from '../zone/zone.ts';
import type { Configuration } from './configuration.ts';

/** Annotation by which an operator accepts changes that were held: their ids, with commas between them. */
export const ACCEPT_CHANGE = 'edgeward.dev/accept-change';

/** What a DomainExport without `maxChange` may lose at once. */
export const DEFAULT_MAX_CHANGE = 0.3;

/** A change that is not served, since it takes away too much at once and nobody was seen to make it. */
export interface HeldChange {
  /** `DomainExport tenant/name`, or `Zone origin`. */
  readonly what: string;
  /** What `ACCEPT_CHANGE` takes to let it pass. */
  readonly id: string;
  /** Of the capacity, 0 to 1. */
  readonly lost: number;
  readonly limit: number;
}

/** A held change in words: what happened, and what to do. */
export function explainHeld({ id, lost, limit }: HeldChange): { message: string; remedy: string } {
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  return {
    message: `a change that takes away ${percent(lost)} of it at once is held (at most ${percent(limit)}): what was there before is served`,
    remedy: `if it is meant, annotate it or a Zone with ${ACCEPT_CHANGE}=${id}; if not, restore what is missing`,
  };
}

export interface Circumstances {
  /** Something was found to be other than it was, rather than seen to be changed. */
  readonly suspect: boolean;
  /** What was seen to be changed: `KIND TENANT/NAME`. */
  readonly touched: ReadonlySet<string>;
  /** Whether somebody who may has accepted a change. */
  readonly accepts: (what: string, id: string) => boolean;
}

/**
 * Keeps what is served from being undone by a source that has forgotten: a hub restored from an old backup, an edge
 * cluster that comes back without its Services. What somebody is seen to change passes, however much it is.
 */
export class ChangeGuard {
  #served: Configuration | undefined;
  #held = new Map<string, HeldChange>();

  /** What may be served of a new configuration; it becomes what the next one is compared with. */
  pass(next: Configuration, circumstances: Circumstances): { configuration: Configuration; held: HeldChange[] } {
    const before = this.#served;
    const held = new Map<string, HeldChange>();
    let configuration = next;
    if (before !== undefined && (circumstances.suspect || this.#held.size > 0)) {
      configuration = this.#compare(before, next, circumstances, held);
    }
    this.#served = configuration;
    this.#held = held;
    return { configuration, held: [...held.values()] };
  }

  #compare(
    before: Configuration,
    next: Configuration,
    circumstances: Circumstances,
    held: Map<string, HeldChange>,
  ): Configuration {
    const { suspect, touched, accepts } = circumstances;
    const hold = (what: string, lost: number, limit: number, content: string): boolean => {
      if ((!suspect && !this.#held.has(what)) || lost <= limit) return false;
      const id = createHash('sha256').update(`${what}\n${content}`).digest('hex').slice(0, 10);
      if (accepts(what, id)) return false;
      held.set(what, { what, id, lost, limit });
      return true;
    };
    const zones = keepZones(before, next, (zone, origin) => {
      const touchedZone = [...touched].some((key) => key.startsWith('Zone '));
      return !touchedZone && hold(`Zone ${origin}`, 1, 0, 'gone');
    });
    const after = new Map(next.exports.map((exp) => [ownerOf(exp), exp]));
    const hosts = new Map(next.exports.flatMap((exp) => exp.hosts.map((host) => [host, ownerOf(exp)] as const)));
    const kept = new Map<string, ResolvedExport>();
    for (const exp of before.exports) {
      const owner = ownerOf(exp);
      const now = after.get(owner);
      if (now === exp || touched.has(`DomainExport ${owner}`)) continue;
      // Whoever has one of its hosts now was let have it.
      if (exp.hosts.some((host) => (hosts.get(host) ?? owner) !== owner)) continue;
      const limit = now?.maxChange ?? exp.maxChange ?? DEFAULT_MAX_CHANGE;
      if (hold(`DomainExport ${owner}`, lostShare(exp, now), limit, contentOf(now))) kept.set(owner, exp);
    }
    if (kept.size === 0) return zones === next.zones ? next : { ...next, zones };
    const exports = next.exports.map((exp) => kept.get(ownerOf(exp)) ?? exp);
    for (const [owner, exp] of kept) if (!after.has(owner)) exports.push(exp);
    const sites = new Map(next.sites);
    for (const exp of kept.values())
      for (const { site } of exp.endpoints) if (!sites.has(site)) sites.set(site, before.sites.get(site)!);
    return { sites, zones, exports };
  }
}

const ownerOf = ({ tenant, name }: ResolvedExport): string => `${tenant}/${name}`;

function contentOf(exp: ResolvedExport | undefined): string {
  if (exp === undefined) return 'gone';
  const endpoints = exp.endpoints.map(({ address, observed, ownWeight }) => `${address} ${observed ? '' : ownWeight}`);
  return JSON.stringify([exp.hosts, endpoints]);
}

/**
 * How much of an export's capacity a change takes away, 0 to 1. Ready replicas that come and go are what is measured,
 * not something lost: an endpoint that is still there counts as whole.
 */
export function lostShare(before: ResolvedExport, next: ResolvedExport | undefined): number {
  if (next === undefined || before.hosts.some((host) => !next.hosts.includes(host))) return 1;
  const after = new Map(next.endpoints.map((endpoint) => [endpoint.address, endpoint]));
  let total = 0;
  let lost = 0;
  for (const { address, ownWeight, observed } of before.endpoints) {
    total += ownWeight;
    const now = after.get(address);
    if (now === undefined) lost += ownWeight;
    else if (observed === undefined && now.observed === undefined) lost += Math.max(0, ownWeight - now.ownWeight);
  }
  return total === 0 ? 0 : lost / total;
}

/** Zones that are gone, where `hold` says so, beside those that are there. */
function keepZones(
  before: Configuration,
  next: Configuration,
  hold: (zone: ZoneData, origin: string) => boolean,
): readonly ZoneData[] {
  const key = ({ origin }: ZoneData): string => Buffer.from(origin).toString('latin1').toLowerCase();
  const there = new Set(next.zones.map(key));
  const kept = before.zones.filter((zone) => !there.has(key(zone)) && hold(zone, readable(zone.origin)));
  return kept.length === 0 ? next.zones : [...next.zones, ...kept];
}

/** Labels of a wire name with dots between them. */
function readable(wire: Uint8Array): string {
  let text = '';
  for (let at = 0; at < wire.length && wire[at] !== 0; at += wire[at]! + 1)
    text += `${Buffer.from(wire.subarray(at + 1, at + 1 + wire[at]!)).toString('latin1')}.`;
  return text === '' ? '.' : text;
}
