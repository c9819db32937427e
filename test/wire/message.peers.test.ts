import { decode, encode } from 'dns-packet';
import { Packet } from 'dns2';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeMessage, encodeMessage, encodeQuery, type Message } from '../../src/wire/message.ts';
import { message, messages, RDATA_TEXTS, record, type RdataText } from './messages.ts';
import { wireName } from './rdata/read.ts';

const RUNS = 1000;

/** Types that dns2 3.1.1 reads and writes. */
const DNS2_TYPES: readonly RdataText[] = [
  'A',
  'AAAA',
  'NS',
  'CNAME',
  'PTR',
  'MX',
  'TXT',
  'SPF',
  'SOA',
  'SRV',
  'CAA',
  'DNSKEY',
];
/** Types that dns-packet 5.6.1 reads and writes: all of the table but SPF. */
const DNS_PACKET_TYPES = (Object.keys(RDATA_TEXTS) as RdataText[]).filter((type) => type !== 'SPF');

function read(bytes: Uint8Array): Message {
  const decoded = decodeMessage(bytes);
  if (!decoded.ok) throw new Error(decoded.error);
  return decoded.value;
}

describe('what we write, others read and write back the same', () => {
  test('dns2', () => {
    fc.assert(
      fc.property(messages(DNS2_TYPES), (sent) => {
        const packet = Packet.parse(Buffer.from(encodeMessage(sent)));
        expect(packet.errors).toEqual([]);
        expect(read(packet.toBuffer())).toEqual(sent);
      }),
      { seed: 4, numRuns: RUNS },
    );
  });

  test('dns-packet', () => {
    fc.assert(
      fc.property(messages(DNS_PACKET_TYPES), (sent) => {
        expect(read(encode(decode(Buffer.from(encodeMessage(sent)))))).toEqual(sent);
      }),
      { seed: 5, numRuns: RUNS },
    );
  });
});

describe('field by field', () => {
  const sent = message({
    questions: [{ name: wireName('www.example.org.'), type: 1, class: 1 }],
    answers: [
      record('www.example.org.', 'CNAME', 'edge.example.org.'),
      record('edge.example.org.', 'A', '192.0.2.1'),
      record('edge.example.org.', 'AAAA', '2001:db8::1'),
      record('example.org.', 'MX', '10 mail.example.org.'),
      record('_sip._udp.example.org.', 'SRV', '1 2 5060 sip.example.org.'),
      record('example.org.', 'TXT', 'one "two three"'),
      record('example.org.', 'CAA', '0 issue "ca.example.net"'),
    ],
    authorities: [record('example.org.', 'SOA', 'ns1.example.org. host.example.org. 1 2 3 4 5')],
  });
  const bytes = Buffer.from(encodeMessage(sent));

  test('as dns2 sees it', () => {
    const packet = Packet.parse(bytes);
    expect(packet.header).toMatchObject({ id: 4711, qr: 1, aa: 1, tc: 0, rd: 1, ra: 0, rcode: 0, ancount: 7 });
    expect(packet.questions).toMatchObject([{ name: 'www.example.org', type: 1, class: 1 }]);
    expect(packet.answers).toMatchObject([
      { name: 'www.example.org', domain: 'edge.example.org', ttl: 60 },
      { name: 'edge.example.org', address: '192.0.2.1' },
      { name: 'edge.example.org', address: '2001:db8::1' },
      { exchange: 'mail.example.org', priority: 10 },
      { target: 'sip.example.org', priority: 1, weight: 2, port: 5060 },
      { data: ['one', 'two three'] },
      { flags: 0, tag: 'issue', value: 'ca.example.net' },
    ]);
    expect(packet.authorities).toMatchObject([
      {
        primary: 'ns1.example.org',
        admin: 'host.example.org',
        serial: 1,
        refresh: 2,
        retry: 3,
        expiration: 4,
        minimum: 5,
      },
    ]);
  });

  test('as dns-packet sees it', () => {
    const packet = decode(bytes);
    expect(packet.answers.map((answer) => answer.data)).toMatchObject([
      'edge.example.org',
      '192.0.2.1',
      '2001:db8::1',
      { preference: 10, exchange: 'mail.example.org' },
      { priority: 1, weight: 2, port: 5060, target: 'sip.example.org' },
      [Buffer.from('one'), Buffer.from('two three')],
      { flags: 0, tag: 'issue', value: 'ca.example.net' },
    ]);
  });

  test('a query with client subnet, as both see it', () => {
    const query = Buffer.from(
      encodeQuery({
        id: 7,
        name: wireName('example.org.'),
        type: 28,
        rd: true,
        edns: { udpSize: 1400, do: true, ecs: { family: 1, source: 22, address: Uint8Array.of(203, 0, 255, 9) } },
      }),
    );
    const packet = Packet.parse(query);
    expect(packet.errors).toEqual([]);
    expect(packet.header).toMatchObject({ id: 7, qr: 0, rd: 1 });
    expect(packet.additionals).toMatchObject([
      {
        class: 1400,
        version: 0,
        doFlag: true,
        rdata: [{ family: 1, sourcePrefixLength: 22, scopePrefixLength: 0, ip: '203.0.252.0' }],
      },
    ]);
    // dns2 drops an IPv6 prefix of an odd number of octets.
    const six = encodeQuery({
      id: 7,
      name: wireName('example.org.'),
      type: 28,
      edns: { ecs: { family: 2, source: 40, scope: 0, address: Uint8Array.of(0x20, 1, 0xd, 0xb8, 1) } },
    });
    expect(decode(Buffer.from(six)).additionals[0]?.options).toMatchObject([
      { family: 2, sourcePrefixLength: 40, scopePrefixLength: 0, ip: '2001:db8:100::' },
    ]);
  });
});
