import { readFileSync } from 'node:fs';
import { previous, type Claim, type Order } from './space.ts';

const DIGITS = /^\d{1,39}$/u;
const LAST_ASN = 0xffffffff;

/**
 * AS numbers by address from a CSV of `first,last,asn,organisation` with addresses as decimal numbers, ascending
 * (@ip-location-db/asn). The value of a claim is the AS number.
 * @param address reads a decimal number
 * @throws Error with the line when the file is not one
 */
export function readAutonomousSystems<T extends number | bigint>(
  path: string,
  address: (digits: string) => T,
  order: Order<T>,
): Claim<T>[] {
  const text = readFileSync(path, 'latin1');
  const claims: Claim<T>[] = [];
  let line = 0;
  for (let at = 0; at < text.length;) {
    line++;
    const end = text.indexOf('\n', at);
    if (end < 0) throw new Error(`line ${line} is cut short`);
    const comma1 = text.indexOf(',', at);
    const comma2 = text.indexOf(',', comma1 + 1);
    const comma3 = text.indexOf(',', comma2 + 1);
    if (comma1 < 0 || comma2 < 0 || comma3 < 0 || comma3 > end)
      throw new Error(`line ${line} is not first,last,asn,organisation`);
    const [from, to, asn] = [text.slice(at, comma1), text.slice(comma1 + 1, comma2), text.slice(comma2 + 1, comma3)];
    if (!DIGITS.test(from) || !DIGITS.test(to) || !DIGITS.test(asn) || Number(asn) > LAST_ASN)
      throw new Error(`line ${line} does not begin with two addresses and an AS number`);
    const claim: Claim<T> = { first: address(from), last: address(to), value: Number(asn) };
    const before = claims.at(-1);
    if (claim.first > claim.last || claim.last > order.max || (before !== undefined && claim.first <= before.first))
      throw new Error(`line ${line} is not in order`);
    // The published data has a range that runs into the next one; the next one is the more particular.
    if (before !== undefined && before.last >= claim.first) {
      claims[claims.length - 1] = { ...before, last: previous(claim.first) };
    }
    claims.push(claim);
    at = end + 1;
  }
  if (claims.length === 0) throw new Error('it is empty');
  return claims;
}
