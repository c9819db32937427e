import { connect, type ClientHttp2Session } from 'node:http2';
import { setTimeout } from 'node:timers/promises';
import { Backoff } from '../lib/backoff.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { SnapshotReplica } from './replica.ts';
import { ALIVE_MS, encodeMessage, MessageReader } from './messages.ts';
import { MEMORY_HEADER, TELL_MEMORY, type StreamMemory } from './node-memory.ts';

export interface StreamClientOptions {
  /** `https://host:port`s, tried one after the other. */
  readonly servers: readonly string[];
  /** Read again for each connection, so that they can be replaced; PEM. */
  readonly credentials: () => {
    readonly authority?: string | undefined;
    readonly certificate?: string | undefined;
    readonly key?: string | undefined;
    readonly token?: string | undefined;
  };
  readonly replica: SnapshotReplica;
  /** What control planes have this node remember. */
  readonly memory: StreamMemory;
  readonly onMemory: () => void;
  /** Another snapshot, or undefined when something changed in the one that is there. */
  readonly onChange: (snapshot: Snapshot | undefined) => void;
  readonly onConnected: (server: string) => void;
  readonly onLost: (server: string, reason: string) => void;
}

const CONNECT_MS = 10_000;
/** A control plane that says nothing for so long is gone. */
const SILENCE_MS = 5 * ALIVE_MS;

/** Follows a control plane, whichever can be reached; keeps on trying for as long as it takes. */
export class StreamClient {
  readonly #options: StreamClientOptions;
  /** No longer: a control plane that starts without a disk waits for nodes. */
  readonly #backoff = new Backoff(200, 5000);
  readonly #stop = new AbortController();
  #session: ClientHttp2Session | undefined;
  #at = 0;
  /** `performance.now()` when the control plane was last heard, and how old its knowledge was then, seconds. */
  #heard: { readonly at: number; readonly age: number } | undefined;
  #running: Promise<void> | undefined;
  #connected = false;
  /** The memory was told to the control plane that is asked now. */
  #hasTold = false;

  constructor(options: StreamClientOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Seconds: how old what is known is; undefined when nothing was heard since the start. */
  get age(): number | undefined {
    return this.#heard && (performance.now() - this.#heard.at) / 1000 + this.#heard.age;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#session?.destroy();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { servers } = this.#options;
    while (!this.#stop.signal.aborted) {
      const server = servers[this.#at % servers.length]!;
      const reason = await this.#follow(server).catch((error: unknown) => String(error));
      this.#connected = false;
      // It has asked for the memory and was told it: now it serves this node.
      if (reason === TOLD) continue;
      this.#hasTold = false;
      if (this.#stop.signal.aborted) return;
      this.#options.onLost(server, reason);
      this.#at++;
      await setTimeout(this.#backoff.next(), undefined, { signal: this.#stop.signal }).catch(() => {});
    }
  }

  /** @returns why it ended */
  async #follow(server: string): Promise<string> {
    const { credentials, replica, memory, onChange, onMemory, onConnected } = this.#options;
    const { authority, certificate, key, token } = credentials();
    const session = connect(server, {
      ...(authority === undefined ? {} : { ca: authority }),
      ...(certificate === undefined ? {} : { cert: certificate }),
      ...(key === undefined ? {} : { key }),
      minVersion: 'TLSv1.2',
      timeout: CONNECT_MS,
    });
    // Large snapshots come in windows; the default of 64 KiB makes each cost a round trip.
    session.once('connect', () => session.setLocalWindowSize(16 * 1024 * 1024));
    this.#session = session;
    try {
      return await new Promise<string>((resolve) => {
        session.once('error', (error) => resolve(error.message));
        session.once('close', () => resolve('the connection was closed'));
        session.setTimeout(SILENCE_MS, () => resolve(`nothing was heard for ${SILENCE_MS / 1000} s`));
        const query = new URLSearchParams({ epoch: replica.epoch, generation: String(replica.generation) });
        const have = largest(replica.known).join(',');
        const stream = session.request({
          ':path': `/v1/stream?${query.toString()}`,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(have === '' ? {} : { 'edgeward-have': have }),
          ...(this.#hasTold || memory.isEmpty ? {} : { [MEMORY_HEADER]: memory.digest }),
        });
        const reader = new MessageReader();
        let status = 0;
        stream.once('response', (headers) => {
          status = Number(headers[':status']);
          if (status === TELL_MEMORY) this.#tellMemory(session, token, resolve);
          if (status !== 200) return;
          this.#connected = true;
          onConnected(server);
        });
        stream.on('error', (error) => resolve(error.message));
        stream.on('data', (chunk: Buffer) => {
          if (status === TELL_MEMORY) return undefined;
          if (status !== 200) return resolve(`${status}: ${chunk.toString('utf8').trim().slice(0, 200)}`);
          try {
            for (const { header, octets } of reader.push(chunk)) {
              if (header.type === 'alive') {
                this.#heard = { at: performance.now(), age: header.age };
                this.#backoff.reset();
              } else if (header.type === 'memory') {
                memory.apply(header);
                onMemory();
              } else onChange(replica.apply({ header, octets }));
            }
          } catch (error) {
            resolve(error instanceof Error ? error.message : String(error));
          }
          return undefined;
        });
        stream.once('end', () => {
          if (status !== TELL_MEMORY) resolve(status === 200 ? 'the control plane ended it' : `refused: ${status}`);
        });
      });
    } finally {
      session.destroy();
    }
  }

  /** Tells a control plane what others have had this node remember. */
  #tellMemory(session: ClientHttp2Session, token: string | undefined, done: (reason: string) => void): void {
    const request = session.request({
      ':path': '/v1/memory',
      ':method': 'POST',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    });
    request.once('response', (headers) => {
      const status = Number(headers[':status']);
      this.#hasTold = status === 204;
      done(this.#hasTold ? TOLD : `the memory was refused: ${status}`);
    });
    request.once('error', (error) => done(error.message));
    request.end(encodeMessage(this.#options.memory.whole()));
  }
}

/** Why following ended: the memory was told, and the control plane is to be asked again at once. */
const TOLD = 'the memory was told';

/** So many hashes are well within what a request's headers may take; what is not named is sent again. */
const MAX_NAMED = 256;

function largest(known: ReadonlyMap<string, SharedArrayBuffer>): string[] {
  const bySize = [...known].sort(([, a], [, b]) => b.byteLength - a.byteLength);
  return bySize.slice(0, MAX_NAMED).map(([hash]) => hash);
}
