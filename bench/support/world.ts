import { fileURLToPath } from 'node:url';
import { loadCarriers, loadLocalityMap, loadRegions } from '../../src/geo/mod.ts';
import { formatProblem } from '../../src/lib/problem.ts';
import type { LocalityMap } from '../../src/geo/ranges.ts';
import type { RegionTree } from '../../src/model/regions.ts';
import type { ResolvedEndpoint, ResolvedExport, ResolvedPolicy, ResolvedSite } from '../../src/model/resolved.ts';
import { nameFromText } from '../../src/wire/name.ts';
import { parseMasterFile } from '../../src/zone/mod.ts';
import type { ZoneData } from '../../src/zone/zone.ts';
import { Random } from '../../test/support/random.ts';

/** What benchmarks answer from: the real geo data, and as many zones, sites and exports as are asked for. */

const GEO_DATA = fileURLToPath(new URL('../../geo-data', import.meta.url));

export const regions: RegionTree = loadRegions(GEO_DATA);

/** The geo data that comes with Edgeward, cached where the server caches it. */
export async function realGeo(): Promise<LocalityMap> {
  const cacheDirectory = fileURLToPath(new URL('../../node_modules/.cache/edgeward-bench', import.meta.url));
  const loaded = await loadLocalityMap({ dataDirectory: GEO_DATA, overlays: [], mmdb: {}, cacheDirectory });
  if (loaded.map === undefined) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.map;
}

/** Countries, and the subdivisions of the two largest by addresses: sites stay where they were in earlier results. */
const PLACES = regions.codes().filter((code) => /^(?:[A-Z]{2}|(?:CN|US)-[A-Z]{2})$/u.test(code));

/** Sites at random places, two in three of one carrier. */
export function makeSites(count: number, random = new Random(1)): ResolvedSite[] {
  const carriers = [...new Set([...loadCarriers(GEO_DATA).values()].map(({ carrier }) => carrier))];
  return Array.from({ length: count }, (_, index) => {
    const region = PLACES[random.below(PLACES.length)]!;
    const { latitude, longitude } = regions.get(region)!;
    const isps = random.below(3) === 0 ? [] : [carriers[random.below(carriers.length)]!];
    return { name: `site-${index}`, region, isps, latitude, longitude, cost: 0 };
  });
}

export const POLICY: ResolvedPolicy = {
  rules: [],
  failover: [],
  objective: { latency: 1, cost: 0 },
  ispPenaltyMs: 30,
  toleranceMs: 5,
  matrix: [],
  maxAnswers: 1,
  ttl: 20,
  spread: { ipv4: 16, ipv6: 32 },
};

/** An endpoint of each family at each site. */
export function makeExport(
  number: number,
  sites: readonly ResolvedSite[],
  policy: ResolvedPolicy = POLICY,
  families: readonly (4 | 6)[] = [4],
): ResolvedExport {
  const endpoints = sites.flatMap(({ name }, index): ResolvedEndpoint[] =>
    families.map((family) => {
      const low = [number >>> 8, number & 255, index + 1];
      const bytes = Uint8Array.from(
        family === 4 ? [10, ...low] : [0x20, 1, 0xd, 0xb8, ...Array<number>(9).fill(0), ...low],
      );
      const address = family === 4 ? bytes.join('.') : `2001:db8::${low.map((octet) => octet.toString(16)).join(':')}`;
      const weight = 1 + ((number + index) % 5);
      return { address, family, bytes, site: name, weight, ownWeight: weight, overrides: [], up: true };
    }),
  );
  return { tenant: 'bench', name: `app-${number}`, hosts: [`app-${number}.bench.test.`], endpoints, policy };
}

/** A zone with these lines below its SOA, NS and the NS's address. */
export function makeZone(origin: string, lines: string): ZoneData {
  const name = nameFromText(origin);
  if (!name.ok) throw new Error(name.error);
  const text = `$TTL 300\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.53\n${lines}`;
  const { zone, problems } = parseMasterFile({ octets: Buffer.from(text), file: origin, origin: name.value });
  if (problems.length > 0) throw new Error(problems.map(formatProblem).join('\n'));
  return zone;
}
