/** What there is to begin with. */
export interface Known {
  /** There is a configuration that can be served. */
  readonly isUsable: boolean;
  /** Edge clusters of it of which nothing is known: neither seen, nor remembered. */
  readonly waiting: readonly string[];
}

/**
 * When serving begins: not before there is something to serve, nor before all edge clusters of it were seen or are
 * remembered, but for those that cannot be seen in some time. Once begun, it never ends.
 */
export class Opening {
  readonly #patienceMs: number;
  readonly #onOpen: (missing: readonly string[]) => void;
  readonly #look: () => Known;
  #isOpen = false;
  /** `performance.now()` when there was first something to wait for clusters with. */
  #since: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param patienceMs how long clusters are waited for, from when there is something to serve
   * @param look what is known now
   * @param onOpen called once, with the clusters that are not known then
   */
  constructor(patienceMs: number, look: () => Known, onOpen: (missing: readonly string[]) => void) {
    this.#patienceMs = patienceMs;
    this.#look = look;
    this.#onOpen = onOpen;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Something more is known. */
  again(): void {
    if (this.#isOpen) return;
    const { isUsable, waiting } = this.#look();
    clearTimeout(this.#timer);
    if (!isUsable) return;
    this.#since ??= performance.now();
    const left = this.#since + this.#patienceMs - performance.now();
    if (waiting.length > 0 && left > 0) {
      this.#timer = setTimeout(() => this.again(), left + 1);
      return;
    }
    this.#isOpen = true;
    this.#onOpen(waiting);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
