import type { Log } from '../observe/log.ts';
import { whyNotListening } from '../server/cannot-listen.ts';
import type { HttpOptions, HttpServer } from '../observe/http.ts';
import { listening } from '../server/listen-error.ts';
import type { PoolOptions } from '../server/pool.ts';
import { whyNoBatches } from '../server/udp/system-calls.ts';

/** What `serve` and `dns` have in common: how their answering threads are to run. */

/** A pending query is answered, and a TCP client that still reads is waited for, so long after SIGTERM. */
export const DRAIN_MS = 5000;

/** What configurations say of answering; `config/` has it, and is nothing that this folder may know. */
export interface AnswerConfig extends Pick<PoolOptions, 'listen' | 'workers'> {
  /** Addresses that nobody asked for. */
  readonly byDefault: { readonly listen: boolean; readonly metrics: boolean };
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
  { udpPayloadSize, ecs, tcp, workers, listen, byDefault }: AnswerConfig,
  udp: 'batched' | 'portable',
  nsid: Uint8Array,
  log: Log,
): Omit<PoolOptions, 'onRestart'> {
  const answer = { udpPayloadSize, nsid, ecs: ecs.enabled };
  const onMissing: PoolOptions['onMissing'] = (error) =>
    log.warn(`${whyNotListening(error, '--listen')}; the server answers without this default address`);
  return {
    workers,
    listen,
    udp,
    answer,
    tcp: { ...tcp, idleMs: tcp.idleSeconds * 1000, totalMs: tcp.totalSeconds * 1000 },
    ...(byDefault.listen ? { onMissing } : {}),
  };
}

/**
 * Serves metrics and health. When nobody asked for the address, a failure is a warning: the answers matter more.
 * @returns undefined when they are not served
 * @throws ListenError when an address that was asked for cannot be bound
 */
export async function serveMetrics(
  options: HttpOptions,
  { byDefault, log }: { readonly byDefault: boolean; readonly log: Log },
): Promise<HttpServer | undefined> {
  const { listenHttp } = await import('../observe/http.ts');
  try {
    return await listening('TCP', options, () => listenHttp(options));
  } catch (error) {
    if (!byDefault) throw error;
    const remedy = 'choose another address with --metrics ADDRESS:PORT, or `--metrics off`';
    log.warn(`${whyNotListening(error, '--metrics')}; the server runs without metrics and health; ${remedy}`);
    return undefined;
  }
}

/** Addresses as they are written: `192.0.2.1:53,[2001:db8::1]:53`. */
export function listText(addresses: readonly { readonly host: string; readonly port: number }[]): string {
  return addresses.map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)).join(',');
}
