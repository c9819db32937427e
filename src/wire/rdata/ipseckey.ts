import { base64, u8, type Field, type RdataType } from './fields.ts';
import { measureGateway, parseGateway, printGateway } from './gateway.ts';

/** Type, algorithm and gateway, where the first says what the last is (RFC 4025 2.3 to 2.5). */
const gateway: Field = {
  label: 'gateway type, an algorithm and a gateway',
  parse(words, out) {
    const kind = words.next().text;
    if (!/^[0-3]$/u.test(kind))
      return { message: `"${kind}" is no gateway type`, remedy: 'write a number from 0 to 3' };
    if (words.done) return { message: 'the algorithm is missing', remedy: 'write its number, as in 2 for RSA' };
    out.u8(Number(kind));
    return u8('algorithm').parse(words, out) ?? parseGateway(Number(kind), 'gateway', words, out);
  },
  measure(bytes, at, end) {
    const length = at + 2 <= end ? measureGateway(bytes[at]!, bytes, at + 2, end) : -1;
    return length < 0 ? -1 : 2 + length;
  },
  print(bytes, at) {
    const text = printGateway(bytes[at]!, bytes, at + 2);
    return text === undefined ? undefined : `${bytes[at]} ${bytes[at + 1]} ${text}`;
  },
};

/** RFC 4025. */
export const ipseckey: RdataType = {
  code: 45,
  fields: [u8('precedence'), gateway, base64('base 64 key', 0)],
  example: '10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtu',
};
