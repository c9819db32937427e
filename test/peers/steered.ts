import { parsePrefix, prefixText, type Prefix } from './prefixes.ts';

/** The zone whose name `www` is steered. */
export const ZONE = 'steer.example';
export const SITES = ['dc0', 'dc1', 'dc2', 'dc3', 'dc4', 'dc5'];
/** The one address of each site. */
export const ADDRESSES = Object.fromEntries(SITES.map((site, i) => [site, `192.0.2.${i + 1}`]));
/** The built-in geo data lie under an overlay: these prefixes cover them, so that it alone decides. */
export const EVERYWHERE = ['0.0.0.0/1', '128.0.0.0/1', '::/1', '8000::/1'].map(parsePrefix);
export const TTL = 20;

/** Clients that are served alike: a region that stands for them, and the sites, best first. */
export interface Group {
  readonly region: string;
  readonly order: readonly string[];
}

/** Reads `CN 0 1 2 3 4 5`. */
export function groupOf(line: string): Group {
  const [region = '', ...order] = line.split(' ');
  return { region, order: order.map((i) => SITES[Number(i)]!) };
}

/** Files of a configuration directory: an overlay gives each net its group's region, a matrix each region its order. */
export function configuration(
  groups: readonly Group[],
  nets: readonly (readonly [Prefix, number])[],
): globalThis.Record<string, string> {
  const resource = (kind: string, name: string, spec: unknown): string =>
    JSON.stringify({ apiVersion: 'edgeward.dev/v1alpha1', kind, metadata: { name }, spec });
  const records = [
    { name: '@', type: 'SOA', data: `ns1.${ZONE}. hostmaster.${ZONE}. 1 7200 1800 259200 300` },
    { name: '@', type: 'NS', data: 'ns1' },
    { name: 'ns1', type: 'A', data: '192.0.2.53' },
  ];
  const policy = { matrix: 'matrix.csv', toleranceMs: 0, ispPenaltyMs: 0, maxAnswers: 1, ttl: TTL };
  const endpoints = SITES.map((site) => ({ address: ADDRESSES[site], site }));
  return {
    'edgeward.yaml': 'geo:\n  overlays: [nets.csv]\n',
    'resources.yaml': [
      ...SITES.map((site) => resource('Site', site, { region: 'US' })),
      resource('Zone', 'steer', { origin: ZONE, records }),
      resource('DomainExport', 'www', { hosts: [`www.${ZONE}`], endpoints, policy }),
    ].join('\n---\n'),
    'matrix.csv': [
      'region,isp,site,ms',
      ...groups.flatMap(({ region, order }) => order.map((site, rank) => `${region},,${site},${10 + rank * 10}`)),
      '',
    ].join('\n'),
    'nets.csv': [
      'prefix,region,isp',
      ...nets.map(([prefix, group]) => `${prefixText(prefix)},${groups[group]!.region},`),
      '',
    ].join('\n'),
  };
}
