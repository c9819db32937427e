import type { Configuration } from '../resolve/configuration.ts';

export interface Current {
  /** Counts the configurations applied since start; 0 is the empty one before the first. */
  readonly generation: number;
  readonly configuration: Configuration;
}

export type Listener = (current: Current) => void | Promise<void>;

/** The one mutable place: which configuration is in force. Whoever derives something from it subscribes. */
export class State {
  #current: Current = { generation: 0, configuration: { sites: new Map(), zones: [], exports: [] } };
  readonly #wake = new Set<() => void>();

  current(): Current {
    return this.#current;
  }

  apply(configuration: Configuration): void {
    this.#current = { generation: this.#current.generation + 1, configuration };
    for (const wake of this.#wake) wake();
  }

  /**
   * Calls the listener with what is in force, now (unless nothing was applied yet) and after each change. While a
   * promise that it returned is pending it is not called; then once, with the newest: slow listeners skip
   * generations and never see them out of order. What a listener throws is a defect and not caught.
   * @returns a function that ends it
   */
  subscribe(listener: Listener): () => void {
    let told = 0;
    let busy = false;
    const wake = (): void => {
      if (busy || told === this.#current.generation || !this.#wake.has(wake)) return;
      told = this.#current.generation;
      const pending = listener(this.#current);
      if (pending === undefined) return;
      busy = true;
      void pending.finally(() => {
        busy = false;
        wake();
      });
    };
    this.#wake.add(wake);
    wake();
    return () => this.#wake.delete(wake);
  }
}
