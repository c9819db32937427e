import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { Exit } from './output.ts';

/** The command line: global help and error handling around the commands. */
export function buildProgram(commands: readonly Command[]): Command {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const program = new Command('edgeward')
    .description('Authoritative DNS that sends every client to the nearest edge site with room to serve it')
    .version(version)
    .showHelpAfterError('(add --help for what there is)')
    .showSuggestionAfterError()
    .addHelpText('after', '\nExit codes: 0 fine, 1 problems found or a negative answer, 2 wrong usage.');
  for (const command of commands) program.addCommand(command);
  for (const command of everyCommand(program)) {
    command.exitOverride((error) => {
      // Help and version end here as well, with 0.
      process.exit(error.exitCode === 0 ? Exit.OK : Exit.USAGE);
    });
    command.showHelpAfterError('(add --help for what there is)');
  }
  return program;
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}
