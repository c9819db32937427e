import { join } from 'node:path';
import { Command } from 'commander';
import { loadConfig, type ServerConfig } from '../config/config.ts';
import { loadLocalityMap, loadRegions } from '../geo/mod.ts';
import { describeUnreached, unreachedRegions } from '../geo/reach.ts';
import { hasErrors, type Problem } from '../lib/problem.ts';
import type { Configuration } from '../state/configuration.ts';
import { Exit, printJson, printLine, printProblems } from './output.ts';
import { DATA_DIRECTORY, loadDirectory } from './workspace.ts';

/** `edgeward check DIR` */
export function checkCommand(): Command {
  return new Command('check')
    .description('say what is wrong with a configuration directory, without serving it')
    .argument('<dir>', 'directory with edgeward.yaml and resources')
    .option('--json', 'print problems as JSON')
    .addHelpText(
      'after',
      '\nExit code: 0 nothing is wrong (warnings aside), 1 it cannot be served.\n\nExample:\n  edgeward check config/demo',
    )
    .action(async (directory: string, { json }: { json?: boolean }) => {
      const server = loadConfig({ file: join(directory, 'edgeward.yaml'), env: process.env });
      const { configuration, problems: found } = loadDirectory(directory);
      const problems = [...server.problems, ...found];
      problems.push(...(await geoProblems(server.config, configuration)));
      const bad = hasErrors(problems);
      if (json === true) printJson({ ok: !bad, problems });
      else {
        printProblems(problems);
        if (!bad && configuration !== undefined) {
          const { zones, sites, exports } = configuration;
          printLine(`ok: ${zones.length} zones, ${sites.size} sites, ${exports.length} exports`);
        }
      }
      process.exitCode = bad ? Exit.FINDINGS : Exit.OK;
    });
}

/** Problems of the operator's geo files (the built-in data is sound), and rules for regions without networks. */
async function geoProblems(
  config: ServerConfig | undefined,
  configuration: Configuration | undefined,
): Promise<readonly Problem[]> {
  const geo = config?.geo;
  const hasOwn = geo !== undefined && (geo.overlays.length > 0 || Object.keys(geo.mmdb).length > 0);
  const loaded = hasOwn ? await loadLocalityMap({ dataDirectory: DATA_DIRECTORY, ...geo }) : undefined;
  const problems = loaded?.problems ?? [];
  // Without a usable map, every region would seem to be without networks.
  if (configuration === undefined || (hasOwn && loaded?.map === undefined)) return problems;
  const unreached = unreachedRegions(configuration.exports, loaded?.map, loadRegions(DATA_DIRECTORY));
  const warnings = unreached.map((each): Problem => ({
    severity: 'warning',
    file: `DomainExport ${each.export}`,
    ...describeUnreached(each),
  }));
  return [...problems, ...warnings];
}
