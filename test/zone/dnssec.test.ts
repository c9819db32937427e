import { describe, expect, test } from 'vitest';
import { formatProblem } from '../../src/lib/problem.ts';
import { checkZone, parseMasterFile, type Allowance } from '../../src/zone/mod.ts';
import { wireName } from '../support/zone-verdict.ts';

const HEAD = '$TTL 300\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.53\n';
const SIGNATURE = '13 2 300 20360101000000 20260101000000 46938 example.org. 2ULEx1pf';
const KEY = '257 3 13 ANJ02il+';
const DIGEST = 'E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D';

function check(lines: string, allowed?: Allowance): string[] {
  const { zone, problems } = parseMasterFile({
    octets: Buffer.from(`${HEAD}${lines}\n`),
    file: 'z',
    origin: wireName('example.org.'),
  });
  return [...problems, ...checkZone(zone, allowed)].map(formatProblem);
}

describe('a zone that was signed beforehand', () => {
  test.each([
    ['RRSIG', `@ RRSIG SOA ${SIGNATURE}`, 'example.org. RRSIG'],
    [
      'RRSIG in the form of RFC 3597',
      String.raw`www TYPE46 \# 21 00060D0200000E107C25FD806955B900B75A00ABCD`,
      'www.example.org. RRSIG',
    ],
    ['NSEC', '@ NSEC ns1 NS SOA RRSIG NSEC DNSKEY', 'example.org. NSEC'],
    ['NSEC3', '2t7b4g4vsa5smi47k61mv5bv1a22bojr NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr', 'NSEC3'],
    ['NSEC3PARAM', '@ NSEC3PARAM 1 0 0 -', 'example.org. NSEC3PARAM'],
    [
      'a signature of a delegation',
      `sub NS ns1\nsub DS 1 8 2 ${DIGEST}\nsub RRSIG DS ${SIGNATURE}`,
      'sub.example.org. RRSIG',
    ],
  ])('is an error unless it is allowed: %s', (_, lines, field) => {
    const [problem, ...more] = check(lines);
    expect(more).toEqual([]);
    expect(problem).toMatch(/^z:\d+: error: /u);
    expect(problem).toContain(field);
    expect(problem).toContain('the zone is signed, but signatures are not served: with a DS record at its parent');
    expect(problem).toContain('`allowUnsigned: true` in a Zone or `--allow-unsigned`');
    expect(check(lines, { unsigned: true })).toEqual([
      expect.stringMatching(/^z:\d+: warning: .* the zone is signed, and served without its signatures, as allowed; /u),
    ]);
  });

  test('has no warning of TTLs, which signatures have from what they sign (RFC 4034 3)', () => {
    const lines = `www 60 A 192.0.2.1\nwww 60 RRSIG A ${SIGNATURE}\nwww 30 TXT x\nwww 30 RRSIG TXT ${SIGNATURE}`;
    expect(check(lines, { unsigned: true })).toHaveLength(1);
  });

  test('is reported once, however many signatures it has', () => {
    const lines = Array.from({ length: 500 }, (_, i) => `h${i} A 192.0.2.1\nh${i} RRSIG A ${SIGNATURE}`).join('\n');
    expect(check(lines)).toHaveLength(1);
  });
});

describe('a zone without signatures', () => {
  test.each([
    ['a DS at a delegation', `sub NS ns1\nsub DS 1 8 2 ${DIGEST}`],
    ['a CDS that asks to remove the DS', '@ CDS 0 0 0 00'],
    ['a CDNSKEY that asks to remove the DS', '@ CDNSKEY 0 3 0 AA=='],
    ['a key of a host', `host KEY 512 3 13 ANJ02il+`],
  ])('may have %s', (_, lines) => {
    expect(check(lines)).toEqual([]);
  });

  test.each([
    ['DNSKEY', `@ DNSKEY ${KEY}`],
    ['CDS', `@ CDS 1 8 2 ${DIGEST}`],
    ['CDNSKEY', `@ CDNSKEY ${KEY}`],
  ])('is warned of a %s, which promises signatures', (type, lines) => {
    expect(check(lines)).toEqual([
      expect.stringMatching(
        new RegExp(`^z:5: warning: example\\.org\\. ${type}: a DNSSEC key in a zone without signatures: `, 'u'),
      ),
    ]);
  });

  test('is refused with a DS at its own apex', () => {
    expect(check(`@ DS 1 8 2 ${DIGEST}`)).toEqual([
      'z:5: error: example.org. DS: a DS at the apex, where it is never served; a DS belongs to the parent zone, which is asked for it (RFC 4035 2.4)',
    ]);
  });
});
