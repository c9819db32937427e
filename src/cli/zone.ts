import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { Command } from 'commander';
import { hasErrors, type Problem } from '../lib/problem.ts';
import { nameFromText, nameToText } from '../wire/name.ts';
import { typeToText } from '../wire/rdata/mod.ts';
import { checkZone, includeFrom, parseMasterFile, plainProblem, printZone, type ZoneData } from '../zone/mod.ts';
import { printJson, printLine, printProblems, refuse, usage, warnOf } from './output.ts';
import { Exit } from '../lib/exit.ts';

interface Options {
  readonly origin?: string;
  readonly json?: boolean;
  readonly allowUnsigned?: boolean;
}

/** `edgeward zone check|print FILE` */
export function zoneCommand(): Command {
  const command = new Command('zone').description('check and print master files (RFC 1035)');
  const shared = (sub: Command): Command =>
    sub
      .argument('<file>', 'master file')
      .option('-o, --origin <name>', 'apex of the zone (default: the file name without .zone or .db)')
      .option('--allow-unsigned', 'accept a zone that was signed beforehand: signatures are not served')
      .option('--json', 'print JSON');
  command.addCommand(
    shared(new Command('check').description('say what is wrong with a zone'))
      .addHelpText(
        'after',
        '\nExit code: 0 the zone can be served, 1 it cannot.\n\nExample:\n  edgeward zone check -o example.org zones/example.org.zone',
      )
      .action((file: string, options: Options) => {
        process.exitCode = check(file, options);
      }),
  );
  command.addCommand(
    shared(new Command('print').description('print a zone with absolute names, in canonical order'))
      .addHelpText('after', '\nExample:\n  edgeward zone print example.org.zone')
      .action((file: string, options: Options) => {
        process.exitCode = print(file, options);
      }),
  );
  return command;
}

function read(
  file: string,
  { origin, allowUnsigned = false }: Options,
): { zone: ZoneData; problems: Problem[] } | string {
  const text = origin ?? basename(file).replace(/\.(?:zone|db)$/u, '');
  const name = nameFromText(text);
  if (!name.ok) return `${name.error}: give the apex with --origin`;
  let octets: Buffer;
  try {
    octets = readFileSync(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: 'there is no such file',
      EISDIR: 'it is a directory; to serve all master files in it, use `edgeward serve --zones`',
      EACCES: 'permission denied',
    };
    return `${file} cannot be read: ${reasons[code ?? ''] ?? message}`;
  }
  const parsed = parseMasterFile({ octets, file, origin: name.value, include: includeFrom(dirname(file)) });
  const problems = hasErrors(parsed.problems)
    ? parsed.problems
    : [...parsed.problems, ...checkZone(parsed.zone, { unsigned: allowUnsigned }).map(plainProblem)];
  return { zone: parsed.zone, problems: problems.map((problem) => ({ file, ...problem })) };
}

function check(file: string, options: Options): number {
  const result = read(file, options);
  if (typeof result === 'string') return usage(result);
  const bad = hasErrors(result.problems);
  if (options.json === true) printJson({ ok: !bad, problems: result.problems });
  else {
    printProblems(result.problems);
    if (!bad) printLine(`ok: ${nameToText(result.zone.origin)} has ${countRecords(result.zone)} records`);
  }
  return bad ? Exit.FINDINGS : Exit.OK;
}

function countRecords(zone: ZoneData): number {
  let count = 0;
  for (const { rrsets } of zone.nodes.values()) for (const { rdatas } of rrsets) count += rdatas.length;
  return count;
}

function print(file: string, options: Options): number {
  const { json } = options;
  const result = read(file, options);
  if (typeof result === 'string') return usage(result);
  if (hasErrors(result.problems)) return refuse(result.problems, json);
  warnOf(result.problems);
  if (json === true) printJson({ origin: nameToText(result.zone.origin), rrsets: rrsetsOf(result.zone) });
  else process.stdout.write(printZone(result.zone));
  return Exit.OK;
}

function rrsetsOf(zone: ZoneData): unknown[] {
  return [...zone.nodes.values()].flatMap(({ name, rrsets }) =>
    rrsets.map(({ type, ttl, rdatas }) => ({ name: nameToText(name), type: typeToText(type), ttl, rdata: rdatas })),
  );
}
