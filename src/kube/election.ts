import { isStatus, type Cluster } from './cluster.ts';
import { LEASES, type KubeObject } from './objects.ts';

export interface ElectionOptions {
  readonly cluster: Cluster;
  readonly namespace: string;
  /** Name of the Lease. */
  readonly name: string;
  /** Who we are; no other process may have the same. */
  readonly identity: string;
  /** The holder is taken for gone when its lease was not seen renewed for so long. */
  readonly leaseMs?: number;
  /** A leader that could not renew for so long steps down: well before anybody else may step up. */
  readonly renewWithinMs?: number;
  readonly retryMs?: number;
  readonly onChange: (leading: boolean) => void;
  readonly onError?: (error: unknown) => void;
  /** Milliseconds, ascending; never a wall clock. */
  readonly now?: () => number;
}

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

/**
 * Elects one of several processes by a Lease. Clocks need not agree: nobody reads a time that another wrote; a lease
 * has ended when this process has not seen it change for the whole of its duration, by its own clock.
 */
export class Election {
  readonly #options: ElectionOptions;
  readonly #leaseMs: number;
  readonly #renewWithinMs: number;
  readonly #retryMs: number;
  readonly #now: () => number;
  /** The lease as it was last seen to change, and when that was. */
  #seen: { readonly version: string; readonly at: number } | undefined;
  /** When our own renewal that last succeeded was begun. */
  #renewed = Number.NEGATIVE_INFINITY;
  #leading = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #busy: Promise<void> | undefined;

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? 15_000;
    this.#renewWithinMs = options.renewWithinMs ?? 10_000;
    this.#retryMs = options.retryMs ?? 2000;
    this.#now = options.now ?? (() => performance.now());
  }

  get leading(): boolean {
    return this.#leading;
  }

  start(): void {
    this.#busy = this.#turn();
  }

  /** Steps down, and lets go of the lease so that another can lead at once. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#busy;
    const led = this.#leading;
    this.#set(false);
    if (led) await this.#release().catch(() => {});
  }

  async #turn(): Promise<void> {
    try {
      await this.#tryToLead();
    } catch (error) {
      this.#options.onError?.(error);
    }
    if (this.#leading && this.#now() - this.#renewed >= this.#renewWithinMs) this.#set(false);
    if (this.#stopped) return;
    // Not all at the same moment.
    const wait = this.#retryMs * (0.9 + Math.random() * 0.2);
    this.#timer = setTimeout(() => void (this.#busy = this.#turn()), wait);
  }

  async #tryToLead(): Promise<void> {
    const { cluster, namespace, name, identity } = this.#options;
    const begun = this.#now();
    const lease = await cluster.get(LEASES, name, namespace);
    if (lease === undefined) {
      await this.#write(() => cluster.create(LEASES, this.#lease({}, undefined)), begun);
      return;
    }
    const spec = (lease.spec ?? {}) as LeaseSpec;
    const version = lease.metadata.resourceVersion!;
    if (this.#seen?.version !== version) this.#seen = { version, at: this.#now() };
    const holder = spec.holderIdentity ?? '';
    if (holder !== identity) {
      // Somebody else took over: while we think of ourselves as leader, that must end first.
      this.#set(false);
      const ended = holder === '' || this.#now() - this.#seen.at >= this.#durationOf(spec);
      if (!ended) return;
    }
    await this.#write(() => cluster.update(LEASES, this.#lease(spec, lease)), begun);
  }

  #durationOf({ leaseDurationSeconds }: LeaseSpec): number {
    return Math.max(this.#leaseMs, (leaseDurationSeconds ?? 0) * 1000);
  }

  /** A write that another was quicker with is no failure. */
  async #write(write: () => Promise<KubeObject>, begun: number): Promise<void> {
    try {
      const { metadata } = await write();
      this.#seen = { version: metadata.resourceVersion!, at: this.#now() };
      this.#renewed = begun;
      // An answer that took longer than the lease lasts is no longer worth anything.
      if (this.#now() - begun < this.#renewWithinMs && !this.#stopped) this.#set(true);
    } catch (error) {
      if (!isStatus(error, 409)) throw error;
    }
  }

  #lease(before: LeaseSpec, lease: KubeObject | undefined): KubeObject {
    const { namespace, name, identity } = this.#options;
    const now = new Date().toISOString().replace('Z', '000Z');
    const same = before.holderIdentity === identity;
    const transitions = before.leaseTransitions ?? 0;
    const metadata = lease === undefined ? { name, namespace } : lease.metadata;
    return {
      metadata,
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(this.#leaseMs / 1000),
        acquireTime: same ? (before.acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions: same || lease === undefined ? transitions : transitions + 1,
      },
    };
  }

  async #release(): Promise<void> {
    const { cluster, namespace, name, identity } = this.#options;
    const lease = await cluster.get(LEASES, name, namespace);
    const spec = (lease?.spec ?? {}) as LeaseSpec;
    if (lease === undefined || spec.holderIdentity !== identity) return;
    await cluster.update(LEASES, { metadata: lease.metadata, spec: { ...spec, holderIdentity: '' } });
  }

  #set(leading: boolean): void {
    clearTimeout(this.#deadline);
    if (leading) {
      // Even while a request hangs.
      const left = this.#renewed + this.#renewWithinMs - this.#now();
      this.#deadline = setTimeout(() => this.#set(false), Math.max(0, left));
    }
    if (this.#leading === leading) return;
    this.#leading = leading;
    this.#options.onChange(leading);
  }
}
