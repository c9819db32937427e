import type { Log } from '../observe/log.ts';
import type { PoolOptions } from './pool.ts';
import { whyNoBatches } from './udp/system-calls.ts';

/** What `serve` and `dns` have in common: how their answering threads are to run. */

/** A pending query is answered, and a TCP client that still reads is waited for, so long after SIGTERM. */
export const DRAIN_MS = 5000;

/** What to do when an address cannot be bound; by the system's reason, the last for any other. */
const LISTEN_REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/EACCES/u, 'ports below 1024 need CAP_NET_BIND_SERVICE; or choose another'],
  [/EADDRNOTAVAIL/u, 'no interface of this machine has the address; choose another'],
  [/EADDRINUSE/u, 'stop what uses it, or choose another'],
  [/(?:)/u, 'choose another'],
];

/** What configurations say of answering; `config/` has it, and is nothing that this folder may know. */
export interface AnswerConfig extends Pick<PoolOptions, 'listen' | 'workers'> {
  readonly udp: 'auto' | 'batched' | 'portable';
  readonly udpPayloadSize: number;
  readonly ecs: { readonly enabled: boolean };
  readonly tcp: Omit<PoolOptions['tcp'], 'idleMs' | 'totalMs'> & {
    readonly idleSeconds: number;
    readonly totalSeconds: number;
  };
}

/** How UDP is answered; undefined, and a line in the log, when it cannot be as it is configured. */
export function transportOf({ udp }: AnswerConfig, log: Log): 'batched' | 'portable' | undefined {
  const why = udp === 'portable' ? undefined : whyNoBatches();
  if (why !== undefined && udp === 'batched') {
    log.error(`udp is \`batched\`, but ${why}; set it to \`auto\` or \`portable\``);
    return undefined;
  }
  if (why !== undefined) log.warn(`UDP goes datagram by datagram, which takes twice the time: ${why}`);
  return udp === 'portable' || why !== undefined ? 'portable' : 'batched';
}

/** How the answering threads are to run. */
export function poolOptions(
  { udpPayloadSize, ecs, tcp, workers, listen }: AnswerConfig,
  udp: 'batched' | 'portable',
  nsid: Uint8Array,
): Omit<PoolOptions, 'onRestart'> {
  const answer = { udpPayloadSize, nsid, ecs: ecs.enabled };
  return {
    workers,
    listen,
    udp,
    answer,
    tcp: { ...tcp, idleMs: tcp.idleSeconds * 1000, totalMs: tcp.totalSeconds * 1000 },
  };
}

/** Why an address cannot be had, and what to do. */
export function cannotListen(error: unknown, flag: string): string {
  const reason = error instanceof Error ? error.message : String(error);
  const [, remedy] = LISTEN_REMEDIES.find(([pattern]) => pattern.test(reason))!;
  return `cannot listen: ${reason}; ${remedy} with ${flag} ADDRESS:PORT`;
}

/** Addresses as they are written: `192.0.2.1:53,[2001:db8::1]:53`. */
export function listText(addresses: readonly { readonly host: string; readonly port: number }[]): string {
  return addresses.map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)).join(',');
}
