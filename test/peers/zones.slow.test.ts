import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Type } from '../../src/wire/codes.ts';
import { nameText, type Answer } from '../support/dns/answer.ts';
import { exchange } from '../support/dns/exchange.ts';
import { encodeQuery } from '../support/dns/query.ts';
import { Random } from '../support/random.ts';
import { startEdgewardZones } from '../support/servers/edgeward.ts';
import { startKnot } from '../support/servers/knot.ts';
import { startNamed } from '../support/servers/named.ts';
import { startNsd } from '../support/servers/nsd.ts';
import { missingPrograms, startAll, type RunningServer } from '../support/servers/process.ts';
import {
  describeEssence,
  describeQuestion,
  differences,
  essence,
  faults,
  read,
  sameEssence,
  type Essence,
} from './compare.ts';
import { DELIBERATE, THIRD_WAY, type Case, type Exception } from './exceptions.ts';
import { makeQuestions, namesOfZones, type Question } from './questions.ts';

const FOLDER = fileURLToPath(new URL('zones', import.meta.url));
const QUESTIONS = 20_000;
const SEED = 1;

const missing = missingPrograms('zones beside NSD, Knot and BIND', ['nsd', 'knotd', 'named']);

/** All answers of one server, decoded, in the questions' order. */
async function answersOf(server: RunningServer, questions: readonly Question[]): Promise<(Answer | string)[]> {
  const answers = Array.from<Answer | string>({ length: questions.length });
  for (const tcp of [false, true]) {
    const indexes = [...questions.keys()].filter((index) => questions[index]!.tcp === tcp);
    const queries = indexes.map((index) => encodeQuery(questions[index]!));
    const found = await exchange(server.port, queries, { tcp });
    for (const [i, index] of indexes.entries()) answers[index] = read(found[i]);
  }
  return answers;
}

function report(found: Case): string {
  const { question, nsd, knot, ours } = found;
  const shown = sameEssence(nsd, knot)
    ? [`    NSD and Knot: ${describeEssence(nsd)}`]
    : [`    NSD: ${describeEssence(nsd)}`, `    Knot: ${describeEssence(knot)}`];
  return [describeQuestion(question), ...shown, `    Edgeward: ${describeEssence(ours)}`].join('\n');
}

/** The shortest of each kind of difference, and how many there are of it. */
function smallest(cases: readonly Case[], against: (found: Case) => string): string {
  const kinds = new Map<string, string[]>();
  for (const found of cases) {
    const kind = against(found);
    kinds.set(kind, [...(kinds.get(kind) ?? []), report(found)]);
  }
  return [...kinds]
    .sort((a, b) => b[1].length - a[1].length)
    .map(([kind, reports]) => {
      const shown = reports.sort((a, b) => a.length - b.length).slice(0, 3);
      return [`${reports.length} differ in ${kind}:`, ...shown].join('\n');
    })
    .join('\n\n');
}

describe.skipIf(missing.length > 0)('the same zones in Edgeward, NSD and Knot', () => {
  const zones = namesOfZones(FOLDER);
  const questions = makeQuestions(new Random(SEED), zones, QUESTIONS);
  const apexes = new Set(
    zones.map(({ origin }) => nameText([...origin.flatMap((label) => [label.length, ...label]), 0]).toLowerCase()),
  );
  let servers: RunningServer[] = [];
  let nsd: (Answer | string)[] = [];
  let knot: (Answer | string)[] = [];
  let bind: (Answer | string)[] = [];
  let ours: (Answer | string)[] = [];

  beforeAll(async () => {
    servers = await startAll([startNsd(FOLDER), startKnot(FOLDER), startNamed(FOLDER), startEdgewardZones(FOLDER)]);
    [nsd, knot, bind, ours] = (await Promise.all(servers.map((server) => answersOf(server, questions)))) as [
      typeof nsd,
      typeof knot,
      typeof bind,
      typeof ours,
    ];
  });

  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });

  /** The questions that NSD, Knot and we answered with something that can be read. */
  function cases(): Case[] {
    return questions.flatMap((question, index) => {
      const [a, b, c] = [nsd[index]!, knot[index]!, ours[index]!];
      if (typeof a === 'string' || typeof b === 'string' || typeof c === 'string') return [];
      const other = bind[index]!;
      return [
        {
          question,
          nsd: essence(a, apexes),
          knot: essence(b, apexes),
          bind: typeof other === 'string' ? undefined : essence(other, apexes),
          ours: essence(c, apexes),
        },
      ];
    });
  }

  it('answers every question with a message that can be read', () => {
    const silent = questions.flatMap((question, index) => {
      const answer = ours[index]!;
      return typeof answer === 'string' ? [`${describeQuestion(question)}: ${answer}`] : [];
    });
    expect(silent.slice(0, 10).join('\n')).toBe('');
  });

  it('makes no answer that is wrong by itself', () => {
    const found = questions.flatMap((question, index) => {
      const answer = ours[index]!;
      if (typeof answer === 'string') return [];
      return faults(question, answer).map((fault) => `${describeQuestion(question)}: ${fault}`);
    });
    expect(found.slice(0, 10).join('\n'), `${found.length} faults`).toBe('');
  });

  it('has peers that agree with each other on nearly all: else they would be no oracle', () => {
    const agreed = cases().filter((found) => sameEssence(found.nsd, found.knot));
    expect(agreed.length).toBeGreaterThan(QUESTIONS * 0.95);
  });

  it('agrees with NSD and Knot where they agree', () => {
    const wrong = cases().filter(
      (found) =>
        sameEssence(found.nsd, found.knot) &&
        !sameEssence(found.nsd, found.ours) &&
        !DELIBERATE.some((exception) => exception.applies(found)),
    );
    const text = smallest(wrong, (found) => differences(found.nsd, found.ours).join(', '));
    expect(text, `${wrong.length} of ${QUESTIONS} answers differ from both`).toBe('');
  });

  it('agrees with one of them or with BIND where they differ, or has a reason', () => {
    const differing = cases().filter((found) => !sameEssence(found.nsd, found.knot));
    const counts = new Map<string, number>();
    const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
    const alone = differing.filter((found) => {
      if (sameEssence(found.nsd, found.ours)) count('as NSD');
      else if (sameEssence(found.knot, found.ours)) count('as Knot');
      else if (found.bind !== undefined && sameEssence(found.bind, found.ours)) count('as BIND');
      else {
        const reason: Exception | undefined = THIRD_WAY.find((exception) => exception.applies(found));
        if (reason === undefined) return true;
        count(reason.name);
      }
      return false;
    });
    const summary = [...counts].map(([what, number]) => `${number} ${what}`).join(', ');
    console.log(`zones: NSD and Knot differ on ${differing.length} of ${QUESTIONS}: ${summary}`);
    const text = smallest(alone, (found) => differences(found.nsd, found.ours).join(', '));
    expect(text, `${alone.length} answers are like neither`).toBe('');
  });

  it('answers ANY with one record set of those that NSD and BIND have, or HINFO (RFC 8482 4.1, 4.2)', async () => {
    const asked = makeQuestions(new Random(SEED + 1), zones, 2000).map((question) => ({
      ...question,
      type: Type.ANY,
      tcp: true,
    }));
    const [whole, one, own] = await Promise.all([2, 0, 3].map((index) => answersOf(servers[index]!, asked)));
    const wrong = asked.flatMap((question, index) => {
      const [a, b, c] = [whole![index]!, one![index]!, own![index]!];
      if (typeof a === 'string' || typeof b === 'string' || typeof c === 'string') {
        return [`${describeQuestion(question)}: no answer`];
      }
      const [all, single, ours] = [essence(a, apexes), essence(b, apexes), essence(c, apexes)];
      // They differ on whether a CNAME made by a DNAME is followed for ANY, so either's word will do.
      const known = [...all.answer, ...single.answer];
      const status = (found: Essence): string => `${found.rcode} ${found.aa} ${found.answer.length > 0}`;
      // The DNAME and CNAME that lead to a name are not part of the one set.
      const sets = new Set(
        c.answer
          .filter(({ type }) => type !== Type.DNAME && type !== Type.CNAME)
          .map(({ owner, type }) => `${owner.toLowerCase()} ${type}`),
      );
      if (
        [status(all), status(single)].includes(status(ours)) &&
        ours.answer.every((line) => known.includes(line) || line.includes(' HINFO ')) &&
        sets.size <= 1
      ) {
        return [];
      }
      const shown = [
        `BIND: ${describeEssence(all)}`,
        `NSD: ${describeEssence(single)}`,
        `Edgeward: ${describeEssence(ours)}`,
      ];
      return [[describeQuestion(question), ...shown].join('\n    ')];
    });
    expect(wrong.slice(0, 5).join('\n'), `${wrong.length} of ${asked.length}`).toBe('');
  });
});
