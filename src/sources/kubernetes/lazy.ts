import type { Reflector } from '../../kube/reflector.ts';

/** A kind that is watched only while something in the cluster needs it. */
export class Lazy<T> {
  readonly #open: () => Reflector<T>;
  readonly #onClosed: (items: ReadonlyMap<string, T>) => void;
  #reflector: Reflector<T> | undefined;

  constructor(open: () => Reflector<T>, onClosed: (items: ReadonlyMap<string, T>) => void = () => {}) {
    this.#open = open;
    this.#onClosed = onClosed;
  }

  want(needed: boolean): void {
    const before = this.#reflector;
    if (needed === (before !== undefined)) return;
    this.#reflector = needed ? this.#open() : undefined;
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
