import type { Change } from '../../kube/reflector.ts';

/** Objects of one kind by the Services that they name, kept up to date by their changes. */
export class ByService<T> {
  readonly #servicesOf: (value: T) => readonly string[];
  readonly #byService = new Map<string, Map<string, T>>();

  constructor(servicesOf: (value: T) => readonly string[]) {
    this.#servicesOf = servicesOf;
  }

  /** @returns the Services that the object names or named */
  take({ key, value, before }: Change<T>): string[] {
    const old = before === undefined ? [] : this.#servicesOf(before);
    const now = value === undefined ? [] : this.#servicesOf(value);
    for (const service of old) {
      const objects = this.#byService.get(service);
      objects?.delete(key);
      if (objects?.size === 0) this.#byService.delete(service);
    }
    for (const service of now) {
      let objects = this.#byService.get(service);
      if (objects === undefined) this.#byService.set(service, (objects = new Map()));
      objects.set(key, value!);
    }
    return [...old, ...now];
  }

  /** In the order of their names; undefined: none names the Service. */
  of(service: string): T[] | undefined {
    const objects = this.#byService.get(service);
    if (objects === undefined) return undefined;
    return [...objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
  }

  has(service: string): boolean {
    return this.#byService.has(service);
  }
}

/** Keeps a set of keys to those for which something is true. */
export function track(keys: Set<string>, key: string, is: boolean): void {
  if (is) keys.add(key);
  else keys.delete(key);
}
