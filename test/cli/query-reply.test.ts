import { describe, expect, it } from 'vitest';
import type { Reply } from '../../src/cli/exchange.ts';
import { replyToJson, replyToText } from '../../src/cli/query-reply.ts';
import { decodeMessage, encodeMessage, type Ecs, type Message } from '../../src/wire/message.ts';
import { nameFromText } from '../../src/wire/name.ts';

function message(ecs?: Ecs): Message {
  const name = nameFromText('chat.example.com.');
  if (!name.ok) throw new Error(name.error);
  const ecsData = ecs === undefined ? [] : [0, ecs.family, ecs.source, ecs.scope, ...ecs.address];
  const options = [
    { code: 3, data: Uint8Array.from(Buffer.from('ns1')) },
    ...(ecs === undefined ? [] : [{ code: 8, data: Uint8Array.from(ecsData) }]),
  ];
  const edns = { udpSize: 1232, version: 0, do: false, flags: 0, extendedRcode: 0, options };
  const whole: Message = {
    id: 4711,
    qr: true,
    opcode: 0,
    aa: true,
    tc: false,
    rd: false,
    ra: false,
    z: false,
    ad: false,
    cd: false,
    rcode: 0,
    questions: [{ name: name.value, type: 1, class: 1 }],
    answers: [{ name: name.value, type: 1, class: 1, ttl: 20, rdata: Uint8Array.of(192, 0, 2, 10) }],
    authorities: [],
    additionals: [],
    ...(ecs === undefined ? {} : { edns }),
  };
  const decoded = decodeMessage(encodeMessage(whole));
  if (!decoded.ok) throw new Error(decoded.error);
  return decoded.value;
}

function reply(ecs?: Ecs, changes: Partial<Reply> = {}): Reply {
  const from = { size: 70, milliseconds: 0.4321, transport: 'udp', truncated: false, address: '127.0.0.1' } as const;
  return { message: message(ecs), ...from, ...changes };
}

const SERVER = { host: '127.0.0.1', port: 5353 };
const ECS: Ecs = { family: 1, source: 24, scope: 17, address: Uint8Array.of(202, 96, 128) };

describe('replyToText', () => {
  it('prints what dig prints, and the scope in words', () => {
    expect(replyToText(reply(ECS), SERVER).split('\n')).toEqual([
      ';; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 4711',
      ';; flags: qr aa; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 1',
      '',
      ';; OPT PSEUDOSECTION:',
      '; EDNS: version: 0, flags:; udp: 1232',
      '; NSID: 6E7331 ("ns1")',
      '; CLIENT-SUBNET: 202.96.128.0/24 -> scope /17',
      '',
      ';; QUESTION SECTION:',
      ';chat.example.com.\t\tIN\tA',
      '',
      ';; ANSWER SECTION:',
      'chat.example.com.\t20\tIN\tA\t192.0.2.10',
      '',
      ';; Query time: 0.4 ms',
      ';; SERVER: 127.0.0.1#5353 (UDP)',
      ';; MSG SIZE rcvd: 70',
    ]);
  });

  it('says that an answer over UDP was truncated', () => {
    const text = replyToText(reply(undefined, { truncated: true, transport: 'tcp' }), SERVER);
    expect(text).toMatch(/^;; Truncated over UDP, asked again over TCP\.\n/u);
    expect(text).toContain(';; SERVER: 127.0.0.1#5353 (TCP)');
  });

  it('prints an IPv6 subnet of /56, which dns2 cannot read', () => {
    const ecs: Ecs = { family: 2, source: 56, scope: 48, address: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0xab) };
    expect(replyToText(reply(ecs), SERVER)).toContain('; CLIENT-SUBNET: 2001:db8:0:ab00::/56 -> scope /48');
  });
});

describe('replyToJson', () => {
  it('has all of it', () => {
    expect(replyToJson(reply(ECS), SERVER)).toEqual({
      server: { address: '127.0.0.1', port: 5353, transport: 'udp' },
      milliseconds: 0.432,
      size: 70,
      truncatedOverUdp: false,
      id: 4711,
      opcode: 'QUERY',
      status: 'NOERROR',
      flags: ['qr', 'aa'],
      question: [{ name: 'chat.example.com.', class: 'IN', type: 'A' }],
      answer: [{ name: 'chat.example.com.', ttl: 20, class: 'IN', type: 'A', data: '192.0.2.10' }],
      authority: [],
      additional: [],
      edns: {
        version: 0,
        udpSize: 1232,
        do: false,
        nsid: { hex: '6E7331', text: 'ns1' },
        subnet: { prefix: '202.96.128.0/24', scope: 17 },
      },
    });
  });

  it('has no `edns` where there is none', () => {
    expect(replyToJson(reply(), SERVER)).not.toHaveProperty('edns');
  });
});
