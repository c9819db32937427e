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
