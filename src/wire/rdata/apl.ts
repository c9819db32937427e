import { ipv4FromText, ipv4ToText, ipv6FromText, ipv6ToText } from '../../lib/address.ts';
import type { ByteWriter } from '../byte-writer.ts';
import { readUint, type Fault, type Field, type RdataType } from './fields.ts';

/** Octets of an address by IANA address family number (RFC 3123 4). */
const SIZES: Readonly<Record<number, number>> = { 1: 4, 2: 16 };

const REMEDY = 'write !FAMILY:ADDRESS/LENGTH, as in 1:192.0.2.0/24 or !2:2001:db8::/32';

/** `[!]family:address/length`. */
function parseItem(text: string, out: ByteWriter): Fault | undefined {
  const parts = /^(?<not>!?)(?<family>[12]):(?<address>[^/]+)\/(?<length>[0-9]{1,3})$/u.exec(text)?.groups;
  if (parts === undefined) return { message: `"${text}" is no prefix of IPv4 or IPv6`, remedy: REMEDY };
  const family = Number(parts['family']);
  const length = Number(parts['length']);
  const address = family === 1 ? ipv4FromText(parts['address']!) : ipv6FromText(parts['address']!);
  if (address === undefined) return { message: `the address in "${text}" is not of family ${family}`, remedy: REMEDY };
  if (length > address.length * 8) return { message: `the length in "${text}" is over ${address.length * 8}` };
  // Zero octets at the end are left out (RFC 3123 4).
  const used = address.findLastIndex((octet) => octet !== 0) + 1;
  out.u16(family);
  out.u8(length);
  out.u8((parts['not'] === '!' ? 0x80 : 0) | used);
  out.bytes(address.subarray(0, used));
  return undefined;
}

/** Undefined for what the text form cannot say: another family, an address too long, zero octets at its end. */
function printItem(bytes: Uint8Array, at: number): string | undefined {
  const family = readUint(bytes, at, 2);
  const length = bytes[at + 2]!;
  const used = bytes[at + 3]! & 0x7f;
  const size = SIZES[family];
  if (size === undefined || length > size * 8 || used > size || (used > 0 && bytes[at + 3 + used] === 0)) {
    return undefined;
  }
  const address = new Uint8Array(size);
  address.set(bytes.subarray(at + 4, at + 4 + used));
  const text = family === 1 ? ipv4ToText(address) : ipv6ToText(address);
  return `${bytes[at + 3]! >= 0x80 ? '!' : ''}${family}:${text}/${length}`;
}

const items: Field = {
  label: 'list of prefixes',
  optional: true,
  parse(words, out) {
    while (!words.done) {
      const fault = parseItem(words.next().text, out);
      if (fault !== undefined) return fault;
    }
    return undefined;
  },
  measure(bytes, at, end) {
    let position = at;
    while (position + 4 <= end) position += 4 + (bytes[position + 3]! & 0x7f);
    return position === end ? end - at : -1;
  },
  print(bytes, at, end) {
    const texts: string[] = [];
    for (let position = at; position < end; position += 4 + (bytes[position + 3]! & 0x7f)) {
      const text = printItem(bytes, position);
      if (text === undefined) return undefined;
      texts.push(text);
    }
    return texts.join(' ');
  },
};

/** RFC 3123. */
export const apl: RdataType = { code: 42, fields: [items], example: '1:192.0.2.0/24 !1:192.0.2.64/28 2:2001:db8::/32' };
