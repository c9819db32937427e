import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressWords,
  formatAddress,
  formatPrefix,
  ipv4FromText,
  ipv6FromText,
  ipv6ToText,
  parseAddress,
  parsePrefix,
} from '../../src/lib/address.ts';

describe('IPv4 text', () => {
  it.each(['0.0.0.0', '255.255.255.255', '192.0.2.1'])('reads %s', (text) => {
    expect(parseAddress(text)).toEqual({ family: 4, bytes: Uint8Array.from(text.split('.').map(Number)) });
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.',
    '0x1.2.3.4',
    '1.2.3.-4',
  ])('refuses "%s"', (text) => expect(ipv4FromText(text)).toBeUndefined());
});

describe('IPv6 text', () => {
  // RFC 5952: sections 4.1 to 4.3 and 5.
  it.each([
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::AB', '2001:db8::ab'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['::ffff:c000:0201', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
  ])('writes %s as %s', (text, canonical) => {
    expect(ipv6ToText(ipv6FromText(text)!)).toBe(canonical);
  });

  it.each([
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    '12345::',
    'g::',
    'fe80::1%eth0',
    '::1.2.3',
    '1.2.3.4::',
    '::1.2.3.4:5',
    ':1::2',
    '1::2:',
    '1:2:3:4:5:6:7:1.2.3.4',
  ])('refuses %s', (text) => expect(ipv6FromText(text)).toBeUndefined());

  it('reads back what it writes, and agrees with the platform on what is an address', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(0xffff), (random, zeros) => {
        const bytes = random.map((byte, i) => (((zeros >> (i >> 1)) & 1) === 0 ? byte : 0));
        const text = ipv6ToText(bytes);
        expect(isIPv6(text)).toBe(true);
        expect(ipv6FromText(text)).toEqual(bytes);
      }),
    );
    const soup = fc.string({ unit: fc.constantFrom('0', '1', 'f', 'a9', ':', '::', '.', '255'), maxLength: 18 });
    fc.assert(
      fc.property(soup, (text) => {
        expect(ipv6FromText(text) !== undefined, text).toBe(isIPv6(text));
        expect(ipv4FromText(text) !== undefined, text).toBe(isIPv4(text));
      }),
      { numRuns: 3000 },
    );
  });
});

describe('prefixes', () => {
  it.each(['0.0.0.0/0', '10.0.0.0/8', '192.0.2.1/32', '::/0', '2001:db8::/33', '::1/128'])('reads %s', (text) => {
    expect(formatPrefix(parsePrefix(text)!)).toBe(text);
  });

  it('takes an address alone as all of its bits', () => {
    expect(parsePrefix('192.0.2.1')?.length).toBe(32);
    expect(parsePrefix('::')?.length).toBe(128);
  });

  it.each([
    '10.0.0.1/8',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '/8',
    '2001:db8::1/64',
    '::/129',
    '0.0.0.0/ 0',
  ])('refuses %s', (text) => expect(parsePrefix(text)).toBeUndefined());
});

it('gives words, most significant first, of addresses inside larger buffers too', () => {
  expect(addressWords(parseAddress('255.0.0.1')!)).toEqual([0xff000001, 0, 0, 0]);
  expect(addressWords(parseAddress('2001:db8::ffff:fffe')!)).toEqual([0x20010db8, 0, 0, 0xfffffffe]);
  const inside = Uint8Array.of(9, 9, 1, 2, 3, 4, 9).subarray(2, 6);
  expect(addressWords({ family: 4, bytes: inside })).toEqual([0x01020304, 0, 0, 0]);
  expect(formatAddress({ family: 4, bytes: inside })).toBe('1.2.3.4');
});
