import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { Exit } from '../lib/exit.ts';

const HELP = `
Exit codes of all commands:
  0  done, and nothing is wrong
  1  done, and the answer is no: problems found, no such name, nobody answered
  2  the command line or a file it names cannot be used

Examples:
  edgeward serve config/demo                 serve a configuration directory
  edgeward check config/demo                 say what is wrong with it
  edgeward query chat.example.org --subnet 202.96.128.0/24
  edgeward query --help                      options and examples of one command`;

/** The version in package.json, two directories above this file both in the sources and when built. */
function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/**
 * The command line: help and errors around the commands. A command line that cannot be used ends the process with 2;
 * commands leave their exit codes in `process.exitCode`.
 */
export function buildProgram(commands: readonly Command[]): Command {
  const program = new Command('edgeward')
    .description('Authoritative DNS that sends every client to the nearest edge site with room to serve it')
    .version(version(), '-V, --version', 'print the version')
    .addHelpText('after', HELP)
    .showHelpAfterError('(--help tells more)')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /u, 'edgeward: ')) })
    // Help and version end here as well, with 0.
    .exitOverride((error) => process.exit(error.exitCode === 0 ? Exit.OK : Exit.USAGE))
    .hook('preAction', () => void process.stdout.on('error', stopQuietly));
  for (const command of commands) {
    inherit(command, program);
    program.addCommand(command);
  }
  return program;
}

/** Commands that were made by themselves inherit nothing when they are added. */
function inherit(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherit(child, command);
}

/** `edgeward query ... | head -1`: who reads no further wants no stack trace. */
function stopQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
}
