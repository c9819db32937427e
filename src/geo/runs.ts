/** A step covers this many ranges or runs, which takes a few milliseconds. */
export const STEP = 1 << 16;

/** Runs of neighbours with one class, while they are found and cut. */
export interface Runs {
  /** Where runs start, as an index into the ranges; behind them where the last one ends. */
  readonly starts: Uint32Array;
  count: number;
  /** IPv4 prefixes that they make. */
  prefixes: number;
}

export function newRuns(ranges: number): Runs {
  return { starts: new Uint32Array(ranges + 1), count: 0, prefixes: 0 };
}
