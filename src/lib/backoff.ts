/** Waits that double from one failure to the next, each drawn between half and all of it so that crowds disperse. */
export class Backoff {
  readonly #leastMs: number;
  readonly #mostMs: number;
  readonly #random: () => number;
  #failures = 0;

  constructor(leastMs: number, mostMs: number, random: () => number = Math.random) {
    this.#leastMs = leastMs;
    this.#mostMs = mostMs;
    this.#random = random;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** Something failed. @returns milliseconds to wait */
  next(): number {
    const whole = Math.min(this.#mostMs, this.#leastMs * 2 ** Math.min(this.#failures++, 30));
    return whole / 2 + (this.#random() * whole) / 2;
  }

  reset(): void {
    this.#failures = 0;
  }
}
