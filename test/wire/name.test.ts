import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../src/wire/byte-writer.ts';
import { measureName, NameCompressor, readName } from '../../src/wire/compression.ts';
import {
  isAtOrBelow,
  labelCount,
  nameEquals,
  nameFromText,
  nameKey,
  nameToText,
  parentOf,
  ROOT,
  type WireName,
} from '../../src/wire/name.ts';
import { wireName } from './rdata/read.ts';

/** Any labels, of any octets, as long as the name is at most 255 octets. */
const names: fc.Arbitrary<WireName> = fc
  .array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { maxLength: 8 })
  .map((labels) => Uint8Array.from([...labels.flatMap((label) => [label.length, ...label]), 0]))
  .filter((name) => name.length <= 255);

/** Names over a small alphabet, so that they share suffixes. */
const related: fc.Arbitrary<WireName> = fc
  .array(fc.constantFrom('a', 'B', 'b', 'example', 'Org'), { maxLength: 5 })
  .map((labels) => wireName(`${labels.join('.')}.`));

describe('text', () => {
  test('of any name reads back to its octets', () => {
    fc.assert(
      fc.property(names, (name) => {
        expect(nameFromText(nameToText(name))).toEqual({ ok: true, value: name });
      }),
      { seed: 6, numRuns: 2000 },
    );
  });

  test.each([
    ['.', '.'],
    ['@', 'example.org.'],
    ['a', 'a.example.org.'],
    ['a.b.', 'a.b.'],
    [String.raw`a\.b.`, String.raw`a\.b.`],
    [String.raw`\097\b`, 'ab.example.org.'],
    [String.raw`sp\032ace.`, String.raw`sp\032ace.`],
    [String.raw`\@.`, String.raw`\@.`],
    ['*.a.', '*.a.'],
    [`${'x'.repeat(63)}.`, `${'x'.repeat(63)}.`],
  ])('%s with the origin example.org. is %s', (text, printed) => {
    const name = nameFromText(text, wireName('example.org.'));
    expect(name.ok ? nameToText(name.value) : name.error).toBe(printed);
  });

  test.each([
    ['', 'an empty name'],
    ['..', 'an empty label'],
    ['.a', 'an empty label'],
    ['a..', 'an empty label'],
    [`${'x'.repeat(64)}.`, 'more than 63 octets'],
    ['xxxxxxx.'.repeat(32), 'longer than 255 octets'],
    [`${'xxxxxxx.'.repeat(31)}xxxxx`, 'longer than 255 octets'],
    ['a\\', 'a broken escape'],
    [String.raw`a\1b.`, 'a broken escape'],
    [String.raw`a\256.`, 'over 255'],
    ['größe.', 'Punycode'],
    ['例.', 'Punycode'],
  ])('%s is refused: %s', (text, message) => {
    const name = nameFromText(text, wireName('example.org.'));
    expect(name.ok ? nameToText(name.value) : name.error).toContain(message);
  });

  test('may be 255 octets long and no longer (RFC 1035 2.3.4)', () => {
    const longest = `${'xxxxxxx.'.repeat(31)}xxxxx.`;
    expect(wireName(longest)).toHaveLength(255);
    expect(nameFromText(`y${longest}`).ok).toBe(false);
  });
});

describe('relations', () => {
  test('do not regard case (RFC 4343)', () => {
    expect(nameEquals(wireName('A.Example.'), wireName('a.eXAMPLE.'))).toBe(true);
    expect(nameKey(wireName('A.Example.'))).toBe(nameKey(wireName('a.eXAMPLE.')));
    // Not ASCII letters: those of ISO 8859-1 are apart.
    expect(nameEquals(wireName(String.raw`\196.`), wireName(String.raw`\228.`))).toBe(false);
  });

  test('below, labels and parents', () => {
    const name = wireName('a.b.c.');
    expect(isAtOrBelow(name, wireName('B.c.'))).toBe(true);
    expect(isAtOrBelow(name, wireName('xb.c.'))).toBe(false);
    expect(isAtOrBelow(wireName('b.c.'), name)).toBe(false);
    expect(isAtOrBelow(name, ROOT)).toBe(true);
    expect([labelCount(name), labelCount(ROOT)]).toEqual([3, 0]);
    expect([nameToText(parentOf(name)), nameToText(parentOf(ROOT))]).toEqual(['b.c.', '.']);
  });
});

describe('compression', () => {
  test('names written one after the other read back, compressed or not', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(related, fc.boolean()), { maxLength: 10 }), (list) => {
        const writer = new ByteWriter();
        const compressor = new NameCompressor(writer);
        const offsets = list.map(([name, compress]) => {
          const at = writer.length;
          compressor.write(name, compress);
          return at;
        });
        const bytes = writer.toBytes();
        for (const [i, [name, compress]] of list.entries()) {
          const read = readName(bytes, offsets[i]!);
          expect(nameKey(read!.name)).toBe(nameKey(name));
          expect(read!.next).toBe(offsets[i + 1] ?? bytes.length);
          const length = read!.next - offsets[i]!;
          expect(compress || length === name.length).toBe(true);
        }
      }),
      { seed: 7, numRuns: 2000 },
    );
  });

  test('a name that was written is never written again where it may be compressed', () => {
    const writer = new ByteWriter();
    const compressor = new NameCompressor(writer);
    compressor.write(wireName('www.example.org.'), false);
    const before = writer.length;
    compressor.write(wireName('mail.EXAMPLE.org.'));
    expect(writer.length - before).toBe(5 + 2);
  });

  test('any octets are a name or malformed, and end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, at) => {
        const read = readName(bytes, at);
        const size = measureName(bytes, at, bytes.length);
        expect(read === undefined || measureName(read.name, 0, read.name.length) === read.name.length).toBe(true);
        expect(size < 0 || read?.name.length === size).toBe(true);
      }),
      { seed: 8, numRuns: 5000 },
    );
  });

  test('255 octets are the limit through pointers too', () => {
    const labels = [63, ...Array<number>(63).fill(0x61)];
    const bytes = Uint8Array.from([
      ...labels,
      ...labels,
      ...labels,
      62,
      ...Array<number>(62).fill(0x62),
      0,
      1,
      0x63,
      0xc0,
      0,
    ]);
    expect(measureName(bytes, 0, bytes.length)).toBe(-1);
    expect(readName(bytes, 0)).toBeUndefined();
    bytes[192] = 61;
    bytes[254] = 0;
    expect(readName(bytes, 0)?.name).toHaveLength(255);
    expect(readName(bytes, 256)).toBeUndefined();
  });
});
