import { err, ok, type Result } from '../lib/result.ts';

/** The words of one generated record. */
export type GenerateLine = readonly string[];

/** More than a reverse /16 has is a slip of the pen. */
const MAX_LINES = 65536;

/**
 * Expands BIND's `$GENERATE start-stop[/step] owner [ttl] [class] type data`: `$` becomes the number,
 * `${offset,width,base}` the number plus offset, padded with zeros to a width, in base d, o, x, X, or as nibbles in
 * reverse (n, N); `$$` is a dollar sign.
 */
export function expandGenerate([range, ...words]: readonly string[]): Result<GenerateLine[], string> {
  const match = /^(?<start>\d{1,10})-(?<stop>\d{1,10})(?:\/(?<step>\d{1,10}))?$/u.exec(range ?? '');
  if (match === null) return err(`$GENERATE wants a range, not "${range ?? ''}"`);
  const start = Number(match.groups!['start']);
  const stop = Number(match.groups!['stop']);
  const step = Number(match.groups!['step'] ?? 1);
  if (step === 0 || stop < start) return err('$GENERATE wants a range that goes up, by a step of 1 or more');
  if (words.length < 3) return err('$GENERATE wants a range, an owner, a type and data');
  if ((stop - start) / step >= MAX_LINES) return err(`$GENERATE makes at most ${MAX_LINES} records`);
  const lines: GenerateLine[] = [];
  for (let number = start; number <= stop; number += step) {
    const line: string[] = [];
    for (const word of words) {
      const filled = fill(word, number);
      if (!filled.ok) return filled;
      line.push(filled.value);
    }
    lines.push(line);
  }
  return ok(lines);
}

function fill(word: string, number: number): Result<string, string> {
  let fault: string | undefined;
  const text = word.replaceAll(/\\.|\$\$|\$\{(?<spec>[^}]*)\}|\$/gu, (found, ...rest) => {
    if (found.startsWith('\\')) return found;
    if (found === '$$') return '$';
    const { spec } = rest.at(-1) as { spec?: string };
    if (spec === undefined) return String(number);
    const parts = /^(?<offset>[+-]?\d{1,9})(?:,(?<width>\d{1,3})(?:,(?<base>[doxXnN]))?)?$/u.exec(spec)?.groups;
    const value = parts === undefined ? -1 : number + Number(parts['offset']);
    if (parts === undefined || value < 0) {
      fault =
        parts === undefined ? `"\${${spec}}" is not \${offset,width,base}` : `"\${${spec}}" makes ${number} negative`;
      return '';
    }
    return format(value, Number(parts['width'] ?? 0), parts['base'] ?? 'd');
  });
  return fault === undefined ? ok(text) : err(fault);
}

function format(value: number, width: number, base: string): string {
  if (base === 'n' || base === 'N') {
    // Reverse nibbles, as ip6.arpa wants them; width counts the dots as well.
    const nibbles = value
      .toString(16)
      .padStart(Math.ceil(width / 2), '0')
      .split('')
      .reverse()
      .join('.');
    return base === 'N' ? nibbles.toUpperCase() : nibbles;
  }
  const digits = value.toString({ d: 10, o: 8, x: 16, X: 16 }[base]).padStart(width, '0');
  return base === 'X' ? digits.toUpperCase() : digits;
}
