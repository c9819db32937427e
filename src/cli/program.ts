import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { Exit } from './output.ts';

const DESCRIPTION = 'Authoritative DNS that sends every client to the nearest edge site with room to serve it.';

const HELP = `
Exit codes of all commands:
  0  done, and nothing is wrong
  1  done, and the answer is no: problems found, no such name, nobody answered
  2  the command line or a file it names cannot be used

Examples:
  edgeward serve config/demo                 serve a configuration directory
  edgeward check config/demo                 say what is wrong with it
  edgeward query chat.example.com --subnet 202.96.128.0/24
  edgeward query --help                      options and examples of one command`;

/** The version in package.json, two directories above this file both in the sources and when built. */
function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The `edgeward` program, of the given commands. Nothing in it ends the process: see `runProgram`. */
export function buildProgram(commands: readonly Command[]): Command {
  const program = new Command('edgeward')
    .description(DESCRIPTION)
    .version(version(), '-V, --version', 'print the version')
    .addHelpText('after', HELP)
    .showHelpAfterError('(--help tells more)')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /u, 'edgeward: ')) })
    .exitOverride();
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

/**
 * Runs one command line. Exit codes are left in `process.exitCode`: those of the command that ran, 0 after help that
 * was asked for, 2 for a command line that cannot be used.
 * @param argv without the program and the script: `process.argv.slice(2)`
 */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
  // `edgeward query ... | head -1`: who reads no further wants no stack trace.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(process.exitCode);
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version exit with 0 when they were asked for, and help with 1 when there was no command.
    process.exitCode = error.exitCode === 0 ? Exit.OK : Exit.USAGE;
  }
}
