import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatProblem } from '../../src/lib/problem.ts';
import { parseMasterFile, printZone } from '../../src/zone/mod.ts';
import { wireName } from '../support/zone-verdict.ts';

/** Parentheses around nothing mean nothing, and no plain line has any; those that came into quotes count as blanks. */
const MARK = ' ()';
const NO_MARK = '   ';

/** What a zone of these octets has, and all that is said of it. */
function read(text: string): { records: string; problems: string[] } {
  const octets = Buffer.from(text, 'latin1');
  const { zone, problems } = parseMasterFile({ octets, file: 'z', origin: wireName('Example.org.') });
  const unmarked = (found: string): string => found.replaceAll(MARK, NO_MARK);
  return { records: unmarked(printZone(zone)), problems: problems.map((problem) => unmarked(formatProblem(problem))) };
}

const LONG = 'x'.repeat(63);
const NAMES = ['', '@', 'a', 'A', 'a.b', 'b', '*.w', '_x._tcp', '1', '0/25', 'in', 'A.EXAMPLE.org.', 'x.example.org.']
  .concat(['example.org.', 'out.test.', 'notexample.org.', '.', '..', 'a..b', 'a.', LONG, `${LONG}x`, '$x', 'a@b'])
  .concat([[LONG, LONG, LONG, 'x'.repeat(48)].join('.'), [LONG, LONG, LONG, 'x'.repeat(49)].join('.')])
  .concat([`${[LONG, LONG, LONG, 'x'.repeat(61)].join('.')}.`, '\\065', 'a\\.b', '"a"', 'gr\u00f6', 'a;', '(', 'a:b']);
const HEADS = ['', '', '300', '0', '60', '1h', '0060', '2147483647', '2147483648', '4294967296', 'IN', 'in', 'IN 300']
  .concat(['300 IN', 'IN IN', '3 3', 'CH', 'CLASS1', '"IN"', '300"', 'INN'])
  .map((head) => (head === '' ? '' : `${head} `));
const STRINGS = [
  '"a"',
  '""',
  '"a b;c"',
  '"a""b"',
  '"a"b',
  'a',
  '"a\tb"',
  '"a\\"b"',
  '"gr\u00f6"',
  '"a',
  '"v=spf1" "x"',
].concat([`"${'x'.repeat(255)}"`, `"${'x'.repeat(256)}"`, '"v=DMARC1"', '"v=spf1 -all"', '"a\u0001"', '"\\010"']);
const DATA: Readonly<Record<string, readonly string[]>> = {
  A: ['192.0.2.1', '0.0.0.0', '255.255.255.255', '256.0.0.1', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.4 5', '1.2.3.'],
  AAAA: ['2001:db8::1', '::', '::1', '1::', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8', '1:2:3:4::6:7:8']
    .concat([
      '1:2:3',
      ':::',
      '1::2::3',
      '12345::',
      '::ffff:192.0.2.1',
      'FE80::A',
      '1:',
      ':1',
      'g::',
      '1:2:3:4:5:6:7:8:9',
    ])
    .concat(['1:2:3:4:5:6:7:8::', '::1:2:3:4:5:6:7:8']),
  NS: NAMES,
  CNAME: NAMES,
  PTR: NAMES,
  MX: NAMES.flatMap((name) => [`10 ${name}`, `65535\t${name}`]).concat([
    '65536 a',
    '010 a',
    'a',
    '10',
    '-1 a',
    '1.5 a',
  ]),
  SRV: ['0 5 5060 a', '0 5 5060 @', '0 5 a', '65535 65535 65535 .', '0 5 99999 a', '00001 1 1 a', '000001 1 1 a'],
  TXT: STRINGS.concat(STRINGS.flatMap((one) => [`${one} ${one}`, `${one}  "z"`])),
  CAA: ['0 issue "ca.test"'],
  TYPE1: ['\\# 4 C0000201', '192.0.2.1'],
  IN: ['A 192.0.2.1'],
  NOPE: ['x'],
};

const record = fc
  .record({
    owner: fc.oneof(fc.constantFrom('a', '', '@', 'b.c'), fc.constantFrom(...NAMES)),
    blank: fc.constantFrom(' ', '\t', '   '),
    head: fc.constantFrom(...HEADS),
    data: fc.constantFrom(...Object.keys(DATA)).chain((type) =>
      fc.record({
        type: fc.constantFrom(type, type.toLowerCase()),
        text: fc.constantFrom(...DATA[type]!),
      }),
    ),
    between: fc.constantFrom(' ', '\t\t'),
  })
  .map(({ owner, blank, head, data, between }) => `${owner}${blank}${head}${data.type}${between}${data.text}`);
const other = fc.constantFrom('', ' ', '\t', '$ORIGIN sub', '$ORIGIN @', '$ORIGIN out.test.', '$TTL 5m', '$TTL', ')');
const line = fc.oneof({ weight: 9, arbitrary: record }, { weight: 1, arbitrary: other });
const ending = fc.constantFrom(
  '\n',
  '\n',
  '\r\n',
  ' \n',
  '; c\n',
  ' ;\n',
  '\t; "c\r\n',
  '\r',
  '; c\rx\n',
  '\r\r\n',
  '',
);
const lines = fc.array(fc.tuple(line, ending), { minLength: 1, maxLength: 12 });

test('plain lines mean what they mean to the lexer', () => {
  fc.assert(
    fc.property(lines, fc.constantFrom('', '$TTL 300\n', '@ 77 SOA ns mail 1 2 3 4 5\n'), (body, head) => {
      const plain = head + body.map(([text, end]) => text + NO_MARK + end).join('');
      const lexed = head + body.map(([text, end]) => text + MARK + end).join('');
      expect(read(plain)).toEqual(read(lexed));
    }),
    { numRuns: 3000 },
  );
});

test('plain lines at the end of a file need no line feed', () => {
  for (const line of [
    'a A 192.0.2.1',
    'a AAAA ::',
    'a NS .',
    'a NS b',
    'a TXT "x"',
    'a MX 1 b',
    '; c',
    ' ',
    'a',
    'a A',
  ])
    expect(read(`$TTL 300\n${line}`)).toEqual(read(`$TTL 300\n${line}\n`));
});
