/**
 * The candidate that `word` most likely was meant to be: the fewest insertions, deletions, substitutions and swaps
 * of neighbours away (restricted Damerau-Levenshtein distance), at most a third of its length and never more than 3.
 * Ties go to the first in order. Undefined when none is near.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let limit = Math.min(3, Math.max(1, Math.floor(wanted.length / 3))) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - wanted.length) >= limit) continue;
    const edits = distance(wanted, candidate.toLowerCase());
    if (edits < limit) {
      best = candidate;
      limit = edits;
    }
  }
  return best;
}

/**
 * The one name that a word is a misspelling of: a long name that differs in one letter (two, from 8 letters on), when
 * every other name differs in more letters. Codes are no names: each is near to others that exist.
 * @param margin how many letters more the others differ in
 */
export function nearestName(word: string, names: Iterable<string>, margin = 2): string | undefined {
  if (word.length < 5) return undefined;
  const most = word.length < 8 ? 1 : 2;
  let best: string | undefined;
  let least = most + 1;
  let second = Number.POSITIVE_INFINITY;
  for (const name of names) {
    if (Math.abs(name.length - word.length) > most + 2) continue;
    const edits = distance(word, name);
    if (edits < least) {
      second = best === undefined ? second : least;
      least = edits;
      best = name;
    } else if (edits < second) second = edits;
  }
  return second - least >= margin ? best : undefined;
}

function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let edits = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) edits = Math.min(edits, before[j - 2]! + 1);
      row.push(edits);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}

/** `a`, `a or b`, `a, b or c`: each in backquotes. */
export function orList(words: readonly string[]): string {
  const quoted = words.map((word) => `\`${word}\``);
  if (quoted.length < 2) return quoted.join('');
  return `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}

/**
 * What to do about a name that nothing has: the nearest one if one is near, else those that there are (the first
 * ten of them).
 */
export function suggest(word: string, candidates: readonly string[], plural: string): string {
  const near = nearest(word, candidates);
  if (near !== undefined) return `did you mean \`${near}\`?`;
  if (candidates.length === 0) return 'there is none: add it first';
  const shown = candidates.slice(0, 10).map((candidate) => `\`${candidate}\``);
  const rest = candidates.length - shown.length;
  return `${plural} are ${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
