import type { Cluster } from '../../kube/cluster.ts';
import type { Learnt } from '../../kube/reflector.ts';
import type { Observations, ObservedSite } from '../../model/observed.ts';
import type { Site } from '../../model/site.ts';
import { EdgeCluster, type Remembered } from './edge-cluster.ts';

export interface EdgeClustersOptions {
  /** The API server of a Site's cluster; each call makes a connection of its own. */
  readonly open: (site: Site) => Cluster;
  /** What is remembered of a site from before. */
  readonly remembered: (site: string) => Remembered | undefined;
  readonly onChange: (changed: ReadonlySet<string>, learnt: Learnt) => void;
  readonly onState: (observed: ObservedSite) => void;
  readonly onProblem: (site: string, message: string) => void;
}

/** The edge clusters of all sites, each watched by itself: what happens to one is of no matter to another. */
export class EdgeClusters {
  readonly #options: EdgeClustersOptions;
  readonly #clusters = new Map<string, { readonly edge: EdgeCluster; readonly how: string }>();
  #observations: Map<string, ObservedSite> = new Map();

  constructor(options: EdgeClustersOptions) {
    this.#options = options;
  }

  get observations(): Observations {
    return this.#observations;
  }

  /** Watches the clusters of these sites, and no others from now on. */
  follow(sites: ReadonlyMap<string, Site>): void {
    for (const [name, { edge }] of this.#clusters) {
      if (sites.has(name)) continue;
      this.#clusters.delete(name);
      const { services } = edge.observed;
      void edge.stop();
      this.#observations = new Map([...this.#observations].filter(([site]) => site !== name));
      if (services.size > 0) this.#options.onChange(new Set(services.keys()), 'watch');
    }
    for (const [name, site] of sites) {
      const how = JSON.stringify(site.spec.cluster?.kubeconfig);
      const before = this.#clusters.get(name);
      if (before?.how === how) continue;
      // Another way to reach it: what is known of it stands until it is seen that way.
      void before?.edge.stop();
      this.#start(name, site, how, before?.edge.known ?? this.#options.remembered(name));
    }
  }

  #start(name: string, site: Site, how: string, remembered: Remembered | undefined): void {
    const { open, onChange, onState, onProblem } = this.#options;
    const edge = new EdgeCluster({
      site: name,
      cluster: open(site),
      remembered,
      onProblem: (message) => onProblem(name, message),
      onChange: (changed, learnt) => {
        this.#keep(edge.observed);
        onChange(changed, learnt);
      },
      onState: (observed) => {
        this.#keep(observed);
        onState(observed);
      },
    });
    this.#clusters.set(name, { edge, how });
    this.#keep(edge.observed);
    if (remembered !== undefined) onChange(new Set(remembered.services.keys()), 'list');
    edge.start();
  }

  /** Readers keep the map they have. */
  #keep(observed: ObservedSite): void {
    if (!this.#clusters.has(observed.site)) return;
    this.#observations = new Map(this.#observations).set(observed.site, observed);
  }

  /** Whether all were seen whole since the start. */
  get hasSynced(): boolean {
    return [...this.#clusters.values()].every(({ edge }) => edge.observed.hasSynced);
  }

  /** Per site: seconds since it was last seen as it is; undefined: not yet. */
  get ages(): ReadonlyMap<string, number | undefined> {
    return new Map([...this.#clusters].map(([name, { edge }]) => [name, edge.age]));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clusters.values()].map(({ edge }) => edge.stop()));
    this.#clusters.clear();
  }
}
