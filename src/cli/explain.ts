import { join } from 'node:path';
import { Command } from 'commander';
import type { ServerConfig } from '../config/config.ts';
import { explainAddress, type AddressExplanation } from '../geo/explain.ts';
import { locate } from '../geo/locate.ts';
import { loadRegions } from '../geo/mod.ts';
import { addressWords, parseAddress, type Address } from '../lib/address.ts';
import type { ResolvedExport } from '../model/resolved.ts';
import { createCounters } from '../observe/counters.ts';
import { Answerer, OUT_SIZE } from '../server/answer.ts';
import { compileSnapshot } from '../snapshot/compile.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Configuration } from '../resolve/configuration.ts';
import { SERVER_FILE } from '../store/files.ts';
import { explainPlan, type Plan } from '../steering/plan/plan.ts';
import type { StageRecord } from '../steering/plan/stages.ts';
import { Type } from '../wire/codes.ts';
import { decodeMessage, encodeQuery, type Message } from '../wire/message.ts';
import { rcodeToText, recordToText } from '../wire/message-text.ts';
import { nameFromText, nameKey, nameToText, type WireName } from '../wire/name.ts';
import { typeFromText, typeToText } from '../wire/rdata/mod.ts';
import { printExplanation } from './geo.ts';
import { misplaced } from './misplaced.ts';
import { printJson, printLine, printTable, refuse, usage, warnOf } from './output.ts';
import { Exit } from '../lib/exit.ts';
import { askServer, servedFromElsewhere, unseenOf, type FilesAlone, type Unseen } from './unseen.ts';
import { loadDirectory, loadGeo, loadServerFile } from './workspace.ts';
import { DATA_DIRECTORY } from '../geo/built-in.ts';

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
      '\nThe command reads files as they are now. It asks no server, hub or edge cluster.\n\n' +
        'Exit codes:\n' +
        '  0  explained\n' +
        '  1  not explained: the configuration cannot be served, or the answer depends on a cluster\n' +
        '  2  the command line cannot be used\n\nExample:\n  edgeward explain chat.example.org A --client 202.96.128.86 -c config/demo',
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
  /** Undefined: the answer has none. */
  readonly scope: number | undefined;
  readonly stages: readonly StageRecord[];
  readonly shares: readonly { readonly address: string; readonly site: string; readonly share: number }[];
  readonly failOpen: boolean;
  readonly answer: { readonly rcode: string; readonly records: readonly string[] };
}

/** The answer depends on clusters, which are not looked at. */
interface NotExplained {
  readonly client: AddressExplanation;
  readonly export?: string;
  readonly notKnown: Unseen & { readonly remedy: string };
}

async function run(nameText: string, typeText: string, { client: clientText, config, json }: Options): Promise<number> {
  const name = nameFromText(nameText);
  if (!name.ok) return usage(name.error);
  const type = typeFromText(typeText);
  if (type === undefined) return usage(`"${typeText}" is no record type: write one such as A or AAAA`);
  const client = parseAddress(clientText);
  if (client === undefined) return usage(`"${clientText}" is not an address: write one such as 202.96.128.86`);
  const wrong = misplaced(config, undefined, 'explain');
  if (wrong !== undefined) return usage(wrong);
  const { config: server, problems: serverProblems } = loadServerFile(config);
  if (server === undefined) return refuse(serverProblems, json);
  const { configuration, problems, resources, clusters } = loadDirectory(config);
  const elsewhere = servedFromElsewhere(server, (configuration?.zones.length ?? 0) > 0, join(config, SERVER_FILE));
  if (elsewhere !== undefined) return refuse([elsewhere], json);
  if (configuration === undefined) return refuse(problems, json);
  const { geo, problems: geoProblems } = await loadGeo(config);
  if (geo === undefined) return refuse(geoProblems, json);
  warnOf([...problems, ...geoProblems]);
  const { sources, map } = geo;
  const regions = loadRegions(DATA_DIRECTORY);
  const snapshot = compileSnapshot({ configuration, regions, geo: map, generation: 1 });
  const message = ask(name.value, type, client, server, snapshot);
  const chain = chainOf(name.value, message);
  const { exp: found, isExact } = exportOf(chain.at(-1)!, configuration);
  const explainedClient = await explainAddress(client, sources, map);
  const world = { resources, clusters, zones: configuration.zones };
  const unseen = unseenIn(chain, type, found, isExact, world);
  const owner = found && `${found.tenant}/${found.name}`;
  const title = `${nameToText(name.value)} ${typeToText(type)}`;
  if (unseen !== undefined) {
    const subnet = `${clientText}/${client.bytes.length * 8}`;
    const remedy = askServer(server, `${nameText} ${typeToText(type)} --subnet ${subnet}`);
    const own = owner === undefined ? {} : { export: owner };
    const notExplained: NotExplained = { client: explainedClient, ...own, notKnown: { ...unseen, remedy } };
    if (json === true) printJson(notExplained);
    else printNotExplained(title, notExplained);
    return Exit.FINDINGS;
  }
  const isSteered = found !== undefined && (type === Type.A || type === Type.AAAA);
  const plan: { plan: Plan; stages: readonly StageRecord[] } | undefined = isSteered
    ? explainPlan(found, type === Type.A ? 4 : 6, locate(map, client).locality, { sites: configuration.sites, regions })
    : undefined;
  const explained: Explained = {
    client: explainedClient,
    ...(owner === undefined ? {} : isSteered ? { export: owner } : { unsteered: owner }),
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
  else print(title, typeToText(type), explained);
  return Exit.OK;
}

/** The answer that the client's whole address as its subnet gets; without ECS, the one that its own query gets. */
function ask(
  name: WireName,
  type: number,
  client: Address,
  { ecs: { enabled }, udpPayloadSize }: ServerConfig,
  snapshot: Snapshot,
): Message {
  const answerer = new Answerer({ udpPayloadSize, nsid: new Uint8Array(0), ecs: enabled }, createCounters(), 1);
  const family = client.family === 4 ? (1 as const) : (2 as const);
  const ecs = { family, source: client.bytes.length * 8, scope: 0, address: client.bytes };
  const edns = { udpSize: 1232, do: false, ...(enabled ? { ecs } : {}) };
  const query = encodeQuery({ id: 1, name, type, class: 1, rd: false, edns });
  const [w0, w1, w2, w3] = addressWords(client);
  const out = new Uint8Array(OUT_SIZE);
  const length = answerer.answer(query, query.length, { family: client.family, w0, w1, w2, w3 }, snapshot, out, true);
  const message = decodeMessage(out.slice(0, length));
  if (!message.ok) throw new Error(`our own answer does not parse: ${message.error}`);
  return message.value;
}

/** The names of a chain of CNAMEs, from the one that was asked for. */
function chainOf(name: WireName, { answers }: Message): readonly WireName[] {
  return [name, ...answers.flatMap(({ type, rdata }) => (type === Type.CNAME ? [rdata] : []))];
}

/** What is not known of any name of a chain: what comes after a name that a cluster may claim is not known either. */
function unseenIn(
  chain: readonly WireName[],
  type: number,
  exp: ResolvedExport | undefined,
  isExact: boolean,
  world: FilesAlone,
): Unseen | undefined {
  for (const [index, name] of chain.entries()) {
    const isLast = index === chain.length - 1;
    const unseen = unseenOf(name, type, isLast ? exp : undefined, isLast && isExact, world);
    if (unseen !== undefined) return unseen;
  }
  return undefined;
}

/** The export that answers for a name, and whether the name itself is one of its hosts. */
function exportOf(name: WireName, { exports }: Configuration): { exp: ResolvedExport | undefined; isExact: boolean } {
  const hosts = new Map<string, ResolvedExport>();
  for (const exp of exports) {
    for (const host of exp.hosts) {
      const wire = nameFromText(host);
      if (wire.ok) hosts.set(nameKey(wire.value), exp);
    }
  }
  const key = nameKey(name);
  const exact = hosts.get(key);
  if (exact !== undefined) return { exp: exact, isExact: true };
  for (let rest = key.slice(key.charCodeAt(0) + 1); rest.length > 1; rest = rest.slice(rest.charCodeAt(0) + 1)) {
    const wildcard = hosts.get(`\u0001*${rest}`);
    if (wildcard !== undefined) return { exp: wildcard, isExact: false };
  }
  return { exp: undefined, isExact: false };
}

function whyNotSteered(type: string, { answer, unsteered }: Explained): string {
  if (answer.rcode === 'REFUSED') return 'No zone that is served holds this name.';
  if (unsteered !== undefined)
    return `Export ${unsteered} steers A and AAAA alone; ${type} is plain zone data, the same for everybody.`;
  return 'No export answers this: it is plain zone data, the same for everybody.';
}

function printNotExplained(title: string, { client, export: own, notKnown }: NotExplained): void {
  printLine(`How ${title} is answered is not known here`);
  printLine();
  printLine('CLIENT');
  printExplanation(client);
  printLine();
  if (own !== undefined) printLine(`EXPORT ${own}`);
  printLine('NOT KNOWN');
  printLine(`   ${notKnown.what}.`);
  printLine('   This command reads files alone, and asks no cluster.');
  printLine(`   To know, ${notKnown.remedy}`);
}

function print(title: string, type: string, explained: Explained): void {
  printLine(`Why ${title} is answered as it is`);
  printLine();
  printLine('CLIENT');
  printExplanation(explained.client);
  printLine();
  if (explained.export === undefined) printLine(whyNotSteered(type, explained));
  else {
    printLine(`EXPORT ${explained.export}${explained.scope === undefined ? '' : `, ECS scope /${explained.scope}`}`);
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
