/** Text and octets of IP addresses, as master files have them (RFC 1035 3.4.1, RFC 3596 2.4). */

const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** Four octets of dotted decimal without leading zeros, or undefined. */
export function ipv4FromText(text: string): Uint8Array | undefined {
  // Character by character: large zones have millions of these.
  let word = 0;
  let octet = -1;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (octet < 0 || ++dots > 3) return undefined;
      word = (word << 8) | octet;
      octet = -1;
    } else if (code >= ZERO && code <= NINE && octet !== 0) {
      octet = Math.max(octet, 0) * 10 + code - ZERO;
      if (octet > 255) return undefined;
    } else return undefined;
  }
  if (dots !== 3 || octet < 0) return undefined;
  return Uint8Array.of(word >>> 16, word >>> 8, word, octet);
}

export function ipv4ToText(bytes: Uint8Array, at = 0): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** Sixteen octets of any form of RFC 4291 2.2 (a zone index is no part of an address), or undefined. */
export function ipv6FromText(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const octets = new Uint8Array(16);
  head.forEach((group, i) => put(octets, i, group));
  tail.forEach((group, i) => put(octets, 8 - tail.length + i, group));
  return octets;
}

/** The groups of 16 bits in one side of a `::`; the last side may end in dotted decimal. */
function groups(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const out: number[] = [];
  const words = text.split(':');
  for (const [i, word] of words.entries()) {
    if (last && i === words.length - 1 && word.includes('.')) {
      const v4 = ipv4FromText(word);
      if (v4 === undefined) return undefined;
      out.push((v4[0]! << 8) | v4[1]!, (v4[2]! << 8) | v4[3]!);
      continue;
    }
    if (!/^[0-9a-fA-F]{1,4}$/u.test(word)) return undefined;
    out.push(Number.parseInt(word, 16));
  }
  return out;
}

function put(octets: Uint8Array, group: number, value: number): void {
  octets[group * 2] = value >>> 8;
  octets[group * 2 + 1] = value;
}

/** The canonical text of RFC 5952; IPv4-mapped addresses in mixed notation (its section 5). */
export function ipv6ToText(bytes: Uint8Array, at = 0): string {
  const values = Array.from({ length: 8 }, (_, i) => (bytes[at + i * 2]! << 8) | bytes[at + i * 2 + 1]!);
  if (values.slice(0, 5).every((value) => value === 0) && values[5] === 0xffff) {
    return `::ffff:${ipv4ToText(bytes, at + 12)}`;
  }
  let bestAt = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (values[i + length] === 0) length++;
    if (length > bestLength) {
      bestAt = i;
      bestLength = length;
    }
    i += length;
  }
  const hex = values.map((value) => value.toString(16));
  if (bestAt < 0) return hex.join(':');
  return `${hex.slice(0, bestAt).join(':')}::${hex.slice(bestAt + bestLength).join(':')}`;
}

export interface Address {
  readonly family: 4 | 6;
  /** 4 or 16 octets. */
  readonly bytes: Uint8Array;
}

export interface Prefix extends Address {
  /** Bits: 0 to 32 or 128. What is beyond them in `bytes` is 0. */
  readonly length: number;
}

/** An IPv4 or IPv6 address, strictly as text; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  const v4 = ipv4FromText(text);
  if (v4 !== undefined) return { family: 4, bytes: v4 };
  const v6 = ipv6FromText(text);
  return v6 === undefined ? undefined : { family: 6, bytes: v6 };
}

export function formatAddress({ family, bytes }: Address): string {
  return family === 4 ? ipv4ToText(bytes) : ipv6ToText(bytes);
}

/** `ADDRESS/LENGTH`, or an address alone as a prefix of its whole length. Bits beyond the length must be 0. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const bits = address.bytes.length * 8;
  if (slash < 0) return { ...address, length: bits };
  const digits = text.slice(slash + 1);
  if (!/^(?:0|[1-9][0-9]{0,2})$/u.test(digits) || Number(digits) > bits) return undefined;
  const length = Number(digits);
  for (let i = length; i < bits; i++) if ((address.bytes[i >> 3]! & (0x80 >> (i & 7))) !== 0) return undefined;
  return { ...address, length };
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix)}/${prefix.length}`;
}

/** The address as four unsigned words, most significant first; IPv4 in the first alone. */
export function addressWords({ bytes }: Address): [number, number, number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length === 4) return [view.getUint32(0), 0, 0, 0];
  return [view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)];
}

/** Whether an address means something only inside a network: private, shared, link-local, loopback (RFC 6890). */
export function isPrivate({ family, bytes }: Address): boolean {
  const [first = 0, second = 0] = bytes;
  if (family === 4) {
    if (first === 10 || first === 127) return true;
    if (first === 100) return (second & 0xc0) === 64;
    if (first === 172) return (second & 0xf0) === 16;
    return (first === 192 && second === 168) || (first === 169 && second === 254);
  }
  if ((first & 0xfe) === 0xfc || (first === 0xfe && (second & 0xc0) === 0x80)) return true;
  return bytes.every((octet, index) => octet === (index === 15 ? 1 : 0));
}
