import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatProblem } from '../../src/lib/problem.ts';
import { nameKey } from '../../src/wire/name.ts';
import { rdataToText, typeFromText } from '../../src/wire/rdata/mod.ts';
import { zoneFromRecords } from '../../src/zone/mod.ts';
import { wireName } from '../support/zone-verdict.ts';

const ORIGIN = wireName('example.org.');
const OWNER = nameKey(wireName('a.example.org.'));

/** Record data from one field of a resource: as octets, as text, and all that is said of it. */
function read(
  type: string,
  data: string | readonly string[],
): { octets: Buffer[]; texts: string[]; problems: string[] } {
  const { zone, problems } = zoneFromRecords({
    origin: ORIGIN,
    defaultTtl: 60,
    records: [{ name: 'a', type, data }],
    field: 'records',
  });
  const code = typeFromText(type)!;
  const rdatas = zone.nodes.get(OWNER)?.rrsets.find((rrset) => rrset.type === code)?.rdatas ?? [];
  return {
    octets: rdatas.map((rdata) => Buffer.from(rdata)),
    texts: rdatas.map((rdata) => rdataToText(code, rdata)),
    problems: problems.map(formatProblem),
  };
}

/** What a reader of TXT makes of it (RFC 7208 3.3, RFC 6376 3.6.2.2). */
function joined(rdata: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at < rdata.length; at += 1 + rdata[at]!) parts.push(rdata.subarray(at + 1, at + 1 + rdata[at]!));
  return Buffer.concat(parts).toString('utf8');
}

const DKIM = 'v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQ';

test.each<[string, string, string, string]>([
  ['DKIM', 'TXT', DKIM, `"${DKIM}"`],
  ['DMARC', 'TXT', 'v=DMARC1; p=none; rua=mailto:a@example.org', '"v=DMARC1; p=none; rua=mailto:a@example.org"'],
  ['SPF', 'TXT', 'v=spf1 include:_spf.example.net ~all', '"v=spf1 include:_spf.example.net ~all"'],
  ['SPF of the old type', 'SPF', 'v=spf1 -all', '"v=spf1 -all"'],
  ['text with parentheses', 'TXT', '(a) b', '"(a) b"'],
  ['text with blanks', 'TXT', 'a  b\tc ', String.raw`"a  b\009c "`],
  ['text that is not ASCII', 'TXT', 'größe', String.raw`"gr\195\182\195\159e"`],
  ['text with escapes', 'TXT', String.raw`a\; b\\c \"d\" \233`, String.raw`"a; b\\c \"d\" \233"`],
  ['text of a YAML block', 'TXT', 'a b\n', '"a b"'],
  ['one quoted string', 'TXT', `"${DKIM}"`, `"${DKIM}"`],
  ['several quoted strings', 'TXT', '"a b" "c"', '"a b" "c"'],
  ['quoted strings without a blank', 'TXT', '"a""b"', '"a" "b"'],
  ['an empty string', 'TXT', '""', '""'],
  ['strings in parentheses', 'TXT', '( "v=DKIM1; k=rsa; "\n\t  "p=MIIB" )', '"v=DKIM1; k=rsa; " "p=MIIB"'],
  ['the form of RFC 3597', 'TXT', String.raw`\# 2 0141`, '"A"'],
  [
    'a quoted value',
    'CAA',
    '0 issue "ca.example.net; validationmethods=dns-01"',
    '0 issue "ca.example.net; validationmethods=dns-01"',
  ],
  ['an escaped semicolon', 'CAA', String.raw`0 issue ca.example.net\;a=b`, '0 issue "ca.example.net;a=b"'],
  ['quoted parameters', 'HTTPS', '1 . alpn="h2,h3" port=443', '1 . alpn="h2,h3" port=443'],
  ['parentheses over lines', 'SOA', '( ns1 h\n 1 2 3 4 5 )', 'ns1.example.org. h.example.org. 1 2 3 4 5'],
  ['strings of their own', 'RESINFO', 'qnamemin exterr=15-17', '"qnamemin" "exterr=15-17"'],
])('publishes %s as it was meant', (_, type, data, text) => {
  expect(read(type, data)).toMatchObject({ texts: [text], problems: [] });
});

test.each<[string, string, string, string]>([
  [
    'a comment',
    'A',
    '192.0.2.1 ; primary',
    'A: a `;` outside of quotes, where it would begin a comment and cut the record; put the value with the `;` in quotes, or remove the comment',
  ],
  [
    'a value that would be cut',
    'CAA',
    '0 issue letsencrypt.org; validationmethods=dns-01',
    'CAA: a `;` outside of quotes, where it would begin a comment and cut the record; put the value with the `;` in quotes, or remove the comment',
  ],
  [
    'a comment behind quotes',
    'TXT',
    '"a" ; b',
    'TXT: a `;` outside of quotes, where it would begin a comment and cut the record; put the value with the `;` in quotes, or remove the comment',
  ],
  [
    'quotes around a part of the text',
    'TXT',
    'site-verification="abc123"',
    String.raw`TXT: text both inside and outside of quotes; put all of it in quotes or none of it; a quote that belongs to the text is written \"`,
  ],
  [
    'text behind quotes',
    'TXT',
    '"a" b',
    String.raw`TXT: text both inside and outside of quotes; put all of it in quotes or none of it; a quote that belongs to the text is written \"`,
  ],
  [
    'a backslash',
    'TXT',
    String.raw`C:\dir`,
    String.raw`TXT: a backslash that escapes nothing; write \\ for a backslash that belongs to the text`,
  ],
  [
    'lines of text',
    'TXT',
    'a\nb\n',
    'TXT: a line break in the text; write the text on one line, or on several after `>-`, which joins them; several records are a list',
  ],
  [
    'lines of addresses',
    'A',
    '192.0.2.1\n192.0.2.2\n',
    'A: a line break outside of parentheses, where a record ends; write one record on one line; in YAML, several records are a list',
  ],
  [
    'a line break in quotes',
    'TXT',
    '"a\nb"',
    'TXT: a quote that is not closed on its line; close it with ", or write \\" for a quote in text',
  ],
  ['nothing', 'TXT', '', 'TXT: TXT wants a text, as in `"any text" "more of it"`'],
  [
    'a parenthesis alone',
    'MX',
    '10 (mail',
    'MX: a parenthesis without its partner; write both or none; in text, put it in quotes',
  ],
  ['a number in quotes', 'MX', '"10" mail', 'MX: "10" is in quotes; write it without them'],
  [
    'a string that is too long where it means something of its own',
    'RESINFO',
    `"${'x'.repeat(300)}"`,
    'RESINFO: a string of 300 octets, and one holds 255 at most; split it into several quoted strings, as in "first part" "second part"',
  ],
])('refuses %s', (_, type, data, says) => {
  expect(read(type, data)).toMatchObject({ texts: [], problems: [`error: records[0].data: ${says}`] });
});

test('says which of a list is wrong', () => {
  const { texts, problems } = read('TXT', ['v=spf1 -all', 'a"b"', 'c']);
  expect(texts).toEqual(['"v=spf1 -all"', '"c"']);
  expect(problems).toEqual([expect.stringMatching(/^error: records\[0\]\.data\[1\]: TXT: text both/u)]);
});

test('warns of data that clients ignore', () => {
  expect(read('HTTPS', '0 cdn.example.net. alpn=h2')).toMatchObject({
    texts: ['0 cdn.example.net. alpn="h2"'],
    problems: [expect.stringMatching(/^warning: records\[0\]\.data: HTTPS: priority 0 is an alias/u)],
  });
});

test.each(['a b', 'a ; old', 'a"b"', 'a(b)', 'größe', ''])('refuses %j as a name', (name) => {
  const { problems } = zoneFromRecords({
    origin: ORIGIN,
    defaultTtl: 60,
    records: [{ name, type: 'A', data: '192.0.2.1' }],
    field: 'records',
  });
  expect(problems).toMatchObject([{ severity: 'error', field: 'records[0].name' }]);
  expect(problems[0]!.message).toMatch(name === 'größe' ? /^"größe" is not ASCII/u : /^an? /u);
});

test('text of any length is read by others as it was written, with quotes or without', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 900 }).filter((each) => !/[\r\n]/u.test(each));
  fc.assert(
    fc.property(text, (written) => {
      const escaped = written.replaceAll(/[\\"]/gu, String.raw`\$&`);
      // What begins as a quoted string or the form of RFC 3597 would is read so.
      if (written !== '') expect(joined(read('TXT', escaped).octets[0]!)).toBe(written);
      expect(joined(read('TXT', `"${escaped}"`).octets[0]!)).toBe(written);
    }),
    { seed: 12, numRuns: 500 },
  );
  for (const length of [255, 256, 510, 511]) {
    const { octets } = read('TXT', 'x'.repeat(length));
    expect(octets[0]).toHaveLength(length + Math.ceil(length / 255));
  }
});

test('any octets of a text are published, whatever their number', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 600 }), (octets) => {
      const written = Array.from(octets, (octet) => `\\${String(octet).padStart(3, '0')}`).join('');
      const [rdata] = read('TXT', written).octets;
      const whole = Buffer.concat(
        Array.from({ length: Math.ceil(octets.length / 255) }, (_, i) => {
          const part = octets.subarray(i * 255, i * 255 + 255);
          return Buffer.concat([Uint8Array.of(part.length), part]);
        }),
      );
      expect(rdata).toEqual(whole);
    }),
    { seed: 13, numRuns: 200 },
  );
});
