import { readFileSync } from 'node:fs';
import { CHINESE_PROVINCES } from '../model/region-names.ts';
import type { Claim } from './space.ts';

const BLOCK = 12;

/**
 * Province of the IPv4 addresses of China from an `ip2region.db` (version 1): a header with the first and last place
 * of the index, then blocks of first address, last address and a pointer (8 bits of length, 24 of offset), all
 * little-endian; the record is a number and `country|area|province|city|isp`.
 * @returns claims whose value indexes `codes`
 * @throws Error when the file is not one
 */
export function readProvinces(path: string): { claims: Claim<number>[]; codes: string[] } {
  const data = readFileSync(path);
  if (data.length < 8) throw new Error('it is too short');
  const first = data.readUInt32LE(0);
  const last = data.readUInt32LE(4);
  if (first > last || last + BLOCK > data.length || (last - first) % BLOCK !== 0)
    throw new Error('its index is outside of it');
  const codes: string[] = [];
  const indexOf = new Map<string, number>();
  const byPointer = new Map<number, number>();
  const claims: Claim<number>[] = [];
  for (let at = first; at <= last; at += BLOCK) {
    const pointer = data.readUInt32LE(at + 8);
    let value = byPointer.get(pointer);
    if (value === undefined) {
      const code = provinceOf(data, pointer);
      value = code === undefined ? -1 : (indexOf.get(code) ?? codes.push(code) - 1);
      if (code !== undefined) indexOf.set(code, value);
      byPointer.set(pointer, value);
    }
    if (value < 0) continue;
    const from = data.readUInt32LE(at);
    const to = data.readUInt32LE(at + 4);
    const before = claims.at(-1);
    if (from > to || (before !== undefined && from <= before.last))
      throw new Error(`its index is not in order at ${at}`);
    if (before !== undefined && before.value === value && before.last + 1 === from)
      claims[claims.length - 1] = { ...before, last: to };
    else claims.push({ first: from, last: to, value });
  }
  return { claims, codes };
}

function provinceOf(data: Buffer, pointer: number): string | undefined {
  const length = pointer >>> 24;
  const offset = pointer & 0xffffff;
  const [country, , province] = data.toString('utf8', offset + 4, offset + length).split('|');
  if (country !== '中国' || province === undefined) return undefined;
  const name = Object.keys(CHINESE_PROVINCES).find((each) => province.startsWith(each));
  return name === undefined ? undefined : `CN-${CHINESE_PROVINCES[name]}`;
}
