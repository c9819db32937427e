import { formatAddress } from '../lib/address.ts';
import { Opcode } from '../wire/codes.ts';
import { type Ecs, type Message, type ResourceRecord } from '../wire/message.ts';
import { formatMessage } from '../wire/message-text.ts';
import { classToText, ecsToText, rcodeToText } from '../wire/message-text.ts';
import { nameToText } from '../wire/name.ts';
import { octetsToHex, octetsToText } from '../wire/presentation.ts';
import { rdataToText, typeToText } from '../wire/rdata/mod.ts';
import type { Reply } from './exchange.ts';
import type { ServerAddress } from './query-line.ts';

const OPTION_NSID = 3;

/** The prefix that was sent, without its scope: `202.96.128.0/24`. */
function prefixToText(ecs: Ecs): string {
  const bytes = new Uint8Array(ecs.family === 1 ? 4 : 16);
  bytes.set(ecs.address);
  return `${formatAddress({ family: ecs.family === 1 ? 4 : 6, bytes })}/${ecs.source}`;
}

/** As dig prints it, but for the client subnet: its scope is what steering is about, so it is said in words. */
export function replyToText(reply: Reply, server: ServerAddress): string {
  const { message, milliseconds, transport, size } = reply;
  const ecs = message.edns?.ecs;
  let text = formatMessage(message);
  if (ecs !== undefined) {
    const said = `CLIENT-SUBNET: ${prefixToText(ecs)} -> scope /${ecs.scope}`;
    text = text.replace(`CLIENT-SUBNET: ${ecsToText(ecs)}`, () => said);
  }
  return [
    ...(reply.truncated ? [';; Truncated over UDP, asked again over TCP.'] : []),
    text,
    '',
    `;; Query time: ${milliseconds.toFixed(1)} ms`,
    `;; SERVER: ${reply.address}#${server.port} (${transport.toUpperCase()})`,
    `;; MSG SIZE rcvd: ${size}`,
  ].join('\n');
}

function recordToJson(record: ResourceRecord) {
  return {
    name: nameToText(record.name),
    ttl: record.ttl,
    class: classToText(record.class),
    type: typeToText(record.type),
    data: rdataToText(record.type, record.rdata),
  };
}

function ednsToJson(edns: NonNullable<Message['edns']>) {
  const nsid = edns.options.find((option) => option.code === OPTION_NSID)?.data;
  return {
    version: edns.version,
    udpSize: edns.udpSize,
    do: edns.do,
    ...(nsid === undefined ? {} : { nsid: { hex: octetsToHex(nsid), text: octetsToText(nsid) } }),
    ...(edns.ecs === undefined ? {} : { subnet: { prefix: prefixToText(edns.ecs), scope: edns.ecs.scope } }),
  };
}

function opcodeToText(opcode: number): string {
  return Object.entries(Opcode).find(([, code]) => code === opcode)?.[0] ?? `OPCODE${opcode}`;
}

/** What `--json` prints: fields are only ever added to it. */
export function replyToJson(reply: Reply, server: ServerAddress) {
  const { message } = reply;
  return {
    server: { address: reply.address, port: server.port, transport: reply.transport },
    milliseconds: Number(reply.milliseconds.toFixed(3)),
    size: reply.size,
    truncatedOverUdp: reply.truncated,
    id: message.id,
    opcode: opcodeToText(message.opcode),
    status: rcodeToText(message.rcode),
    flags: (['qr', 'aa', 'tc', 'rd', 'ra', 'ad', 'cd'] as const).filter((flag) => message[flag]),
    question: message.questions.map((question) => ({
      name: nameToText(question.name),
      class: classToText(question.class),
      type: typeToText(question.type),
    })),
    answer: message.answers.map(recordToJson),
    authority: message.authorities.map(recordToJson),
    additional: message.additionals.map(recordToJson),
    ...(message.edns === undefined ? {} : { edns: ednsToJson(message.edns) }),
  };
}
