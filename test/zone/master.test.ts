import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatProblem } from '../../src/lib/problem.ts';
import { includeFrom, parseMasterFile, printZone } from '../../src/zone/mod.ts';
import { wireName } from '../support/zone-verdict.ts';

const HEAD = '$TTL 300\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.53\n';

/** The records of a zone from these octets beside those of the head, and all that is said of it. */
function read(octets: string | Uint8Array, directory?: string): { records: string[]; problems: string[] } {
  const body = typeof octets === 'string' ? Buffer.from(octets, 'utf8') : octets;
  const text = Buffer.concat([Buffer.from(HEAD), body]).toString('latin1');
  return readText(text, directory);
}

function readText(text: string, directory?: string): { records: string[]; problems: string[] } {
  const { zone, problems } = parseMasterFile({
    octets: Buffer.from(text, 'latin1'),
    file: directory === undefined ? 'z' : join(directory, 'z'),
    origin: wireName('example.org.'),
    ...(directory === undefined ? {} : { include: includeFrom(directory) }),
  });
  const records = printZone(zone)
    .split('\n')
    .filter((line) => !/^$|^\$ORIGIN|SOA|NS ns1|^ns1\./u.test(line));
  return {
    records: records.map((line) => line.replace(' 300 IN ', ' ').replace('.example.org.', '')),
    problems: problems.map(formatProblem),
  };
}

const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');

test.each<[string, string | Uint8Array, string[]]>([
  ['octets that are no UTF-8', latin1('a TXT "caf\u00e9" caf\u00e9 \\233'), ['a TXT "caf\\233" "caf\\233" "\\233"']],
  ['UTF-8', 'a TXT "größe"', ['a TXT "gr\\195\\182\\195\\159e"']],
  ['octets in CAA', latin1('a CAA 0 iodef caf\u00e9'), ['a CAA 0 iodef "caf\\233"']],
  ['octets in a comment', latin1('a TXT x ; caf\u00e9\nb TXT y'), ['a TXT "x"', 'b TXT "y"']],
  ['quotes inside a word', 'a TXT site-verification="abc123"', ['a TXT "site-verification=" "abc123"']],
  ['a word after quotes', 'a TXT "a"b"c d"', ['a TXT "a" "b" "c d"']],
  ['an escaped quote in a word', String.raw`a TXT a\"b"`.slice(0, -1), [String.raw`a TXT "a\"b"`]],
  ['quotes around a parameter', 'a HTTPS 1 . alpn="h2,h3" port=1', ['a HTTPS 1 . alpn="h2,h3" port=1']],
  ['lines that end with carriage returns', 'a TXT x\r TXT y\rb TXT z\r', ['a TXT "x"', 'a TXT "y"', 'b TXT "z"']],
  ['lines that end with both, one twice', 'a TXT x ; c\r\r\nb TXT y\r\r\n', ['a TXT "x"', 'b TXT "y"']],
])('reads %s', (_, octets, records) => {
  expect(read(octets)).toEqual({ records, problems: [] });
});

test('reads a file that begins with a byte order mark', () => {
  const text = `\u00ef\u00bb\u00bf${HEAD}a TXT x\n`;
  expect(readText(text)).toEqual({ records: ['a TXT "x"'], problems: [] });
});

test.each<[string, string | Uint8Array, string]>([
  [
    'a name that is not ASCII',
    'größe A 192.0.2.1',
    'z:5:1: error: "größe" is not ASCII: write a host name in Punycode (xn--), octets that are meant as they are as \\DDD',
  ],
  [
    'a name that is no UTF-8',
    latin1('caf\u00e9 A 192.0.2.1'),
    'z:5:1: error: "caf\\233" is not ASCII: write a host name in Punycode (xn--), octets that are meant as they are as \\DDD',
  ],
  [
    'a type that is no UTF-8, and control characters',
    latin1('a \u0007\u00e9 x'),
    'z:5:3: error: "\\007\\233" is no record type; write [NAME] [TTL] [IN] TYPE DATA; types without a name here are written TYPE<number>',
  ],
  [
    'an address with UTF-8 in it',
    'a A größe',
    'z:5:5: error: a.example.org. A: "größe" is no IPv4 address; write it as in 192.0.2.1',
  ],
  ['a zero octet', 'a TXT x\0y', 'z:5:7: error: an octet of value 0; write \\000 for it, or take it away'],
  ['a zero octet in quotes', 'a TXT "x\0y"', 'z:5:7: error: an octet of value 0; write \\000 for it, or take it away'],
  [
    'a carriage return that hides a record',
    'a TXT x ; c\rb TXT y\nc TXT z',
    'z:5:12: error: a carriage return in a comment, which would hide what follows it; end lines with a line feed, or with a carriage return and a line feed',
  ],
  [
    'quotes inside an owner',
    'a"b" A 192.0.2.1',
    'z:5:2: error: quotes before the type: "b"; write [NAME] [TTL] [IN] TYPE DATA without them',
  ],
  [
    'quotes inside a name',
    'a MX 10 ns"1"',
    'z:5:11: error: a.example.org. MX: "1" follows what is before it without a blank; put a blank between the two, or write \\" for a quote that belongs to the text',
  ],
  [
    'quotes inside a directive',
    '$ORIGIN a"b".example.org.',
    'z:5:10: error: "b" follows what is before it without a blank; put a blank between them',
  ],
  [
    'a semicolon that would cut generated data',
    '$GENERATE 1-2 a$ TXT "x; y"',
    'z:5:1: error: a `;` outside of quotes, where it would begin a comment and cut the record: put the value with the `;` in quotes, or remove the comment; as in `$GENERATE 1-254 host-$ A 192.0.2.$`',
  ],
])('refuses %s, and says where', (_, octets, problem) => {
  expect(read(octets).problems).toEqual([problem]);
});

test('warns of an alias with parameters, and keeps them', () => {
  const { records, problems } = read('a HTTPS 0 b alpn=h2');
  expect(records).toEqual(['a HTTPS 0 b.example.org. alpn="h2"']);
  expect(problems).toEqual([
    'z:5:3: warning: a.example.org. HTTPS: priority 0 is an alias, whose parameters every client ignores (RFC 9460 2.4.2); remove them, or write a priority of 1 or more',
  ]);
});

test.each([
  ['little-endian with a mark', `\u00ff\u00fe${Buffer.from(HEAD, 'utf16le').toString('latin1')}`],
  ['little-endian', Buffer.from(HEAD, 'utf16le').toString('latin1')],
  ['big-endian', Buffer.from(HEAD, 'utf16le').swap16().toString('latin1')],
])('refuses UTF-16, %s', (_, text) => {
  expect(readText(text).problems).toEqual(['z: error: the file is in UTF-16; save it as UTF-8']);
});

test('includes files with names and records of any octets', () => {
  const directory = mkdtempSync(join(tmpdir(), 'edgeward-master-'));
  try {
    writeFileSync(join(directory, 'größe.inc'), latin1('a TXT "caf\u00e9"\n$INCLUDE gr\u00c3\u00b6\u00c3\u009fe.inc'));
    writeFileSync(join(directory, 'größe 2.inc'), latin1('\u00ef\u00bb\u00bfb TXT x\n'));
    const { records, problems } = read('$INCLUDE größe.inc\n$INCLUDE "größe 2.inc"\n$INCLUDE nö.inc\n', directory);
    expect(records).toEqual(['a TXT "caf\\233"', 'b TXT "x"']);
    expect(problems.map((problem) => problem.replaceAll(`${directory}/`, ''))).toEqual([
      'größe.inc:2:10: error: "größe.inc" includes itself; by way of größe.inc',
      'z:7:10: error: "nö.inc" cannot be included: there is no such file or directory',
    ]);
    expect(read(latin1('$INCLUDE caf\u00e9'), directory).problems).toMatchObject([
      expect.stringMatching(/z:5:10: error: the path "caf\\233" is not UTF-8; rename the file$/u),
    ]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
