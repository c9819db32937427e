import { Exit } from '../lib/exit.ts';
import { problemLines, type Problem } from '../lib/problem.ts';

/** Says what is wrong with the command line on stderr, and gives the exit code for it. */
export function usage(message: string): number {
  process.stderr.write(`edgeward: ${message}\n`);
  return Exit.USAGE;
}

export function printLine(text = ''): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  const plain = (_: string, each: unknown): unknown =>
    each instanceof Uint8Array ? Buffer.from(each).toString('hex') : each;
  printLine(JSON.stringify(value, plain, 2));
}

/** Columns as wide as their widest cell, two spaces apart. */
export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  for (const row of [header, ...rows]) printLine(line(row));
}

/** Problems, one a line, errors first, many that are alike in few lines: for commands whose result they are. */
export function printProblems(problems: readonly Problem[]): void {
  for (const line of linesOf(problems, JSON_HAS_ALL)) printLine(line);
}

/** Problems beside a result, on stderr: what reads the result from stdout does not want them. */
export function warnOf(problems: readonly Problem[]): void {
  for (const line of linesOf(problems)) process.stderr.write(`${line}\n`);
}

/** Says why there is no result, as JSON if that was asked for, and gives the exit code for it. */
export function refuse(problems: readonly Problem[], json: boolean | undefined): number {
  if (json === true) printJson({ ok: false, problems });
  else for (const line of linesOf(problems, JSON_HAS_ALL)) process.stderr.write(`${line}\n`);
  return Exit.FINDINGS;
}

const JSON_HAS_ALL = '`--json` prints all';

function linesOf(problems: readonly Problem[], remedy?: string): string[] {
  const rank = ({ severity }: Problem): number => (severity === 'error' ? 0 : 1);
  const sorted = [...problems].sort((a, b) => rank(a) - rank(b));
  return problemLines(sorted, remedy).map(({ text }) => text);
}
