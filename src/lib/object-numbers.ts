/** Numbers for objects by identity, from 1 on: the same object has the same number as long as it lives. */
export class ObjectNumbers {
  readonly #numbers = new WeakMap<object, number>();
  #last = 0;

  of(object: object): number {
    let number = this.#numbers.get(object);
    if (number === undefined) this.#numbers.set(object, (number = ++this.#last));
    return number;
  }
}
