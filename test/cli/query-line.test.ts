import { describe, expect, it } from 'vitest';
import { readSubnet, readWords } from '../../src/cli/query-line.ts';
import { nameToText } from '../../src/wire/name.ts';

function words(text: string): string {
  const read = readWords(text.split(' ').filter((word) => word !== ''));
  if (!read.ok) return read.error;
  const { server, name, type } = read.value;
  return `${server.host} ${server.port} ${nameToText(name)} ${type}`;
}

describe('readWords', () => {
  it.each([
    ['example.org', '127.0.0.1 5353 example.org. 1'],
    ['example.org. aaaa', '127.0.0.1 5353 example.org. 28'],
    ['. NS', '127.0.0.1 5353 . 2'],
    ['a\\.b.example TYPE65280', '127.0.0.1 5353 a\\.b.example. 65280'],
    ['@192.0.2.1 example.org', '192.0.2.1 53 example.org. 1'],
    ['example.org @192.0.2.1:5300 MX', '192.0.2.1 5300 example.org. 15'],
    ['@ns.example.net:54 example.org', 'ns.example.net 54 example.org. 1'],
    ['@::1 example.org', '::1 53 example.org. 1'],
    ['@[::1] example.org', '::1 53 example.org. 1'],
    ['@[2001:db8::53]:5300 example.org', '2001:db8::53 5300 example.org. 1'],
    ['@fe80::1%eth0 example.org', 'fe80::1%eth0 53 example.org. 1'],
  ])('%s', (line, expected) => {
    expect(words(line)).toBe(expected);
  });

  it('takes the port that was given apart, where the server has none', () => {
    const ports = (...line: string[]) => {
      const read = readWords(line, 5300);
      return read.ok ? read.value.server.port : read.error;
    };
    expect(ports('example.org')).toBe(5300);
    expect(ports('@192.0.2.1', 'example.org')).toBe(5300);
    expect(ports('@::1', 'example.org')).toBe(5300);
    expect(ports('@192.0.2.1:54', 'example.org')).toBe(54);
  });

  it.each([
    ['', 'no name'],
    ['@192.0.2.1', 'no name'],
    ['example.org A AAAA', 'after the type: `AAAA`'],
    ['@a @b example.org', 'two servers'],
    ['example.org AAA', 'did you mean `A'],
    ['example.org TYPE65536', 'not a record type'],
    ['exa..mple', 'empty label'],
    [`${'a'.repeat(64)}.example`, '63'],
    ['@ example.org', 'not a server'],
    ['@[::1:53 example.org', 'not a server'],
    ['@[example]:53 example.org', 'not a server'],
    ['@192.0.2.1:0 example.org', 'no port 0'],
    ['@192.0.2.1:65536 example.org', 'no port 65536'],
    ['@192.0.2.1:dns example.org', 'not a server'],
  ])('refuses "%s"', (line, expected) => {
    expect(words(line)).toContain(expected);
  });
});

describe('readSubnet', () => {
  it.each([
    ['202.96.128.0/24', 1, 24, [202, 96, 128, 0]],
    ['202.96.128.86/24', 1, 24, [202, 96, 128, 86]],
    ['202.96.128.86', 1, 32, [202, 96, 128, 86]],
    ['0', 1, 0, [0, 0, 0, 0]],
    ['0.0.0.0/0', 1, 0, [0, 0, 0, 0]],
    ['::/0', 2, 0, Array(16).fill(0)],
    ['2001:db8::/40', 2, 40, [0x20, 1, 0xd, 0xb8, ...Array<number>(12).fill(0)]],
    ['::1', 2, 128, [...Array<number>(15).fill(0), 1]],
  ] as const)('%s', (text, family, source, address) => {
    expect(readSubnet(text)).toEqual({ ok: true, value: { family, source, address: Uint8Array.from(address) } });
  });

  it.each([
    '',
    'example.org',
    '1.2.3/24',
    '1.2.3.4/',
    '1.2.3.4/-1',
    '1.2.3.4/24/8',
    '1.2.3.4/33',
    '::/129',
    '1.2.3.4/x',
  ])('refuses "%s"', (text) => {
    expect(readSubnet(text).ok).toBe(false);
  });
});
