import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isMap, isScalar, LineCounter, parseAllDocuments, stringify, type Document } from 'yaml';
import { readPlainDocument } from '../../src/lib/plain-yaml.ts';
import { parseYaml } from '../../src/lib/yaml.ts';

/** What the `yaml` package says: documents that are not empty, with their values; undefined for a mistake. */
function whole(text: string): { value: unknown; document: Document.Parsed; lines: LineCounter }[] | undefined {
  const lines = new LineCounter();
  const options = { lineCounter: lines, prettyErrors: false, stringKeys: true, logLevel: 'silent' } as const;
  const parsed = parseAllDocuments(text, options);
  if (!Array.isArray(parsed)) return [];
  if (parsed.some(({ errors, warnings }) => errors.length + warnings.length > 0)) return undefined;
  return parsed
    .map((document) => ({ value: document.toJS() as unknown, document, lines }))
    .filter(({ value }) => value !== null && value !== undefined);
}

function expectSame(text: string): void {
  const { documents, problems } = parseYaml(text, 'x.yaml');
  let expected: ReturnType<typeof whole>;
  try {
    expected = whole(text);
  } catch {
    // Aliases of nothing.
  }
  if (expected === undefined) return expect(problems.length).toBeGreaterThan(0);
  expect(problems).toEqual([]);
  expect(documents.map(({ value }) => value)).toStrictEqual(expected.map(({ value }) => value));
  for (const [at, { document, lines }] of expected.entries()) {
    const { locate } = documents[at]!;
    const place = (offset: number): { line: number; column: number } => {
      const { line, col } = lines.linePos(offset);
      return { line, column: col };
    };
    const { contents } = document;
    expect(locate('')).toEqual(place(contents!.range[0]));
    if (!isMap(contents)) continue;
    for (const { key } of contents.items) {
      if (!isScalar(key) || !/^[a-z]+$/u.test(String(key.value))) continue;
      expect(locate(String(key.value))).toEqual(place(key.range[0]));
    }
  }
}

/** What the plain reader says by itself; it must never say anything else than the whole parser. */
function expectNoOther(text: string): boolean {
  if (/^(?:---|%)/mu.test(text)) return false;
  const value = readPlainDocument(text);
  if (value === undefined) return false;
  expect(whole(text)?.map((each) => each.value)).toStrictEqual([value]);
  return true;
}

const PLAIN = [
  'kind: Site\nmetadata: { name: a }\n',
  'a:\n- b\n- c: d\n  e:\n  - f\n  -   g: 1\n      h: 2\ni:\n',
  'a:\n  - address: 192.0.2.1\n    site: fra # the first\n\n  # and\n  - { address: 2001:db8::1, site: "sin" }\n',
  "a: ''\nb: [1, -2, +3, 0x1f, 0o17, 1.5, -.5, 1., 1e3, .inf, -.INF, .nan, 007, 1_000, 0xg]\n",
  'a: [true, False, null, NULL, yes, no, on]\n',
  'a: [[1, [2]], {}, [], { b: { c: [d] } }]\nedgeward.dev/accept: x y  z\n',
  'a: 2026-11-25\nb: 10:30\nc: 1.2.3\nd: -x\ne: http://example.org/a#b\n',
  'a: b\r\nc:\r\n  - d\r\n',
  '  a: b\n  c:\n        d: e\n',
  'a:    # nothing\nb: "c" # d\n',
  'a: x\nb: ünï\n',
];

test.each(PLAIN)('reads %j as the whole parser does', (text) => {
  expect(expectNoOther(text)).toBe(true);
  expectSame(text);
});

test.each([
  'a: &x 1',
  'a: *x',
  'a: !t b',
  'a: |\n  b',
  'a: b: c',
  'a: 1\na: 2',
  'a: "\\n"',
  "a: 'it''s'",
  'a: b\n  c',
  'a: [b,\n c]',
  '? a',
  '- a\nb: 1',
  'a:\n  b: 1\n c: 2',
  'true: 1',
  '__proto__: 1',
  'a: [b: c]',
  'a: {b}',
  'a: [b, ]',
  'a: "b" c',
  'a: [b]#c',
  'a: - b',
  'a: ~',
  'a:\tb',
  '%YAML 1.2\na: b',
  '\uFEFFa: b',
  'a',
  '',
  '"a": b',
  '<<: { a: b }',
])('says of %j what the whole parser does', (text) => {
  expect(() => expectNoOther(text)).not.toThrow();
  expectSame(text);
});

test.each(['a: &x 1', 'a: *x', 'a: !t b', '? a', '__proto__: 1', '<<: { a: b }', 'a: 1\na: 2', 'a:\tb', '1: a', ''])(
  'leaves %j to the whole parser',
  (text) => {
    expect(readPlainDocument(text)).toBeUndefined();
    expectSame(text);
  },
);

/** Words apart by spaces; what has a space in it stands below. */
const WORDS = String.raw`a b name x-y 1 -1 0x1F 1.50 .5 1e-3 .inf true null Null ~ ::1 2001:db8:: fe80::1 10.0.0.1 a:b a#b - : ?
  << = / "q" 'q' "q "\t" 'it''s' [ ] [a,b] {} [] {"a":1} {a:1} *a !x | >- @ % # +1 + . .. ... --- 0o8 0o7 -0 1_0 é`;
const word = fc.constantFrom(
  ...WORDS.split(/\s+/u),
  'a b',
  'a #b',
  '- a',
  '? a',
  '[a, b]',
  '[ a ]',
  '[a: b]',
  '{a: b}',
  '{ a: 1, b: 2 }',
  '{a: b',
  '[[1], {a: [2]}]',
  '{a: "b,c"}',
  `['x' ,"y"]`,
  '&a b',
  '`',
  'a\u00a0b',
  'a\u2028b',
  ' #',
  '"a" b',
);
const line = fc
  .tuple(
    fc.nat(6),
    fc.constantFrom('', '', '- ', '-  ', '- - ', '? '),
    fc.constantFrom('', 'a: ', 'b: ', 'c: ', 'a:', 'long.key/x-1: ', '1: ', '"a": ', 'a : ', 'é: '),
    fc.oneof(fc.constant(''), word),
    fc.constantFrom('', '', ' ', '  ', ' # c', '#c', '\r', '\t'),
  )
  .map(([indent, dash, key, value, end]) => `${' '.repeat(indent)}${dash}${key}${value}${end}`);
const marker = fc.constantFrom(
  '---',
  '---',
  '--- ',
  '--- # c',
  '--- a',
  '...',
  '# c',
  '',
  '  # c',
  '   ',
  '%YAML 1.2',
  '---\r',
);
const anyText = fc
  .array(fc.oneof({ weight: 8, arbitrary: line }, { weight: 1, arbitrary: marker }), { maxLength: 12 })
  .map((lines) => lines.join('\n'));

test('says the same of any text as the whole parser', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expectNoOther(text);
      expectSame(text);
    }),
    { numRuns: 3000 },
  );
});

test('says the same of plain text after any small mistake', () => {
  const edit = fc.tuple(
    fc.nat(200),
    fc.nat(2),
    fc.constantFrom(...' :-#[]{},\n\r\t"\'&*!|>%@`~?.x1\\'.split(''), ': ', '- ', ' #', '---\n', '  ', 'a: b\n'),
  );
  const text = fc
    .tuple(fc.constantFrom(...PLAIN), fc.array(edit, { minLength: 1, maxLength: 3 }))
    .map(([plain, edits]) =>
      edits.reduce((now, [at, removed, added]) => {
        const place = at % (now.length + 1);
        return now.slice(0, place) + added + now.slice(place + removed);
      }, plain),
    );
  let plain = 0;
  fc.assert(
    fc.property(text, (written) => {
      if (expectNoOther(written)) plain++;
      expectSame(written);
    }),
    { numRuns: 3000 },
  );
  expect(plain).toBeGreaterThan(400);
});

const scalar = fc.oneof(
  fc.constantFrom(
    'a',
    'x y',
    '10.0.0.1',
    '2001:db8::1',
    '',
    'true',
    '1.0',
    '- a',
    'a: b',
    '#',
    'null',
    '0x1',
    '~',
    '.5',
  ),
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.boolean(),
  fc.constant(null),
);
const key = fc.constantFrom('a', 'b', 'name', 'spec', 'edgeward.dev/x', 'on', 'y1');
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

test('reads what is written by others, in any style and order of documents', () => {
  let plain = 0;
  const document = fc
    .tuple(
      fc.dictionary(key, anyValue, { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
      fc.constantFrom(2, 4),
      fc.boolean(),
      fc.boolean(),
    )
    .map(([value, indent, indentSeq, flow]) =>
      stringify(value, { indent, indentSeq, lineWidth: 0, ...(flow ? { collectionStyle: 'flow' as const } : {}) }),
    );
  fc.assert(
    fc.property(
      fc.array(document, { maxLength: 4 }),
      fc.constantFrom('', '# c\n', '---\n', '\n\n---\n'),
      (documents, head) => {
        const text = head + documents.join('---\n');
        expectSame(text);
        for (const each of documents) if (expectNoOther(each)) plain++;
      },
    ),
    { numRuns: 500 },
  );
  expect(plain).toBeGreaterThan(200);
});
