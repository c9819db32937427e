import { join } from 'node:path';
import { Command } from 'commander';
import { loadConfig, type ServerConfig } from '../config/config.ts';
import { loadLocalityMap, loadRegions } from '../geo/mod.ts';
import { describeUnreached, unreachedRegions } from '../geo/reach.ts';
import { hasErrors, type Problem } from '../lib/problem.ts';
import type { Configuration } from '../resolve/configuration.ts';
import type { Loaded } from '../state/loaded.ts';
import { openZones } from '../state/zone-folder.ts';
import { SERVER_FILE } from '../store/files.ts';
import { misplaced } from './misplaced.ts';
import { printJson, printLine, printProblems, usage } from './output.ts';
import { Exit } from '../lib/exit.ts';
import { clustersOf, servedFromElsewhere } from './unseen.ts';
import { loadDirectory, type Workspace } from './workspace.ts';
import { DATA_DIRECTORY } from '../geo/built-in.ts';

interface Options {
  readonly zones?: string;
  readonly json?: boolean;
}

/** `edgeward check DIR` */
export function checkCommand(): Command {
  return new Command('check')
    .description('say what is wrong with a configuration directory, without serving it')
    .argument('[dir]', 'directory with edgeward.yaml and resources')
    .option('-z, --zones <dir>', 'check a folder of master files instead, as `serve --zones` reads it')
    .option('--json', 'print problems as JSON')
    .addHelpText(
      'after',
      '\nThe command reads files alone: it looks at no hub and no edge cluster.\n\n' +
        'Exit codes:\n' +
        '  0  nothing is wrong, warnings aside\n' +
        '  1  errors: some or all of it cannot be served as it is written\n' +
        '  2  the command line cannot be used\n\nExamples:\n  edgeward check config/demo\n  edgeward check --zones /etc/nsd/zones',
    )
    .action(async (directory: string | undefined, { zones, json }: Options) => {
      if ((directory === undefined) === (zones === undefined)) {
        process.exitCode = usage('name a configuration directory, or a folder of master files with --zones');
        return;
      }
      const wrong = misplaced(directory, zones, 'check');
      if (wrong !== undefined) process.exitCode = usage(wrong);
      else if (zones === undefined) process.exitCode = await checkDirectory(directory!, json);
      else process.exitCode = report(openZones(zones).load(), [], json);
    });
}

async function checkDirectory(directory: string, json: boolean | undefined): Promise<number> {
  const file = join(directory, SERVER_FILE);
  const { config, problems } = loadConfig({ file, env: process.env });
  const workspace = loadDirectory(directory);
  const hasZones = (workspace.configuration?.zones.length ?? 0) > 0;
  const elsewhere = config && servedFromElsewhere(config, hasZones, file);
  const found = elsewhere === undefined ? workspace.problems : unservedResources(workspace, elsewhere);
  const all = [...problems, ...found, ...(await geoProblems(config, workspace.configuration))];
  if (elsewhere === undefined)
    return report({ ...workspace, problems: all }, [...workspace.clusters.keys()].sort(), json);
  const isBad = hasErrors(all);
  if (json === true) printJson({ ok: !isBad, problems: all, onlyServerFile: true });
  else {
    printProblems(all);
    if (!isBad) printLine(`ok: ${file}; ${elsewhere.message}`);
  }
  return isBad ? Exit.FINDINGS : Exit.OK;
}

/** Resources in files, where the server takes its resources from elsewhere. */
function unservedResources({ resources }: Workspace, { file, field }: Problem): Problem[] {
  if (resources.length === 0) return [];
  const message = `${resources.length} resources in files beside it are not served`;
  const remedy = 'apply them to the hub, or remove `hub`';
  return [{ severity: 'warning', ...(file === undefined ? {} : { file }), field: field ?? 'hub', message, remedy }];
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

/** @param clusters sites whose clusters were not looked at */
function report({ configuration, problems }: Loaded, clusters: readonly string[], json: boolean | undefined): number {
  const isBad = hasErrors(problems);
  if (json === true) printJson({ ok: !isBad, problems, clustersNotSeen: clusters });
  else {
    printProblems(problems);
    if (!isBad && configuration !== undefined) {
      const { zones, sites, exports } = configuration;
      printLine(`ok: ${zones.length} zones, ${sites.size} sites, ${exports.length} exports`);
    }
    if (clusters.length > 0) printLine(`not checked: what is in ${clustersOf(clusters)}`);
  }
  return isBad ? Exit.FINDINGS : Exit.OK;
}
