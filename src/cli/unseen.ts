import type { ServerConfig } from '../config/config.ts';
import type { Problem } from '../lib/problem.ts';
import type { DomainExport } from '../model/domain-export.ts';
import type { Resource } from '../model/kinds.ts';
import type { ResolvedExport } from '../model/resolved.ts';
import type { Site } from '../model/site.ts';
import { mayClaim } from '../resolve/annotated.ts';
import { backendSites } from '../resolve/backend-sites.ts';
import { Type } from '../wire/codes.ts';
import { nameKey, nameToText, type WireName } from '../wire/name.ts';
import type { ZoneData } from '../zone/zone.ts';
import { serverWords } from './suggestions.ts';

/** Sites whose clusters have a say in an answer: files alone do not tell it. */
export interface Unseen {
  readonly sites: readonly string[];
  /** What comes from there. One sentence without a full stop. */
  readonly what: string;
}

/** What files tell. */
export interface FilesAlone {
  readonly resources: readonly Resource[];
  readonly clusters: ReadonlyMap<string, Site>;
  readonly zones: readonly ZoneData[];
}

/**
 * What files do not tell of the answer for a name.
 * @param exp the export that answers by the files
 * @param isExact the name itself is a host of it, not only a wildcard
 */
export function unseenOf(
  name: WireName,
  type: number,
  exp: ResolvedExport | undefined,
  isExact: boolean,
  { resources, clusters, zones }: FilesAlone,
): Unseen | undefined {
  const host = nameToText(name).replace(/\.$/u, '').toLowerCase();
  const written = exp && resources.find((each): each is DomainExport => isExport(each, exp));
  const backends = written === undefined ? [] : backendSites(written, clusters).filter((site) => clusters.has(site));
  if (backends.length > 0 && (type === Type.A || type === Type.AAAA)) {
    const sites = [...new Set(backends)].sort();
    return { sites, what: `the endpoints of export ${exp!.tenant}/${exp!.name} come from ${clustersOf(sites)}` };
  }
  if ((exp !== undefined && isExact) || isTaken(name, zones)) return undefined;
  const open = resources.flatMap((each) => (each.kind === 'Zone' ? [each] : []));
  const sites = [...clusters.keys()].filter((site) => open.some((zone) => mayClaim(zone, host, site))).sort();
  return sites.length === 0
    ? undefined
    : { sites, what: `${host} may be claimed by a Service, route or Ingress in ${clustersOf(sites)}` };
}

export function clustersOf(sites: readonly string[]): string {
  return sites.length === 1 ? `the cluster of site ${sites[0]}` : `the clusters of sites ${sites.join(', ')}`;
}

function isExport(resource: Resource, { tenant, name }: ResolvedExport): boolean {
  const { kind, metadata } = resource;
  return kind === 'DomainExport' && metadata.name === name && (metadata.tenant ?? 'default') === tenant;
}

/** Whether a zone has addresses or an alias of its own at a name: nothing else may have it then. */
function isTaken(name: WireName, zones: readonly ZoneData[]): boolean {
  const key = nameKey(name);
  return zones.some(({ nodes }) =>
    nodes.get(key)?.rrsets.some(({ type }) => type === Type.A || type === Type.AAAA || type === Type.CNAME),
  );
}

/**
 * Why files tell nothing at all of what is served; undefined when they do.
 * @param file of the configuration
 */
export function servedFromElsewhere(config: ServerConfig, hasZones: boolean, file: string): Problem | undefined {
  if (config.hub !== undefined) {
    const message = 'resources are on the hub, and this command reads files alone';
    return { severity: 'error', file, field: 'hub', message, remedy: askServer(config) };
  }
  if (config.control === undefined || hasZones) return undefined;
  const message = 'a DNS node answers by what its control plane sends, and this command reads files alone';
  return { severity: 'error', file, field: 'control', message, remedy: askServer(config) };
}

/** How to learn the truth from a server with this configuration. */
export function askServer({ listen, byDefault }: ServerConfig, query = 'NAME TYPE --subnet CLIENT/32'): string {
  const [first] = listen;
  const server = byDefault.listen || first === undefined ? '@127.0.0.1 -p 53' : serverWords(first);
  return `ask the server: \`edgeward query ${server} ${query}\``;
}
