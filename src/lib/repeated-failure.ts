/**
 * Keeps a failure that comes back with every try from filling the log: it is news the first time, and again after a
 * success or for another reason.
 */
export class RepeatedFailure {
  #reason: string | undefined;

  /** Whether a failure is another than the last one. */
  isNews(error: unknown): boolean {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code ?? message;
    const isNews = reason !== this.#reason;
    this.#reason = reason;
    return isNews;
  }

  /** A try has succeeded. */
  succeeded(): void {
    this.#reason = undefined;
  }
}
