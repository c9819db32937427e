import type { Problem } from '../lib/problem.ts';
import type { Position } from '../lib/yaml.ts';
import type { HeldChange } from './held.ts';
import type { Resource } from './kinds.ts';

/** A resource that is valid by its schema, and where its text is, so that every later problem can say so. */
export interface StoredResource {
  readonly resource: Resource;
  /** As the operator would type it. */
  readonly file: string;
  /** Position of a field (`spec.endpoints[2].address`), or of what is around it when it is absent. */
  readonly locate: (field: string) => Position | undefined;
}

/** How a store learnt of a change. */
export interface StoreChange {
  /** `watch`: somebody did it just now. `list`: the store found that it is not what it was. */
  readonly learnt: 'list' | 'watch';
  /** What was changed by somebody just now: `KIND TENANT/NAME`. */
  readonly touched: ReadonlySet<string>;
}

/** A resource that is there and is not valid by its schema. */
export interface InvalidResource {
  /** As `resourceKey` gives it. */
  readonly key: string;
  readonly value: unknown;
}

export interface Listing {
  readonly resources: readonly StoredResource[];
  /** What could not be read or is not valid. */
  readonly problems: readonly Problem[];
  readonly invalid: readonly InvalidResource[];
  /** Files of which it is not known what they hold now: every resource that they held is still to be taken as there. */
  readonly unreadable: readonly string[];
  /** Changes that the store does not show, since they look like an accident. */
  readonly held: readonly HeldChange[];
  /** The store cannot be read at all: nothing is known of what is there. */
  readonly failed: boolean;
  /** Of files: their fingerprint, taken before they were read. */
  readonly seen?: string;
}

/** A listing of resources in which nothing is wrong. */
export function soundListing(resources: readonly StoredResource[]): Listing {
  return { resources, problems: [], invalid: [], unreadable: [], held: [], failed: false };
}

/** Where resources live. */
export interface ResourceStore {
  /** Everything, as it is now. */
  list(): Listing;
  /**
   * Calls back after something changed, with how that was learnt where it matters, until closed; several changes at once may make one call, and a call may
   * come with nothing changed. The store's own failures (a directory that is gone) show in the next `list()`.
   * @returns close
   */
  watch(onChange: (change?: StoreChange) => void): () => void;
}
