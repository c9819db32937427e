import { isAbsolute, resolve } from 'node:path';
import { exportsFromStatuses, ownersFromStatuses, servicesFromStatuses } from '../controllers/status/recall.ts';
import { type StatusWorld } from '../controllers/status/plan.ts';
import { StatusWriter } from '../controllers/status/writer.ts';
import type { ControlData, ControlLog, FromControl } from './messages.ts';
import { clusterIdentity } from '../kube/cluster-identity.ts';
import { defaultKubeconfig, kubeconfigFile, type CredentialSource } from '../kube/credentials.ts';
import { HttpCluster } from '../kube/http-cluster.ts';
import { Election } from '../kube/election.ts';
import { SecretKubeconfigs } from '../kube/secret-kubeconfigs.ts';
import { collectSoon } from '../lib/collect-garbage.ts';
import { explainHeld } from '../model/held.ts';
import type { Observations, ObservedSite } from '../model/observed.ts';
import type { Site } from '../model/site.ts';
import { returnMemory } from '../lib/allocator.ts';
import type { Remembered } from '../sources/kubernetes/edge-cluster.ts';
import { ClusterMemory } from '../sources/kubernetes/last-seen.ts';
import { EdgeClusters } from '../sources/kubernetes/edge-clusters.ts';
import type { Configuration } from '../resolve/configuration.ts';
import type { Loaded } from '../state/loaded.ts';
import { HUB_TYPES, KubernetesStore } from '../store/kubernetes.ts';

/** A control plane that knows nothing from before waits so long for a DNS node that does. */
const RECALL_MS = 15_000;

export interface ControlClustersOptions {
  readonly source: ControlData['source'];
  readonly dataDirectory: string;
  /** Name of this process. */
  readonly identity: string;
  readonly log: ControlLog;
  /** Services of edge clusters changed. */
  readonly onObserved: (changed: ReadonlySet<string>, learnt: 'list' | 'watch') => void;
  /** What the hub has that is served by, for DNS nodes to keep; undefined: there are none. */
  readonly onRemember: ((entries: ReadonlyMap<string, string>) => void) | undefined;
  /** A cluster is seen, or cannot be. */
  readonly onState: () => void;
  /** What was read last, and what of it is served. */
  readonly current: () => { readonly loaded: Loaded | undefined; readonly configuration: Configuration };
}

/**
 * What the control thread has to do with Kubernetes: edge clusters, and the hub where there is one. Loaded only then.
 */
export class ControlClusters {
  readonly #options: ControlClustersOptions;
  readonly #memory: ClusterMemory;
  readonly #edges: EdgeClusters;
  #followed: ReadonlyMap<string, Site> = new Map();
  /** Why each site could not be seen when that was last told; undefined: it could. */
  readonly #told = new Map<string, string | undefined>();
  readonly #hub:
    | {
        readonly store: KubernetesStore;
        readonly secrets: SecretKubeconfigs;
        readonly statuses: StatusWriter;
        readonly election: Election;
      }
    | undefined;
  #hubError: string | undefined;

  constructor(options: ControlClustersOptions) {
    this.#options = options;
    const { source, dataDirectory, log, onObserved, onState } = options;
    const identityOf = (site: string): string | undefined => {
      const resource = this.#followed.get(site);
      return resource === undefined ? undefined : clusterIdentity(this.#credentialsOf(resource));
    };
    this.#memory = new ClusterMemory(dataDirectory, identityOf, (message) => log('warn', message));
    this.#edges = new EdgeClusters({
      open: (site) => new HttpCluster(this.#credentialsOf(site)),
      remembered: (site) => this.#memory.recall(site) ?? this.#rememberedByHub(site),
      onChange: (changed, learnt) => {
        onObserved(changed, learnt);
        this.#memory.keep([...this.observations.keys()], () => this.observations);
      },
      onState: (observed) => {
        this.#tellOfSite(observed);
        // Listing leaves much behind.
        if (this.#edges.hasSynced) collectSoon(returnMemory);
        this.tellStatuses();
        onState();
      },
      onProblem: (site, message) => log('warn', message, { site }),
    });
    this.#hub = source.kind === 'hub' ? this.#openHub(source) : undefined;
  }

  #openHub({ kubeconfig, namespace }: Extract<ControlData['source'], { kind: 'hub' }>) {
    const { dataDirectory, identity: self, log, onRemember } = this.#options;
    const onError = (message: string): void => log('warn', message);
    const credentials = kubeconfig === undefined ? defaultKubeconfig() : kubeconfigFile(kubeconfig);
    const identity = clusterIdentity(credentials);
    const cluster = new HttpCluster(credentials);
    const statuses = new StatusWriter({
      cluster,
      types: HUB_TYPES,
      identity: self,
      world: () => this.#statusWorld(),
      onError,
    });
    const onChange = (leading: boolean): void => {
      log('info', leading ? 'leading: this process writes to the hub' : 'not leading any more', { identity: self });
      statuses.lead(leading);
    };
    return {
      store: new KubernetesStore({
        cluster,
        directory: dataDirectory,
        identity,
        onError,
        onState: () => this.#tellOfHub(),
        ...(onRemember === undefined ? {} : { onRemember, recallMs: RECALL_MS }),
      }),
      secrets: new SecretKubeconfigs({ cluster, namespace, directory: dataDirectory, onError }),
      statuses,
      // That the hub cannot be reached is told of already.
      election: new Election({ cluster, namespace, name: 'edgeward-control', identity: self, onChange }),
    };
  }

  /** Undefined: resources are not on a hub. */
  get store(): KubernetesStore | undefined {
    return this.#hub?.store;
  }

  get observations(): Observations {
    return this.#edges.observations;
  }

  start(): void {
    this.#hub?.store.start();
    this.#hub?.secrets.start();
    this.#hub?.election.start();
  }

  /** Watches the clusters of these sites, and no others from now on. */
  follow(sites: ReadonlyMap<string, Site>): void {
    this.#followed = sites;
    this.#edges.follow(sites);
  }

  /** Sites of which nothing is known yet: neither seen, nor remembered. */
  unknown(sites: Iterable<string>): string[] {
    return [...sites].filter((site) => {
      const observed = this.observations.get(site);
      return observed === undefined || (!observed.hasSynced && observed.services.size === 0);
    });
  }

  /** Something changed that statuses may tell of. */
  tellStatuses(): void {
    this.#hub?.statuses.soon();
  }

  summary(): Extract<FromControl, { type: 'sites' }> {
    const { ages } = this.#edges;
    const sites = [...this.observations.values()].map(({ site, hasSynced, error, services }) => ({
      site,
      hasSynced,
      error,
      age: ages.get(site),
      services: services.size,
    }));
    const hub = this.#hub && { age: this.#hub.store.age, leading: this.#hub.election.leading };
    return { type: 'sites', sites, hub };
  }

  /** Writes down what is known, and lets go of the lease. */
  async close(): Promise<void> {
    this.#memory.write(this.observations);
    if (this.#options.current().loaded?.held?.length === 0) this.store?.writeMemory();
    await this.#hub?.election.stop();
    this.#hub?.statuses.lead(false);
    await Promise.all([this.#edges.close(), this.#hub?.secrets.close()]);
    await this.#hub?.store.close();
  }

  #credentialsOf({ metadata, spec }: Site): CredentialSource {
    const { source } = this.#options;
    const { file, secret } = spec.cluster!.kubeconfig;
    if (secret !== undefined) {
      return (
        this.#hub?.secrets.source(secret.name, secret.key ?? 'kubeconfig') ??
        failing(metadata.name, 'a kubeconfig in a Secret needs a hub; name a `file` in its place')
      );
    }
    if (source.kind !== 'hub') return kubeconfigFile(resolve(source.directory, file!));
    if (isAbsolute(file!)) return kubeconfigFile(file!);
    return failing(metadata.name, 'on a hub the path of a kubeconfig must be absolute; or use a `secret`');
  }

  /** What the hub's statuses say that exports were. */
  recallExports(configuration: Configuration): Configuration {
    return { ...configuration, exports: exportsFromStatuses(this.store?.objects() ?? [], configuration) };
  }

  /** What the hub's statuses say of who has which host. */
  recallOwners(): ReturnType<typeof ownersFromStatuses> {
    return ownersFromStatuses(this.store?.objects() ?? []);
  }

  /** Whether a restart would begin with what is seen now. */
  get isRemembered(): boolean {
    return this.#memory.isWritten;
  }

  /** What the hub's statuses say of a site: for a control plane without a disk that starts while the site is away. */
  #rememberedByHub(site: string): Remembered | undefined {
    return this.#hub && servicesFromStatuses(site, this.#hub.store.objects());
  }

  #tellOfSite({ site, error, hasSynced, services }: ObservedSite): void {
    const { log } = this.#options;
    const before = this.#told.get(site);
    if (error !== undefined && before !== error) {
      const message = hasSynced
        ? 'an edge cluster cannot be seen: its last endpoints stay'
        : 'an edge cluster cannot be seen yet';
      log('warn', message, { site, reason: error });
    } else if (error === undefined && hasSynced && (before !== undefined || !this.#told.has(site))) {
      log('info', 'an edge cluster is seen', { site, services: services.size });
    }
    if (error !== undefined || hasSynced) this.#told.set(site, error);
  }

  #tellOfHub(): void {
    const { log } = this.#options;
    const error = this.store?.error;
    if (error !== undefined && error !== this.#hubError)
      log('warn', 'the hub cannot be seen: what it last had stays', { reason: error });
    if (error === undefined && this.#hubError !== undefined) log('info', 'the hub is seen again');
    this.#hubError = error;
  }

  #statusWorld(): StatusWorld | undefined {
    const { loaded, configuration } = this.#options.current();
    if (loaded === undefined || this.store?.hasSynced !== true) return undefined;
    const exports = new Map(configuration.exports.map((exp) => [`${exp.tenant}/${exp.name}`, exp]));
    const held = new Map(
      (loaded.held ?? []).map((change) => {
        const { message, remedy } = explainHeld(change);
        return [change.what, `${message}; ${remedy}`];
      }),
    );
    const clusters = new Map(
      [...this.observations.values()].map(({ site, hasSynced, error }) => [
        site,
        error ?? (hasSynced ? '' : undefined),
      ]),
    );
    const { problems, reserved = [], contested = [] } = loaded;
    return { subjects: this.store.objects(), problems, exports, held, clusters, reserved, contested };
  }
}

function failing(site: string, reason: string): CredentialSource {
  return {
    name: site,
    read: () => {
      throw new Error(reason);
    },
  };
}
