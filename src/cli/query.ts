import { createSocket } from 'node:dgram';
import { connect, isIP } from 'node:net';
import { Command } from 'commander';
import { Packet } from 'dns2';
import { parsePrefix, type Prefix } from '../lib/address.ts';
import { err, ok, type Result } from '../lib/result.ts';
import { decodeMessage, encodeQuery, type Message } from '../wire/message.ts';
import { formatMessage, rcodeToText, recordToText } from '../wire/message-text.ts';
import { nameFromText, type WireName } from '../wire/name.ts';
import { rdataToText, typeFromText } from '../wire/rdata/mod.ts';
import { Exit, printJson, printLine, usage } from './output.ts';

interface Options {
  readonly port?: string;
  readonly subnet?: string;
  readonly tcp?: boolean;
  readonly edns: boolean;
  readonly bufsize: string;
  readonly dnssec?: boolean;
  readonly nsid?: boolean;
  readonly short?: boolean;
  readonly json?: boolean;
  readonly timeout: string;
  readonly tries: string;
}

/** `edgeward query [@SERVER] NAME [TYPE]`, which also reads kdig's and dig's way of writing options (`+subnet=...`). */
export function queryCommand(): Command {
  return new Command('query')
    .description('ask a DNS server, like a small dig')
    .argument('<words...>', '[@server[:port]] name [type] [+option[=value]]')
    .option('-p, --port <port>', 'port of the server (default 5353 for 127.0.0.1, else 53)')
    .option('--subnet <prefix>', 'client subnet to send, such as 202.96.128.0/24 (RFC 7871)')
    .option('--tcp', 'ask over TCP; UDP falls back to it by itself when an answer is truncated')
    .option('--no-edns', 'send no EDNS')
    .option('--bufsize <octets>', 'largest answer over UDP', '1232')
    .option('--dnssec', 'ask for DNSSEC records (DO)')
    .option('--nsid', "ask for the server's name (RFC 5001)")
    .option('--short', "print the answers' data alone")
    .option('--json', 'print JSON')
    .option('--timeout <seconds>', 'wait for an answer', '2')
    .option('--tries <times>', 'ask over UDP so often', '3')
    .addHelpText(
      'after',
      '\nWithout @server the local demo is asked: 127.0.0.1 port 5353. The type is A unless given.\n' +
        'Exit code: 0 an answer with NOERROR, 1 another response code, or no answer, 2 usage.\n\n' +
        'Examples:\n  edgeward query chat.example.org A --subnet 202.96.128.0/24\n  edgeward query @127.0.0.1 -p 5353 chat.example.org AAAA +subnet=2003:c0::/32 +short',
    )
    .action(async (words: string[], options: Options) => {
      process.exitCode = await run(words, options);
    });
}

interface Question {
  readonly server: string;
  readonly port: number;
  readonly name: WireName;
  readonly type: number;
  readonly options: Options;
  readonly subnet: Prefix | undefined;
}

async function run(words: readonly string[], options: Options): Promise<number> {
  const question = readQuestion(words, options);
  if (!question.ok) return usage(question.error);
  const start = performance.now();
  const answer = await ask(question.value);
  if (!answer.ok) {
    process.stderr.write(`edgeward: ${answer.error}\n`);
    return Exit.FINDINGS;
  }
  const { message, transport, octets } = answer.value;
  const { server, port } = question.value;
  const ms = Math.round((performance.now() - start) * 10) / 10;
  if (question.value.options.json === true) printJson({ server, port, transport, octets, ms, ...toJson(message) });
  else if (question.value.options.short === true)
    for (const { type, rdata } of message.answers) printLine(rdataToText(type, rdata));
  else {
    printLine(formatMessage(message).trimEnd());
    printLine();
    printLine(`;; ${octets} octets from ${server} port ${port} over ${transport.toUpperCase()} in ${ms} ms`);
  }
  return message.rcode === 0 ? Exit.OK : Exit.FINDINGS;
}

function toJson(message: Message): object {
  const { answers, authorities, additionals, edns, ...header } = message;
  return {
    ...header,
    questions: undefined,
    status: rcodeToText(message.rcode),
    answers: answers.map(recordToText),
    authorities: authorities.map(recordToText),
    additionals: additionals.map(recordToText),
    ...(edns === undefined ? {} : { edns }),
  };
}

/** Takes the words apart: `@server`, `+option`, name, type. */
function readQuestion(words: readonly string[], given: Options): Result<Question, string> {
  let options = given;
  let server = '127.0.0.1';
  let port: number | undefined;
  const plain: string[] = [];
  for (const word of words) {
    if (word.startsWith('@')) {
      const match = /^@(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:]+|[0-9a-f:]+:[0-9a-f:.]*))(?::(?<port>\d+))?$/iu.exec(
        word,
      );
      if (match === null) return err(`"${word}" is no server: write @192.0.2.1, @192.0.2.1:53 or @[2001:db8::1]:53`);
      server = (match.groups!['bracketed'] ?? match.groups!['plain'])!;
      port = match.groups!['port'] === undefined ? undefined : Number(match.groups!['port']);
    } else if (word.startsWith('+')) {
      const extended = plusOption(word);
      if (extended === undefined) return err(`"${word}" is not known: see edgeward query --help`);
      options = { ...options, ...extended };
    } else plain.push(word);
  }
  if (isIP(server) === 0) return err(`"${server}" is no address: write the server as an IPv4 or IPv6 address`);
  const [nameText, typeText = 'A', ...rest] = plain;
  if (nameText === undefined) return err('no name to ask for: write edgeward query NAME [TYPE]');
  if (rest.length > 0) return err(`"${rest[0]}" is too much: write edgeward query [@server] NAME [TYPE]`);
  const name = nameFromText(nameText);
  if (!name.ok) return name;
  const type = typeFromText(typeText);
  if (type === undefined) return err(`"${typeText}" is no record type: write one such as A, AAAA, MX or TYPE65280`);
  const subnet = options.subnet === undefined ? undefined : parsePrefix(options.subnet);
  if (options.subnet !== undefined && subnet === undefined) {
    return err(
      `"${options.subnet}" is no prefix: write an address and a length with no bits beyond it, as in 202.96.128.0/24`,
    );
  }
  const local = server === '127.0.0.1' && !words.some((word) => word.startsWith('@'));
  const chosen = port ?? (options.port === undefined ? (local ? 5353 : 53) : Number(options.port));
  if (!Number.isInteger(chosen) || chosen < 1 || chosen > 65535)
    return err(`"${options.port}" is no port: write 1 to 65535`);
  return ok({ server, port: chosen, name: name.value, type, options, subnet });
}

/** What kdig and dig write with a plus sign. */
function plusOption(word: string): Partial<Options> | undefined {
  const [key, value] = word.slice(1).split('=') as [string, string?];
  if (key === 'subnet' || key === 'bufsize' || key === 'timeout' || key === 'tries')
    return value === undefined ? undefined : { [key]: value };
  const flags: Readonly<Record<string, Partial<Options>>> = {
    tcp: { tcp: true },
    short: { short: true },
    nsid: { nsid: true },
    dnssec: { dnssec: true },
    json: { json: true },
    edns: { edns: true },
    noedns: { edns: false },
  };
  return flags[key];
}

interface Answer {
  readonly message: Message;
  readonly transport: 'udp' | 'tcp';
  readonly octets: number;
}

async function ask(question: Question): Promise<Result<Answer, string>> {
  const { options, name, type, subnet } = question;
  const id = Packet.uuid();
  const query = encodeQuery({
    id,
    name,
    type,
    class: 1,
    rd: false,
    ...(options.edns
      ? {
          edns: {
            udpSize: Number(options.bufsize),
            do: options.dnssec === true,
            ...(subnet === undefined
              ? {}
              : {
                  ecs: {
                    family: subnet.family === 4 ? (1 as const) : (2 as const),
                    source: subnet.length,
                    address: subnet.bytes,
                  },
                }),
            ...(options.nsid === true ? { options: [{ code: 3, data: new Uint8Array(0) }] } : {}),
          },
        }
      : {}),
  });
  try {
    if (options.tcp !== true) {
      const bytes = await overUdp(question, query);
      const decoded = decodeMessage(bytes);
      if (!decoded.ok) return err(`the answer does not parse: ${decoded.error}`);
      if (!decoded.value.tc) return ok({ message: decoded.value, transport: 'udp', octets: bytes.length });
    }
    const bytes = await overTcp(question, query);
    const decoded = decodeMessage(bytes);
    return decoded.ok
      ? ok({ message: decoded.value, transport: 'tcp', octets: bytes.length })
      : err(`the answer does not parse: ${decoded.error}`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return err(`no answer from ${question.server} port ${question.port}: ${reason}`);
  }
}

/** Asks as often as `tries` says; takes only what comes from the server and has the query's ID. */
function overUdp({ server, port, options }: Question, query: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIP(server) === 6 ? 'udp6' : 'udp4');
    let left = Number(options.tries);
    let timer: NodeJS.Timeout | undefined;
    const end = (act: () => void): void => {
      clearTimeout(timer);
      socket.close();
      act();
    };
    const send = (): void => {
      if (left-- <= 0) return end(() => reject(new Error(`timed out after ${options.tries} tries`)));
      socket.send(query);
      timer = setTimeout(send, Number(options.timeout) * 1000);
    };
    socket.on('error', (error) => end(() => reject(error)));
    socket.on('message', (message) => {
      if (message.length >= 12 && message[0] === query[0] && message[1] === query[1]) end(() => resolve(message));
    });
    socket.connect(port, server, send);
  });
}

async function overTcp({ server, port, options }: Question, query: Uint8Array): Promise<Uint8Array> {
  const socket = connect({ host: server, port });
  socket.setTimeout(Number(options.timeout) * 1000, () => socket.destroy(new Error('timed out')));
  // readStream reports it; without a listener of its own it would end the process.
  socket.on('error', () => {});
  const framed = Buffer.alloc(query.length + 2);
  framed.writeUInt16BE(query.length);
  framed.set(query, 2);
  socket.write(framed);
  try {
    return await Packet.readStream(socket);
  } finally {
    socket.destroy();
  }
}
