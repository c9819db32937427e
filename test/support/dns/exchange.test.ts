import { createSocket, type Socket } from 'node:dgram';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Type } from '../../../src/wire/codes.ts';
import { decodeAnswer } from './answer.ts';
import { exchange } from './exchange.ts';
import { encodeQuery } from './query.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function answerTo(query: Uint8Array): Uint8Array {
  const answer = query.slice();
  answer[2]! |= 128;
  return answer;
}

/** A server that answers what `accept` lets through, given the how many-th query it is. */
async function echo(accept: (count: number) => boolean): Promise<number> {
  const socket: Socket = createSocket('udp4');
  let count = 0;
  socket.on('message', (query, client) => {
    if (accept(count++)) socket.send(answerTo(query), client.port, client.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  closing.push(() => socket.close());
  return socket.address().port;
}

const queries = Array.from({ length: 300 }, (_, i) => encodeQuery({ name: `n${i}.example`, type: Type.A }));
const names = queries.map((_, i) => `n${i}.example.`);

describe('exchange', () => {
  it('gives answers in the order of the queries, and asks again for those that were lost', async () => {
    const port = await echo((count) => count % 3 !== 0);
    const answers = await exchange(port, queries, { timeoutMs: 50, tries: 8 });
    expect(answers.map((bytes) => decodeAnswer(bytes!).question[0]!.name)).toEqual(names);
  });

  it('gives undefined when nobody answers', async () => {
    const port = await echo(() => false);
    expect(await exchange(port, queries.slice(0, 3), { timeoutMs: 30, tries: 2 })).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('goes on over another TCP connection when the server closes the first', async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      let answered = 0;
      let received: Buffer = Buffer.alloc(0);
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
        while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
          const end = 2 + received.readUInt16BE(0);
          if (answered++ < 200) {
            socket.write(Buffer.concat([received.subarray(0, 2), answerTo(received.subarray(2, end))]));
          } else {
            socket.end();
            return;
          }
          received = received.subarray(end);
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const answers = await exchange(port, queries, { tcp: true, timeoutMs: 500 });
    expect(answers.map((bytes) => decodeAnswer(bytes!).question[0]!.name)).toEqual(names);
    expect(connections).toBe(2);
  });
});

describe('decodeAnswer', () => {
  it('throws for a pointer loop, for octets left over and for a name that runs out', () => {
    const header = [0, 0, 128, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    expect(() => decodeAnswer(Uint8Array.from([...header, 0xc0, 12, 0, 1, 0, 1]))).toThrow('does not point backwards');
    expect(() => decodeAnswer(Uint8Array.from([...header, 0, 0, 1, 0, 1, 9]))).toThrow('1 octets after');
    expect(() => decodeAnswer(Uint8Array.from([...header, 5, 97]))).toThrow('runs past');
  });

  it('names compression where it is forbidden', () => {
    const message = [0, 0, 128, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 97, 0, 0, 33, 0, 1];
    const srv = [0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 9, 0, 8, 0, 0, 0, 0, 0, 53, 0xc0, 12];
    const answer = decodeAnswer(Uint8Array.from([...message, ...srv]));
    expect(answer.forbiddenCompression).toEqual(['type 33 a.']);
    expect(answer.answer[0]).toMatchObject({ owner: 'a.', type: 33, ttl: 9, names: ['a.'], key: '000000000035016100' });
  });
});
