import { readFileSync } from 'node:fs';
import type { Claim } from './space.ts';

/** Provinces as ip2region names them, without their kind (省, 市, 自治区), by ISO 3166-2:CN code. */
const CODES: Readonly<Record<string, string>> = {
  安徽: 'AH',
  北京: 'BJ',
  重庆: 'CQ',
  福建: 'FJ',
  广东: 'GD',
  甘肃: 'GS',
  广西: 'GX',
  贵州: 'GZ',
  河南: 'HA',
  湖北: 'HB',
  河北: 'HE',
  海南: 'HI',
  黑龙江: 'HL',
  湖南: 'HN',
  吉林: 'JL',
  江苏: 'JS',
  江西: 'JX',
  辽宁: 'LN',
  内蒙古: 'NM',
  宁夏: 'NX',
  青海: 'QH',
  四川: 'SC',
  山东: 'SD',
  上海: 'SH',
  陕西: 'SN',
  山西: 'SX',
  天津: 'TJ',
  新疆: 'XJ',
  西藏: 'XZ',
  云南: 'YN',
  浙江: 'ZJ',
};

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
  const name = Object.keys(CODES).find((each) => province.startsWith(each));
  return name === undefined ? undefined : `CN-${CODES[name]}`;
}
