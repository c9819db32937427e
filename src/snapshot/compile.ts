import type { LocalityMap } from '../geo/ranges.ts';
import type { RegionTree } from '../model/regions.ts';
import type { Configuration } from '../resolve/configuration.ts';
import { nameFromText, nameKey } from '../wire/name.ts';
import { ExportCompiler } from './export-compiler.ts';
import { UNAVAILABLE, type Snapshot } from './snapshot.ts';
import { ZoneCompiler, type SteeredHost, type TableHelper } from './zone-compiler.ts';

export interface CompileInput {
  readonly configuration: Configuration;
  readonly regions: RegionTree;
  readonly geo: LocalityMap;
  readonly generation: number;
  /** Where there are very many zones. */
  readonly helper?: TableHelper | undefined;
}

/**
 * Compiles all that answers depend on, again and again. What did not change since the last time, by the identity of
 * the configuration's objects, is not compiled again.
 */
export class Compiler {
  readonly #zones = new ZoneCompiler();
  readonly #exports = new ExportCompiler();
  #current: Snapshot | undefined;
  #hosts:
    | { readonly of: readonly SteeredHost[]; readonly key: string; readonly all: readonly SteeredHost[] }
    | undefined;
  #generation = 0;

  /**
   * The newest snapshot. It is the one before when the change was only in endpoints' weights and states: then the live
   * table has it already.
   * @throws when the configuration is not one that `resolve` has accepted: a defect
   */
  compile({ configuration, regions, geo, generation, helper }: CompileInput): Snapshot {
    const { zones, exports, sites, unavailable = [] } = configuration;
    this.#generation = generation;
    const steered = this.#exports.update({ exports, sites, regions, geo });
    const compiled = this.#zones.compile(zones, this.#hostsWith(unavailable), helper);
    const before = this.#current;
    if (before !== undefined && !steered && compiled.tables === before.tables) return before;
    return (this.#current = {
      serial: (before?.serial ?? 0) + 1,
      generation,
      tables: compiled.tables,
      directory: compiled.directory,
      steering: before === undefined || steered ? this.#exports.tables : before.steering,
    });
  }

  /** Hosts of exports, and those that cannot be answered; the same array while both stay. */
  #hostsWith(unavailable: readonly string[]): readonly SteeredHost[] {
    const { hosts } = this.#exports;
    if (unavailable.length === 0) return hosts;
    const key = unavailable.join(' ');
    if (this.#hosts?.of !== hosts || this.#hosts.key !== key)
      this.#hosts = { of: hosts, key, all: [...hosts, ...unavailable.map(unavailableHost)] };
    return this.#hosts.all;
  }

  /**
   * Widens scopes by one map: answers stay what they are, and hold for more clients. Slow, so it is done when there is
   * nothing else to do.
   * @returns a new snapshot, or undefined when there is nothing left to do
   */
  refine(): Snapshot | undefined {
    return this.refineUntil(() => false).snapshot;
  }

  /**
   * The same in slices, so that a change does not wait.
   * @param isOver asked every few milliseconds: when true, this slice ends
   * @returns a new snapshot, if there is one, and whether more is left to do
   */
  refineUntil(isOver: () => boolean): { readonly snapshot: Snapshot | undefined; readonly more: boolean } {
    const before = this.#current;
    if (before === undefined) return { snapshot: undefined, more: false };
    const { changed, unfinished } = this.#exports.refine(isOver);
    if (!changed) return { snapshot: undefined, more: unfinished };
    const { serial } = before;
    this.#current = { ...before, serial: serial + 1, generation: this.#generation, steering: this.#exports.tables };
    return { snapshot: this.#current, more: true };
  }
}

function unavailableHost(host: string): SteeredHost {
  const name = nameFromText(host);
  if (!name.ok) throw new Error(`host ${host}: ${name.error}`);
  return { name: name.value, key: nameKey(name.value), exp: UNAVAILABLE };
}

/** Compiles one configuration to the end. Pure: the same input gives the same snapshot. */
export function compileSnapshot(input: CompileInput): Snapshot {
  const compiler = new Compiler();
  let snapshot = compiler.compile(input);
  for (let next: Snapshot | undefined = snapshot; next !== undefined; next = compiler.refine()) snapshot = next;
  return snapshot;
}
