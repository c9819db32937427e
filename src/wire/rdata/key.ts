import { algorithm } from './dnssec-fields.ts';
import { base64, u16, u8, type Field, type RdataType } from './fields.ts';

/** Flags by name (RFC 2535 7.1); SIG0 to SIG15 are the lowest four bits. */
const FLAGS: Readonly<Record<string, number>> = {
  NOCONF: 0x4000,
  NOAUTH: 0x8000,
  NOKEY: 0xc000,
  FLAG2: 0x2000,
  EXTEND: 0x1000,
  FLAG4: 0x0800,
  FLAG5: 0x0400,
  USER: 0x0000,
  ZONE: 0x0100,
  HOST: 0x0200,
  NTYP3: 0x0300,
  FLAG8: 0x0080,
  FLAG9: 0x0040,
  FLAG10: 0x0020,
  FLAG11: 0x0010,
  ...Object.fromEntries(Array.from({ length: 16 }, (_, value) => [`SIG${value}`, value])),
};

const PROTOCOLS: Readonly<Record<string, number>> = { NONE: 0, TLS: 1, EMAIL: 2, DNSSEC: 3, IPSEC: 4, ALL: 255 };

const flags: Field = {
  ...u16('flags field'),
  parse(words, out) {
    const { text } = words.next();
    let value = 0;
    if (/^[0-9]{1,5}$/u.test(text)) value = Number(text);
    else for (const word of text.toUpperCase().split('|')) value |= FLAGS[word] ?? 0x10000;
    if (value > 0xffff) {
      return { message: `"${text}" is no flags field`, remedy: 'write a number from 0 to 65535, or as in HOST|NOCONF' };
    }
    out.u16(value);
    return undefined;
  },
};

const protocol: Field = {
  ...u8('protocol'),
  parse(words, out) {
    const { text } = words.next();
    const value = /^[0-9]{1,3}$/u.test(text) ? Number(text) : (PROTOCOLS[text.toUpperCase()] ?? 256);
    if (value > 255) return { message: `"${text}" is no protocol`, remedy: 'write its number, as in 3 for DNSSEC' };
    out.u8(value);
    return undefined;
  },
};

/** RFC 2535 3, for SIG(0) and TKEY (RFC 3445 1). */
export const key: RdataType = {
  code: 25,
  fields: [flags, protocol, algorithm(), base64('base 64 public key', 0)],
  example: '512 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==',
  check(rdata) {
    // NOKEY is the one that has none (RFC 2535 3.1.2).
    return rdata.length > 4 || (rdata[0]! & 0xc0) === 0xc0 ? undefined : 'the public key is missing';
  },
};

/** RKEY of draft-reid-dnsext-rkey, whose flags are all 0. */
export const rkey: RdataType = {
  code: 57,
  fields: [u16('flags field'), u8('protocol'), algorithm(), base64('base 64 public key')],
  example: '0 3 5 AQPA',
  check: (rdata) => (rdata[0] === 0 && rdata[1] === 0 ? undefined : 'the flags field of RKEY is not 0'),
};
