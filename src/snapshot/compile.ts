import type { LocalityMap } from '../geo/ranges.ts';
import type { RegionTree } from '../model/regions.ts';
import type { Configuration } from '../state/configuration.ts';
import { nameFromText } from '../wire/name.ts';
import { compileExports } from './exports.ts';
import { NameTableBuilder } from './names.ts';
import type { Snapshot } from './snapshot.ts';
import { ZoneTableBuilder } from './zones.ts';

export interface CompileInput {
  readonly configuration: Configuration;
  readonly regions: RegionTree;
  readonly geo: LocalityMap;
  readonly generation: number;
}

/**
 * Compiles all that answers depend on. Pure: the same input gives the same snapshot.
 * @throws when the configuration is not one that `resolve` has accepted: a defect
 */
export function compileSnapshot({ configuration, regions, geo, generation }: CompileInput): Snapshot {
  const names = new NameTableBuilder();
  const zones = new ZoneTableBuilder(configuration.zones, names);
  for (const [index, exp] of configuration.exports.entries()) {
    for (const host of exp.hosts) {
      const name = nameFromText(host);
      if (!name.ok || !zones.steer(name.value, index))
        throw new Error(`host ${host} of export ${exp.name} is in no zone`);
    }
  }
  const tables = zones.build();
  const steering = compileExports(configuration.exports, { sites: configuration.sites, regions }, geo);
  return { generation, names: names.build(), ...tables, ...steering };
}
