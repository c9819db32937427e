import { Command } from 'commander';
import { explainAddress, type AddressExplanation } from '../geo/explain.ts';
import { locate } from '../geo/locate.ts';
import { loadRegions } from '../geo/mod.ts';
import { parseAddress, type Address } from '../lib/address.ts';
import type { ResolvedExport } from '../model/resolved.ts';
import { createCounters } from '../observe/counters.ts';
import { Answerer, OUT_SIZE } from '../server/answer.ts';
import { compileSnapshot } from '../snapshot/compile.ts';
import type { Configuration } from '../state/configuration.ts';
import { explainPlan, type Plan } from '../steering/plan/plan.ts';
import type { StageRecord } from '../steering/plan/stages.ts';
import { Type } from '../wire/codes.ts';
import { decodeMessage, encodeQuery, type Message } from '../wire/message.ts';
import { rcodeToText, recordToText } from '../wire/message-text.ts';
import { nameFromText, nameKey, nameToText, type WireName } from '../wire/name.ts';
import { typeFromText, typeToText } from '../wire/rdata/mod.ts';
import { printExplanation } from './geo.ts';
import { Exit, printJson, printLine, printTable, refuse, usage, warnOf } from './output.ts';
import { DATA_DIRECTORY, loadDirectory, loadGeo } from './workspace.ts';

interface Options {
  readonly client: string;
  readonly config: string;
  readonly json?: boolean;
}

/** `edgeward explain NAME TYPE --client ADDR` */
export function explainCommand(): Command {
  return new Command('explain')
    .description('say why a client gets the answer that it gets')
    .argument('<name>', 'name asked for')
    .argument('[type]', 'record type', 'A')
    .requiredOption('--client <address>', "the client's address, as its resolver would send it")
    .option('-c, --config <dir>', 'configuration directory', '/etc/edgeward')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit code: 0 explained, 1 the configuration cannot be served.\n\nExample:\n  edgeward explain chat.example.org A --client 202.96.128.86 -c config/demo',
    )
    .action(async (name: string, type: string, options: Options) => {
      process.exitCode = await run(name, type, options);
    });
}

interface Explained {
  readonly client: AddressExplanation;
  readonly export?: string;
  /** The export of a name that was asked for another type than it steers. */
  readonly unsteered?: string;
  readonly scope: number | undefined;
  readonly stages: readonly StageRecord[];
  readonly shares: readonly { readonly address: string; readonly site: string; readonly share: number }[];
  readonly failOpen: boolean;
  readonly answer: { readonly rcode: string; readonly records: readonly string[] };
}

async function run(nameText: string, typeText: string, { client: clientText, config, json }: Options): Promise<number> {
  const name = nameFromText(nameText);
  if (!name.ok) return usage(name.error);
  const type = typeFromText(typeText);
  if (type === undefined) return usage(`"${typeText}" is no record type: write one such as A or AAAA`);
  const client = parseAddress(clientText);
  if (client === undefined) return usage(`"${clientText}" is not an address: write one such as 202.96.128.86`);
  const { configuration, problems } = loadDirectory(config);
  if (configuration === undefined) return refuse(problems, json);
  const { geo, problems: geoProblems } = await loadGeo(config);
  if (geo === undefined) return refuse(geoProblems, json);
  warnOf([...problems, ...geoProblems]);
  const { sources, map } = geo;
  const regions = loadRegions(DATA_DIRECTORY);
  const snapshot = compileSnapshot({ configuration, regions, geo: map, generation: 1 });
  const message = ask(
    name.value,
    type,
    client,
    new Answerer({ udpPayloadSize: 1232, nsid: new Uint8Array(0), ecs: true }, createCounters(), 1),
    snapshot,
  );
  const last = endOfChain(name.value, message);
  const found = exportOf(last, configuration);
  const steered = found !== undefined && (type === Type.A || type === Type.AAAA);
  const plan: { plan: Plan; stages: readonly StageRecord[] } | undefined = steered
    ? explainPlan(found, type === Type.A ? 4 : 6, locate(map, client).locality, { sites: configuration.sites, regions })
    : undefined;
  const explained: Explained = {
    client: await explainAddress(client, sources, map),
    ...(steered
      ? { export: `${found.tenant}/${found.name}` }
      : found === undefined
        ? {}
        : { unsteered: `${found.tenant}/${found.name}` }),
    scope: message.edns?.ecs?.scope,
    stages: plan?.stages ?? [],
    shares: (plan?.plan.entries ?? []).map(({ endpoint, share }) => {
      const { address, site } = found!.endpoints[endpoint]!;
      return { address, site, share };
    }),
    failOpen: plan?.plan.failOpen ?? false,
    answer: { rcode: rcodeToText(message.rcode), records: message.answers.map(recordToText) },
  };
  if (json === true) printJson(explained);
  else print(nameToText(name.value), typeToText(type), explained);
  return Exit.OK;
}

/** The answer that the client's whole address as its subnet gets. */
function ask(
  name: WireName,
  type: number,
  client: Address,
  answerer: Answerer,
  snapshot: Parameters<Answerer['answer']>[3],
): Message {
  const family = client.family === 4 ? (1 as const) : (2 as const);
  const ecs = { family, source: client.bytes.length * 8, scope: 0, address: client.bytes };
  const query = encodeQuery({ id: 1, name, type, class: 1, rd: false, edns: { udpSize: 1232, do: false, ecs } });
  const out = new Uint8Array(OUT_SIZE);
  const length = answerer.answer(
    query,
    query.length,
    { family: 4, w0: 0x7f000001, w1: 0, w2: 0, w3: 0 },
    snapshot,
    out,
    true,
  );
  const message = decodeMessage(out.slice(0, length));
  if (!message.ok) throw new Error(`our own answer does not parse: ${message.error}`);
  return message.value;
}

/** The name that a chain of CNAMEs ends at. */
function endOfChain(name: WireName, { answers }: Message): WireName {
  let last = name;
  for (const { type, rdata } of answers) if (type === Type.CNAME) last = rdata;
  return last;
}

function exportOf(name: WireName, { exports }: Configuration): ResolvedExport | undefined {
  const hosts = new Map<string, ResolvedExport>();
  for (const exp of exports) {
    for (const host of exp.hosts) {
      const wire = nameFromText(host);
      if (wire.ok) hosts.set(nameKey(wire.value), exp);
    }
  }
  const key = nameKey(name);
  const exact = hosts.get(key);
  if (exact !== undefined) return exact;
  for (let rest = key.slice(key.charCodeAt(0) + 1); rest.length > 1; rest = rest.slice(rest.charCodeAt(0) + 1)) {
    const wildcard = hosts.get(`\u0001*${rest}`);
    if (wildcard !== undefined) return wildcard;
  }
  return undefined;
}

function whyNotSteered(type: string, { answer, unsteered }: Explained): string {
  if (answer.rcode === 'REFUSED') return 'No zone that is served holds this name.';
  if (unsteered !== undefined)
    return `Export ${unsteered} steers A and AAAA alone; ${type} is plain zone data, the same for everybody.`;
  return 'No export answers this: it is plain zone data, the same for everybody.';
}

function print(name: string, type: string, explained: Explained): void {
  printLine(`Why ${name} ${type} is answered as it is`);
  printLine();
  printLine('CLIENT');
  printExplanation(explained.client);
  printLine();
  if (explained.export === undefined) printLine(whyNotSteered(type, explained));
  else {
    printLine(`EXPORT ${explained.export}, ECS scope /${explained.scope}`);
    for (const [index, { stage, decision, effects }] of explained.stages.entries()) {
      printLine();
      printLine(`${index + 1}. ${stage}: ${decision}`);
      printTable(
        ['   address', 'site', '', 'why'],
        effects.map(({ address, site, kept, note }) => [`   ${address}`, site, kept ? 'kept' : 'dropped', note]),
      );
    }
    printLine();
    printLine(`SHARES${explained.failOpen ? ' (all endpoints are down: as if all were up)' : ''}`);
    printTable(
      ['   address', 'site', 'share'],
      explained.shares.map(({ address, site, share }) => [`   ${address}`, site, `${Math.round(share * 1000) / 10} %`]),
    );
  }
  printLine();
  printLine(`ANSWER ${explained.answer.rcode}`);
  for (const record of explained.answer.records) printLine(`   ${record}`);
}
