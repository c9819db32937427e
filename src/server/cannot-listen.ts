import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { ListenError } from './listen-error.ts';
import { ownerOf, type PortOwner } from './port-owner.ts';

/** Ports below this are for those with CAP_NET_BIND_SERVICE (ip(7)), unless the machine is set up otherwise. */
const FIRST_FREE_PORT = 1024;

/** systemd-resolved answers on these in every machine that runs it (systemd-resolved.service(8)). */
const STUB_ADDRESSES = new Set(['127.0.0.53', '127.0.0.54']);

/** What chooses an address: a flag, or a field of edgeward.yaml. */
type Choice = '--listen' | '--metrics' | 'stream.listen';

/**
 * Why an address could not be bound, and what to do.
 * @param findOwner who has the address; /proc tells by default
 */
export function cannotListen(error: unknown, choice: Choice, findOwner = ownerOf): string {
  if (!(error instanceof ListenError))
    return `cannot listen: ${error instanceof Error ? error.message : String(error)}`;
  const { reason, remedy } = explain(error, choice, findOwner);
  return `${reason}; ${remedy}`;
}

/** Why an address that nobody asked for could not be bound. */
export function whyNotListening(error: unknown, choice: Choice): string {
  return error instanceof ListenError ? explain(error, choice, ownerOf).reason : cannotListen(error, choice);
}

function explain(error: ListenError, choice: Choice, findOwner: typeof ownerOf): Explanation {
  const { transport, host, port, code } = error;
  const { reason, remedy } = explainCode(error, choice, findOwner);
  const at = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return { reason: `cannot listen on ${at} over ${transport}: ${reason}${code === '' ? '' : ` (${code})`}`, remedy };
}

interface Explanation {
  readonly reason: string;
  readonly remedy: string;
}

function explainCode(error: ListenError, choice: Choice, findOwner: typeof ownerOf): Explanation {
  const { host, port, code, message } = error;
  const chosen = (value: string): string =>
    choice === 'stream.listen' ? `\`${choice}: ${value}\`` : `${choice} ${value}`;
  const other = `choose another address with ${chosen('ADDRESS:PORT')}`;
  switch (code) {
    case 'EADDRINUSE':
      return explainOwner(findOwner(error), choice, other);
    case 'EACCES':
      return port < FIRST_FREE_PORT
        ? {
            reason: `this user may not use ports below ${FIRST_FREE_PORT}`,
            remedy:
              `to try it out, use ${chosen(`127.0.0.1:${port + 5300}`)}; for a service, use deploy/systemd/edgeward.service, ` +
              `or run \`setcap cap_net_bind_service=+ep ${process.execPath}\``,
          }
        : { reason: 'a security policy of this machine forbids it', remedy: `allow it there, or ${other}` };
    case 'EAFNOSUPPORT':
      return isIPv6(host)
        ? { reason: 'this machine has no IPv6', remedy: `choose an IPv4 address with ${chosen('ADDRESS:PORT')}` }
        : { reason: 'this machine has no IPv4', remedy: `choose an IPv6 address with ${chosen('[ADDRESS]:PORT')}` };
    case 'EADDRNOTAVAIL':
      return { reason: 'no network interface of this machine has this address', remedy: other };
    case 'EMFILE':
      return { reason: 'too many files are open', remedy: 'raise the limit with `ulimit -n` or LimitNOFILE' };
    default:
      return { reason: message, remedy: other };
  }
}

function explainOwner(owner: PortOwner | undefined, choice: Choice, other: string): Explanation {
  if (owner === undefined) return { reason: 'another program uses it', remedy: `stop that program, or ${other}` };
  const { address, uid, process: found } = owner;
  if (found?.pid === process.pid) return { reason: `this server itself has the port on ${address}`, remedy: other };
  const stub = STUB_ADDRESSES.has(address);
  const name = found?.name ?? (stub ? 'systemd-resolved' : undefined);
  const who =
    found === undefined ? `${name ?? 'a program'} of user ${userName(uid)}` : `${name} (process ${found.pid})`;
  const reason = `${who} uses the port on ${address}`;
  if (name?.startsWith('systemd-resolve') === true) {
    const remedy = 'set `DNSStubListener=no` in /etc/systemd/resolved.conf and restart systemd-resolved';
    return { reason, remedy: `${remedy}, or ${other}` };
  }
  if (choice === '--listen' && name?.includes('edgeward') === true)
    return { reason, remedy: `stop that Edgeward first, since clients would get answers of both; or ${other}` };
  return { reason, remedy: `stop it, or ${other}` };
}

/** The name of a user, or the number where it has none. */
function userName(uid: number): string {
  try {
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((each) => each.split(':')[2] === String(uid));
    return line?.split(':')[0] ?? String(uid);
  } catch {
    return String(uid);
  }
}
