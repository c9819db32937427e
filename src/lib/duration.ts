/** Seconds in each unit of a Go duration. */
const UNITS: Readonly<Record<string, number>> = {
  h: 3600,
  m: 60,
  s: 1,
  ms: 1e-3,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  ns: 1e-9,
};

const PART = /([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(h|ms|m|s|us|µs|μs|ns)/uy;

/**
 * Seconds of a duration as Go's `time.ParseDuration` reads it: decimal numbers, each with a unit, and a sign before
 * them (`1h2m11s`, `1.5s`, `-30s`). Undefined for any other text.
 */
export function secondsOfGoDuration(text: string): number | undefined {
  const sign = /^[+-]/u.exec(text)?.[0] ?? '';
  const rest = text.slice(sign.length);
  if (rest === '0') return 0;
  if (rest === '') return undefined;
  let seconds = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < rest.length) {
    const match = PART.exec(rest);
    if (match === null) return undefined;
    seconds += Number(match[1]) * UNITS[match[2]!]!;
  }
  return sign === '-' ? -seconds : seconds;
}
