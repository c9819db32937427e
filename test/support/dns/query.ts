import { nameFromText, type WireName } from '../../../src/wire/name.ts';

/** EDNS of a query (RFC 6891). */
export interface QueryEdns {
  readonly udpSize: number;
  readonly dnssecOk?: boolean;
  /** Client subnet (RFC 7871): 4 or 16 octets of address, of which `prefixLength` bits are sent. */
  readonly subnet?: { readonly address: Uint8Array; readonly prefixLength: number };
}

export interface Query {
  /** Wire form, or presentation form (RFC 1035 5.1). */
  readonly name: WireName | string;
  readonly type: number;
  /** RD: what a resolver wants to see set, and an authoritative server copies. */
  readonly recursionDesired?: boolean;
  readonly edns?: QueryEdns;
}

/** The wire form of a name that is known to be right. */
export function wireName(text: string): WireName {
  const name = nameFromText(text);
  if (!name.ok) throw new Error(name.error);
  return name.value;
}

/** A query message of class IN with ID 0; `exchange` sets the ID. */
export function encodeQuery(query: Query): Uint8Array {
  const name = typeof query.name === 'string' ? wireName(query.name) : query.name;
  const bytes = [
    0,
    0,
    query.recursionDesired === true ? 1 : 0,
    0,
    0,
    1,
    0,
    0,
    0,
    0,
    0,
    query.edns === undefined ? 0 : 1,
    ...name,
  ];
  bytes.push(query.type >> 8, query.type & 255, 0, 1);
  if (query.edns !== undefined) {
    const { udpSize, dnssecOk = false, subnet } = query.edns;
    const option: number[] = [];
    if (subnet !== undefined) {
      const octets = subnet.address.slice(0, Math.ceil(subnet.prefixLength / 8));
      const spare = octets.length * 8 - subnet.prefixLength;
      if (spare > 0) octets[octets.length - 1]! &= 0xff << spare;
      option.push(0, 8, 0, 4 + octets.length, 0, subnet.address.length === 4 ? 1 : 2, subnet.prefixLength, 0);
      option.push(...octets);
    }
    bytes.push(0, 0, 41, udpSize >> 8, udpSize & 255, 0, 0, dnssecOk ? 128 : 0, 0, option.length >> 8);
    bytes.push(option.length & 255, ...option);
  }
  return Uint8Array.from(bytes);
}
