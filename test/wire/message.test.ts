import { describe, expect, test } from 'vitest';
import { octetsFromHex, octetsToHex } from '../../src/wire/presentation.ts';
import { decodeMessage, encodeMessage, encodeQuery, type Message } from '../../src/wire/message.ts';
import { formatMessage } from '../../src/wire/message-text.ts';
import { message, record } from './messages.ts';
import { wireName } from './rdata/read.ts';

function hex(text: string): Uint8Array {
  return octetsFromHex(text.replaceAll(/\s/gu, ''))!;
}

function read(bytes: Uint8Array): Message {
  const decoded = decodeMessage(bytes);
  if (!decoded.ok) throw new Error(decoded.error);
  return decoded.value;
}

/** Octets of a response to `example.org. A` with these counts, and whatever follows the question. */
function response(counts: string, rest: string): Uint8Array {
  return hex(`1267 8180 0001 ${counts} 076578616D706C65036F726700 0001 0001 ${rest}`);
}

const OPT = '00 0029 04D0 00000000';

describe('encodeMessage', () => {
  test('compresses owners and names of RFC 1035 types, without regard to case (RFC 1035 4.1.4)', () => {
    const sent = message({
      questions: [{ name: wireName('example.org.'), type: 15, class: 1 }],
      answers: [record('example.org.', 'MX', '10 mail.example.org.'), record('MAIL.Example.ORG.', 'A', '192.0.2.1')],
    });
    expect(octetsToHex(encodeMessage(sent))).toBe(
      octetsToHex(
        hex(`1267 8500 0001 0002 0000 0000 076578616D706C65036F726700 000F 0001
             C00C 000F 0001 0000003C 0009 000A 046D61696C C00C
             C02B 0001 0001 0000003C 0004 C0000201`),
      ),
    );
  });

  test.each([
    ['SRV', '1 2 3 a.example.org.'],
    ['DNAME', 'a.example.org.'],
    ['NAPTR', '1 2 "" "" "" a.example.org.'],
    ['RP', 'a.example.org. b.example.org.'],
    ['AFSDB', '1 a.example.org.'],
    ['KX', '1 a.example.org.'],
    ['SVCB', '1 a.example.org.'],
    ['NSEC', 'a.example.org. A'],
    ['RRSIG', 'A 13 1 1 1 1 1 a.example.org. AAAA'],
    ['TYPE65280', String.raw`\# 15 0161076578616D706C65036F726700`],
  ])('never compresses a name in %s (RFC 2782, RFC 3597 4)', (type, text) => {
    const answer = record('a.example.org.', type, text);
    const sent = message({ questions: [{ name: answer.name, type: answer.type, class: 1 }], answers: [answer] });
    const bytes = encodeMessage(sent);
    expect(octetsToHex(bytes).endsWith(octetsToHex(answer.rdata))).toBe(true);
    expect(read(bytes)).toEqual(sent);
  });

  test('points at nothing beyond 14 bits', () => {
    const filler = Array.from({ length: 80 }, (_, i) => record(`f${i}.`, 'TXT', `"${'x'.repeat(250)}"`));
    const late = [record('late.example.org.', 'A', '192.0.2.1'), record('late.example.org.', 'A', '192.0.2.2')];
    const sent = message({ answers: [...filler, ...late] });
    const bytes = encodeMessage(sent);
    expect(bytes.length).toBeGreaterThan(0x4000);
    expect(read(bytes)).toEqual(sent);
  });

  test('keeps every flag, and rcodes of 12 bits through OPT (RFC 6891 6.1.3)', () => {
    for (const flag of ['qr', 'aa', 'tc', 'rd', 'ra', 'z', 'ad', 'cd'] as const) {
      const none = { qr: false, aa: false, tc: false, rd: false, ra: false, z: false, ad: false, cd: false };
      const sent = message({ ...none, [flag]: true, opcode: 5, rcode: 9 });
      expect(read(encodeMessage(sent))).toEqual(sent);
    }
    const edns = { udpSize: 1232, version: 0, do: true, flags: 0x8000, extendedRcode: 1, options: [] };
    const sent = message({ rcode: 16, edns });
    expect(read(encodeMessage(sent))).toEqual(sent);
    expect(octetsToHex(encodeMessage(sent))).toBe(
      `126785000000000000000001${'0000290401'.replace('0401', '04D0')}010080000000`,
    );
  });
});

describe('encodeQuery', () => {
  const name = wireName('example.org.');

  test('plain', () => {
    expect(octetsToHex(encodeQuery({ id: 1, name, type: 28, rd: true }))).toBe(
      octetsToHex(hex('0001 0100 0001 0000 0000 0000 076578616D706C65036F726700 001C 0001')),
    );
  });

  test('with client subnet cut to SOURCE, and other options after it (RFC 7871 6)', () => {
    const ecs = { family: 2, source: 20, address: Uint8Array.of(0x20, 0x01, 0xff, 0xff) } as const;
    const query = read(
      encodeQuery({ id: 1, name, type: 1, edns: { ecs, options: [{ code: 3, data: new Uint8Array(0) }] } }),
    );
    expect(query.edns).toMatchObject({ udpSize: 1232, version: 0, do: false });
    expect(query.edns?.ecs).toEqual({ family: 2, source: 20, scope: 0, address: Uint8Array.of(0x20, 0x01, 0xf0) });
    expect(query.edns?.options.map((option) => option.code)).toEqual([8, 3]);
  });
});

describe('decodeMessage', () => {
  test.each([
    ['a header cut short', hex('1267 8180 0001'), '6 octets are less than a header'],
    ['no question', hex('1267 0000 0001 0000 0000 0000'), 'question 0 is malformed'],
    ['a question cut short', hex('1267 0000 0001 0000 0000 0000 00 0001 00'), 'question 0 is malformed'],
    ['a pointer to itself', hex('1267 0000 0001 0000 0000 0000 C00C 0001 0001'), 'question 0 is malformed'],
    ['a pointer forward', hex('1267 0000 0001 0000 0000 0000 C00F 00 0001 0001'), 'question 0 is malformed'],
    ['a label of 0x40', hex('1267 0000 0001 0000 0000 0000 4000 0001 0001'), 'question 0 is malformed'],
    ['octets left over', response('0000 0000 0000', '00'), '1 octets after the last record'],
    ['fewer records than said', response('0001 0000 0000', ''), 'record 0 of the answer section is malformed'],
    [
      'an address of five octets',
      response('0001 0000 0000', 'C00C 0001 0001 00000000 0005 C000020100'),
      'record 0 of the answer section is malformed',
    ],
    [
      'data over the end',
      response('0000 0001 0000', 'C00C 0001 0001 00000000 0005 C0000201'),
      'record 0 of the authority section is malformed',
    ],
    ['OPT as an answer', response('0001 0000 0000', `${OPT} 0000`), 'an OPT record in the answer section'],
    ['two OPT', response('0000 0000 0002', `${OPT} 0000 ${OPT} 0000`), 'two OPT records'],
    [
      'OPT below the root',
      response('0000 0000 0001', 'C00C 0029 04D0 00000000 0000'),
      'an OPT record that is not at the root',
    ],
    ['an option cut short', response('0000 0000 0001', `${OPT} 0005 0008000200`), 'an EDNS option is cut short'],
    ['an option header cut short', response('0000 0000 0001', `${OPT} 0003 000800`), 'an EDNS option is cut short'],
  ])('says what is wrong: %s', (_, bytes, error) => {
    expect(decodeMessage(bytes)).toEqual({ ok: false, error });
  });

  test.each([
    ['FAMILY unknown', '0003 08 00 0A'],
    ['SOURCE too long', '0001 21 00 C000020100'],
    ['SCOPE too long', '0001 18 21 C00002'],
    ['ADDRESS too short', '0001 18 00 C000'],
    ['ADDRESS too long', '0001 18 00 C0000200'],
    ['bits beyond SOURCE', '0001 14 00 C0000F'],
    ['no SCOPE', '0001 18'],
  ])('a client subnet that is malformed is an option and no more: %s', (_, option) => {
    const data = hex(option);
    const length = (octets: number) => octets.toString(16).padStart(4, '0');
    const opt = `${OPT} ${length(data.length + 4)} 0008 ${length(data.length)} ${option}`;
    const { edns } = read(response('0000 0000 0001', opt));
    expect(edns?.options).toEqual([{ code: 8, data }]);
    expect(edns?.ecs).toBeUndefined();
  });

  test('reads empty data of updates (RFC 2136 2.4) and the address form of class CH as they are', () => {
    const update = read(response('0001 0000 0000', 'C00C 0001 00FF 00000000 0000'));
    expect(update.answers[0]).toMatchObject({ type: 1, class: 255, rdata: new Uint8Array(0) });
    const chaos = read(response('0001 0000 0000', 'C00C 0001 0003 00000000 0003 00 1234'));
    expect(chaos.answers[0]?.rdata).toEqual(hex('001234'));
  });
});

describe('formatMessage', () => {
  test('as dig prints it', () => {
    const ecs = { family: 1, source: 24, scope: 16, address: Uint8Array.of(198, 51, 100) } as const;
    const options = [
      { code: 8, data: hex('0001 18 10 C63364') },
      { code: 3, data: hex('6E7331') },
      { code: 15, data: hex('0012 6E6F') },
      { code: 10, data: hex('0102030405060708') },
      { code: 65001, data: hex('FF') },
    ];
    const sent = message({
      questions: [{ name: wireName('www.example.org.'), type: 65, class: 1 }],
      answers: [record('www.example.org.', 'HTTPS', '1 . alpn=h2', 20)],
      authorities: [record('example.org.', 'NS', 'ns1')],
      additionals: [record('ns1.example.org.', 'TYPE65280', String.raw`\# 1 00`)],
      edns: { udpSize: 1232, version: 0, do: true, flags: 0x8000, extendedRcode: 0, options, ecs },
    });
    expect(read(encodeMessage(sent))).toEqual(sent);
    expect(formatMessage(sent).replaceAll(/\t+/gu, ' ')).toBe(`;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 4711
;; flags: qr aa rd; QUERY: 1, ANSWER: 1, AUTHORITY: 1, ADDITIONAL: 2

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags: do; udp: 1232
; CLIENT-SUBNET: 198.51.100.0/24/16
; NSID: 6E7331 ("ns1")
; EDE: 18 "no"
; COOKIE: 0102030405060708
; OPT=65001: FF

;; QUESTION SECTION:
;www.example.org. IN HTTPS

;; ANSWER SECTION:
www.example.org. 20 IN HTTPS 1 . alpn="h2"

;; AUTHORITY SECTION:
example.org. 60 IN NS ns1.example.org.

;; ADDITIONAL SECTION:
ns1.example.org. 60 IN TYPE65280 \\# 1 00`);
  });

  test('names unknown codes by number', () => {
    const text = formatMessage(
      message({ opcode: 7, rcode: 3841, questions: [{ name: wireName('.'), type: 1, class: 9 }] }),
    );
    expect(text).toContain('opcode: OPCODE7, status: RCODE3841');
    expect(text).toContain(';.\t\tCLASS9\tA');
  });
});
