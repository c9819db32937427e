import { lookup } from 'node:dns/promises';
import { Packet, createServer } from 'dns2';
import { afterEach, describe, expect, it } from 'vitest';
import { exchange, type ExchangeOptions, type Reply } from '../../src/cli/exchange.ts';
import { Rcode, Type } from '../../src/wire/codes.ts';
import type { Message } from '../../src/wire/message.ts';
import { nameFromText, nameToText, type WireName } from '../../src/wire/name.ts';
import { answerTo, startScripted, type Say, type ScriptedServer } from './dns-server.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function scripted(say: Say, host?: string): Promise<ScriptedServer> {
  const server = await startScripted(say, host);
  closing.push(() => server.close());
  return server;
}

function name(text: string): WireName {
  const read = nameFromText(text);
  if (!read.ok) throw new Error(read.error);
  return read.value;
}

const QUERY = { name: name('www.example.org.'), type: Type.A };

function ask(port: number, options: Partial<ExchangeOptions> = {}, host = '127.0.0.1') {
  return exchange({ server: { host, port }, query: QUERY, tcp: false, timeoutMs: 1000, tries: 1, ...options });
}

async function reply(port: number, options: Partial<ExchangeOptions> = {}, host?: string): Promise<Reply> {
  const asked = await ask(port, options, host);
  if (!asked.ok) throw new Error(asked.error);
  return asked.value;
}

async function failure(port: number, options: Partial<ExchangeOptions> = {}, host?: string): Promise<string> {
  const asked = await ask(port, options, host);
  return asked.ok ? 'an answer' : asked.error;
}

const address = (last: number) => ({ ...QUERY, class: 1, ttl: 60, rdata: Uint8Array.of(192, 0, 2, last) });

describe('exchange', () => {
  it('asks over UDP', async () => {
    const server = await scripted((query) => answerTo(query, { answers: [address(1)] }));
    const { message, transport, truncated, size, milliseconds } = await reply(server.port);
    expect(message.answers.map(({ rdata }) => [...rdata])).toEqual([[192, 0, 2, 1]]);
    expect([transport, truncated, size]).toEqual(['udp', false, 49]);
    expect(milliseconds).toBeLessThan(1000);
    expect(server.queries.map(({ transport: by }) => by)).toEqual(['udp']);
  });

  it('asks over TCP after a truncated answer', async () => {
    const server = await scripted((query, transport) =>
      transport === 'udp' ? answerTo(query, { tc: true }) : answerTo(query, { answers: [address(1), address(2)] }),
    );
    const { message, transport, truncated } = await reply(server.port);
    expect([message.answers.length, message.tc, transport, truncated]).toEqual([2, false, 'tcp', true]);
    expect(server.queries.map(({ transport: by }) => by)).toEqual(['udp', 'tcp']);
  });

  it('asks over TCP alone when told to', async () => {
    const server = await scripted((query) => answerTo(query));
    expect((await reply(server.port, { tcp: true })).transport).toBe('tcp');
    expect(server.queries.map(({ transport }) => transport)).toEqual(['tcp']);
  });

  it.each([false, true])('asks over IPv6 (TCP: %s)', async (tcp) => {
    const server = await scripted((query) => answerTo(query), '::1');
    expect((await reply(server.port, { tcp }, '::1')).address).toBe('::1');
  });

  it('asks a server by its name', async () => {
    const { address: localhost } = await lookup('localhost');
    const server = await scripted((query) => answerTo(query), localhost);
    expect((await reply(server.port, {}, 'localhost')).address).toBe(localhost);
  });

  it('asks again when an answer is lost, with another ID', async () => {
    let count = 0;
    const server = await scripted((query) => (count++ < 2 ? undefined : answerTo(query)));
    expect((await reply(server.port, { timeoutMs: 60, tries: 3 })).message.rcode).toBe(Rcode.NOERROR);
    expect(new Set(server.queries.map(({ message }) => message.id)).size).toBeGreaterThan(1);
  });

  it('gives other codes than NOERROR as they are', async () => {
    const server = await scripted((query) => answerTo(query, { rcode: Rcode.REFUSED, questions: [] }));
    expect((await reply(server.port)).message.rcode).toBe(Rcode.REFUSED);
  });

  it.each([
    ['silence', () => undefined, 'silent for 0.1 s (2 tries)'],
    ['octets that are no message', (query) => Uint8Array.of(query.id >> 8, query.id & 255, 9), 'malformed message'],
    [
      'an answer to another question',
      (query) => answerTo(query, { questions: [{ name: name('other.example.'), type: 1, class: 1 }] }),
      'another question',
    ],
    ['the query itself', (query): Message => query, 'with a query'],
  ] satisfies [string, Say, string][])('says so of %s', async (_, say, expected) => {
    const server = await scripted(say);
    expect(await failure(server.port, { timeoutMs: 100, tries: 2 })).toContain(expected);
    expect(await failure(server.port, { timeoutMs: 100, tries: 2, tcp: true })).toContain(expected);
  });

  it('passes over an answer with another ID', async () => {
    const server = await scripted((query) => answerTo({ ...query, id: query.id ^ 1 }));
    expect(await failure(server.port, { timeoutMs: 80 })).toContain('silent');
  });

  it('says when nothing listens, and when a truncated answer cannot be had whole', async () => {
    const server = await startScripted((query) => answerTo(query));
    const { port } = server;
    await server.close();
    expect(await failure(port)).toBe(`no answer from 127.0.0.1:${port} over UDP: nothing listens there`);
    expect(await failure(port, { tcp: true }, '::1')).toBe(
      `no answer from [::1]:${port} over TCP: nothing listens there`,
    );
    const half = await scripted((query, transport) =>
      transport === 'udp' ? answerTo(query, { tc: true }) : undefined,
    );
    expect(await failure(half.port, { timeoutMs: 60 })).toContain(
      'the answer over UDP is truncated, and there is no answer',
    );
  });

  it('says when a name of a server leads nowhere', async () => {
    expect(await failure(53, {}, 'no-such-host.invalid')).toContain('no-such-host.invalid cannot be resolved');
  });
});

describe('beside dns2', () => {
  it.each([false, true])('is understood by its server, subnet and all (TCP: %s)', async (tcp) => {
    const seen: { name: string; type: number; subnet: string; udpSize: number }[] = [];
    const server = createServer({
      udp: true,
      tcp: true,
      handle: (request, send) => {
        const answer = Packet.createResponseFromRequest(request);
        const [question] = request.questions as { name: string; type: number }[];
        const opt = request.additionals[0] as unknown as {
          class: number;
          rdata: { ip: string; sourcePrefixLength: number }[];
        };
        const [ecs] = opt.rdata;
        const subnet = `${ecs!.ip}/${ecs!.sourcePrefixLength}`;
        seen.push({ name: question!.name, type: question!.type, subnet, udpSize: opt.class });
        answer.answers.push({ name: question!.name, type: 1, class: 1, ttl: 9, address: '192.0.2.7' } as never);
        void send(answer);
      },
    });
    const listen = { port: 0, address: '127.0.0.1' };
    const addresses = await server.listen({ udp: listen, tcp: listen });
    closing.push(() => Promise.resolve(server.close()));
    const { port } = (tcp ? addresses.tcp : addresses.udp) as { port: number };
    const ecs = { family: 1, source: 17, address: Uint8Array.of(202, 96, 255, 255) } as const;
    const { message } = await reply(port, { tcp, query: { ...QUERY, edns: { udpSize: 1400, ecs } } });
    expect(seen).toEqual([{ name: 'www.example.org', type: 1, subnet: '202.96.128.0/17', udpSize: 1400 }]);
    expect(message.answers.map(({ name: owner, ttl, rdata }) => [nameToText(owner), ttl, [...rdata]])).toEqual([
      ['www.example.org.', 9, [192, 0, 2, 7]],
    ]);
  });
});
