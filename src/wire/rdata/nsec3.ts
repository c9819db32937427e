import { Type } from '../codes.ts';
import { octetsFromHex, octetsToHex } from '../presentation.ts';
import { typeBitmap } from './dnssec-fields.ts';
import { u16, u8, type Field, type RdataType } from './fields.ts';

function measurePrefixed(bytes: Uint8Array, at: number, end: number): number {
  return at < end && at + 1 + bytes[at]! <= end ? 1 + bytes[at]! : -1;
}

/** RFC 5155 3.3: `-` when empty. */
const salt: Field = {
  label: 'hexadecimal salt',
  parse(words, out) {
    const { text } = words.next();
    const octets = text === '-' ? new Uint8Array(0) : octetsFromHex(text);
    if (octets === undefined || octets.length > 255) {
      return { message: `"${text}" is no salt`, remedy: 'write hexadecimal digits, or - for none' };
    }
    out.u8(octets.length);
    out.bytes(octets);
    return undefined;
  },
  measure: measurePrefixed,
  print: (bytes, at, end) => (end - at === 1 ? '-' : octetsToHex(bytes.subarray(at + 1, end))),
};

const BASE32_HEX = '0123456789ABCDEFGHIJKLMNOPQRSTUV';

/** RFC 4648 7 without padding, as RFC 5155 3.3 has it; undefined for anything else. */
function octetsFromBase32Hex(text: string): Uint8Array | undefined {
  const octets: number[] = [];
  let bits = 0;
  let held = 0;
  for (const char of text.toUpperCase()) {
    const value = BASE32_HEX.indexOf(char);
    if (value < 0) return undefined;
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) octets.push((held >>> (bits -= 8)) & 0xff);
  }
  return bits < 5 ? Uint8Array.from(octets) : undefined;
}

function octetsToBase32Hex(octets: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const octet of octets) {
    held = ((held << 8) | octet) & 0xfff;
    for (bits += 8; bits >= 5;) text += BASE32_HEX[(held >>> (bits -= 5)) & 31];
  }
  return bits > 0 ? text + BASE32_HEX[(held << (5 - bits)) & 31] : text;
}

const nextHash: Field = {
  label: 'next hashed owner',
  parse(words, out) {
    const { text } = words.next();
    const octets = octetsFromBase32Hex(text);
    if (octets === undefined || octets.length === 0 || octets.length > 255) {
      return { message: `"${text}" is no hashed owner`, remedy: 'write base 32 with 0-9 A-V and without =' };
    }
    out.u8(octets.length);
    out.bytes(octets);
    return undefined;
  },
  measure: (bytes, at, end) => (at < end && bytes[at] === 0 ? -1 : measurePrefixed(bytes, at, end)),
  print: (bytes, at, end) => octetsToBase32Hex(bytes.subarray(at + 1, end)),
};

const parameters = [u8('hash algorithm'), u8('flags octet'), u16('number of iterations'), salt];

/** RFC 5155 3. */
export const nsec3: RdataType = {
  code: Type.NSEC3,
  fields: [...parameters, nextHash, typeBitmap({ mayBeEmpty: true })],
  example: '1 0 0 - 2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S A RRSIG',
};

/** RFC 5155 4. */
export const nsec3param: RdataType = { code: Type.NSEC3PARAM, fields: parameters, example: '1 0 0 -' };
