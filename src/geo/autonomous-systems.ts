import { readFileSync } from 'node:fs';
import { previous, type Claim } from './space.ts';

/**
 * AS numbers by address from a CSV of `first,last,asn,organisation` with addresses as decimal numbers, ascending
 * (@ip-location-db/asn). The value of a claim is the AS number.
 * @param address reads a decimal number
 * @throws Error with the line when the file is not one
 */
export function readAutonomousSystems<T extends number | bigint>(
  path: string,
  address: (digits: string) => T,
): Claim<T>[] {
  const text = readFileSync(path, 'latin1');
  const claims: Claim<T>[] = [];
  let line = 0;
  for (let at = 0; at < text.length;) {
    line++;
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    const comma1 = text.indexOf(',', at);
    const comma2 = text.indexOf(',', comma1 + 1);
    const comma3 = text.indexOf(',', comma2 + 1);
    if (end > at) {
      if (comma1 < 0 || comma2 < 0 || comma3 < 0 || comma3 > end)
        throw new Error(`line ${line} is not first,last,asn,organisation`);
      const value = Number(text.slice(comma2 + 1, comma3));
      let claim: Claim<T>;
      try {
        claim = { first: address(text.slice(at, comma1)), last: address(text.slice(comma1 + 1, comma2)), value };
      } catch {
        throw new Error(`line ${line} does not begin with two numbers`);
      }
      const before = claims.at(-1);
      const ordered = claim.first <= claim.last && (before === undefined || claim.first > before.first);
      if (!ordered || !Number.isInteger(value)) throw new Error(`line ${line} is not in order`);
      // The published data has a range that runs into the next one; the next one is the more particular.
      if (before !== undefined && before.last >= claim.first) {
        claims[claims.length - 1] = { ...before, last: previous(claim.first) };
      }
      claims.push(claim);
    }
    at = end + 1;
  }
  return claims;
}
