import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatProblem } from '../../src/lib/problem.ts';
import { parseYaml } from '../../src/lib/yaml.ts';

test('documents, with the place of every field', () => {
  const text = 'a: 1\nb:\n  - c: x\n    d: { e: [1, 2] }\n---\n# nothing\n---\nf: NO\n';
  const { documents, problems } = parseYaml(text, 'x.yaml');
  expect(problems).toEqual([]);
  expect(documents.map(({ value }) => value)).toEqual([{ a: 1, b: [{ c: 'x', d: { e: [1, 2] } }] }, { f: 'NO' }]);
  const [first, second] = documents;
  const places = ['', 'a', 'b', 'b[0]', 'b[0].d.e', 'b[0].d.e[1]', 'b[0].missing', 'b[7]', 'x.y'].map((field) => {
    const { line, column } = first!.locate(field);
    return `${field} ${line}:${column}`;
  });
  expect(places).toEqual([
    ' 1:1',
    'a 1:1',
    'b 2:1',
    'b[0] 3:5',
    'b[0].d.e 4:10',
    'b[0].d.e[1] 4:17',
    'b[0].missing 3:5',
    'b[7] 2:1',
    'x.y 1:1',
  ]);
  expect(second!.locate('f')).toEqual({ line: 8, column: 1 });
});

test.each([
  ['a: 1\na: 2', ['x.yaml:2:1: error: not valid YAML: map keys must be unique; keep one of the two']],
  ['a:\n\t- b', ['x.yaml:2:1: error: not valid YAML: tabs are not allowed as indentation; indent by spaces']],
  [
    'a: b: c',
    [
      'x.yaml:1:4: error: not valid YAML: nested mappings are not allowed in compact mappings; check the indentation, and quote text that has `: ` in it',
    ],
  ],
  [
    'a: [1, 2',
    [
      'x.yaml:1:9: error: not valid YAML: flow sequence in block collection must be sufficiently indented and end with a ]; close every bracket, and indent the fields of one map alike',
    ],
  ],
  [
    'a: "x',
    [
      'x.yaml:1:6: error: not valid YAML: missing closing "quote; check that every quote, bracket and brace is closed, and every item of a list begins with `- `',
    ],
  ],
  [
    '- a\nb: 1',
    ['x.yaml:2:1: error: not valid YAML: unexpected scalar at node end; quote text that has YAML punctuation in it'],
  ],
  [
    'a: !secret x',
    ['x.yaml:1:4: error: not valid YAML: unresolved tag: !secret; remove the tag (the word that begins with `!`)'],
  ],
  [
    'a: *b',
    [
      'x.yaml:1:4: error: not valid YAML: unresolved alias (the anchor must be set before the alias): b; quote text that begins with `*`',
    ],
  ],
  [
    'a: "\\w"',
    ['x.yaml:1:5: error: not valid YAML: invalid escape sequence \\w; double the backslash, or use single quotes'],
  ],
  [
    'a: 1\n b: 2',
    [
      'x.yaml:1:4: error: not valid YAML: nested mappings are not allowed in compact mappings; check the indentation, and quote text that has `: ` in it',
    ],
  ],
  [
    `a: &a [${'x,'.repeat(50)}]\nb: &b [${'*a,'.repeat(50)}]\nc: [${'*b,'.repeat(50)}]`,
    ['x.yaml:1:1: error: not valid YAML: excessive alias count indicates a resource exhaustion attack'],
  ],
] as const)('%s', (text, expected) => {
  expect(parseYaml(text, 'x.yaml').problems.map(formatProblem)).toEqual(expected);
});

test('no text makes it throw', () => {
  const pieces = fc.constantFrom(
    'a',
    ': ',
    '- ',
    '\n',
    '  ',
    '\t',
    '[',
    ']',
    '{',
    '}',
    '&a ',
    '*a',
    '!x',
    '"',
    "'",
    '|',
    '---\n',
    '? ',
    '#',
    ',',
    '%',
    '\u0000',
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(pieces, { maxLength: 30 }).map((words) => words.join('')),
  );
  const property = fc.property(text, (written) => {
    const { documents, problems } = parseYaml(written, 'x.yaml');
    for (const { locate } of documents) expect(locate('a[0].b').line).toBeGreaterThan(0);
    for (const problem of problems)
      expect(formatProblem(problem)).toMatch(/^x\.yaml:\d+:\d+: error: not valid YAML: /u);
  });
  fc.assert(property, { seed: 1, numRuns: 3000 });
});
