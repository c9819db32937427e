import fc from 'fast-check';
import { expect, it } from 'vitest';
import { blank, ORDER4, ORDER6, paint, toClaims, toRanges, type Claim, type Space } from '../../src/geo/space.ts';

const BITS = 5;

/** A world of 32 blocks of 2^27 IPv4 addresses. */
const block = (i: number): number => i * 2 ** (32 - BITS);

/** Disjoint ascending claims from [length, gap, value] steps. */
function claims(steps: readonly [number, number, number][]): Claim<number>[] {
  const out: Claim<number>[] = [];
  let at = 0;
  for (const [gap, length, value] of steps) {
    const first = at + gap;
    const last = first + length;
    if (last >= 2 ** BITS) break;
    out.push({ first: block(first), last: block(last + 1) - 1, value });
    at = last + 1;
  }
  return out;
}

const layer = fc.array(fc.tuple(fc.nat(3), fc.nat(3), fc.nat(4))).map(claims);

it('paints later claims over earlier ones, at every edge of the space, and joins what is alike', () => {
  fc.assert(
    fc.property(fc.array(layer, { maxLength: 4 }), (layers) => {
      const naive = Array.from({ length: 2 ** BITS }, () => 0);
      const blend = (under: number, over: number): number => (under * 3 + over) % 5;
      let space: Space<number> = blank(ORDER4, 0);
      for (const each of layers) {
        space = paint(space, each, ORDER4, blend);
        for (const [i, under] of naive.entries()) {
          const claim = each.find(({ first, last }) => block(i) >= first && block(i) <= last);
          if (claim !== undefined) naive[i] = blend(under, claim.value);
        }
      }
      const starts = naive.flatMap((value, i) => (i > 0 && value === naive[i - 1] ? [] : [block(i)]));
      expect(space.starts).toEqual(starts);
      expect(space.values).toEqual(starts.map((start) => naive[start / block(1)]));
      expect(paint(blank(ORDER4, 0), toClaims(space, ORDER4), ORDER4, (_, over) => over)).toEqual(space);
    }),
  );
});

it('keeps all 128 bits of IPv6 starts', () => {
  const first = 0x20010db8_fffffffe_80000000_00000001n;
  const v6 = paint(blank(ORDER6, 0), [{ first, last: ORDER6.max, value: 3 }], ORDER6, (_, over) => over);
  const { start6, value6 } = toRanges(blank(ORDER4, 0), v6);
  expect([...start6]).toEqual([0, 0, 0, 0, 0x20010db8, 0xfffffffe, 0x80000000, 1]);
  expect([...value6]).toEqual([0, 3]);
});
