import { ipv6FromText, ipv6ToText } from '../../lib/address.ts';
import type { ByteWriter } from '../byte-writer.ts';
import { name, type Fault, type Field, type RdataType, type Words } from './fields.ts';

/** Octets of the address behind a prefix of `bits` bits (RFC 2874 3.1.1). */
function suffixLength(bits: number): number {
  return 16 - (bits >>> 3);
}

function parse(words: Words, out: ByteWriter): Fault | undefined {
  const { text } = words.next();
  const bits = /^[0-9]{1,3}$/u.test(text) ? Number(text) : 129;
  if (bits > 128) return { message: `"${text}" is no prefix length`, remedy: 'write a number from 0 to 128' };
  out.u8(bits);
  if (bits === 128) return undefined;
  const word = words.done ? '' : words.next().text;
  const address = ipv6FromText(word);
  const remedy = 'write it as an IPv6 address that is 0 in the prefix, as in ::1';
  if (address === undefined) return { message: `"${word}" is no address suffix`, remedy };
  const rest = address.subarray(16 - suffixLength(bits));
  const inPrefix =
    address.subarray(0, 16 - rest.length).some((octet) => octet !== 0) || rest[0]! >>> (8 - (bits & 7)) > 0;
  if (inPrefix) return { message: `"${word}" has bits in the prefix of ${bits}`, remedy };
  out.bytes(rest);
  return undefined;
}

const address: Field = {
  label: 'prefix length and an address suffix',
  parse,
  measure(bytes, at, end) {
    if (at >= end || bytes[at]! > 128) return -1;
    const bits = bytes[at]!;
    const length = bits === 128 ? 1 : 1 + suffixLength(bits);
    const clean = bits === 128 || bytes[at + 1]! >>> (8 - (bits & 7)) === 0;
    return at + length <= end && clean ? length : -1;
  },
  print(bytes, at, end) {
    if (end - at === 1) return String(bytes[at]);
    const whole = new Uint8Array(16);
    whole.set(bytes.subarray(at + 1, end), 17 - (end - at));
    return `${bytes[at]} ${ipv6ToText(whole)}`;
  },
};

/** RFC 2874 3.1, given up by RFC 6563. */
export const a6: RdataType = {
  code: 38,
  fields: [address, name('prefix name', { decompress: true, mayBeAbsent: true })],
  example: '64 ::1 subnet.example.org.',
  check(rdata) {
    const end = rdata[0] === 128 ? 1 : 1 + suffixLength(rdata[0]!);
    if ((rdata[0] === 0) === (rdata.length === end)) return undefined;
    return rdata[0] === 0 ? 'a prefix length of 0 has no prefix name' : 'the prefix name is missing';
  },
};
