import { err, ok, type Result } from '../lib/result.ts';
import { tokensFromText, type Token } from '../wire/presentation.ts';
import { typeFromText } from '../wire/rdata/mod.ts';

/** The words of one generated record. */
export type GenerateLine = readonly Token[];

/** More than a reverse /16 has is a slip of the pen. */
const MAX_LINES = 65536;

/**
 * Expands BIND's `$GENERATE start-stop[/step] owner [ttl] [class] type data`: `$` becomes the number,
 * `${offset,width,base}` the number plus offset, padded with zeros to a width, in base d, o, x, X, or as nibbles in
 * reverse (n, N); `$$` is a dollar sign. Data of several words may be in quotes together, as in `MX "10 mail-$"`
 * (BIND 9 Administrator Reference Manual), or not.
 */
export function expandGenerate([range, ...words]: readonly Token[]): Result<GenerateLine[], string> {
  const match = /^(?<start>\d{1,10})-(?<stop>\d{1,10})(?:\/(?<step>\d{1,10}))?$/u.exec(range?.text ?? '');
  if (match === null) return err(`$GENERATE wants a range, not "${range?.text ?? ''}"`);
  const start = Number(match.groups!['start']);
  const stop = Number(match.groups!['stop']);
  const step = Number(match.groups!['step'] ?? 1);
  if (step === 0 || stop < start) return err('$GENERATE wants a range that goes up, by a step of 1 or more');
  if (words.length < 3) return err('$GENERATE wants a range, an owner, a type and data');
  if ((stop - start) / step >= MAX_LINES) return err(`$GENERATE makes at most ${MAX_LINES} records`);
  const unquoted = withoutOuterQuotes(words);
  if (!unquoted.ok) return unquoted;
  const lines: GenerateLine[] = [];
  for (let number = start; number <= stop; number += step) {
    const line: Token[] = [];
    for (const { text, ...token } of unquoted.value) {
      const filled = fill(text, number);
      if (!filled.ok) return filled;
      line.push({ ...token, text: filled.value });
    }
    lines.push(line);
  }
  return ok(lines);
}

/** Quotes right after the type are those around all the data, and what is in them is data as without them. */
function withoutOuterQuotes(words: readonly Token[]): Result<readonly Token[], string> {
  const last = words.at(-1)!;
  const before = words.slice(0, -1);
  if (!last.quoted || typeFromText(before.at(-1)!.text) === undefined) return ok(words);
  const data = tokensFromText(last.text.replaceAll('\\"', '"'));
  return data.ok ? ok([...before, ...data.value]) : err(`${data.error.message}: ${data.error.remedy}`);
}

function fill(word: string, number: number): Result<string, string> {
  let fault: string | undefined;
  const text = word.replaceAll(/\\.|\$\$|\$\{(?<spec>[^}]*)\}|\$/gu, (found, ...rest) => {
    if (found.startsWith('\\')) return found;
    if (found === '$$') return '$';
    const { spec } = rest.at(-1) as { spec?: string };
    if (spec === undefined) return String(number);
    const parts = /^(?<offset>[+-]?\d{1,9})(?:,(?<width>\d{1,3})(?:,(?<base>[doxXnN]))?)?$/u.exec(spec)?.groups;
    if (parts === undefined) {
      fault = `"\${${spec}}" is not \${offset,width,base}`;
      return '';
    }
    const value = number + Number(parts['offset']);
    const base = parts['base'] ?? 'd';
    if (value < 0 && base !== 'd') fault = `"\${${spec}}" makes ${number} negative`;
    return format(value, Number(parts['width'] ?? 0), base);
  });
  return fault === undefined ? ok(text) : err(fault);
}

function format(value: number, width: number, base: string): string {
  if (base === 'n' || base === 'N') {
    const reversed = nibbles(value, width);
    return base === 'N' ? reversed.toUpperCase() : reversed;
  }
  const sign = value < 0 ? '-' : '';
  const digits = Math.abs(value).toString({ d: 10, o: 8, x: 16, X: 16 }[base]);
  const padded = sign + digits.padStart(width - sign.length, '0');
  return base === 'X' ? padded.toUpperCase() : padded;
}

/** Nibbles in reverse with dots between them, as ip6.arpa wants them; an even width ends with a dot. */
function nibbles(value: number, width: number): string {
  const count = Math.ceil(width / 2);
  const digits = value.toString(16).padStart(count, '0');
  const text = digits.split('').reverse().join('.');
  return text.padEnd(width, '.');
}
