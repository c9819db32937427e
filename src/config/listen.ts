import { parseAddress, type Address } from '../lib/address.ts';
import { err, ok, type Result } from '../lib/result.ts';

export interface ListenAddress {
  /** Numeric, without brackets. */
  readonly host: string;
  /** 0 to 65535; 0 lets the system choose. */
  readonly port: number;
}

const REMEDY = 'write ADDRESS:PORT, as in `127.0.0.1:53` or `[::1]:53`';

/** Reads `192.0.2.1:53` or `[2001:db8::1]:53`. Names are not looked up: at boot there may be nobody to ask. */
export function parseListen(text: string): Result<ListenAddress, { message: string; remedy: string }> {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):([0-9]{1,5})$/u.exec(text);
  if (match === null) {
    if (parseAddress(text)?.family === 6) {
      const [, address, port] = /^(.*[^:]):([0-9]{2,5})$/u.exec(text) ?? [];
      const isPerhaps = address !== undefined && parseAddress(address)?.family === 6;
      const other = isPerhaps ? `, or \`[${address}]:${port}\` if ${port} is the port` : '';
      return err({ message: `\`${text}\` has no port`, remedy: `write \`[${text}]:53\`${other}` });
    }
    if (parseAddress(text) !== undefined) {
      return err({ message: `\`${text}\` has no port`, remedy: `write \`${text}:53\`` });
    }
    return err({ message: `\`${text}\` is not an address and port`, remedy: REMEDY });
  }
  const [, inBrackets, plain, digits] = match;
  const host = inBrackets ?? plain!;
  const port = Number(digits);
  const family = parseAddress(host)?.family;
  if (family === undefined) {
    const all = 'write `0.0.0.0` for all IPv4 addresses and `[::]` for all IPv6 addresses';
    const remedy = host === '' || host === '*' ? all : 'write an address, not a name';
    return err({ message: `\`${host}\` is not an IP address`, remedy });
  }
  if ((family === 6) !== (inBrackets !== undefined))
    return err({ message: `\`${text}\` is ambiguous`, remedy: REMEDY });
  if (port > 65535) return err({ message: `no port ${port}`, remedy: 'ports end at 65535' });
  return ok({ host, port });
}

/** Addresses that another one has as well, itself or as a wildcard: the system gives a port to one socket only. */
export function overlaps(addresses: readonly ListenAddress[]): { readonly index: number; readonly other: number }[] {
  const known = addresses.map(({ host, port }) => ({ ...parseAddress(host)!, port }));
  const isWildcard = ({ bytes }: Address): boolean => bytes.every((octet) => octet === 0);
  return known.flatMap((own, index) => {
    const other = known.findIndex(
      (each, at) =>
        at !== index &&
        own.port !== 0 &&
        each.port === own.port &&
        each.family === own.family &&
        (Buffer.compare(each.bytes, own.bytes) === 0 ? at < index : isWildcard(each)),
    );
    return other < 0 ? [] : [{ index, other }];
  });
}
