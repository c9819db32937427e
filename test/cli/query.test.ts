import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Rcode } from '../../src/wire/codes.ts';
import { nameToText } from '../../src/wire/name.ts';
import { answerTo, startScripted, type ScriptedServer } from './dns-server.ts';

const file = (path: string): string => JSON.stringify(fileURLToPath(new URL(`../../src/cli/${path}`, import.meta.url)));
const SCRIPT = `
  import { buildProgram } from ${file('program.ts')};
  import { queryCommand } from ${file('query.ts')};
  await buildProgram([queryCommand()]).parseAsync(process.argv.slice(1), { from: 'user' });`;

/** Runs the program as a user does, in a process of its own. */
async function edgeward(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT, '--', ...args]);
  let out = '';
  let err = '';
  child.stdout.on('data', (data) => (out += String(data)));
  child.stderr.on('data', (data) => (err += String(data)));
  const [code] = (await once(child, 'close')) as [number];
  return { code, out, err };
}

let server: ScriptedServer;
beforeAll(async () => {
  server = await startScripted((query) => {
    const [question] = query.questions;
    if (nameToText(question!.name) === 'nowhere.example.') return answerTo(query, { rcode: Rcode.NXDOMAIN });
    const record = (last: number) => ({ ...question!, ttl: 60, rdata: Uint8Array.of(192, 0, 2, last) });
    return answerTo(query, { answers: [record(1), record(2)] });
  });
});
afterAll(() => server.close());

describe('edgeward query', () => {
  it('sends what its flags say and prints the answer', async () => {
    const at = server.queries.length;
    const flags = ['--subnet', '2001:db8::/40', '--nsid', '--dnssec', '--bufsize', '4096', '--recurse'];
    const { code, out, err } = await edgeward('query', `@127.0.0.1:${server.port}`, 'www.example.org', ...flags);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('www.example.org.\t60\tIN\tA\t192.0.2.1\n');
    expect(out).toContain('; CLIENT-SUBNET: 2001:db8::/40 -> scope /0\n');
    const { message } = server.queries[at]!;
    expect([message.rd, message.edns?.do, message.edns?.udpSize]).toEqual([true, true, 4096]);
    expect(message.edns?.options.map((option) => option.code)).toEqual([8, 3]);
    expect(message.edns?.ecs).toMatchObject({ family: 2, source: 40, scope: 0 });
  });

  it('prints data alone with --short, and sends no OPT record with --no-edns', async () => {
    const at = server.queries.length;
    const { code, out } = await edgeward(
      'query',
      `@127.0.0.1:${server.port}`,
      'a.example',
      '--short',
      '--no-edns',
      '--tcp',
    );
    expect([code, out]).toEqual([0, '192.0.2.1\n192.0.2.2\n']);
    expect(server.queries[at]).toMatchObject({ transport: 'tcp' });
    expect(server.queries[at]!.message.edns).toBeUndefined();
  });

  it("reads dig's and kdig's way of writing flags", async () => {
    const at = server.queries.length;
    const port = String(server.port);
    const words = ['@127.0.0.1', '-p', port, 'a.example', '+subnet=192.0.2.0/24', '+short', '+bufsize=512', '+tries=1'];
    const { code, out, err } = await edgeward('query', ...words);
    expect([code, out, err]).toEqual([0, '192.0.2.1\n192.0.2.2\n', '']);
    expect(server.queries[at]!.message.edns).toMatchObject({ udpSize: 512, ecs: { source: 24 } });
  });

  it('exits with 1 for NXDOMAIN, its JSON on stdout', async () => {
    const { code, out, err } = await edgeward('query', `@127.0.0.1:${server.port}`, 'nowhere.example', '--json');
    expect([code, err]).toEqual([1, '']);
    expect(JSON.parse(out)).toMatchObject({ status: 'NXDOMAIN', answer: [], server: { port: server.port } });
  });

  it('exits with 1 when nobody answers, and says so where it is looked for', async () => {
    const silent = await startScripted(() => undefined);
    const flags = [`@127.0.0.1:${silent.port}`, 'a.example', '--timeout', '0.05', '--tries', '2'];
    const [text, json] = await Promise.all([edgeward('query', ...flags), edgeward('query', ...flags, '--json')]);
    await silent.close();
    const message = `no answer from 127.0.0.1:${silent.port} over UDP: silent for 0.05 s (2 tries)`;
    expect(text).toEqual({ code: 1, out: '', err: `edgeward: ${message}\n` });
    expect([json.code, JSON.parse(json.out)]).toEqual([1, { error: message }]);
    expect(silent.queries).toHaveLength(4);
  });

  it.each([
    [['query'], 'no name to ask for'],
    [['query', 'a.example', 'AAA'], 'is not a record type'],
    [['query', 'a.example', '--subnet', '1.2.3.4/99'], 'at most 32 bits'],
    [['query', 'a.example', '--no-edns', '--nsid'], '--nsid needs EDNS'],
    [['query', 'a.example', '--tries', '0'], '1 to 100'],
    [['query', 'a.example', '+tries=0'], '1 to 100'],
    [['query', 'a.example', '+sbunet=0'], 'did you mean `subnet`'],
    [['query', 'a.example', '+tcp=1'], '--tcp=1 takes no value'],
    [['query', 'a.example', '--subnt', '0'], 'Did you mean --subnet?'],
  ])('exits with 2 for %j', async (args, expected) => {
    const { code, out, err } = await edgeward(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(expected);
    expect(err).toMatch(/^edgeward: /u);
  });
});

describe('edgeward', () => {
  it('tells its version and how to use it', async () => {
    const [version, help] = await Promise.all([edgeward('--version'), edgeward('query', '--help')]);
    expect(version).toMatchObject({ code: 0, err: '' });
    expect(version.out).toMatch(/^\d+\.\d+\.\d+\n$/u);
    expect(help).toMatchObject({ code: 0, err: '' });
    expect(help.out).toContain('Usage: edgeward query [options] [@SERVER[:PORT]] NAME [TYPE]');
    expect(help.out).toContain('Exit codes:');
  });

  it('exits with 2 without a command, and for one that it does not have, with the nearest', async () => {
    const [none, typo] = await Promise.all([edgeward(), edgeward('qurey')]);
    expect(none).toMatchObject({ code: 2, out: '' });
    expect(none.err).toContain('Commands:');
    expect(typo).toMatchObject({ code: 2, out: '' });
    expect(typo.err).toContain("unknown command 'qurey'\n(Did you mean query?)");
  });
});
