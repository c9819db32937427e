import { typeCode } from './dnssec-fields.ts';
import { name, u16, type Field, type RdataType } from './fields.ts';

/** The one scheme that the registry has (RFC 9859). */
const NOTIFY = 1;

const scheme: Field = {
  label: 'scheme',
  parse(words, out) {
    const { text } = words.next();
    const value = text.toUpperCase() === 'NOTIFY' ? NOTIFY : /^[0-9]{1,3}$/u.test(text) ? Number(text) : 256;
    if (value > 255) return { message: `"${text}" is no scheme`, remedy: 'write NOTIFY or a number from 0 to 255' };
    out.u8(value);
    return undefined;
  },
  measure: (_, at, end) => (at < end ? 1 : -1),
  print: (bytes, at) => (bytes[at] === NOTIFY ? 'NOTIFY' : String(bytes[at])),
};

/** RFC 9859. */
export const dsync: RdataType = {
  code: 66,
  fields: [typeCode('type of record'), scheme, u16('port'), name('target name')],
  example: 'CDS NOTIFY 5359 cds-scanner.example.net.',
};
