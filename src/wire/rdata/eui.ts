import type { Field, RdataType } from './fields.ts';

/** So many octets as two digits each with dashes between. */
function dashed(label: string, octets: number): Field {
  const shape = new RegExp(`^[0-9a-f]{2}(?:-[0-9a-f]{2}){${octets - 1}}$`, 'iu');
  return {
    label,
    parse(words, out) {
      const { text } = words.next();
      if (!shape.test(text)) {
        return { message: `"${text}" is no ${label}`, remedy: `write ${octets} octets as in 00-00-5e-00-53-2a` };
      }
      out.bytes(Buffer.from(text.replaceAll('-', ''), 'hex'));
      return undefined;
    },
    measure: (_, at, end) => (at + octets <= end ? octets : -1),
    print: (bytes, at, end) =>
      [...bytes.subarray(at, end)].map((octet) => octet.toString(16).padStart(2, '0')).join('-'),
  };
}

/** RFC 7043 3. */
export const eui48: RdataType = { code: 108, fields: [dashed('EUI-48 address', 6)], example: '00-00-5e-00-53-2a' };

/** RFC 7043 4. */
export const eui64: RdataType = {
  code: 109,
  fields: [dashed('EUI-64 address', 8)],
  example: '00-00-5e-ef-10-00-00-2a',
};
