/** Exit codes of all commands. */
export const Exit = {
  OK: 0,
  /** What was asked has been done, and the answer is no: problems found, no such name, no answer. */
  FINDINGS: 1,
  /** The command line or a file it names cannot be used. */
  USAGE: 2,
} as const;
