import { statSync } from 'node:fs';
import { join } from 'node:path';
import { readChecked, writeChecked } from '../../lib/atomic-file.ts';
import { RepeatedFailure } from '../../lib/repeated-failure.ts';
import { NEVER, objectText, type Observations, type ObservedService } from '../../model/observed.ts';
import type { Remembered } from './edge-cluster.ts';

/** Changes are written down when none came for so long, or at the latest after so long. */
const QUIET_MS = 1000;
const LATEST_MS = 10_000;

interface KeptSite {
  /** Identity of the cluster. */
  readonly cluster: string;
  readonly services: readonly (readonly [string, ObservedService])[];
}

/**
 * What was last seen of edge clusters, on disk: after a restart it stands in for a cluster until that is seen again. A
 * file that cannot be used is as if it were not there; what goes wrong is told, and stops nothing.
 */
export class ClusterMemory {
  readonly #directory: string | undefined;
  readonly #identityOf: (site: string) => string | undefined;
  readonly #onError: (message: string) => void;
  readonly #dirty = new Set<string>();
  readonly #readFailure = new RepeatedFailure();
  readonly #writeFailure = new RepeatedFailure();
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param directory undefined: nothing is remembered
   * @param identityOf which cluster a site has now: what another cluster had is not used; undefined when not known
   */
  constructor(
    directory: string | undefined,
    identityOf: (site: string) => string | undefined,
    onError: (message: string) => void,
  ) {
    this.#directory = directory;
    this.#identityOf = identityOf;
    this.#onError = onError;
  }

  #file(site: string): string {
    return join(this.#directory!, 'sites', `${site}.json`);
  }

  /** Whether what was seen last is on disk. */
  get isWritten(): boolean {
    return this.#dirty.size === 0;
  }

  recall(site: string): Remembered | undefined {
    if (this.#directory === undefined) return undefined;
    try {
      const content = readChecked(this.#file(site));
      if (content === undefined) return undefined;
      const kept = JSON.parse(content.toString('utf8')) as KeptSite;
      const identity = this.#identityOf(site);
      if (identity !== undefined && kept.cluster !== identity) {
        this.#onError(`the cluster of site ${site} is another than before: what is remembered of it is not used`);
        return undefined;
      }
      const services = new Map(kept.services.map(([key, service]) => [key, current(service)]));
      return { services, at: statSync(this.#file(site)).mtimeMs };
    } catch (error) {
      if (this.#readFailure.isNews(error))
        this.#onError(`the kept state of site ${site} cannot be used: ${String(error)}`);
      return undefined;
    }
  }

  /** @param sites those that changed */
  keep(sites: readonly string[], observations: () => Observations): void {
    if (this.#directory === undefined) return;
    if (this.#dirty.size === 0) this.#since = performance.now();
    for (const site of sites) this.#dirty.add(site);
    clearTimeout(this.#timer);
    const left = this.#since + LATEST_MS - performance.now();
    this.#timer = setTimeout(() => this.write(observations()), Math.max(0, Math.min(QUIET_MS, left)));
  }

  /** Writes what is to be written now. */
  write(observations: Observations): void {
    clearTimeout(this.#timer);
    for (const site of this.#dirty) {
      const observed = observations.get(site);
      // What was never seen whole is no better than what is there.
      if (observed?.hasSynced !== true) continue;
      try {
        const cluster = this.#identityOf(site) ?? '';
        const kept: KeptSite = { cluster, services: [...observed.services] };
        writeChecked(this.#file(site), Buffer.from(JSON.stringify(kept)));
        this.#writeFailure.succeeded();
      } catch (error) {
        if (this.#writeFailure.isNews(error)) this.#onError(cannotKeep(error));
      }
    }
    this.#dirty.clear();
  }
}

function cannotKeep(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return (
    `the state of edge clusters cannot be written: ${reason}; after a restart the server answers for a cluster only ` +
    'once it has seen that cluster; make the directory writable, or set `dataDirectory` in edgeward.yaml'
  );
}

/** A Service as files had it before claims, with what is asked of it now. */
function current(kept: ObservedService & { readonly hosts?: readonly string[] }): ObservedService {
  if (kept.claims !== undefined) {
    const claims = kept.claims.map((claim) => ({ ...claim, created: (claim.created as number | undefined) ?? NEVER }));
    return { ...kept, claims };
  }
  const { hosts = [], ttl, ...service } = kept as typeof kept & { readonly ttl?: number };
  const reach = { addresses: service.addresses, down: [], splits: [] };
  const { namespace } = service;
  const by = objectText(service);
  const claims =
    hosts.length === 0 ? [] : [{ ...reach, by, namespace, created: NEVER, annotated: true, hosts, ttl, problems: [] }];
  return { ...service, ...reach, claims, problems: [] };
}
