import { createHash } from 'node:crypto';
import type { HeldChange } from '../model/held.ts';
import type { ResolvedEndpoint, ResolvedExport, ResolvedRule } from '../model/resolved.ts';
import { nameToText } from '../wire/name.ts';
import { lossOf, type ZoneData } from '../zone/mod.ts';
import type { Configuration } from '../resolve/configuration.ts';

/** What a DomainExport without `maxChange` may lose at once; and in files, how many of all zones or exports may go. */
export const DEFAULT_MAX_CHANGE = 0.3;

/** In files a single zone or export may always go: that is how an operator removes one. */
const MIN_HELD_FROM_FILES = 2;

export interface Circumstances {
  /** `seen`: somebody made the change just now. `found`: it was found, and nobody was seen to make it. */
  readonly cause: 'seen' | 'found';
  /** What somebody was seen to change: `KIND TENANT/NAME`. */
  readonly touched: ReadonlySet<string>;
  /** Whether somebody who may has accepted a change. */
  readonly accepts: (what: string, id: string) => boolean;
}

/**
 * Keeps what is served from being undone by a source that has forgotten: a hub restored from an old backup, an edge
 * cluster that comes back without its Services, files that are half written. What somebody is seen to change passes,
 * however much it is.
 */
export class ChangeGuard {
  readonly #fromFiles: boolean;
  #served: Configuration | undefined;
  #held = new Map<string, HeldChange>();

  /** @param fromFiles resources and zones are files, of which nobody can tell who changes them, and whether on purpose */
  constructor(fromFiles = false) {
    this.#fromFiles = fromFiles;
  }

  /** What may be served of a new configuration; it becomes what the next one is compared with. */
  pass(next: Configuration, circumstances: Circumstances): { configuration: Configuration; held: HeldChange[] } {
    const before = this.#served;
    const comparison = new Comparison(this.#held, circumstances, this.#fromFiles);
    const isSuspect = circumstances.cause === 'found' || this.#held.size > 0 || this.#fromFiles;
    const configuration = before !== undefined && isSuspect ? comparison.merge(before, next) : next;
    this.#served = configuration;
    this.#held = comparison.held;
    return { configuration, held: [...comparison.held.values()] };
  }
}

/** One new configuration beside the one that is served. */
class Comparison {
  readonly held = new Map<string, HeldChange>();
  readonly #before: ReadonlyMap<string, HeldChange>;
  readonly #circumstances: Circumstances;
  readonly #fromFiles: boolean;

  constructor(before: ReadonlyMap<string, HeldChange>, circumstances: Circumstances, fromFiles: boolean) {
    this.#before = before;
    this.#circumstances = circumstances;
    this.#fromFiles = fromFiles;
  }

  /** The new configuration, with what is held as it was. */
  merge(before: Configuration, next: Configuration): Configuration {
    const zones = this.#zones(before.zones, next.zones);
    const kept = this.#exports(before, next);
    if (kept.size === 0) return zones === next.zones ? next : { ...next, zones };
    const after = new Set(next.exports.map(ownerOf));
    const origins = new Set(zones.map(({ key }) => key));
    const exports = next.exports.map((exp) => kept.get(ownerOf(exp)) ?? exp);
    for (const [owner, exp] of kept) if (!after.has(owner)) exports.push(exp);
    const sites = new Map(next.sites);
    for (const exp of kept.values())
      for (const { site } of exp.endpoints) if (!sites.has(site)) sites.set(site, before.sites.get(site)!);
    const inZones = exports.map((exp) => (kept.has(ownerOf(exp)) ? withoutStrays(exp, origins) : exp));
    return { ...next, sites, zones, exports: inZones };
  }

  /** Holds a change if nobody was seen to make it. */
  #holdFound(change: Omit<HeldChange, 'id'>, content: string): boolean {
    const isSuspect = this.#circumstances.cause === 'found' || this.#before.has(change.what);
    return isSuspect && this.#hold(change, content);
  }

  #hold(change: Omit<HeldChange, 'id'>, content: string): boolean {
    const { accepts } = this.#circumstances;
    const { what, lost, limit, released = false } = change;
    if (lost <= limit && !released) return false;
    const id = createHash('sha256').update(`${what}\n${content}`).digest('hex').slice(0, 10);
    if (accepts(what, id)) return false;
    this.held.set(what, { ...change, id });
    return true;
  }

  #zones(before: readonly ZoneData[], next: readonly ZoneData[]): readonly ZoneData[] {
    if (before === next || before.length === 0) return next;
    const after = new Map(next.map((zone) => [zone.key, zone]));
    const gone = before.filter(({ key }) => !after.has(key));
    if (this.#fromFiles) return this.#zonesOfFiles(before, next, gone, after);
    // Zones are the operator's: whoever is seen to change one is one.
    if ([...this.#circumstances.touched].some((key) => key.startsWith('Zone '))) return next;
    const kept = gone.filter(({ origin }) =>
      this.#holdFound({ what: `Zone ${nameToText(origin)}`, lost: 1, limit: 0 }, 'gone'),
    );
    return kept.length === 0 ? next : [...next, ...kept];
  }

  #zonesOfFiles(
    before: readonly ZoneData[],
    next: readonly ZoneData[],
    gone: readonly ZoneData[],
    after: ReadonlyMap<string, ZoneData>,
  ): readonly ZoneData[] {
    const names = gone.map(({ origin }) => nameToText(origin));
    const kept = this.#holdGone('the zones', names, before.length, next.length) ? gone : [];
    const shrunk = new Map<ZoneData, ZoneData>();
    for (const zone of before) {
      const now = after.get(zone.key);
      if (now === undefined || now === zone) continue;
      const change = { what: `Zone ${nameToText(zone.origin)}`, lost: lossOf(zone, now), limit: DEFAULT_MAX_CHANGE };
      if (this.#hold(change, String(now.setCount))) shrunk.set(now, zone);
    }
    if (kept.length === 0 && shrunk.size === 0) return next;
    return [...next.map((zone) => shrunk.get(zone) ?? zone), ...kept];
  }

  /**
   * In files a single one may go: that is how an operator removes it. Many at once, or the last one, is an accident.
   * @param left how many there are now
   */
  #holdGone(what: string, names: readonly string[], all: number, left: number): boolean {
    if (names.length === 0 || (names.length < MIN_HELD_FROM_FILES && left > 0)) return false;
    const change = { what, lost: names.length / all, limit: DEFAULT_MAX_CHANGE };
    return this.#hold(change, [...names].sort().join(' '));
  }

  /** Exports that stay as they were, by owner. */
  #exports(before: Configuration, next: Configuration): Map<string, ResolvedExport> {
    const kept = new Map<string, ResolvedExport>();
    if (before.exports === next.exports) return kept;
    const isQuiet = this.#circumstances.cause === 'seen' && this.#before.size === 0;
    if (isQuiet && sameOwners(before.exports, next.exports)) return kept;
    const after = new Map(next.exports.map((exp) => [ownerOf(exp), exp]));
    const hosts = new Map(next.exports.flatMap((exp) => exp.hosts.map((host) => [host, ownerOf(exp)] as const)));
    const isTakenOver = (exp: ResolvedExport): boolean =>
      exp.hosts.some((host) => (hosts.get(host) ?? ownerOf(exp)) !== ownerOf(exp));
    if (this.#fromFiles) {
      const written = before.exports.filter(isWritten);
      const gone = written.filter((exp) => !after.has(ownerOf(exp)) && !isTakenOver(exp));
      const left = next.exports.filter(isWritten).length;
      if (this.#holdGone('the exports', gone.map(ownerOf), written.length, left))
        for (const exp of gone) kept.set(ownerOf(exp), exp);
    }
    for (const exp of before.exports) {
      const owner = ownerOf(exp);
      const now = after.get(owner);
      // A host that another export has now was let go.
      if (now === exp || this.#isTouched(exp, now) || isTakenOver(exp)) continue;
      if (now === undefined && this.#fromFiles && isWritten(exp)) continue;
      const what = `DomainExport ${owner}`;
      const limit = now?.maxChange ?? exp.maxChange ?? DEFAULT_MAX_CHANGE;
      const released = now !== undefined && releases(exp, now);
      const change = { what, lost: lostShare(exp, now), limit, ...(released ? { released } : {}) };
      if (this.#holdFound(change, contentOf(now))) kept.set(owner, exp);
    }
    return kept;
  }

  #isTouched(exp: ResolvedExport, now: ResolvedExport | undefined): boolean {
    const { touched } = this.#circumstances;
    if (touched.size === 0) return false;
    if (touched.has(`DomainExport ${ownerOf(exp)}`)) return true;
    const endpoints = [...exp.endpoints, ...(now?.endpoints ?? [])];
    return endpoints.some(({ overrides }) =>
      overrides.some(({ name }) => touched.has(`WeightOverride ${exp.tenant}/${name}`)),
    );
  }
}

const ownerOf = ({ tenant, name }: ResolvedExport): string => `${tenant}/${name}`;

/** Whether a resource has the export, not the annotations of a Service: only those have names with dots. */
const isWritten = ({ name }: ResolvedExport): boolean => !name.includes('.');

function sameOwners(a: readonly ResolvedExport[], b: readonly ResolvedExport[]): boolean {
  return a.length === b.length && a.every((exp, index) => exp === b[index] || ownerOf(exp) === ownerOf(b[index]!));
}

function contentOf(exp: ResolvedExport | undefined): string {
  if (exp === undefined) return 'gone';
  const endpoints = exp.endpoints.map(
    ({ address, observed, ownWeight, overrides }) =>
      `${address} ${observed ? '' : ownWeight} ${overrides.map(({ name }) => name).join(',')}`,
  );
  return JSON.stringify([exp.hosts, endpoints, barriersOf(exp)]);
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

/** Whether a change sends clients where an operator had said no: by an override, a weight of 0, a state or a rule. */
export function releases(before: ResolvedExport, next: ResolvedExport): boolean {
  const after = new Map(next.endpoints.map((endpoint) => [endpoint.address, endpoint]));
  for (const endpoint of before.endpoints) {
    const now = after.get(endpoint.address);
    if (now === undefined) continue;
    if (isOff(endpoint) && !isOff(now)) return true;
    for (const { name } of endpoint.overrides)
      if (!now.overrides.some((other) => other.name === name) && now.weight > endpoint.weight) return true;
  }
  const rules = new Set(barriersOf(next));
  return barriersOf(before).some((rule) => !rules.has(rule));
}

/** Whether an operator has taken an endpoint out; one of an edge cluster that is down is not. */
function isOff({ weight, up, observed }: ResolvedEndpoint): boolean {
  return weight === 0 || (observed === undefined && !up);
}

/** Rules that keep clients away from sites. */
function barriersOf({ policy }: ResolvedExport): string[] {
  const content = ({ regions, isps, only, deny }: ResolvedRule): string => JSON.stringify([regions, isps, only, deny]);
  return policy.rules.filter(({ only, deny }) => only !== undefined || deny.length > 0).map(content);
}

/** An export without the hosts that are in no served zone any more. */
function withoutStrays(exp: ResolvedExport, origins: ReadonlySet<string>): ResolvedExport {
  const isInZone = (host: string): boolean => {
    for (let rest = host.replace(/\.$/u, ''); ; rest = rest.slice(rest.indexOf('.') + 1)) {
      if (origins.has(keyOfText(rest))) return true;
      if (!rest.includes('.')) return origins.has('\0');
    }
  };
  const hosts = exp.hosts.filter(isInZone);
  return hosts.length === exp.hosts.length ? exp : { ...exp, hosts };
}

/** `nameKey` of a host's suffix, which is in lower case and without escapes. */
function keyOfText(text: string): string {
  return `${text
    .split('.')
    .map((label) => String.fromCharCode(label.length) + label)
    .join('')}\0`;
}
