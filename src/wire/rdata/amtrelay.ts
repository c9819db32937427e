import { u8, type Field, type RdataType } from './fields.ts';
import { measureGateway, parseGateway, printGateway } from './gateway.ts';

/** The D bit and the type share an octet (RFC 8777 4.1). */
const relay: Field = {
  label: 'discovery-optional bit, a type and a relay',
  parse(words, out) {
    const optional = words.next().text;
    if (!/^[01]$/u.test(optional)) {
      return { message: `"${optional}" is no discovery-optional bit`, remedy: 'write 0 or 1' };
    }
    const kind = words.done ? '' : words.next().text;
    if (!/^[0-3]$/u.test(kind)) return { message: `"${kind}" is no relay type`, remedy: 'write a number from 0 to 3' };
    out.u8((Number(optional) << 7) | Number(kind));
    return parseGateway(Number(kind), 'relay', words, out);
  },
  measure(bytes, at, end) {
    const length = at < end ? measureGateway(bytes[at]! & 0x7f, bytes, at + 1, end) : -1;
    return length < 0 ? -1 : 1 + length;
  },
  print(bytes, at) {
    const text = printGateway(bytes[at]! & 0x7f, bytes, at + 1);
    return text === undefined ? undefined : `${bytes[at]! >>> 7} ${bytes[at]! & 0x7f} ${text}`;
  },
};

/** RFC 8777. */
export const amtrelay: RdataType = { code: 260, fields: [u8('precedence'), relay], example: '10 0 1 203.0.113.15' };
