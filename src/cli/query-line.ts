import { parseAddress, type Address } from '../lib/address.ts';
import { suggest } from '../lib/nearest.ts';
import { err, ok, type Result } from '../lib/result.ts';
import type { Ecs } from '../wire/message.ts';
import { nameFromText, type WireName } from '../wire/name.ts';
import { Type } from '../wire/codes.ts';
import { typeFromText } from '../wire/rdata/mod.ts';

/** Whom to ask. */
export interface ServerAddress {
  /** An address without brackets, or a host name. */
  readonly host: string;
  readonly port: number;
}

/** Where `edgeward serve config/demo` listens. */
export const DEFAULT_SERVER: ServerAddress = { host: '127.0.0.1', port: 5353 };
const DNS_PORT = 53;

/** Words that dig and kdig write with a plus sign for what is a flag here, each flag with what it stands for. */
const PLUS: ReadonlyMap<string, string> = new Map(
  ['subnet', 'tcp', 'bufsize', 'dnssec', 'nsid', 'recurse', 'short', 'json', 'timeout', 'tries'].map((word) => [
    word,
    `--${word}`,
  ]),
).set('noedns', '--no-edns');

/** The flag for `+subnet=192.0.2.0/24`, `+tcp`, ... The error is one sentence. */
export function plusFlag(word: string): Result<string, string> {
  const [key, ...value] = word.slice(1).split('=');
  const flag = PLUS.get(key!);
  if (flag === undefined) return err(`\`${word}\` is not known: ${suggest(key!, [...PLUS.keys()], 'words')}`);
  return ok([flag, ...value].join('='));
}

export interface QueryWords {
  readonly server: ServerAddress;
  readonly name: WireName;
  readonly type: number;
}

/**
 * Reads `[@SERVER[:PORT]] NAME [TYPE]`; the server may stand anywhere, as in dig. The error is one sentence.
 * @param port of a server without one
 */
export function readWords(words: readonly string[], port?: number): Result<QueryWords, string> {
  const servers = words.filter((word) => word.startsWith('@'));
  const [nameText, typeText, surplus] = words.filter((word) => !word.startsWith('@'));
  if (servers.length > 1) return err(`two servers, ${servers[0]} and ${servers[1]}: one can be asked at a time`);
  if (nameText === undefined) return err('no name to ask for, as in `edgeward query www.example.org`');
  if (surplus !== undefined) return err(`nothing is expected after the type: \`${surplus}\``);
  const own = { ...DEFAULT_SERVER, port: port ?? DEFAULT_SERVER.port };
  const server = servers[0] === undefined ? ok(own) : readServer(servers[0].slice(1), port ?? DNS_PORT);
  if (!server.ok) return server;
  const name = nameFromText(nameText);
  if (!name.ok) return err(`the name cannot be: ${name.error}`);
  const type = typeText === undefined ? Type.A : typeFromText(typeText);
  if (type === undefined) {
    const hint = suggest(typeText!, Object.keys(Type), 'types');
    return err(`\`${typeText}\` is not a record type (${hint}): write a mnemonic, or TYPE123`);
  }
  return ok({ server: server.value, name: name.value, type });
}

/** Reads `HOST`, `HOST:PORT`, `[ADDRESS]:PORT`, or an IPv6 address without a port. */
function readServer(text: string, defaultPort: number): Result<ServerAddress, string> {
  const wrong = err(`\`@${text}\` is not a server: write @ADDRESS, @ADDRESS:PORT or @[IPV6]:PORT`);
  const withoutPort = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  // A zone index may follow (`fe80::1%eth0`).
  if (parseAddress(withoutPort.replace(/%[^%]+$/u, ''))?.family === 6)
    return ok({ host: withoutPort, port: defaultPort });
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::([0-9]{1,5}))?$/u.exec(text);
  if (match === null) return wrong;
  const port = match[3] === undefined ? defaultPort : Number(match[3]);
  if (port < 1 || port > 65535) return err(`there is no port ${port}`);
  if (match[1] !== undefined && parseAddress(match[1].replace(/%[^%]+$/u, ''))?.family !== 6) return wrong;
  return ok({ host: match[1] ?? match[2]!, port });
}

/**
 * Reads a client subnet: `202.96.128.0/24`, an address for itself alone, `0` for "do not use my address" (RFC 7871
 * 7.1.2). Bits beyond the prefix length are dropped, so that any address inside it will do.
 */
export function readSubnet(text: string): Result<Omit<Ecs, 'scope'>, string> {
  const wrong = err(`\`${text}\` is not a subnet: write one such as 202.96.128.0/24, 240e::/32, or 0`);
  const [addressText, lengthText, surplus] = text.split('/');
  const address: Address | undefined =
    addressText === '0' ? { family: 4, bytes: new Uint8Array(4) } : parseAddress(addressText!);
  if (address === undefined || surplus !== undefined) return wrong;
  const bits = address.bytes.length * 8;
  const own = addressText === '0' ? 0 : bits;
  if (lengthText !== undefined && !/^[0-9]{1,3}$/u.test(lengthText)) return wrong;
  const source = lengthText === undefined ? own : Number(lengthText);
  if (source > bits) return err(`a prefix of an IPv${address.family} address has at most ${bits} bits, not ${source}`);
  return ok({ family: address.family === 4 ? 1 : 2, source, address: address.bytes });
}
