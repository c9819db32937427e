import { decodeMessage } from '../../src/wire/message.ts';
import { exchange } from '../../test/support/dns/exchange.ts';
import type { Asked } from './workload.ts';

export interface Checked {
  readonly asked: number;
  /** The first few answers that are not as they must be. */
  readonly wrong: readonly string[];
  /** Mean SCOPE of answers with a client subnet. */
  readonly scope: number;
}

const TOLD = 5;

/** Asks a sample and compares codes and data; order, case, TTLs and other sections may differ. */
export async function check(port: number, asked: readonly Asked[], sample: number): Promise<Checked> {
  const chosen = asked.slice(0, sample);
  const answers = await exchange(
    port,
    chosen.map(({ message }) => message),
    { timeoutMs: 2000 },
  );
  const wrong: string[] = [];
  const scopes: number[] = [];
  for (const [index, { message, rcode, data }] of chosen.entries()) {
    const question = decodeMessage(message);
    const answer = answers[index] === undefined ? undefined : decodeMessage(answers[index]);
    if (!question.ok) throw new Error(question.error);
    const { type } = question.value.questions[0]!;
    const told = !answer?.ok
      ? 'no answer'
      : `${answer.value.rcode} ${answer.value.answers
          .filter((record) => record.type === type)
          .map(({ rdata }) => Buffer.from(rdata).toString('hex'))
          .toSorted()
          .join(' ')}`;
    const wanted = `${rcode} ${data.toSorted().join(' ')}`;
    if (told !== wanted) wrong.push(`${Buffer.from(message).toString('hex')}: ${told}, not ${wanted}`);
    const scope = answer?.ok === true ? answer.value.edns?.ecs?.scope : undefined;
    if (scope !== undefined) scopes.push(scope);
  }
  return {
    asked: chosen.length,
    wrong: wrong.length > TOLD ? [...wrong.slice(0, TOLD), `and ${wrong.length - TOLD} more`] : wrong,
    scope: scopes.length === 0 ? Number.NaN : scopes.reduce((sum, each) => sum + each, 0) / scopes.length,
  };
}
