import { ipv4, name, readUint, u16, type Field, type RdataType } from './fields.ts';

/** 64 bits as four groups of hexadecimal digits; leading zeros may be left out (RFC 6742 2.1.2, 2.3.2). */
function groups(label: string): Field {
  return {
    label,
    parse(words, out) {
      const { text } = words.next();
      if (!/^(?:[0-9a-f]{1,4}:){3}[0-9a-f]{1,4}$/iu.test(text)) {
        return {
          message: `"${text}" is no ${label}`,
          remedy: 'write four groups of digits, as in 2001:0db8:1140:1000',
        };
      }
      for (const group of text.split(':')) out.u16(Number.parseInt(group, 16));
      return undefined;
    },
    measure: (_, at, end) => (at + 8 <= end ? 8 : -1),
    print: (bytes, at) =>
      [0, 2, 4, 6]
        .map((i) =>
          readUint(bytes, at + i, 2)
            .toString(16)
            .padStart(4, '0'),
        )
        .join(':'),
  };
}

/** RFC 6742 2.1. */
export const nid: RdataType = {
  code: 104,
  fields: [u16('preference'), groups('node ID')],
  example: '10 0014:4fff:ff20:ee64',
};

/** RFC 6742 2.2. */
export const l32: RdataType = { code: 105, fields: [u16('preference'), ipv4('locator')], example: '10 10.1.2.0' };

/** RFC 6742 2.3. */
export const l64: RdataType = {
  code: 106,
  fields: [u16('preference'), groups('locator')],
  example: '10 2001:0db8:1140:1000',
};

/** RFC 6742 2.4. */
export const lp: RdataType = {
  code: 107,
  fields: [u16('preference'), name('host name')],
  example: '10 l64-subnet.example.org.',
};
