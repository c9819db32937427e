import { describe, expect, it } from 'vitest';
import { Random } from '../support/random.ts';
import { bitOf, cut, parsePrefix, PrefixOracle, prefixText, type Prefix } from './prefixes.ts';

/** The 256 addresses in 192.0.2.0/24 as a space small enough to look at each of them. */
function small(length: number, octet: number): Prefix {
  return cut(Uint8Array.of(192, 0, 2, octet), 24 + length);
}

describe('PrefixOracle', () => {
  it('gives the value of the longest prefix and the shortest prefix of one value, as looking at all addresses does', () => {
    const random = new Random(11);
    for (let round = 0; round < 50; round++) {
      const nets = new Map<string, [Prefix, number]>();
      nets.set('', [parsePrefix('0.0.0.0/0'), 0]);
      for (let i = 0; i < 12; i++) {
        const prefix = small(1 + random.below(7), random.below(256));
        nets.set(prefixText(prefix), [prefix, random.below(3)]);
      }
      const oracle = new PrefixOracle(nets.values());
      const valueOf = (octet: number): number => {
        const address = Uint8Array.of(192, 0, 2, octet);
        const holding = [...nets.values()].filter(([{ bytes, length }]) =>
          Array.from({ length }, (_, i) => bitOf(bytes, i) === bitOf(address, i)).every(Boolean),
        );
        return holding.sort((a, b) => b[0].length - a[0].length)[0]![1];
      };
      const values = Array.from({ length: 256 }, (_, octet) => valueOf(octet));
      // Without a prefix that differs from 0 in the /24 the scope would reach beyond it.
      if (values.every((value) => value === 0)) continue;
      for (let octet = 0; octet < 256; octet++) {
        const lengths = Array.from({ length: 9 }, (_, length) => length);
        const scope = lengths.find((length) => {
          const size = 256 >> length;
          const start = octet - (octet % size);
          const within = values.slice(start, start + size);
          return within.every((value) => value === within[0]) && (length > 0 || within[0] === 0);
        });
        const found = oracle.get(Uint8Array.of(192, 0, 2, octet));
        expect(found.value).toBe(values[octet]);
        // A /24 of one value other than 0 ends at the /24, since all around it is 0.
        expect(found.scope).toBe(24 + (scope ?? 0));
      }
    }
  });

  it('knows where prefixes inside another cover it whole', () => {
    const nets: [string, number][] = [
      ['0.0.0.0/0', 0],
      ['10.0.0.0/8', 1],
      ['10.0.0.0/9', 2],
      ['10.128.0.0/9', 2],
      ['11.0.0.0/8', 1],
      ['11.0.0.0/9', 2],
    ];
    const oracle = new PrefixOracle(nets.map(([text, value]) => [parsePrefix(text), value]));
    expect(oracle.isInCoveredPrefix(Uint8Array.of(10, 1, 2, 3))).toBe(true);
    expect(oracle.isInCoveredPrefix(Uint8Array.of(11, 1, 2, 3))).toBe(false);
    expect(oracle.get(Uint8Array.of(10, 1, 2, 3))).toEqual({ value: 2, scope: 8 });
  });

  it('reads and writes IPv6 prefixes', () => {
    expect(prefixText(parsePrefix('2001:db8::/32'))).toBe('2001:db8:0:0:0:0:0:0/32');
    expect(prefixText(parsePrefix('::/1'))).toBe('0:0:0:0:0:0:0:0/1');
  });
});
