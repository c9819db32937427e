import { locate } from '../../../src/geo/locate.ts';
import type { LocalityMap } from '../../../src/geo/ranges.ts';
import { parseAddress } from '../../../src/lib/address.ts';
import type { ResolvedEndpoint, ResolvedExport } from '../../../src/model/resolved.ts';
import { planFor } from '../../../src/steering/plan/plan.ts';
import { decodeMessage, encodeQuery } from '../../../src/wire/message.ts';
import { nameFromText } from '../../../src/wire/name.ts';
import { Random } from '../../../test/support/random.ts';
import { exchange } from '../../../test/support/dns/exchange.ts';
import { POLICY, regions } from '../../support/world.ts';
import { addressOf, MATRICES, msIn, ZONE, type Net, type Variant, type World, type WrittenPolicy } from './setup.ts';

/** A question for one export from one net, and the addresses of which any one is right. */
export interface Question {
  readonly message: Uint8Array;
  readonly right: ReadonlySet<string>;
}

/** Questions that the last export is among, since it may be there last. */
export function makeQuestions(
  world: World,
  geo: LocalityMap,
  { policies, variant, count }: { policies: readonly WrittenPolicy[]; variant: Variant; count: number },
): Question[] {
  const random = new Random(99);
  return Array.from({ length: count }, (_, index) => {
    const exp = index === 0 ? policies.length - 1 : random.below(policies.length);
    const net = random.pick(world.nets);
    const sites = variant.endsWith('matrices') || variant === 'one matrix' ? nearest : planned;
    const right = sites({ world, geo, exp, net, policy: policies[exp]!, variant });
    return { message: questionOf(exp, net), right: new Set(right.map((site) => addressOf(exp, site))) };
  });
}

interface Asked {
  readonly world: World;
  readonly geo: LocalityMap;
  readonly exp: number;
  readonly net: Net;
  readonly policy: WrittenPolicy;
  readonly variant: Variant;
}

/** The site with the shortest round trip in the export's matrix. */
function nearest({ world, exp, net, variant }: Asked): number[] {
  const row = world.rows[net.row]!;
  const matrix = variant === 'one matrix' ? 0 : exp % MATRICES;
  const ms = row.ms.map((_, site) => msIn(matrix, row, site));
  return [ms.indexOf(Math.min(...ms))];
}

/** The plan, made for this client alone. */
function planned({ world, geo, exp, net, policy }: Asked): number[] {
  const endpoints = world.sites.map(({ name: site }, index): ResolvedEndpoint => {
    const address = addressOf(exp, index);
    const { bytes } = parseAddress(address)!;
    return { address, family: 4, bytes, site, weight: 1, ownWeight: 1, overrides: [], up: true };
  });
  const rules = (policy.rules ?? []).map(({ clients, only, deny = [] }, index) => {
    return { name: `r${index}`, regions: clients.regions ?? [], isps: clients.isps ?? [], only, deny };
  });
  const own: ResolvedExport = {
    tenant: 'bench',
    name: 'asked',
    hosts: [],
    endpoints,
    policy: { ...POLICY, rules, toleranceMs: 0 },
  };
  const { locality } = locate(geo, { family: net.address.length === 4 ? 4 : 6, bytes: net.address });
  const sites = new Map(world.sites.map((site) => [site.name, site]));
  return planFor(own, 4, locality, { sites, regions }).entries.map(({ endpoint }) => endpoint);
}

function questionOf(exp: number, { address, length }: Net): Uint8Array {
  const name = nameFromText(`app-${exp}.${ZONE}`);
  if (!name.ok) throw new Error(name.error);
  const family = address.length === 4 ? 1 : 2;
  const ecs = { family, source: Math.max(length, family === 1 ? 24 : 56), address } as const;
  return encodeQuery({
    id: 0,
    name: name.value,
    type: 1,
    class: 1,
    rd: false,
    edns: { udpSize: 1232, do: false, ecs },
  });
}

export interface Checked {
  readonly wrong: number;
  /** Mean SCOPE. */
  readonly scope: number;
}

export async function check(port: number, questions: readonly Question[], tries: number): Promise<Checked> {
  const messages = questions.map(({ message }) => message);
  const answers = await exchange(port, messages, { timeoutMs: 300, tries });
  let wrong = 0;
  let scopes = 0;
  for (const [index, { right }] of questions.entries()) {
    const answer = answers[index] === undefined ? undefined : decodeMessage(answers[index]);
    const record = answer?.ok === true ? answer.value.answers[0] : undefined;
    if (record === undefined || !right.has(record.rdata.join('.'))) wrong++;
    if (answer?.ok === true) scopes += answer.value.edns?.ecs?.scope ?? 0;
  }
  return { wrong, scope: scopes / questions.length };
}
