import { typeFromText, typeToText } from '../types.ts';
import { u8, type Field } from './fields.ts';

/** Mnemonics of the IANA "DNS Security Algorithm Numbers" registry. */
const ALGORITHMS: Readonly<Record<string, number>> = {
  RSAMD5: 1,
  DH: 2,
  DSA: 3,
  RSASHA1: 5,
  'DSA-NSEC3-SHA1': 6,
  NSEC3DSA: 6,
  'RSASHA1-NSEC3-SHA1': 7,
  NSEC3RSASHA1: 7,
  RSASHA256: 8,
  RSASHA512: 10,
  'ECC-GOST': 12,
  ECDSAP256SHA256: 13,
  ECDSAP384SHA384: 14,
  ED25519: 15,
  ED448: 16,
  INDIRECT: 252,
  PRIVATEDNS: 253,
  PRIVATEOID: 254,
};

/** A security algorithm, by number or mnemonic (RFC 4034 A.1); printed as a number. */
export function algorithm(): Field {
  return {
    ...u8('algorithm'),
    parse(words, out) {
      const { text } = words.next();
      const value = /^[0-9]{1,3}$/u.test(text) ? Number(text) : ALGORITHMS[text.toUpperCase()];
      if (value === undefined || value > 255) {
        return { message: `"${text}" is no algorithm`, remedy: 'write its number, as in 13 for ECDSAP256SHA256' };
      }
      out.u8(value);
      return undefined;
    },
  };
}

const SHAPE = /^([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})$/u;

/** Seconds since 1970, 32 bits; in text `YYYYMMDDHHmmSS` in UTC or seconds (RFC 4034 3.2). */
export function instant(label: string): Field {
  return {
    label,
    parse(words, out) {
      const { text } = words.next();
      const parts = SHAPE.exec(text)?.slice(1).map(Number);
      let value = /^[0-9]{1,10}$/u.test(text) ? Number(text) : NaN;
      if (parts !== undefined) {
        const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
        const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
        value = compact(date) === text ? date.getTime() / 1000 : NaN;
      }
      if (!(value >= 0 && value <= 0xffffffff)) {
        return { message: `"${text}" is no ${label}`, remedy: 'write YYYYMMDDHHmmSS in UTC, as in 20260131235959' };
      }
      out.u32(value);
      return undefined;
    },
    measure: (_, at, end) => (at + 4 <= end ? 4 : -1),
    print: (bytes, at) => compact(new Date(Buffer.from(bytes.subarray(at, at + 4)).readUInt32BE() * 1000)),
  };
}

function compact(date: Date): string {
  return date.toISOString().slice(0, 19).replaceAll(/[-:T]/gu, '');
}

/** One record type as 16 bits. */
export function typeCode(label: string): Field {
  return {
    label,
    parse(words, out) {
      const { text } = words.next();
      const type = typeFromText(text);
      if (type === undefined)
        return { message: `"${text}" is no record type`, remedy: 'write it as in A or TYPE65280' };
      out.u16(type);
      return undefined;
    },
    measure: (_, at, end) => (at + 2 <= end ? 2 : -1),
    print: (bytes, at) => typeToText((bytes[at]! << 8) | bytes[at + 1]!),
  };
}

/** The type bit maps of NSEC, NSEC3 and CSYNC, to the end (RFC 4034 4.1.2). */
export function typeBitmap({ mayBeEmpty }: { readonly mayBeEmpty: boolean }): Field {
  return {
    label: mayBeEmpty ? 'list of types' : 'list of one or more types',
    optional: mayBeEmpty,
    parse(words, out) {
      const windows = new Map<number, Uint8Array>();
      while (!words.done) {
        const { text } = words.next();
        const type = typeFromText(text);
        if (type === undefined) return { message: `"${text}" is no record type`, remedy: 'write types as in A AAAA' };
        const window = windows.get(type >>> 8) ?? new Uint8Array(32);
        windows.set(type >>> 8, window);
        window[(type & 255) >>> 3]! |= 0x80 >>> (type & 7);
      }
      for (const [number, window] of [...windows].sort(([a], [b]) => a - b)) {
        const length = window.findLastIndex((octet) => octet !== 0) + 1;
        out.u8(number);
        out.u8(length);
        out.bytes(window.subarray(0, length));
      }
      return undefined;
    },
    measure(bytes, at, end) {
      if (at === end) return mayBeEmpty ? 0 : -1;
      let previous = -1;
      let position = at;
      while (position < end) {
        const window = bytes[position]!;
        const length = position + 1 < end ? bytes[position + 1]! : 0;
        const next = position + 2 + length;
        if (window <= previous || length < 1 || length > 32 || next > end || bytes[next - 1] === 0) return -1;
        previous = window;
        position = next;
      }
      return end - at;
    },
    print(bytes, at, end) {
      const types: string[] = [];
      for (let position = at; position < end; position += 2 + bytes[position + 1]!) {
        for (let bit = 0; bit < bytes[position + 1]! * 8; bit++) {
          const set = bytes[position + 2 + (bit >>> 3)]! & (0x80 >>> (bit & 7));
          if (set !== 0) types.push(typeToText(bytes[position]! * 256 + bit));
        }
      }
      return types.join(' ');
    },
  };
}
