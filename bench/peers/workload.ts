import { stringify } from 'yaml';
import { formatAddress, parseAddress } from '../../src/lib/address.ts';
import { leafLength, leafValue, prefixesOf6 } from '../../src/geo/lookup.ts';
import type { ResolvedExport, ResolvedSite } from '../../src/model/resolved.ts';
import { compileSnapshot } from '../../src/snapshot/compile.ts';
import { Row } from '../../src/snapshot/snapshot.ts';
import { PLAN_HEADER } from '../../src/steering/table.ts';
import { encodeQuery } from '../../src/wire/message.ts';
import { nameFromText } from '../../src/wire/name.ts';
import { Random } from '../../test/support/random.ts';
import { makeExport, makeSites, makeZone, POLICY, realGeo, regions } from '../support/world.ts';

/** One question, and what every server must answer. */
export interface Asked {
  readonly message: Uint8Array;
  readonly rcode: number;
  /** Data of the answers of the type asked for, as hexadecimal, in any order; empty for none. */
  readonly data: readonly string[];
}

export type WorkloadName = 'static' | 'steered' | 'mixed';

export interface Workload {
  /** The master file of `static.test`. */
  readonly zone: string;
  /** `www.steer.test`, A: one address for each site. */
  readonly sites: readonly { readonly name: string; readonly address: string }[];
  /** Site of each prefix, by index; all of IPv4 and the IPv6 that has clients. */
  readonly nets: readonly (readonly [prefix: string, site: number])[];
  /** Edgeward's configuration directory, by file. */
  readonly files: Readonly<Record<string, string>>;
  readonly localities: number;
  readonly asked: Readonly<Record<WorkloadName, readonly Asked[]>>;
  /** The same as `mixed` with nothing steered, for servers that cannot. */
  readonly mixedStatic: readonly Asked[];
}

export const STATIC_ZONE = 'static.test';
export const STEERED_ZONE = 'steer.test';
const NAMES = 5000;
const SITES = 100;
const QUERIES = 20_000;

function wire(text: string): Uint8Array {
  const name = nameFromText(text);
  if (!name.ok) throw new Error(name.error);
  return name.value;
}

/** Everything that servers are given and asked, the same in every run. */
export async function makeWorkload(): Promise<Workload> {
  const random = new Random(4);
  const lines = ['@ SOA ns1 hostmaster 1 7200 1800 259200 300', '@ NS ns1', 'ns1 A 192.0.2.53'];
  for (let i = 0; i < NAMES; i++)
    lines.push(`h${i} A 192.0.${i >>> 8}.${i & 255}`, `h${i} TXT "number ${i}"`, `c${i} CNAME h${i}`);
  const sites = makeSites(SITES, random);
  const exp = makeExport(0, sites, { ...POLICY, toleranceMs: 0 });
  const { nets, localities } = await decide(exp, sites);
  const placed = nets.filter(([prefix]) => !prefix.includes(':'));
  const placed6 = nets.filter(([prefix]) => prefix.startsWith('2') && prefix.includes(':'));

  const ask = (host: string, type: number, rcode: number, data: string[], ecs?: Ecs): Asked => {
    const edns = { udpSize: 1232, do: false, ...(ecs === undefined ? {} : { ecs }) };
    const id = random.below(65536);
    return { message: encodeQuery({ id, name: wire(host), type, class: 1, rd: false, edns }), rcode, data };
  };
  const fixed = (): Asked => {
    const i = random.below(NAMES);
    return ask(`h${i}.${STATIC_ZONE}`, 1, 0, [hex([192, 0, i >>> 8, i & 255])]);
  };
  const steered = (): Asked => {
    const list = random.below(8) === 0 && placed6.length > 0 ? placed6 : placed;
    const [prefix, site] = list[random.below(list.length)]!;
    const ecs = subnetWithin(prefix, random);
    return ask(`www.${STEERED_ZONE}`, 1, 0, [hex(exp.endpoints[site]!.bytes)], ecs);
  };
  const mixed = (steer: boolean) => (): Asked => {
    const i = random.below(NAMES);
    const dice = random.below(100);
    if (dice < 15) return ask(`n${i}.${STATIC_ZONE}`, 1, 3, []);
    if (dice < 25) return ask(`h${i}.${STATIC_ZONE}`, 28, 0, []);
    if (dice < 35) {
      const text = Buffer.from(`number ${i}`);
      return ask(`h${i}.${STATIC_ZONE}`, 16, 0, [hex([text.length, ...text])]);
    }
    if (dice < 40) return ask(`c${i}.${STATIC_ZONE}`, 5, 0, [hex(wire(`h${i}.${STATIC_ZONE}`))]);
    if (dice < 60 && steer) return steered();
    return fixed();
  };
  const many = (make: () => Asked): Asked[] => Array.from({ length: QUERIES }, make);
  return {
    zone: `$TTL 300\n${lines.join('\n')}\n`,
    sites: exp.endpoints.map(({ site, address }) => ({ name: site, address })),
    nets,
    localities,
    files: edgewardFiles(lines, exp, sites),
    asked: { static: many(fixed), steered: many(steered), mixed: many(mixed(true)) },
    mixedStatic: many(mixed(false)),
  };
}

interface Ecs {
  readonly family: 1 | 2;
  readonly source: number;
  readonly address: Uint8Array;
}

/** A /24 or /56 inside of a prefix, or the prefix itself if that is longer. */
function subnetWithin(prefix: string, random: Random): Ecs {
  const [text = '', length = ''] = prefix.split('/');
  const { family, bytes } = parseAddress(text)!;
  const source = Math.max(Number(length), family === 4 ? 24 : 56);
  const address = Uint8Array.from(bytes);
  for (let bit = Number(length); bit < source; bit++)
    if (random.below(2) === 1) address[bit >> 3] = address[bit >> 3]! | (0x80 >> (bit & 7));
  return { family: family === 4 ? 1 : 2, source, address };
}

function hex(octets: Iterable<number>): string {
  return Buffer.from(Uint8Array.from(octets)).toString('hex');
}

/** The site of every prefix, as Edgeward's compiler has it: what the peers are given as their own maps. */
async function decide(
  exp: ResolvedExport,
  sites: readonly ResolvedSite[],
): Promise<Pick<Workload, 'nets' | 'localities'>> {
  const geo = await realGeo();
  const zones = [makeZone('bench.test', '')];
  const byName = new Map(sites.map((site) => [site.name, site]));
  const configuration = { sites: byName, zones, exports: [exp] };
  const { steering } = compileSnapshot({ configuration, regions, geo, generation: 1 });
  const { rows, classes, plans, maps } = steering;
  const map = maps[rows[Row.MAP]!]!;
  const nets: [string, number][] = [];
  const siteOf = (leaf: number): number | undefined => {
    const value = leafValue(leaf);
    // Blocks that carry IPv4 addresses, and private networks.
    if (value >= 0xfffffe) return undefined;
    const plan = classes[rows[Row.CLASSES]! + value]!;
    // Clients of whom nothing is known share all sites: left to what a server does without a map.
    return plans[plan] === 1 ? plans[plan + PLAN_HEADER]! : undefined;
  };
  for (let i = 0; i < map.start4.length; i++) {
    const site = siteOf(map.leaf4[i]!);
    const word = map.start4[i]!;
    const bytes = Uint8Array.of(word >>> 24, word >>> 16, word >>> 8, word);
    if (site !== undefined) nets.push([`${formatAddress({ family: 4, bytes })}/${leafLength(map.leaf4[i]!)}`, site]);
  }
  for (const [w0, w1, w2, w3, leaf] of prefixesOf6(map)) {
    const site = siteOf(leaf);
    const bytes = new Uint8Array(16);
    for (const [at, word] of [w0, w1, w2, w3].entries()) new DataView(bytes.buffer).setUint32(at * 4, word);
    const length = leafLength(leaf);
    if (site !== undefined && length <= 56) nets.push([`${formatAddress({ family: 6, bytes })}/${length}`, site]);
  }
  return { nets, localities: geo.localities.length };
}

function edgewardFiles(
  lines: readonly string[],
  exp: ResolvedExport,
  sites: readonly ResolvedSite[],
): Record<string, string> {
  const apiVersion = 'edgeward.dev/v1alpha1';
  const steerZone = ['@ SOA ns1 hostmaster 1 7200 1800 259200 300', '@ NS ns1', 'ns1 A 192.0.2.53'];
  const resources = [
    ...sites.map(({ name, region, isps }) => ({
      apiVersion,
      kind: 'Site',
      metadata: { name },
      spec: { region, isps },
    })),
    ...[STATIC_ZONE, STEERED_ZONE].map((name) => ({
      apiVersion,
      kind: 'Zone',
      metadata: { name: name.replace('.', '-') },
      spec: { origin: name, file: `${name}.zone` },
    })),
    {
      apiVersion,
      kind: 'DomainExport',
      metadata: { name: 'www' },
      spec: {
        hosts: [`www.${STEERED_ZONE}`],
        endpoints: exp.endpoints.map(({ site, address }) => ({ site, address })),
        policy: { toleranceMs: 0, ttl: 20, ispPenaltyMs: POLICY.ispPenaltyMs },
      },
    },
  ];
  return {
    'resources.yaml': resources.map((resource) => `---\n${stringify(resource)}`).join(''),
    [`${STATIC_ZONE}.zone`]: `$TTL 300\n${lines.join('\n')}\n`,
    [`${STEERED_ZONE}.zone`]: `$TTL 300\n${steerZone.join('\n')}\n`,
  };
}
