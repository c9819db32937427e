import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Command } from 'commander';
import { loadConfig } from '../config/config.ts';
import { stateDirectory } from '../config/state-directory.ts';
import { acceptIds, readHeld, type HeldEntry } from '../state/accepted.ts';
import { printJson, printLine, refuse, usage } from './output.ts';
import { Exit } from '../lib/exit.ts';

interface Options {
  readonly all?: boolean;
  readonly zones?: string;
  readonly json?: boolean;
}

/** A running server notices within half a second. */
const PATIENCE_MS = 5000;
const POLL_MS = 100;

/** `edgeward accept [DIR] [ID...]` */
export function acceptCommand(): Command {
  return new Command('accept')
    .description('list the changes that a running server holds, and accept them')
    .argument('[config-dir]', 'directory with edgeward.yaml (default: /etc/edgeward)')
    .argument('[id...]', 'changes to accept; without one they are listed')
    .option('-z, --zones <dir>', 'the folder that the server was given with --zones')
    .option('-a, --all', 'accept all that is held now')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nA change is held when it takes away much at once and nobody was seen to make it: a file that is cut short or\n' +
        'empty, many zones that are gone, a hub that has forgotten. The server serves what was there before.\n\n' +
        'Exit codes:\n' +
        '  0  nothing is held, or all that was named is accepted\n' +
        '  1  changes are held, or what was accepted is still held\n' +
        '  2  the command line cannot be used\n\n' +
        'Examples:\n  edgeward accept /etc/edgeward\n  edgeward accept /etc/edgeward 0c1f2a9b3e\n  edgeward accept --zones /etc/nsd/zones --all',
    )
    .action(async (directory: string | undefined, ids: string[], options: Options) => {
      process.exitCode = await run(directory, ids, options);
    });
}

async function run(directory: string | undefined, named: readonly string[], options: Options): Promise<number> {
  const { all = false, zones, json } = options;
  // With --zones there is no configuration directory, so that the first word is an id.
  const ids = zones === undefined || directory === undefined ? named : [directory, ...named];
  const configuration = zones ?? directory ?? '/etc/edgeward';
  if (all && ids.length > 0) return usage('name changes, or accept --all: not both');
  const file = zones === undefined ? join(configuration, 'edgeward.yaml') : undefined;
  const { config, problems } = loadConfig({ file, env: process.env });
  if (config === undefined) return refuse(problems, json);
  const state = stateDirectory(config.dataDirectory, configuration);
  const held = readHeld(state);
  if (!all && ids.length === 0) return list(held, json);
  const unknown = ids.find((id) => !held.some((entry) => entry.id === id));
  if (unknown !== undefined)
    return usage(`no change ${unknown} is held; without an id the command lists those that are`);
  const accepted = all ? held : held.filter(({ id }) => ids.includes(id));
  if (accepted.length > 0)
    acceptIds(
      state,
      accepted.map(({ id }) => id),
    );
  const left = await stillHeld(state, accepted);
  if (json === true) printJson({ accepted, left });
  else {
    for (const { id, what } of accepted) printLine(`accepted ${id}: ${what}`);
    if (left.length > 0) printLine('the server has not served it yet: is it running, and with this directory?');
  }
  return left.length > 0 ? Exit.FINDINGS : Exit.OK;
}

function list(held: readonly HeldEntry[], json: boolean | undefined): number {
  if (json === true) printJson({ held });
  else if (held.length === 0) printLine('no change is held');
  else for (const { id, what, message } of held) printLine(`${id}  ${what}: ${message}`);
  return held.length > 0 ? Exit.FINDINGS : Exit.OK;
}

/** What the server still holds after it had time to notice. */
async function stillHeld(state: string, accepted: readonly HeldEntry[]): Promise<HeldEntry[]> {
  for (const end = Date.now() + PATIENCE_MS; ; await setTimeout(POLL_MS)) {
    const held = new Set(readHeld(state).map(({ id }) => id));
    const left = accepted.filter(({ id }) => held.has(id));
    if (left.length === 0 || Date.now() > end) return left;
  }
}
