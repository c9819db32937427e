import type { Learnt, Reflector } from '../../kube/reflector.ts';

/** How a change was learnt, once it is taken into account that the kind was not watched before. */
type Begun = (learnt: Learnt) => Learnt;

/** A kind that is watched only while something in the cluster needs it. */
export class Lazy<T> {
  readonly #open: (begun: Begun) => Reflector<T>;
  readonly #onClosed: (items: ReadonlyMap<string, T>) => void;
  #reflector: Reflector<T> | undefined;

  /** @param onClosed is told what was there when nothing needs the kind any more */
  constructor(open: (begun: Begun) => Reflector<T>, onClosed: (items: ReadonlyMap<string, T>) => void = () => {}) {
    this.#open = open;
    this.#onClosed = onClosed;
  }

  /** @param sawNeed somebody was seen to make the change for which the kind is needed */
  want(needed: boolean, sawNeed: boolean): void {
    const before = this.#reflector;
    if (needed === (before !== undefined)) return;
    // The first list finds nothing that had happened unseen: nobody has looked there before.
    let first = sawNeed;
    const begun: Begun = (learnt) => {
      const how = first ? 'watch' : learnt;
      first = false;
      return how;
    };
    this.#reflector = needed ? this.#open(begun) : undefined;
    this.#reflector?.start();
    if (before === undefined) return;
    void before.stop();
    this.#onClosed(before.items);
  }

  get reflector(): Reflector<T> | undefined {
    return this.#reflector;
  }

  /** Undefined: it is not watched, or may not be. */
  get items(): ReadonlyMap<string, T> | undefined {
    return this.#reflector?.state.absent === false ? this.#reflector.items : undefined;
  }

  /** Its list is under way, and nothing speaks against it. */
  get pending(): boolean {
    const state = this.#reflector?.state;
    return state !== undefined && !state.hasSynced && state.error === undefined;
  }
}
