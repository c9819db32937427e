import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Type } from '../../src/wire/codes.ts';
import { decodeAnswer, type Answer } from '../support/dns/answer.ts';
import { ask } from '../support/dns/exchange.ts';
import { encodeQuery } from '../support/dns/query.ts';
import { startRecorder, type Recorder } from '../support/dns/recorder.ts';
import { Random } from '../support/random.ts';
import { startEdgeward } from '../support/servers/edgeward.ts';
import { missingPrograms, type RunningServer } from '../support/servers/process.ts';
import { startUnbound } from '../support/servers/unbound.ts';
import { cut, drawSubnets, parsePrefix, prefixText, PrefixOracle, type Prefix } from './prefixes.ts';
import { ADDRESSES, configuration, EVERYWHERE, groupOf, ZONE } from './steered.ts';

const GROUPS = ['CN 0 1 2 3 4 5', 'US 1 2 3 4 5 0', 'DE 2 3 4 5 0 1'].map(groupOf);
/** No longer than /24, which is all that unbound sends on. */
const NETS: (readonly [Prefix, number])[] = [
  ...EVERYWHERE.map((prefix) => [prefix, 0] as const),
  ...(
    [
      ['8.8.0.0/16', 1],
      ['8.9.0.0/16', 2],
      ['8.9.128.0/17', 1],
      ['202.96.0.0/12', 2],
      ['202.96.128.0/18', 1],
      ['202.96.160.0/24', 0],
      ['101.0.0.0/9', 1],
      ['101.6.0.0/16', 2],
    ] as const
  ).map(([text, group]) => [parsePrefix(text), group] as const),
];
const ORACLE = new PrefixOracle(NETS);

const missing = missingPrograms('behind unbound', ['unbound']);

describe.skipIf(missing.length > 0)('behind unbound with subnetcache', () => {
  let edgeward: RunningServer;
  let recorder: Recorder;
  let unbound: RunningServer;

  beforeAll(async () => {
    edgeward = await startEdgeward(configuration(GROUPS, NETS), [ZONE]);
    recorder = await startRecorder(edgeward.port);
    unbound = await startUnbound(ZONE, recorder.port);
  });

  afterAll(async () => {
    await unbound.stop();
    await recorder.close();
    await edgeward.stop();
  });

  /** What unbound tells a client in the subnet, and what it had to ask for that. */
  async function resolve(
    subnet: Prefix,
    type: number = Type.A,
  ): Promise<{ answer: Answer; asked: Recorder['exchanges'] }> {
    const before = recorder.exchanges.length;
    const edns = { udpSize: 1232, subnet: { address: subnet.bytes, prefixLength: subnet.length } };
    const bytes = await ask(unbound.port, encodeQuery({ name: `www.${ZONE}`, type, recursionDesired: true, edns }));
    expect(bytes, `answer for ${prefixText(subnet)}`).toBeDefined();
    return { answer: decodeAnswer(bytes!), asked: recorder.exchanges.slice(before) };
  }

  function addressFor(subnet: Prefix): string | undefined {
    return ADDRESSES[GROUPS[ORACLE.get(subnet.bytes).value]!.order[0]!];
  }

  it('gives two subnets two answers, and asks once for each scope', async () => {
    const scenario: [subnet: string, address: string, queries: number][] = [
      ['8.8.1.0/24', '192.0.2.2', 1],
      // Inside the scope /16 of the first.
      ['8.8.77.0/24', '192.0.2.2', 0],
      ['8.9.1.0/24', '192.0.2.3', 1],
      ['8.9.127.0/24', '192.0.2.3', 0],
      // The other half of 8.9/16.
      ['8.9.128.0/24', '192.0.2.2', 1],
      ['8.9.255.0/24', '192.0.2.2', 0],
      ['8.8.1.0/24', '192.0.2.2', 0],
    ];
    const seen: typeof scenario = [];
    for (const [text] of scenario) {
      const { answer, asked } = await resolve(parsePrefix(text));
      seen.push([text, answer.answer.map((record) => record.rdata.join('.')).join(), asked.length]);
    }
    expect(seen).toEqual(scenario);
  });

  it('has a whole population answered right, with no more queries than there are scopes', async () => {
    const subnets = drawSubnets(
      new Random(3),
      4,
      400,
      NETS.filter(([{ bytes }]) => bytes.length === 4).map(([net]) => net),
    )
      .map(({ bytes }) => cut(bytes, 24))
      // What is private or reserved is nobody's subnet (RFC 7871 11.2): not what this test is about.
      .filter(
        ({ bytes: [first = 0] }) =>
          first > 0 && first < 224 && ![10, 100, 127, 169, 172, 192, 198, 203].includes(first),
      );
    const scopes = new Set<string>();
    const before = recorder.exchanges.length;
    const wrong: string[] = [];
    for (const subnet of subnets) {
      scopes.add(prefixText(cut(subnet.bytes, ORACLE.get(subnet.bytes).scope)));
      const { answer } = await resolve(subnet);
      const got = answer.answer.map((record) => record.rdata.join('.')).join();
      if (got !== addressFor(subnet)) wrong.push(`${prefixText(subnet)}: ${got}, best ${addressFor(subnet)}`);
    }
    const asked = recorder.exchanges.length - before;
    console.log(`unbound: ${subnets.length} client subnets, ${scopes.size} scopes, ${asked} queries to us`);
    expect(wrong).toEqual([]);
    expect(asked).toBeLessThanOrEqual(scopes.size);
  });

  it('was told the shortest true scope each time, with the subnet as it was sent', () => {
    const steered = recorder.exchanges
      .map(({ query, answer }) => ({ asked: decodeAnswer(query).edns?.subnet, told: decodeAnswer(answer) }))
      .filter(({ asked, told }) => asked !== undefined && told.answer.some(({ type }) => type === Type.A));
    expect(steered.length).toBeGreaterThan(3);
    for (const { asked, told } of steered) {
      const address = new Uint8Array(4);
      address.set(asked!.address);
      const { scope } = ORACLE.get(address);
      expect(told.edns?.subnet).toEqual({ family: 1, source: asked!.source, scope, address: asked!.address });
    }
  });

  it('is asked once for what does not exist, whoever asks: scope 0', async () => {
    const first = await resolve(parsePrefix('8.8.1.0/24'), Type.AAAA);
    expect(first.answer.rcode).toBe(0);
    expect(first.answer.answer).toEqual([]);
    expect(first.asked.map(({ answer }) => decodeAnswer(answer).edns?.subnet?.scope)).toEqual([0]);
    const second = await resolve(parsePrefix('202.96.160.0/24'), Type.AAAA);
    expect(second.asked).toEqual([]);
  });
});
