import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Type } from '../../src/wire/codes.ts';
import { decodeAnswer } from '../support/dns/answer.ts';
import { exchange } from '../support/dns/exchange.ts';
import { encodeQuery } from '../support/dns/query.ts';
import { Random } from '../support/random.ts';
import { startEdgeward } from '../support/servers/edgeward.ts';
import { startGdnsd } from '../support/servers/gdnsd.ts';
import { missingPrograms, type RunningServer } from '../support/servers/process.ts';
import { drawPrefixes, drawSubnets, prefixText, PrefixOracle, type Prefix } from './prefixes.ts';
import { ADDRESSES, configuration, EVERYWHERE, groupOf, SITES, TTL, ZONE, type Group } from './steered.ts';

const DEFAULT_GROUP = 0;
/**
 * A region for each group of prefixes, and its datacenters, best first. Groups 6 to 8 have the orders of 0 to 2, so
 * that neighbours merge; 9 to 11 share only their best with 3 to 5, so that we may merge them while all sites are up
 * (the answers are the same) and gdnsd, which merges whole orders, may not.
 */
const GROUPS: readonly Group[] = [
  'CN 0 1 2 3 4 5',
  'US 1 2 3 4 5 0',
  'DE 2 3 4 5 0 1',
  'FR 3 4 5 0 1 2',
  'GB 4 5 0 1 2 3',
  'JP 5 0 1 2 3 4',
  'BR 0 1 2 3 4 5',
  'AU 1 2 3 4 5 0',
  'IN 2 3 4 5 0 1',
  'ZA 3 2 1 0 5 4',
  'CA 4 3 2 1 0 5',
  'SG 5 4 3 2 1 0',
].map(groupOf);
const missing = missingPrograms('steering beside gdnsd', ['gdnsd']);

interface Steered {
  readonly address: string;
  readonly scope: number;
  readonly source: number;
  readonly ttl: number;
}

async function steer(server: RunningServer, subnets: readonly Prefix[]): Promise<(Steered | string)[]> {
  const queries = subnets.map((subnet) =>
    encodeQuery({
      name: `www.${ZONE}`,
      type: Type.A,
      edns: { udpSize: 1232, subnet: { address: subnet.bytes, prefixLength: subnet.length } },
    }),
  );
  const answers = await exchange(server.port, queries);
  return answers.map((bytes) => {
    if (bytes === undefined) return 'no answer';
    const answer = decodeAnswer(bytes);
    const [first] = answer.answer;
    const subnet = answer.edns?.subnet;
    if (first === undefined || subnet === undefined) return `rcode ${answer.rcode}, no address or no client subnet`;
    return { address: first.rdata.join('.'), scope: subnet.scope, source: subnet.source, ttl: first.ttl };
  });
}

describe.skipIf(missing.length > 0)('the same prefixes in Edgeward and gdnsd', () => {
  const random = new Random(7);
  const drawn4 = drawPrefixes(random, 4, 2500, GROUPS.length);
  const drawn6 = drawPrefixes(random, 16, 1500, GROUPS.length);
  const nets: [Prefix, number][] = [
    ...EVERYWHERE.map((prefix): [Prefix, number] => [prefix, DEFAULT_GROUP]),
    ...drawn4,
    ...drawn6,
  ];
  const subnets = [
    ...drawSubnets(
      random,
      4,
      3000,
      drawn4.map(([prefix]) => prefix),
    ),
    ...drawSubnets(
      random,
      16,
      2000,
      drawn6.map(([prefix]) => prefix),
    ),
  ];
  /** By best site, as we merge; and by whole order, as gdnsd does. */
  const byBest = new PrefixOracle(
    nets.map(([prefix, group]) => [prefix, SITES.indexOf(GROUPS[group]!.order[0]!)] as const),
  );
  const byOrder = new PrefixOracle(
    nets.map(([prefix, group]) => {
      const order = GROUPS[group]!.order.join(' ');
      return [prefix, GROUPS.findIndex((other) => other.order.join(' ') === order)] as const;
    }),
  );
  /**
   * gdnsd 3.8.1 merges two halves with one order into their whole, and where that whole is written too, with another
   * order, the merged one is lost: clients of both halves get the order of the whole, which no longer holds anywhere.
   * There gdnsd is wrong, and the plain trie alone is the judge.
   */
  const judged = subnets.map((subnet) => !byOrder.isInCoveredPrefix(subnet.bytes));
  const servers: RunningServer[] = [];
  let gdnsd: (Steered | string)[] = [];
  let ours: (Steered | string)[] = [];

  beforeAll(async () => {
    const orders = new Map(nets.map(([prefix, group]) => [prefixText(prefix), GROUPS[group]!.order]));
    servers.push(await startGdnsd({ zone: ZONE, datacenters: ADDRESSES, nets: orders, ttl: TTL }));
    gdnsd = await steer(servers[0]!, subnets);
    servers.push(await startEdgeward(configuration(GROUPS, nets), [ZONE]));
    ours = await steer(servers[1]!, subnets);
  });

  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });

  // A SOURCE shorter than the leaf (151.0.0.0/8 in a /13) is looked up by its network address, and the leaf's whole
  // length comes back, longer than SOURCE: RFC 7871 7.2.1 allows it, and both servers do so.
  it('gdnsd answers as the plain trie says: the oracle is right', () => {
    const wrong = subnets.flatMap((subnet, i) => {
      const truth = byOrder.get(subnet.bytes);
      const site = SITES.indexOf(GROUPS[truth.value]!.order[0]!);
      const found = gdnsd[i]!;
      if (!judged[i]!) return [];
      if (typeof found !== 'string' && found.address === `192.0.2.${site + 1}` && found.scope === truth.scope)
        return [];
      return [`${prefixText(subnet)}: ${JSON.stringify(found)}, expected ${SITES[site]} /${truth.scope}`];
    });
    expect(wrong.slice(0, 10).join('\n'), `${wrong.length} of ${subnets.length}`).toBe('');
  });

  it('sends each client to the site that gdnsd does', () => {
    const compared = subnets.filter((_, i) => judged[i]).length;
    expect(compared).toBeGreaterThan(subnets.length * 0.9);
    const wrong = subnets.flatMap((subnet, i) => {
      const [a, b] = [gdnsd[i]!, ours[i]!];
      const site = byBest.get(subnet.bytes).value;
      const right = typeof b !== 'string' && b.address === `192.0.2.${site + 1}` && b.ttl === TTL;
      const same = typeof a !== 'string' && typeof b !== 'string' && a.address === b.address && a.ttl === b.ttl;
      if (right && (same || !judged[i]!)) return [];
      return [`${prefixText(subnet)}: gdnsd ${JSON.stringify(a)}, Edgeward ${JSON.stringify(b)}, best ${SITES[site]}`];
    });
    expect(wrong.slice(0, 10).join('\n'), `${wrong.length} of ${subnets.length}`).toBe('');
  });

  it('returns the shortest true scope, echoes SOURCE, and is not longer than gdnsd on average', () => {
    let [sumGdnsd, sumOurs] = [0, 0];
    const wrong = subnets.flatMap((subnet, i) => {
      const [a, b] = [gdnsd[i]!, ours[i]!];
      if (typeof a === 'string' || typeof b === 'string') return [`${prefixText(subnet)}: ${JSON.stringify([a, b])}`];
      sumGdnsd += a.scope;
      sumOurs += b.scope;
      const { scope } = byBest.get(subnet.bytes);
      if (b.scope === scope && b.source === subnet.length) return [];
      return [`${prefixText(subnet)}: gdnsd /${a.scope}, Edgeward ${b.source} /${b.scope}, shortest true /${scope}`];
    });
    const means = [sumGdnsd, sumOurs].map((sum) => (sum / subnets.length).toFixed(2));
    console.log(`steering: ${subnets.length} subnets, mean scope gdnsd ${means[0]}, Edgeward ${means[1]}`);
    expect(wrong.slice(0, 10).join('\n'), `${wrong.length} of ${subnets.length}`).toBe('');
    expect(sumOurs).toBeLessThanOrEqual(sumGdnsd);
  });
});
