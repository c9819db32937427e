/**
 * Objects by their content: while one is in use, the same content gives the same object, so that equal content is
 * compared by identity from then on. An object that nobody else refers to is let go, and its key with it.
 */
export class Interned<T extends object> {
  readonly #values = new Map<string, WeakRef<T>>();
  readonly #gone = new FinalizationRegistry<string>((key) => {
    // Meanwhile another object may have taken its place.
    if (this.#values.get(key)?.deref() === undefined) this.#values.delete(key);
  });

  /** @param key the same for the same content, and for no other */
  get(key: string, make: () => T): T {
    const known = this.#values.get(key)?.deref();
    if (known !== undefined) return known;
    const made = make();
    this.#values.set(key, new WeakRef(made));
    this.#gone.register(made, key);
    return made;
  }

  /** Keys that are kept now; an object that was collected a moment ago may still count. */
  get size(): number {
    return this.#values.size;
  }
}
