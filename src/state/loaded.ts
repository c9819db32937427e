import type { Problem } from '../lib/problem.ts';
import type { HeldChange } from '../model/held.ts';
import type { ContestedHost, ReservedHost } from '../model/reserved-host.ts';
import type { Site } from '../model/site.ts';
import type { Configuration } from '../resolve/configuration.ts';

/** What operators wrote, and what may be served of it. */
export interface Loaded {
  /** Undefined when nothing can be told or nothing can be served: what is served now stays. */
  readonly configuration: Configuration | undefined;
  readonly problems: readonly Problem[];
  /** Resources and zones that are invalid and keep their last valid version, in words. */
  readonly stale?: readonly string[];
  /** Resources and zones that are invalid and never were valid. */
  readonly refused?: readonly string[];
  /** Sites with clusters, by name. */
  readonly clusters?: ReadonlyMap<string, Site>;
  /** Changes that are not in the configuration, since they look like an accident. */
  readonly held?: readonly HeldChange[];
  /** Hosts that are reserved for the tenants that gave them up. */
  readonly reserved?: readonly ReservedHost[];
  readonly contested?: readonly ContestedHost[];
  /** Files that are no zones, by their names or contents. */
  readonly leftOut?: readonly string[];
  /** Fingerprint of the files, taken before they were read. */
  readonly seen?: string | undefined;
  /** What comes of the files is another then: milliseconds since 1970. */
  readonly until?: number | undefined;
}

/** How a configuration came to be what it is. */
export interface Change {
  readonly cause: 'seen' | 'found';
  /** What somebody was seen to change: `KIND TENANT/NAME`. */
  readonly touched: ReadonlySet<string>;
}

/** What an operator wrote, as one configuration: now, or now and after every change. */
export interface ConfigurationSource {
  load(): Loaded;
  /**
   * Calls back with what is there now, before it returns, and again after every change. Watching begins before the
   * first look, so that no change is lost between the two.
   * @returns close
   */
  follow(onLoaded: (loaded: Loaded) => void): () => void;
  /** Reads everything again: an operator has accepted a change that was held. */
  again(): void;
}

/** A configuration that edge clusters are part of. */
export interface ObservingSource extends ConfigurationSource {
  /**
   * Edge clusters are seen to have changed: whoever follows is told what comes of it.
   * @param changed `namespace/name`s of Services; undefined: all may have
   */
  observed(changed: ReadonlySet<string> | undefined, learnt: 'list' | 'watch'): void;
}
