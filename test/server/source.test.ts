import { describe, expect, it } from 'vitest';
import { readSource, type SourceAddress } from '../../src/server/client-address.ts';

function read(text: string): SourceAddress | undefined {
  const source: SourceAddress = { family: 6, w0: 9, w1: 9, w2: 9, w3: 9 };
  return readSource(text, source) ? source : undefined;
}

const v4 = (w0: number): SourceAddress => ({ family: 4, w0, w1: 0, w2: 0, w3: 0 });

describe('readSource', () => {
  it.each([
    ['192.0.2.1', v4(0xc0000201)],
    ['0.0.0.0', v4(0)],
    ['255.255.255.255', v4(0xffffffff)],
    ['::ffff:192.0.2.1', v4(0xc0000201)],
    ['::ffff:c000:201', v4(0xc0000201)],
    ['2001:db8::1', { family: 6, w0: 0x20010db8, w1: 0, w2: 0, w3: 1 }],
    ['::1', { family: 6, w0: 0, w1: 0, w2: 0, w3: 1 }],
    ['fe80::abcd%eth0', { family: 6, w0: 0xfe800000, w1: 0, w2: 0, w3: 0xabcd }],
    ['64:ff9b::192.0.2.1', { family: 6, w0: 0x0064ff9b, w1: 0, w2: 0, w3: 0xc0000201 }],
  ] as const)('reads %s', (text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1..2.3',
    '1.2.3.',
    '.1.2.3',
    '1.2.3.4 ',
    'example.org',
    ':::',
    '1::2::3',
  ])('refuses "%s"', (text) => {
    expect(read(text)).toBeUndefined();
  });

  it('leaves the source as it was for what is no address', () => {
    const source = v4(7);
    expect(readSource('nothing', source)).toBe(false);
    expect(source).toEqual(v4(7));
  });
});
