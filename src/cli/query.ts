import { Command, InvalidArgumentError } from 'commander';
import { Rcode } from '../wire/codes.ts';
import type { EdnsOption } from '../wire/message.ts';
import { rdataToText } from '../wire/rdata/mod.ts';
import { exchange } from './exchange.ts';
import { printJson, printLine, usage } from './output.ts';
import { Exit } from '../lib/exit.ts';
import { DEFAULT_SERVER, plusFlag, readSubnet, readWords } from './query-line.ts';
import { replyToJson, replyToText } from './query-reply.ts';

interface QueryFlags {
  readonly port?: number;
  readonly subnet?: string;
  readonly tcp?: boolean;
  /** False by `--no-edns`. */
  readonly edns: boolean;
  readonly bufsize?: number;
  readonly dnssec?: boolean;
  readonly nsid?: boolean;
  readonly recurse?: boolean;
  readonly short?: boolean;
  readonly json?: boolean;
  readonly timeout: number;
  readonly tries: number;
}

const HELP = `
SERVER is an address, with a port as in @127.0.0.1:5353 or @[::1]:5353; without one the port is 53.
TYPE is a mnemonic or TYPE123; A if there is none.
Flags can be written as in dig and kdig: +subnet=202.96.128.0/24, +tcp, +short, +noedns, ...

Exit codes:
  0  the answer is NOERROR
  1  it is another (NXDOMAIN, REFUSED, ...), or none came
  2  the command line cannot be used

Examples:
  edgeward query www.example.org
  edgeward query chat.example.org --subnet 202.96.128.0/24     as a client in Guangdong
  edgeward query chat.example.org AAAA --subnet 240e::/24 --short
  edgeward query @192.0.2.53 example.org SOA --nsid --json
  edgeward query @[2001:db8::53]:53 example.org DNSKEY --dnssec --tcp
  edgeward query @127.0.0.1 -p 5353 chat.example.org AAAA +subnet=240e::/24 +short`;

/** `edgeward query [@SERVER[:PORT]] NAME [TYPE]`: one question, and the answer as dig prints it. */
export function queryCommand(): Command {
  const { host, port } = DEFAULT_SERVER;
  return new Command('query')
    .description('ask a DNS server, as a client of any subnet')
    .usage('[options] [@SERVER[:PORT]] NAME [TYPE]')
    .argument('[words...]', `whom to ask (${host}:${port} by default), the name, and the record type`)
    .option('-s, --subnet <prefix>', 'ask on behalf of clients in this prefix (EDNS client subnet, RFC 7871)')
    .option('-p, --port <port>', "the server's port, where SERVER has none", wholeNumber(1, 65535))
    .option('--tcp', 'ask over TCP at once; truncated answers are asked for over TCP in any case')
    .option('--no-edns', 'a query as of RFC 1035, without an OPT record')
    .option('--bufsize <octets>', 'largest answer over UDP to ask for (default: 1232)', wholeNumber(0, 65535))
    .option('--dnssec', 'ask for signatures (DO)')
    .option('--nsid', "ask for the server's name (RFC 5001)")
    .option('--recurse', 'ask for recursion (RD), of a resolver')
    .option('--short', 'print the data of the answer only, one record a line')
    .option('--json', 'print the answer as JSON')
    .option('--timeout <seconds>', 'how long to wait in each try', seconds, 2)
    .option('--tries <count>', 'times to ask', wholeNumber(1, 100), 3)
    .addHelpText('after', HELP)
    .action(async (all: string[], _flags: QueryFlags, command: Command) => {
      const words = all.filter((word) => !word.startsWith('+'));
      const plus = all.filter((word) => word.startsWith('+')).map(plusFlag);
      const wrong = plus.find((flag) => !flag.ok);
      if (wrong?.ok === false) {
        process.exitCode = usage(wrong.error);
        return;
      }
      // What commander read before stays; these are checked and added.
      const { unknown } = command.parseOptions(plus.flatMap((flag) => (flag.ok ? [flag.value] : [])));
      process.exitCode =
        unknown.length > 0 ? usage(`${unknown[0]} takes no value`) : await run(words, command.opts<QueryFlags>());
    });
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^[0-9]{1,9}$/u.test(text) ? Number(text) : -1;
    if (value < least || value > most) throw new InvalidArgumentError(`It is a whole number, ${least} to ${most}.`);
    return value;
  };
}

function seconds(text: string): number {
  const value = /^[0-9]*\.?[0-9]+$/u.test(text) ? Number(text) : 0;
  if (value < 0.001 || value > 3600) throw new InvalidArgumentError('It is a number of seconds, 0.001 to 3600.');
  return value;
}

async function run(words: readonly string[], flags: QueryFlags): Promise<number> {
  const read = readWords(words, flags.port);
  if (!read.ok) return usage(read.error);
  const subnet = flags.subnet === undefined ? undefined : readSubnet(flags.subnet);
  if (subnet?.ok === false) return usage(subnet.error);
  const needsEdns = (['subnet', 'bufsize', 'dnssec', 'nsid'] as const).find((flag) => flags[flag] !== undefined);
  if (!flags.edns && needsEdns !== undefined) return usage(`--${needsEdns} needs EDNS, which --no-edns forbids`);
  if (flags.short === true && flags.json === true) return usage('--short and --json exclude each other');

  const { server, name, type } = read.value;
  const asked = await exchange({
    server,
    query: {
      name,
      type,
      rd: flags.recurse === true,
      ...(flags.edns ? { edns: edns(flags, subnet?.value) } : {}),
    },
    tcp: flags.tcp === true,
    timeoutMs: flags.timeout * 1000,
    tries: flags.tries,
  });
  if (!asked.ok) {
    if (flags.json === true) printJson({ error: asked.error });
    else process.stderr.write(`edgeward: ${asked.error}\n`);
    return Exit.FINDINGS;
  }
  const { message } = asked.value;
  if (flags.json === true) printJson(replyToJson(asked.value, server));
  else if (flags.short === true) {
    for (const record of message.answers) printLine(rdataToText(record.type, record.rdata));
  } else printLine(replyToText(asked.value, server));
  return message.rcode === Rcode.NOERROR ? Exit.OK : Exit.FINDINGS;
}

type Subnet = Extract<ReturnType<typeof readSubnet>, { ok: true }>['value'];

function edns(flags: QueryFlags, subnet: Subnet | undefined) {
  const options: readonly EdnsOption[] = flags.nsid === true ? [{ code: 3, data: new Uint8Array(0) }] : [];
  return {
    udpSize: flags.bufsize ?? 1232,
    do: flags.dnssec === true,
    options,
    ...(subnet === undefined ? {} : { ecs: subnet }),
  };
}
