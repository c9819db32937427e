import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  embeddedIpv4,
  embeddedLength,
  leafLength,
  leafValue,
  lookup4,
  lookup6,
  NOT_EMBEDDED,
  prefixesOf6,
  type PrefixTable,
} from '../../src/geo/lookup.ts';
import { buildPrefixTable } from '../../src/geo/mod.ts';
import { NOWHERE, type Ranges } from '../../src/geo/ranges.ts';
import { addressWords, parseAddress, parsePrefix } from '../../src/lib/address.ts';
import { markPrivate } from '../../src/geo/special-purpose.ts';

const MAX6 = (1n << 128n) - 1n;
const MARK = 7;

const bigOf = (text: string): bigint => BigInt(`0x${Buffer.from(parseAddress(text)!.bytes).toString('hex')}`);
const wordsOf = (value: bigint): [number, number, number, number] => [
  Number(value >> 96n),
  Number((value >> 64n) & 0xffffffffn),
  Number((value >> 32n) & 0xffffffffn),
  Number(value & 0xffffffffn),
];

interface Found {
  readonly value: number;
  readonly scope: number;
}

/** What an answer says of a client: the class of where it is, and SCOPE (RFC 7871 7.2.1). */
function find4(table: PrefixTable, address: number): Found {
  const leaf = lookup4(table, address);
  return { value: leafValue(leaf), scope: leafLength(leaf) };
}

function find6(table: PrefixTable, address: bigint): Found {
  const [w0, w1, w2, w3] = wordsOf(address);
  const offset = embeddedLength(w0, w1, w2);
  const inside = offset !== NOT_EMBEDDED;
  const leaf = inside ? lookup4(table, embeddedIpv4(w0, w1, w2, w3)) : lookup6(table, w0, w1, w2, w3);
  return { value: leafValue(leaf), scope: leafLength(leaf) + (inside ? offset : 0) };
}

const EMBEDDING = ['::ffff:0:0/96', '64:ff9b::/96', '2001::/32', '2002::/16'].map((text) => {
  const { length } = parsePrefix(text)!;
  return { text, first: bigOf(text.split('/')[0]!), length };
});

/** Addresses at and next to where something begins or ends, as well as anywhere. */
const edges = [
  ...EMBEDDING.flatMap(({ first, length }) => [first, first + (1n << BigInt(128 - length))]),
  ...['::1', '::2', 'fc00::', 'fe00::', 'fe80::', 'fec0::', '2001:db8::', '::ffff:10.0.0.0', '2002:a00::'].map(bigOf),
];
const address6 = fc
  .tuple(
    fc.oneof(fc.bigInt({ min: 0n, max: MAX6 }), fc.constantFrom(...edges)),
    fc.nat(128),
    fc.constantFrom(-1n, 0n, 1n),
  )
  .map(([value, zeros, step]) => {
    const at = ((value >> BigInt(zeros)) << BigInt(zeros)) + step;
    return at & MAX6;
  });
const address4 = fc
  .tuple(fc.nat(0xffffffff), fc.nat(32), fc.constantFrom(-1, 0, 1))
  .map(([value, zeros, step]) => (Math.floor(value / 2 ** zeros) * 2 ** zeros + step) >>> 0);

const rangesArbitrary = fc
  .tuple(
    fc.array(address4, { maxLength: 20 }),
    fc.array(address6, { maxLength: 20 }),
    fc.array(fc.nat(2), { minLength: 1, maxLength: 8 }),
  )
  .map(([starts4, starts6, values]): Ranges => {
    const s4 = [...new Set([0, ...starts4])].sort((a, b) => a - b);
    const s6 = [...new Set([0n, ...starts6])].sort((a, b) => (a < b ? -1 : 1));
    return {
      start4: Uint32Array.from(s4),
      value4: Uint32Array.from(s4, (_, i) => values[i % values.length]!),
      start6: Uint32Array.from(s6.flatMap(wordsOf)),
      value6: Uint32Array.from(s6, (_, i) => values[(i * 5) % values.length]!),
    };
  });

describe('SCOPE', () => {
  it('is of a prefix in which every address has the same answer and SCOPE', () => {
    fc.assert(
      fc.property(
        rangesArbitrary,
        fc.array(address4, { minLength: 4, maxLength: 10 }),
        fc.array(address6, { minLength: 8, maxLength: 20 }),
        fc.array(fc.bigInt({ min: 0n, max: MAX6 }), { minLength: 4, maxLength: 4 }),
        fc.boolean(),
        (ranges, a4, a6, others, marked) => {
          const world = marked ? markPrivate(ranges, MARK) : ranges;
          const table = buildPrefixTable(world, Uint32Array.of(0, 1, 2, 0, 0, 0, 0, MARK));
          for (const address of a4) {
            const found = find4(table, address);
            const host = 2 ** (32 - found.scope);
            const first = Math.floor(address / host) * host;
            for (const other of [0, host - 1, ...others.map((each) => Number(each % BigInt(host)))]) {
              expect(find4(table, first + other)).toEqual(found);
            }
          }
          for (const address of [...a6, ...edges]) {
            const found = find6(table, address);
            expect(found.scope).toBeLessThanOrEqual(128);
            const host = 1n << BigInt(128 - found.scope);
            const first = address - (address % host);
            for (const other of [0n, host - 1n, ...others.map((each) => each % host)]) {
              expect(find6(table, first + other)).toEqual(found);
            }
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('is that of the IPv4 address inside, behind the bits that come before it', () => {
    const world = {
      ...NOWHERE.ranges,
      start4: Uint32Array.of(0, 0xc0000200, 0xc0000300),
      value4: Uint32Array.of(0, 1, 0),
    };
    const table = buildPrefixTable(world, Uint32Array.of(0, 1));
    expect(find4(table, 0xc0000207)).toEqual({ value: 1, scope: 24 });
    for (const [text, scope] of [
      ['::ffff:192.0.2.7', 120],
      ['64:ff9b::192.0.2.7', 120],
      ['2002:c000:207:1234::1', 40],
      ['2001:0:1:2:3:4:3fff:fdf8', 120],
    ] as const) {
      expect(find6(table, bigOf(text)), text).toEqual({ value: 1, scope });
    }
    // Next to those forms, and forms that only look alike, are IPv6.
    for (const text of [
      '::192.0.2.7',
      '::fffe:192.0.2.7',
      '64:ff9b:1::192.0.2.7',
      '2001:1::',
      '2003:c000:200::',
      '::1',
    ]) {
      expect(find6(table, bigOf(text)).value, text).toBe(0);
    }
  });
});

describe('prefix tables', () => {
  it('of one class are one prefix of IPv4, and of IPv6 as few as go around the forms with IPv4', () => {
    const table = buildPrefixTable(NOWHERE.ranges, Uint32Array.of(5));
    expect([...table.start4]).toEqual([0]);
    expect([...table.leaf4]).toEqual([5 * 256]);
    expect(table.first4.every((first) => first === 0)).toBe(true);
    // A trie's path to each of four blocks has a sibling at every level where the paths have not parted yet.
    const siblings = new Set<string>();
    const holdsOne = (block: bigint, l: number): boolean =>
      EMBEDDING.some(({ first, length }) => length >= l && (first ^ block) >> BigInt(128 - l) === 0n);
    for (const { first, length } of EMBEDDING) {
      for (let l = 1; l <= length; l++) {
        const sibling = ((first >> BigInt(128 - l)) ^ 1n) << BigInt(128 - l);
        if (!holdsOne(sibling, l)) siblings.add(`${sibling}/${l}`);
      }
    }
    const leaves6 = Array.from(prefixesOf6(table), ([, , , , leaf]) => leaf);
    expect(leaves6).toHaveLength(siblings.size + EMBEDDING.length);
    const found = leaves6.filter((leaf) => leafValue(leaf) === 5);
    expect(found).toHaveLength(siblings.size);
  });

  it('have prefixes of 128 and 32 bits, and boundaries in every word, at both ends of the space', () => {
    const starts = [
      '::',
      '::1',
      '2001:db8::',
      '2001:db8:0:1::',
      '2001:db8:0:1::1:0:0',
      '2001:db8:0:1:0:1:0:1',
      'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    ];
    const world: Ranges = {
      start4: Uint32Array.of(0, 1, 0xffffffff),
      value4: Uint32Array.of(1, 2, 3),
      start6: Uint32Array.from(starts.flatMap((text) => addressWords(parseAddress(text)!))),
      value6: Uint32Array.from(starts, (_, i) => i + 1),
    };
    const table = buildPrefixTable(
      world,
      Uint32Array.from({ length: 9 }, (_, i) => i),
    );
    expect(find4(table, 0)).toEqual({ value: 1, scope: 32 });
    expect(find4(table, 1)).toEqual({ value: 2, scope: 32 });
    expect(find4(table, 0xfffffffe)).toEqual({ value: 2, scope: 32 });
    expect(find4(table, 0xffffffff)).toEqual({ value: 3, scope: 32 });
    const all = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff';
    for (const [text, value, scope] of [
      ['::', 1, 128],
      ['::1', 2, 128],
      ['::2', 2, 127],
      ['2001:db7:ffff::', 2, 29],
      ['2001:db8::', 3, 64],
      ['2001:db8:0:1::', 4, 96],
      ['2001:db8:0:1:0:1:0:0', 5, 128],
      ['2001:db8:0:1:0:1:0:1', 6, 128],
      [`${all}d`, 6, 127],
      [`${all}e`, 6, 128],
      [`${all}f`, 7, 128],
    ] as const) {
      expect(find6(table, bigOf(text)), text).toEqual({ value, scope });
    }
  });

  it('index the last IPv4 prefix that starts at or before every top 16 bits', () => {
    fc.assert(
      fc.property(rangesArbitrary, (ranges) => {
        const table = buildPrefixTable(ranges, Uint32Array.of(0, 1, 2));
        const { first4: first, start4: starts } = table;
        let at = 0;
        let wrong = 0;
        for (let top = 0; top < 65536; top++) {
          while (at + 1 < starts.length && starts[at + 1]! <= top * 65536) at++;
          if (first[top] !== at) wrong++;
        }
        expect(wrong).toBe(0);
        expect([first.length, first[65536]]).toEqual([65537, starts.length - 1]);
      }),
      { numRuns: 20 },
    );
  });
});
