import type { Command } from 'commander';
import { acceptCommand } from './accept.ts';
import { crdCommand } from './crd.ts';
import { checkCommand } from './check.ts';
import { explainCommand } from './explain.ts';
import { geoCommand } from './geo.ts';
import { queryCommand } from './query.ts';
import { zoneCommand } from './zone.ts';

/** Every command but `serve`, which starts sooner without what these load. */
export function otherCommands(): Command[] {
  return [checkCommand(), queryCommand(), explainCommand(), geoCommand(), zoneCommand(), acceptCommand(), crdCommand()];
}
