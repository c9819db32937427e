/**
 * One thing that is wrong with what an operator wrote, said so that it can be mended:
 * where it is, what is wrong, and what would be right.
 */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** Path as the operator would type it; absent for input that has no file. */
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  /** 1-based. */
  readonly column?: number;
  /** Dotted path inside a resource (`spec.endpoints[2].address`), or `owner TYPE` in a zone. */
  readonly field?: string;
  /** What is wrong. One sentence without a full stop. */
  readonly message: string;
  /** What would be right. One sentence without a full stop. */
  readonly remedy?: string;
}

/** `FILE:LINE:COLUMN: error: FIELD: MESSAGE; REMEDY`, leaving out what is not known. */
export function formatProblem(problem: Problem): string {
  let place = problem.file ?? '';
  if (problem.line !== undefined) place += `:${problem.line}`;
  if (problem.line !== undefined && problem.column !== undefined) place += `:${problem.column}`;
  const parts = [place, problem.severity, problem.field ?? '', problem.message].filter((part) => part !== '');
  return parts.join(': ') + (problem.remedy === undefined ? '' : `; ${problem.remedy}`);
}

/** True if any of the problems forbids serving. */
export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === 'error');
}

export interface ProblemLine {
  readonly severity: Problem['severity'];
  readonly text: string;
}

/** Of problems that are alike so many are shown; one more would take the line that counts it. */
const SHOWN_OF_A_KIND = 3;

/**
 * One line for each problem, as `formatProblem` writes it. Of those that are alike (severity, file, and message but for
 * names and numbers) the first three, and a line that counts the rest: a thousand lines with one mistake would hide all
 * others.
 * @param remedy how to see the rest
 */
export function problemLines(problems: readonly Problem[], remedy?: string): ProblemLine[] {
  const kinds = new Map<string, Problem[]>();
  for (const problem of problems) {
    const kind = `${problem.severity} ${problem.file ?? ''} ${shapeOf(problem.message)}`;
    const alike = kinds.get(kind);
    if (alike === undefined) kinds.set(kind, [problem]);
    else alike.push(problem);
  }
  return [...kinds.values()].flatMap((alike) => {
    const isMany = alike.length > SHOWN_OF_A_KIND + 1;
    const shown = isMany ? alike.slice(0, SHOWN_OF_A_KIND) : alike;
    const lines = shown.map((problem) => ({ severity: problem.severity, text: formatProblem(problem) }));
    if (!isMany) return lines;
    const { severity, file } = alike[0]!;
    const place = file === undefined ? {} : { file };
    const rest: Problem = {
      severity,
      ...place,
      message: countRest(alike),
      ...(remedy === undefined ? {} : { remedy }),
    };
    return [...lines, { severity, text: formatProblem(rest) }];
  });
}

function countRest(alike: readonly Problem[]): string {
  let count = 0;
  let first = Infinity;
  let last = 0;
  for (let i = SHOWN_OF_A_KIND; i < alike.length; i++) {
    const { line } = alike[i]!;
    count++;
    first = Math.min(first, line ?? Infinity);
    last = Math.max(last, line ?? 0);
  }
  const where = last === 0 ? '' : `, in lines ${first} to ${last}`;
  return `${count} more like these${where}`;
}

/** A message without its quoted parts, names, paths, addresses and numbers. */
function shapeOf(message: string): string {
  return message.replaceAll(/`[^`]*`|"(?:[^"\\]|\\.)*"|[^\s`"]+/gu, (part) =>
    /^[`"]|[./@0-9]/u.test(part) ? '*' : part,
  );
}
