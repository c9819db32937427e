import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it, test } from 'vitest';
import { formatAddress } from '../../src/lib/address.ts';
import { cannotListen } from '../../src/server/cannot-listen.ts';
import { ListenError, listening } from '../../src/server/listen-error.ts';
import { listenDgram } from '../../src/server/udp/dgram.ts';
import { conflicting, ownerOf, parseSockets, type PortOwner } from '../../src/server/port-owner.ts';

const UDP = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  512: 3500007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 20001 2 0000000000000000 0
  513: 0100007F:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 20002 2 0000000000000000 0
  514: 00000000:0043 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 20003 2 0000000000000000 0
garbage
`;
const UDP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  700: 00000000000000000000000000000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000   999        0 20004 2 0000000000000000 0
  701: B80D0120000000000000000053000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000   999        0 20005 2 0000000000000000 0
`;
const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 20006 1 0000000000000000 100 0 0 10 0
   1: 0100007F:0035 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000     0        0 20007 1 0000000000000000 20 4 30 10 -1
`;

describe('parseSockets', () => {
  const texts = (text: string, transport: 'UDP' | 'TCP'): string[] =>
    parseSockets(text, transport).map(
      ({ address, port, uid, inode }) => `${formatAddress(address)} ${port} ${uid} ${inode}`,
    );

  it('reads addresses of both families', () => {
    expect(texts(UDP, 'UDP')).toEqual(['127.0.0.53 53 101 20001', '127.0.0.1 5353 0 20002', '0.0.0.0 67 0 20003']);
    expect(texts(UDP6, 'UDP')).toEqual([':: 53 999 20004', '2001:db8::53 53 999 20005']);
  });

  it('leaves out TCP connections', () => {
    expect(texts(TCP, 'TCP')).toEqual(['127.0.0.1 53 0 20006']);
  });
});

test('conflicting: the same address first, then wildcards; other addresses and ports do not matter', () => {
  const sockets = [...parseSockets(UDP, 'UDP'), ...parseSockets(UDP6, 'UDP')];
  const found = (host: string, port: number): string[] => conflicting(sockets, host, port).map(({ inode }) => inode);
  expect(found('127.0.0.53', 53)).toEqual(['20001', '20004']);
  expect(found('0.0.0.0', 53)).toEqual(['20001', '20004']);
  expect(found('127.0.0.1', 53)).toEqual(['20004']);
  expect(found('192.0.2.1', 67)).toEqual(['20003']);
  expect(found('2001:db8::53', 53)).toEqual(['20005', '20004']);
  expect(found('::1', 53)).toEqual(['20004']);
  expect(found('::', 53)).toEqual(['20004', '20005']);
  expect(found('::1', 67)).toEqual([]);
  expect(found('127.0.0.1', 54)).toEqual([]);
});

test('ownerOf finds real sockets', async () => {
  const udp = createSocket('udp4').bind(0, '127.0.0.1');
  await once(udp, 'listening');
  const tcp = createServer().listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { port } = udp.address();
  const { port: tcpPort } = tcp.address() as AddressInfo;
  const own = { address: '127.0.0.1', uid: process.getuid!(), process: { pid: process.pid } };
  expect(ownerOf({ transport: 'UDP', host: '0.0.0.0', port })).toMatchObject(own);
  expect(ownerOf({ transport: 'TCP', host: '127.0.0.1', port: tcpPort })).toMatchObject(own);
  expect(ownerOf({ transport: 'TCP', host: '127.0.0.2', port: tcpPort })).toBeUndefined();
  udp.close();
  tcp.close();
});

describe('cannotListen', () => {
  const failure = { transport: 'UDP', host: '0.0.0.0', port: 53, code: 'EADDRINUSE', message: 'x' } as const;
  const say = (owner: PortOwner | undefined): string => cannotListen(new ListenError(failure), '--listen', () => owner);
  const choose = 'choose another address with --listen ADDRESS:PORT';

  it.each<[string, PortOwner | undefined, string]>([
    ['nobody', undefined, `another program uses it (EADDRINUSE); stop that program, or ${choose}`],
    [
      'a process',
      { address: '192.168.122.1', uid: 0, process: { pid: 7, name: 'dnsmasq' } },
      `dnsmasq (process 7) uses the port on 192.168.122.1 (EADDRINUSE); stop it, or ${choose}`,
    ],
    [
      'another user',
      { address: '0.0.0.0', uid: 54_321, process: undefined },
      `a program of user 54321 uses the port on 0.0.0.0 (EADDRINUSE); stop it, or ${choose}`,
    ],
    [
      'the stub of systemd-resolved, by its address',
      { address: '127.0.0.53', uid: 0, process: undefined },
      `systemd-resolved of user root uses the port on 127.0.0.53 (EADDRINUSE); set \`DNSStubListener=no\` in /etc/systemd/resolved.conf and restart systemd-resolved, or ${choose}`,
    ],
    [
      'systemd-resolved',
      { address: '127.0.0.54', uid: 0, process: { pid: 9, name: 'systemd-resolved' } },
      `systemd-resolved (process 9) uses the port on 127.0.0.54 (EADDRINUSE); set \`DNSStubListener=no\` in /etc/systemd/resolved.conf and restart systemd-resolved, or ${choose}`,
    ],
    [
      'this process',
      { address: '127.0.0.1', uid: 0, process: { pid: process.pid, name: 'node' } },
      `this server itself has the port on 127.0.0.1 (EADDRINUSE); ${choose}`,
    ],
  ])('names %s', (_, owner, expected) => {
    expect(say(owner)).toBe(`cannot listen on 0.0.0.0:53 over UDP: ${expected}`);
  });

  it('says what to change for the stream of a control plane', () => {
    const error = new ListenError({ ...failure, transport: 'TCP', host: '192.0.2.1', code: 'EADDRNOTAVAIL' });
    expect(cannotListen(error, 'stream.listen')).toBe(
      'cannot listen on 192.0.2.1:53 over TCP: no network interface of this machine has this address (EADDRNOTAVAIL); choose another address with `stream.listen: ADDRESS:PORT`',
    );
  });

  it('passes on what it does not know', () => {
    expect(cannotListen(new Error('no memory'), '--listen')).toBe('cannot listen: no memory');
    const strange = new ListenError({ ...failure, code: 'EPERM', message: 'bind EPERM 0.0.0.0' });
    expect(cannotListen(strange, '--listen')).toBe(
      `cannot listen on 0.0.0.0:53 over UDP: bind EPERM 0.0.0.0 (EPERM); ${choose}`,
    );
  });
});

test('listening keeps errors that are not about the address', async () => {
  const at = { host: '192.0.2.1', port: 53 };
  await expect(listening('TCP', at, () => Promise.reject(new TypeError('x')))).rejects.toThrow(TypeError);
  const options = { ...at, reusePort: false, answer: () => 0, out: new Uint8Array(0), counters: new Float64Array(0) };
  await expect(listening('UDP', at, () => listenDgram(options))).rejects.toMatchObject({
    transport: 'UDP',
    host: '192.0.2.1',
    port: 53,
    code: 'EADDRNOTAVAIL',
  });
});
