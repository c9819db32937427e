import { octetsFromHex, octetsToHex } from '../presentation.ts';
import { name, type Field, type RdataType } from './fields.ts';

const nsapAddress: Field = {
  label: 'NSAP address',
  parse(words, out) {
    const { text } = words.next();
    const octets = /^0x/iu.test(text) ? octetsFromHex(text.slice(2).replaceAll('.', '')) : undefined;
    if (octets === undefined || octets.length === 0) {
      return {
        message: `"${text}" is no NSAP address`,
        remedy: 'write 0x and hexadecimal digits, with dots if you like',
      };
    }
    out.bytes(octets);
    return undefined;
  },
  measure: (_, at, end) => (end > at ? end - at : -1),
  print: (bytes, at, end) => `0x${octetsToHex(bytes.subarray(at, end)).toLowerCase()}`,
};

/** RFC 1706 5. */
export const nsap: RdataType = {
  code: 22,
  fields: [nsapAddress],
  example: '0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00',
};

/** RFC 1348, given up by RFC 1706. */
export const nsapPtr: RdataType = { code: 23, fields: [name('host name')], example: 'host.example.org.' };

/** The form of ATMA's address: 0 for the hexadecimal AESA, 1 for the digits of E.164. */
const atmAddress: Field = {
  label: 'ATM address',
  parse(words, out) {
    const { text } = words.next();
    const bare = text.replaceAll('.', '');
    const digits = /^\+[0-9]+$/u.test(bare);
    const octets = digits ? Buffer.from(bare.slice(1), 'latin1') : octetsFromHex(bare);
    if (octets === undefined || octets.length === 0) {
      return { message: `"${text}" is no ATM address`, remedy: 'write + and digits, or hexadecimal digits' };
    }
    out.u8(digits ? 1 : 0);
    out.bytes(octets);
    return undefined;
  },
  measure: (_, at, end) => (end - at >= 2 ? end - at : -1),
  print(bytes, at, end) {
    const octets = bytes.subarray(at + 1, end);
    if (bytes[at] === 0) return octetsToHex(octets).toLowerCase();
    const digits = Buffer.from(octets).toString('latin1');
    return bytes[at] === 1 && /^[0-9]+$/u.test(digits) ? `+${digits}` : undefined;
  },
};

/** The ATM Forum's ATM Name System, 5.2. */
export const atma: RdataType = { code: 34, fields: [atmAddress], example: '+61200000000' };
