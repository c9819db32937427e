import { Resolver } from 'node:dns/promises';
import { formatAddress, parseAddress } from '../../lib/address.ts';

/** How names are resolved: `node:dns`, or what a test has in its place. */
export interface HostResolver {
  resolve4(name: string, options: { ttl: true }): Promise<{ address: string; ttl: number }[]>;
  resolve6(name: string, options: { ttl: true }): Promise<{ address: string; ttl: number }[]>;
}

/** Bounds of how long a result is taken for true, whatever its TTL. */
const MIN_MS = 5000;
const MAX_MS = 300_000;
const RETRY_MS = 10_000;

/** Names that there are not, and names without addresses of a family. */
const NOTHING = new Set(['ENODATA', 'ENOTFOUND']);

interface Known {
  /** Undefined until somebody has answered. */
  addresses: readonly string[] | undefined;
  /** Told of once, until it is well again. */
  failing: boolean;
  users: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Addresses of host names that load balancers are known by, looked up again when their TTL ends. A name that cannot be
 * looked up keeps the addresses it had.
 */
export class HostNames {
  readonly #known = new Map<string, Known>();
  readonly #resolver: HostResolver;
  readonly #onChange: (name: string) => void;
  readonly #onError: (name: string, error: unknown) => void;
  #closed = false;

  constructor(
    onChange: (name: string) => void,
    onError: (name: string, error: unknown) => void,
    resolver: HostResolver = new Resolver({ timeout: 3000, tries: 2 }),
  ) {
    this.#onChange = onChange;
    this.#onError = onError;
    this.#resolver = resolver;
  }

  /** Undefined while nobody has answered for the name. */
  addressesOf(name: string): readonly string[] | undefined {
    return this.#known.get(name)?.addresses;
  }

  /** Begins to follow a name; `release` ends it. */
  use(name: string): void {
    const known = this.#known.get(name);
    if (known !== undefined) {
      known.users++;
      return;
    }
    this.#known.set(name, { addresses: undefined, failing: false, users: 1, timer: undefined });
    void this.#lookUp(name);
  }

  release(name: string): void {
    const known = this.#known.get(name);
    if (known === undefined || --known.users > 0) return;
    clearTimeout(known.timer);
    this.#known.delete(name);
  }

  close(): void {
    this.#closed = true;
    for (const { timer } of this.#known.values()) clearTimeout(timer);
  }

  async #lookUp(name: string): Promise<void> {
    const answers = await Promise.allSettled([
      this.#resolver.resolve4(name, { ttl: true }),
      this.#resolver.resolve6(name, { ttl: true }),
    ]);
    const known = this.#known.get(name);
    if (known === undefined || this.#closed) return;
    let next = RETRY_MS;
    const failure = answers.find(
      (answer) => answer.status === 'rejected' && !NOTHING.has((answer.reason as NodeJS.ErrnoException).code ?? ''),
    );
    const records = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (failure?.status === 'rejected') this.#fail(name, known, failure.reason);
    else if (records.length === 0 && (known.addresses ?? []).length > 0) {
      // A name that is suddenly nobody's is more often a mistake than meant.
      this.#fail(name, known, new Error('it has no addresses any more: the last ones are kept'));
    } else {
      known.failing = false;
      const found = records.flatMap(({ address }) => {
        const parsed = parseAddress(address);
        return parsed === undefined ? [] : [formatAddress(parsed)];
      });
      const addresses = [...new Set(found)].sort();
      const ttl = Math.min(...records.map((record) => record.ttl)) * 1000;
      if (records.length > 0) next = Math.min(MAX_MS, Math.max(MIN_MS, ttl));
      const changed = addresses.join() !== known.addresses?.join();
      known.addresses = addresses;
      if (changed) this.#onChange(name);
    }
    known.timer = setTimeout(() => void this.#lookUp(name), next);
    known.timer.unref();
  }

  #fail(name: string, known: Known, error: unknown): void {
    if (!known.failing) this.#onError(name, error);
    known.failing = true;
  }
}
