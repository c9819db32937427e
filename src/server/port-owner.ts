import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { formatAddress, parseAddress, type Address } from '../lib/address.ts';
import type { Transport } from './listen-error.ts';

/** A socket that keeps an address from being bound. */
export interface PortOwner {
  /** Where it is bound; this may be a wildcard. */
  readonly address: string;
  readonly uid: number;
  /** Undefined: the process could not be found, mostly since it is another user's. */
  readonly process: { readonly pid: number; readonly name: string } | undefined;
}

/** One line of /proc/net/{udp,tcp,udp6,tcp6}, see proc_pid_net(5). */
export interface BoundSocket {
  readonly address: Address;
  readonly port: number;
  readonly uid: number;
  readonly inode: string;
}

const TCP_LISTEN = '0A';

/** The bound UDP sockets, or the listening TCP ones, of one of these files. Lines of another form are left out. */
export function parseSockets(text: string, transport: Transport): BoundSocket[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/u);
    const local = /^((?:[0-9A-F]{8}){1,4}):([0-9A-F]{4})$/u.exec(fields[1] ?? '');
    if (local === null || (transport === 'TCP' && fields[3] !== TCP_LISTEN)) return [];
    const [, words = '', port = ''] = local;
    const bytes = new Uint8Array(words.length / 2);
    const view = new DataView(bytes.buffer);
    // The kernel prints each word of the address as a number of this machine; ours are little-endian.
    for (let at = 0; at < bytes.length; at += 4)
      view.setUint32(at, Number.parseInt(words.slice(at * 2, at * 2 + 8), 16), true);
    const family = bytes.length === 4 ? 4 : 6;
    const address: Address = { family, bytes };
    return [{ address, port: Number.parseInt(port, 16), uid: Number(fields[7]), inode: fields[9] ?? '' }];
  });
}

/** The sockets among `sockets` with which `host` and `port` cannot be bound, those of the same address first. */
export function conflicting(sockets: readonly BoundSocket[], host: string, port: number): BoundSocket[] {
  const wanted = parseAddress(host);
  if (wanted === undefined) return [];
  const same = ({ address }: BoundSocket): boolean => formatAddress(address) === formatAddress(wanted);
  const found = sockets.filter((socket) => {
    if (socket.port !== port) return false;
    const { address } = socket;
    // A socket on `::` may hold IPv4 addresses as well.
    if (address.family !== wanted.family) return address.family === 6 && isWildcard(address);
    return isWildcard(address) || isWildcard(wanted) || same(socket);
  });
  const rank = (socket: BoundSocket): number => (same(socket) ? 0 : socket.address.family === wanted.family ? 1 : 2);
  return found.sort((a, b) => rank(a) - rank(b));
}

function isWildcard({ bytes }: Address): boolean {
  return bytes.every((octet) => octet === 0);
}

/** Who keeps an address from being bound, as far as /proc tells; undefined: it does not. */
export function ownerOf({
  transport,
  host,
  port,
}: {
  transport: Transport;
  host: string;
  port: number;
}): PortOwner | undefined {
  const name = transport.toLowerCase();
  const sockets = [name, `${name}6`].flatMap((file) => parseSockets(readText(`/proc/net/${file}`), transport));
  const [first] = conflicting(sockets, host, port);
  if (first === undefined) return undefined;
  return { address: formatAddress(first.address), uid: first.uid, process: processWith(first.inode) };
}

function processWith(inode: string): PortOwner['process'] {
  for (const pid of listed('/proc').filter((each) => /^[0-9]+$/u.test(each))) {
    for (const fd of listed(`/proc/${pid}/fd`)) {
      if (linkOf(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`) return { pid: Number(pid), name: nameOf(pid) };
    }
  }
  return undefined;
}

/** Interpreters say what they run: `node edgeward serve`. */
function nameOf(pid: string): string {
  const [program = '', ...args] = readText(`/proc/${pid}/cmdline`).split('\0');
  const own = basename(program);
  if (!/^(?:node|python|perl|ruby|java)/u.test(own)) return own || readText(`/proc/${pid}/comm`).trim();
  const script = args.findIndex((arg) => arg !== '' && !arg.startsWith('-'));
  return script < 0 ? own : [own, basename(args[script]!), args[script + 1] ?? ''].join(' ').trim();
}

/** What cannot be read says nothing: it is another user's, gone since, or /proc is not mounted. */
function readText(path: string): string {
  return quietly(() => readFileSync(path, 'utf8')) ?? '';
}

function listed(path: string): readonly string[] {
  return quietly(() => readdirSync(path)) ?? [];
}

function linkOf(path: string): string | undefined {
  return quietly(() => readlinkSync(path));
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
