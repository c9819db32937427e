import type { LocalityMap } from '../geo/ranges.ts';
import type { RegionTree } from '../model/regions.ts';
import type { Configuration } from '../state/configuration.ts';
import { ExportCompiler } from './export-compiler.ts';
import type { Snapshot } from './snapshot.ts';
import { ZoneCompiler } from './zone-compiler.ts';

export interface CompileInput {
  readonly configuration: Configuration;
  readonly regions: RegionTree;
  readonly geo: LocalityMap;
  readonly generation: number;
}

/**
 * Compiles all that answers depend on, again and again. What did not change since the last time, by the identity of
 * the configuration's objects, is not compiled again.
 */
export class Compiler {
  readonly #zones = new ZoneCompiler();
  readonly #exports = new ExportCompiler();
  #current: Snapshot | undefined;
  #generation = 0;

  /**
   * The newest snapshot. It is the one before when the change was only in endpoints' weights and states: then the live
   * table has it already.
   * @throws when the configuration is not one that `resolve` has accepted: a defect
   */
  compile({ configuration, regions, geo, generation }: CompileInput): Snapshot {
    const { zones, exports, sites } = configuration;
    this.#generation = generation;
    const steered = this.#exports.update({ exports, sites, regions, geo });
    const compiled = this.#zones.compile(zones, this.#exports.hosts);
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

  /**
   * One step towards wider scopes: answers stay what they are, and hold for more clients. Slow, so it is done when
   * there is nothing else to do.
   * @returns a new snapshot, or undefined when there is nothing left to do
   */
  refine(): Snapshot | undefined {
    const before = this.#current;
    if (before === undefined || !this.#exports.refine()) return undefined;
    const { serial } = before;
    this.#current = { ...before, serial: serial + 1, generation: this.#generation, steering: this.#exports.tables };
    return this.#current;
  }
}

/** Compiles one configuration to the end. Pure: the same input gives the same snapshot. */
export function compileSnapshot(input: CompileInput): Snapshot {
  const compiler = new Compiler();
  let snapshot = compiler.compile(input);
  for (let next: Snapshot | undefined = snapshot; next !== undefined; next = compiler.refine()) snapshot = next;
  return snapshot;
}
