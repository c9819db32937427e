import type { ByteWriter } from '../byte-writer.ts';
import { measureName } from '../compression.ts';
import { nameFromText, nameToText } from '../name.ts';
import { octetsFromBase64, octetsFromHex, octetsToBase64, octetsToHex } from '../presentation.ts';
import { readUint, u8, type Fault, type Field, type RdataType, type Words } from './fields.ts';

const algorithm = u8('public key algorithm');

/** On the wire both lengths come before the algorithm and what they measure (RFC 8005 5). */
const identity: Field = {
  label: 'public key algorithm, a hexadecimal HIT and a base 64 public key in one word',
  parse(words, out): Fault | undefined {
    const number = words.next().text;
    if (!/^[0-9]{1,3}$/u.test(number) || Number(number) > 255) {
      return { message: `"${number}" is no ${algorithm.label}`, remedy: 'write a number from 0 to 255' };
    }
    const hit = words.done ? undefined : octetsFromHex(words.next().text);
    if (hit === undefined || hit.length === 0 || hit.length > 255) {
      return { message: 'the HIT is not hexadecimal', remedy: 'write two digits 0-9 A-F an octet' };
    }
    const key = words.done ? undefined : octetsFromBase64(words.next().text);
    if (key === undefined || key.length === 0 || key.length > 0xffff) {
      return { message: 'the public key is not base 64', remedy: 'write it without blanks' };
    }
    out.u8(hit.length);
    out.u8(Number(number));
    out.u16(key.length);
    out.bytes(hit);
    out.bytes(key);
    return undefined;
  },
  measure(bytes, at, end) {
    if (at + 4 > end || bytes[at] === 0) return -1;
    const keyLength = readUint(bytes, at + 2, 2);
    const length = 4 + bytes[at]! + keyLength;
    return keyLength > 0 && at + length <= end ? length : -1;
  },
  print(bytes, at, end) {
    const keyAt = at + 4 + bytes[at]!;
    return `${bytes[at + 1]} ${octetsToHex(bytes.subarray(at + 4, keyAt))} ${octetsToBase64(bytes.subarray(keyAt, end))}`;
  },
};

/** Never compressed (RFC 8005 5). */
const servers: Field = {
  label: 'list of rendezvous servers',
  optional: true,
  parse(words: Words, out: ByteWriter) {
    while (!words.done) {
      const server = nameFromText(words.next().text, words.origin);
      if (!server.ok) return { message: `the rendezvous server is ${server.error}` };
      out.bytes(server.value);
    }
    return undefined;
  },
  measure(bytes, at, end) {
    let position = at;
    while (position < end) {
      const length = measureName(bytes, position, end);
      if (length < 0) return -1;
      position += length;
    }
    return end - at;
  },
  print(bytes, at, end) {
    const texts: string[] = [];
    for (let position = at; position < end; position += measureName(bytes, position, end)) {
      texts.push(nameToText(bytes, position));
    }
    return texts.join(' ');
  },
};

/** RFC 8005 6. */
export const hip: RdataType = {
  code: 55,
  fields: [identity, servers],
  example: '2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9 rvs.example.org.',
};
