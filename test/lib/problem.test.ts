import { expect, test } from 'vitest';
import { problemLines, type Problem } from '../../src/lib/problem.ts';

const unknownSite = (line: number, severity: Problem['severity'] = 'error', file = 'm.csv'): Problem => ({
  severity,
  file,
  line,
  message: `site: no site \`s${line}\``,
  remedy: 'sites are `mainz`',
});
const textsOf = (problems: readonly Problem[]): string[] => problemLines(problems).map(({ text }) => text);

test('of a thousand that are alike the first three are shown, and the rest are counted', () => {
  const problems = Array.from({ length: 1000 }, (_, index) => unknownSite(index + 2));
  expect(problemLines(problems)).toEqual([
    { severity: 'error', text: 'm.csv:2: error: site: no site `s2`; sites are `mainz`' },
    { severity: 'error', text: 'm.csv:3: error: site: no site `s3`; sites are `mainz`' },
    { severity: 'error', text: 'm.csv:4: error: site: no site `s4`; sites are `mainz`' },
    { severity: 'error', text: 'm.csv: error: 997 more like these, in lines 5 to 1001' },
  ]);
});

test('the line that counts says how to see the rest', () => {
  const problems = Array.from({ length: 9 }, (_, index) => unknownSite(index));
  expect(problemLines(problems, '`--json` prints all').at(-1)?.text).toBe(
    'm.csv: error: 6 more like these, in lines 3 to 8; `--json` prints all',
  );
});

test('the line that counts is not longer than what it counts', () => {
  expect(textsOf([2, 3, 4, 5].map((line) => unknownSite(line)))).toHaveLength(4);
  expect(textsOf([2, 3, 4, 5, 6].map((line) => unknownSite(line)))).toEqual([
    ...[2, 3, 4].map((line) => `m.csv:${line}: error: site: no site \`s${line}\`; sites are \`mainz\``),
    'm.csv: error: 2 more like these, in lines 5 to 6',
  ]);
});

test('other severities, files and messages are other kinds, also in between', () => {
  const mixed = Array.from({ length: 10 }, (_, index): Problem[] => [
    unknownSite(index),
    unknownSite(index, 'warning'),
    unknownSite(index, 'error', 'n.csv'),
    { severity: 'error', file: 'm.csv', line: index, message: 'ms: `fast` is not a time' },
  ]).flat();
  const lines = textsOf(mixed);
  expect(lines).toHaveLength(16);
  expect(lines.filter((line) => line.includes('7 more like these'))).toEqual([
    'm.csv: error: 7 more like these, in lines 3 to 9',
    'm.csv: warning: 7 more like these, in lines 3 to 9',
    'n.csv: error: 7 more like these, in lines 3 to 9',
    'm.csv: error: 7 more like these, in lines 3 to 9',
  ]);
});

test.each([
  ['a.example.org is in no served zone', 'b.example.org is in no served zone'],
  ['"a \\" b" is not a host name', '"c" is not a host name'],
  ['192.0.2.1 of Service default/web at mainz is private', '2001:db8::1 of Service lab/api at mainz is private'],
  ['says `DE,,mainz` again', 'says `FR,,rome` again'],
  ['3 fields, not 4', '7 fields, not 4'],
])('%s: like %s', (one, other) => {
  const problems = Array.from({ length: 6 }, (_, index): Problem => {
    return { severity: 'warning', message: index % 2 === 0 ? one : other };
  });
  expect(textsOf(problems).at(-1)).toBe('warning: 3 more like these');
});

test('what differs in words is told apart', () => {
  const words = ['missing', 'unknown field', 'an empty list', 'not a host', 'no such type'];
  expect(textsOf(words.map((message) => ({ severity: 'error', message })))).toHaveLength(5);
});

test('many lines are grouped in little time', () => {
  const problems = Array.from({ length: 200_000 }, (_, index) => unknownSite(index));
  const before = process.cpuUsage();
  expect(textsOf(problems)).toHaveLength(4);
  expect(process.cpuUsage(before).user / 1e6).toBeLessThan(3);
});
