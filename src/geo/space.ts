import type { Ranges } from './ranges.ts';

/**
 * The value of every address while it is being built: ranges of one family as starts in ascending order, each good up
 * to the next. Sources are painted over each other, later ones on top.
 */
export interface Space<T> {
  readonly starts: T[];
  readonly values: number[];
}

/** A source's claim on a closed range of addresses. */
export interface Claim<T> {
  readonly first: T;
  readonly last: T;
  readonly value: number;
}

/** How addresses of a family are compared and counted up. IPv4 are numbers, IPv6 are BigInts. */
export interface Order<T> {
  readonly zero: T;
  readonly max: T;
  next(address: T): T;
}

export const ORDER4: Order<number> = { zero: 0, max: 0xffffffff, next: (address) => address + 1 };
export const ORDER6: Order<bigint> = { zero: 0n, max: (1n << 128n) - 1n, next: (address) => address + 1n };

/** A space in which everything has one value. */
export function blank<T extends number | bigint>(order: Order<T>, value: number): Space<T> {
  return { starts: [order.zero], values: [value] };
}

/**
 * Paints claims over a space in one pass.
 * @param claims ascending and disjoint
 * @param blend the value where `under` was and a claim of `over` comes
 */
export function paint<T extends number | bigint>(
  space: Space<T>,
  claims: readonly Claim<T>[],
  order: Order<T>,
  blend: (under: number, over: number) => number,
): Space<T> {
  const starts: T[] = [];
  const values: number[] = [];
  const push = (start: T, value: number): void => {
    if (values.length > 0 && values.at(-1) === value) return;
    starts.push(start);
    values.push(value);
  };
  let c = 0;
  for (let i = 0; i < space.starts.length; i++) {
    const under = space.values[i]!;
    const end = i + 1 < space.starts.length ? space.starts[i + 1]! : undefined;
    let at = space.starts[i]!;
    for (;;) {
      while (c < claims.length && claims[c]!.last < at) c++;
      const claim = claims[c];
      if (claim === undefined || (end !== undefined && claim.first >= end)) {
        push(at, under);
        break;
      }
      if (claim.first > at) push(at, under);
      push(claim.first > at ? claim.first : at, blend(under, claim.value));
      if (claim.last === order.max) break;
      const behind = order.next(claim.last);
      if (end !== undefined && behind >= end) break;
      at = behind;
    }
  }
  return { starts, values };
}

/** The address before one that is not the first. */
export function previous<T extends number | bigint>(address: T): T {
  return (typeof address === 'bigint' ? address - 1n : address - 1) as T;
}

/** The parts of a space whose value is not 0. */
export function toClaims<T extends number | bigint>(space: Space<T>, order: Order<T>): Claim<T>[] {
  const claims: Claim<T>[] = [];
  for (const [i, first] of space.starts.entries()) {
    if (space.values[i] === 0) continue;
    const next = space.starts[i + 1];
    claims.push({ first, last: next === undefined ? order.max : previous(next), value: space.values[i]! });
  }
  return claims;
}

/** Both families as typed arrays in shared memory. */
export function toRanges(v4: Space<number>, v6: Space<bigint>): Ranges {
  const start6 = new Uint32Array(new SharedArrayBuffer(v6.starts.length * 16));
  for (const [i, start] of v6.starts.entries()) {
    start6[i * 4] = Number(start >> 96n);
    start6[i * 4 + 1] = Number((start >> 64n) & 0xffffffffn);
    start6[i * 4 + 2] = Number((start >> 32n) & 0xffffffffn);
    start6[i * 4 + 3] = Number(start & 0xffffffffn);
  }
  return { start4: share(v4.starts), value4: share(v4.values), start6, value6: share(v6.values) };
}

function share(values: ArrayLike<number>): Uint32Array {
  const array = new Uint32Array(new SharedArrayBuffer(values.length * 4));
  array.set(values);
  return array;
}
