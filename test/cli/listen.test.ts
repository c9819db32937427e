import { expect, test } from 'vitest';
import { describe } from 'vitest';
import { temporaryDirectory } from '../support/directory.ts';
import { hasNamespaces, networkOf, ownNetwork } from '../support/namespace.ts';
import { runEdgeward, startEdgeward, startProgram, type Program } from '../support/program.ts';

const ZONE = `apiVersion: edgeward.dev/v1alpha1
kind: Zone
metadata: { name: example }
spec:
  origin: example.org
  records: [{ name: '@', type: NS, data: ns.example.net. }, { name: www, type: A, data: 192.0.2.80 }]
`;
const configuration = (files: Readonly<Record<string, string>> = {}): string =>
  temporaryDirectory({ 'zone.yaml': ZONE, ...files });

const WITHOUT_IPV6 = { nodeArgs: ['--import', new URL('../support/without-ipv6.ts', import.meta.url).pathname] };

/** Asks a server in the network of `program`, by UDP unless `+tcp` is among the words. */
async function ask(program: Program, server: string, ...words: string[]): Promise<string> {
  const { text } = await runEdgeward(['query', `@${server}`, 'www.example.org', 'A', '+short', ...words], {
    prefix: networkOf(program.child.pid!),
  });
  return text.trim();
}

/** Something else that holds a port, in the network of `network`; its name is that of a script. */
async function other(script: string, network: Program): Promise<Program> {
  const directory = temporaryDirectory({ 'some-dns-server.cjs': `${script}; setInterval(() => {}, 1000)` });
  const program = startProgram([process.execPath, `${directory}/some-dns-server.cjs`], {
    prefix: networkOf(network.child.pid!),
  });
  await program.until(/listening/u);
  return program;
}
const UDP = (host: string, port = 53): string =>
  `require('dgram').createSocket('${host.includes(':') ? 'udp6' : 'udp4'}').bind(${port}, '${host}', () => console.log('listening'))`;
const TCP = (host: string, port = 53): string =>
  `require('net').createServer().listen(${port}, '${host}', () => console.log('listening'))`;

/** A network that lives as long as the test. */
async function network(setup?: string): Promise<Program> {
  const program = startProgram(['sh', '-c', 'echo up; exec sleep 600'], { prefix: ownNetwork(setup) });
  await program.until(/up/u);
  return program;
}

describe.skipIf(!hasNamespaces)('in a network of its own', () => {
  test('a kernel without IPv6: default addresses do without it, and a warning says so', async () => {
    const server = startEdgeward(['serve', configuration()], { prefix: ownNetwork(), ...WITHOUT_IPV6 });
    await server.until(/ ready .*listen=0\.0\.0\.0:53 /u);
    const warnings = server.text().match(/WARN .*/gu);
    expect(warnings).toEqual([
      'WARN  cannot listen on [::]:53 over UDP: this machine has no IPv6 (EAFNOSUPPORT); the server answers without this default address',
    ]);
    expect(await ask(server, '127.0.0.1')).toBe('192.0.2.80');
    expect(await ask(server, '127.0.0.1', '+tcp')).toBe('192.0.2.80');
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
  });

  test('a kernel without IPv6 and portable UDP', async () => {
    const directory = configuration({ 'edgeward.yaml': 'udp: portable' });
    const server = startEdgeward(['serve', directory], { prefix: ownNetwork(), ...WITHOUT_IPV6 });
    await server.until(/ ready .*listen=0\.0\.0\.0:53 /u);
    expect(await ask(server, '127.0.0.1')).toBe('192.0.2.80');
  });

  test.each([
    ['--listen', ['--listen', '127.0.0.1:53', '--listen', '[::1]:53'], '', {}],
    ['the environment', [], '', { EDGEWARD_LISTEN: '127.0.0.1:53,[::]:53' }],
    ['the file', [], "listen: ['[::1]:53']", {}],
  ])('a kernel without IPv6: an address from %s is needed', async (_, args, file, env) => {
    const { code, text } = await runEdgeward(['serve', configuration({ 'edgeward.yaml': file }), ...args], {
      prefix: ownNetwork(),
      env: { ...process.env, ...env },
      ...WITHOUT_IPV6,
    });
    expect(text).toMatch(
      /ERROR cannot listen on \[::1?\]:53 over UDP: this machine has no IPv6 \(EAFNOSUPPORT\); choose an IPv4 address with --listen ADDRESS:PORT\n$/u,
    );
    expect(code).toBe(2);
  });

  test('metrics on an IPv6 address, without IPv6', async () => {
    const args = ['serve', configuration(), '--metrics', '[::1]:9153'];
    const { code, text } = await runEdgeward(args, { prefix: ownNetwork(), ...WITHOUT_IPV6 });
    expect(text).toContain(
      'cannot listen on [::1]:9153 over TCP: this machine has no IPv6 (EAFNOSUPPORT); choose an IPv4 address with --metrics ADDRESS:PORT',
    );
    expect(code).toBe(2);
  });

  test('IPv6 that is switched off by sysctl', async () => {
    const prefix = ownNetwork('echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6');
    const server = startEdgeward(['serve', configuration()], { prefix });
    await server.until(/ ready /u);
    expect(await ask(server, '127.0.0.1')).toBe('192.0.2.80');
    const { code, text } = await runEdgeward(['serve', configuration(), '--listen', '[::1]:53'], { prefix });
    expect(text).toContain(
      'cannot listen on [::1]:53 over UDP: no network interface of this machine has this address (EADDRNOTAVAIL); choose another address with --listen ADDRESS:PORT',
    );
    expect(code).toBe(2);
  });

  test('port 53 without the privilege for it', async () => {
    const { code, text } = await runEdgeward(['serve', configuration()], {
      prefix: [...ownNetwork(), 'setpriv', '--bounding-set=-net_bind_service', '--inh-caps=-net_bind_service'],
    });
    expect(text).toContain(
      'ERROR cannot listen on 0.0.0.0:53 over UDP: this user may not use ports below 1024 (EACCES); ' +
        'to try it out, use --listen 127.0.0.1:5353; for a service, use deploy/systemd/edgeward.service, or run ' +
        `\`setcap cap_net_bind_service=+ep ${process.execPath}\``,
    );
    expect(code).toBe(2);
  });

  test.each([
    ['UDP', UDP('127.0.0.53'), '127.0.0.53'],
    ['TCP', TCP('127.0.0.1'), '127.0.0.1'],
    ['UDP', UDP('::'), '::'],
  ])('port 53 is taken over %s: by which process, and where', async (transport, script, address) => {
    const home = await network();
    const taker = await other(script, home);
    const prefix = networkOf(home.child.pid!);
    const { code, text } = await runEdgeward(['serve', configuration()], { prefix });
    expect(text).toContain(
      `over ${transport}: node some-dns-server.cjs (process ${taker.child.pid}) uses the port on ${address} (EADDRINUSE); ` +
        'stop it, or choose another address with --listen ADDRESS:PORT',
    );
    expect(code).toBe(2);
    // What one address has is free on another.
    const beside = startEdgeward(['serve', configuration(), '--listen', '127.0.0.9:53'], { prefix });
    if (address !== '::') await beside.until(/ ready /u);
  });

  test('the default port of metrics is taken: answers go on; one that was asked for is needed', async () => {
    const home = await network();
    await other(TCP('127.0.0.1', 9153), home);
    const prefix = networkOf(home.child.pid!);
    const server = startEdgeward(['serve', configuration()], { prefix });
    await server.until(/ ready /u);
    expect(server.text()).toMatch(
      /WARN  cannot listen on 127\.0\.0\.1:9153 over TCP: node some-dns-server\.cjs \(process \d+\) uses the port on 127\.0\.0\.1 \(EADDRINUSE\); the server runs without metrics and health; choose another address with --metrics ADDRESS:PORT, or `--metrics off`/u,
    );
    expect(await ask(server, '127.0.0.1')).toBe('192.0.2.80');
    const directory = configuration({ 'edgeward.yaml': "metrics: '127.0.0.1:9153'\nlisten: ['127.0.0.1:5353']" });
    const asked = await runEdgeward(['serve', directory], { prefix });
    expect(asked.text).toMatch(
      /ERROR cannot listen on 127\.0\.0\.1:9153 .*; stop it, or choose another address with --metrics/u,
    );
    expect(asked.code).toBe(2);
  });

  test('a second server is refused, with the first one named; after the first has ended it may start', async () => {
    const home = await network();
    const prefix = networkOf(home.child.pid!);
    const directory = configuration();
    const first = startEdgeward(['serve', directory, '--workers', '2'], { prefix });
    await first.until(/ ready /u);
    for (const listen of ['0.0.0.0:53', '127.0.0.1:53', '[::1]:53']) {
      const second = await runEdgeward(['serve', directory, '--listen', listen, '--workers', '2'], { prefix });
      expect(second.text).toMatch(
        new RegExp(
          `over UDP: node edgeward\\.ts serve \\(process ${first.child.pid}\\) uses the port on .* \\(EADDRINUSE\\); ` +
            'stop that Edgeward first, since clients would get answers of both',
          'u',
        ),
      );
      expect(second.code).toBe(2);
    }
    first.child.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    const next = startEdgeward(['serve', directory, '--workers', '2'], { prefix });
    await next.until(/ ready /u);
  });

  test('of two servers that start at once, one at most serves', async () => {
    const home = await network();
    const prefix = networkOf(home.child.pid!);
    const directory = configuration();
    const args = ['serve', directory, '--workers', '2', '--metrics', 'off'];
    for (let round = 0; round < 3; round++) {
      const both = [startEdgeward(args, { prefix }), startEdgeward(args, { prefix })];
      const first = await Promise.race(both.map(({ ended }, index) => ended.then((code) => ({ code, index }))));
      expect(first.code).toBe(2);
      const winner = both[1 - first.index]!;
      await winner.until(/ ready /u);
      expect(await ask(winner, '127.0.0.1')).toBe('192.0.2.80');
      winner.child.kill('SIGKILL');
      await winner.ended;
    }
  });
});
