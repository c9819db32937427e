import { ipv4ToText, ipv6ToText } from '../lib/address.ts';
import { Class, Opcode, Rcode } from './codes.ts';
import { OPTION_ECS, type Ecs, type Edns, type EdnsOption } from './edns-record.ts';
import type { Message, ResourceRecord } from './message.ts';
import { nameToText } from './name.ts';
import { octetsToHex, octetsToText } from './presentation.ts';
import { rdataToText, typeToText } from './rdata/mod.ts';

function mnemonics(codes: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(codes).map(([text, code]) => [code, text]));
}

const CLASSES = mnemonics(Class);
const OPCODES = mnemonics(Opcode);
/** With the rest of the IANA registry up to what EDNS and cookies use (RFC 2136, RFC 8945, RFC 7873). */
const RCODES = mnemonics({
  ...Rcode,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTZONE: 10,
  BADKEY: 17,
  BADTIME: 18,
  BADCOOKIE: 23,
});
/** IANA "DNS EDNS0 Option Codes", those that servers answer with. */
const OPTIONS = mnemonics({ NSID: 3, COOKIE: 10, EXPIRE: 9, KEEPALIVE: 11, PADDING: 12, EDE: 15 });
const OPTION_NSID = 3;
const OPTION_EDE = 15;

/** `IN`, or `CLASS65280` (RFC 3597 5). */
export function classToText(code: number): string {
  return CLASSES.get(code) ?? `CLASS${code}`;
}

export function rcodeToText(code: number): string {
  return RCODES.get(code) ?? `RCODE${code}`;
}

function flagsToText(message: Message): string {
  const flags = (['qr', 'aa', 'tc', 'rd', 'ra', 'ad', 'cd', 'z'] as const).filter((flag) => message[flag]);
  return flags.join(' ');
}

/** `ADDRESS/SOURCE/SCOPE`. */
export function ecsToText(ecs: Ecs): string {
  const whole = new Uint8Array(ecs.family === 1 ? 4 : 16);
  whole.set(ecs.address.subarray(0, whole.length));
  const address = ecs.family === 1 ? ipv4ToText(whole) : ipv6ToText(whole);
  return `${address}/${ecs.source}/${ecs.scope}`;
}

function optionToText(option: EdnsOption, edns: Edns): string {
  const { code, data } = option;
  if (code === OPTION_ECS && edns.ecs !== undefined) return `CLIENT-SUBNET: ${ecsToText(edns.ecs)}`;
  if (code === OPTION_NSID) return `NSID: ${octetsToHex(data)} ("${octetsToText(data)}")`;
  if (code === OPTION_EDE && data.length >= 2) {
    return `EDE: ${(data[0]! << 8) | data[1]!} "${octetsToText(data.subarray(2))}"`;
  }
  return `${OPTIONS.get(code) ?? `OPT=${code}`}: ${octetsToHex(data)}`;
}

function ednsToText(edns: Edns): string[] {
  const flags = edns.do ? ' do' : '';
  return [
    '',
    ';; OPT PSEUDOSECTION:',
    `; EDNS: version: ${edns.version}, flags:${flags}; udp: ${edns.udpSize}`,
    ...edns.options.map((option) => `; ${optionToText(option, edns)}`),
  ];
}

/** One line of a master file, columns by tabs. */
export function recordToText(record: ResourceRecord): string {
  const type = typeToText(record.type);
  const data = rdataToText(record.type, record.rdata);
  return [nameToText(record.name), record.ttl, classToText(record.class), type, data].join('\t');
}

function sectionToText(title: string, records: readonly ResourceRecord[]): string[] {
  return records.length === 0 ? [] : ['', `;; ${title} SECTION:`, ...records.map(recordToText)];
}

/** The message as dig prints it, without a final line break. */
export function formatMessage(message: Message): string {
  const additionals = message.additionals.length + (message.edns === undefined ? 0 : 1);
  const opcode = OPCODES.get(message.opcode) ?? `OPCODE${message.opcode}`;
  const lines = [
    `;; ->>HEADER<<- opcode: ${opcode}, status: ${rcodeToText(message.rcode)}, id: ${message.id}`,
    `;; flags: ${flagsToText(message)}; QUERY: ${message.questions.length}, ANSWER: ${message.answers.length}, ` +
      `AUTHORITY: ${message.authorities.length}, ADDITIONAL: ${additionals}`,
    ...(message.edns === undefined ? [] : ednsToText(message.edns)),
  ];
  if (message.questions.length > 0) {
    lines.push('', ';; QUESTION SECTION:');
    for (const question of message.questions) {
      lines.push(`;${nameToText(question.name)}\t\t${classToText(question.class)}\t${typeToText(question.type)}`);
    }
  }
  lines.push(
    ...sectionToText('ANSWER', message.answers),
    ...sectionToText('AUTHORITY', message.authorities),
    ...sectionToText('ADDITIONAL', message.additionals),
  );
  return lines.join('\n');
}
