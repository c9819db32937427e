import { ipv6FromText } from '../lib/address.ts';

/** Where a query came from: unsigned words, most significant first; IPv4 in the first alone. */
export interface SourceAddress {
  family: 4 | 6;
  w0: number;
  w1: number;
  w2: number;
  w3: number;
}

/**
 * Reads an address as Node writes it (`192.0.2.1`, `2001:db8::1%eth0`, `::ffff:192.0.2.1` which is IPv4) into
 * `source`. False, with `source` as it was, for what is no address.
 */
export function readSource(text: string, source: SourceAddress): boolean {
  const value = ipv4Word(text, 0);
  if (value >= 0) {
    setIpv4(source, value);
    return true;
  }
  const zone = text.indexOf('%');
  const bytes = ipv6FromText(zone < 0 ? text : text.slice(0, zone));
  if (bytes === undefined) return false;
  const view = new DataView(bytes.buffer);
  const w0 = view.getUint32(0);
  const w1 = view.getUint32(4);
  const w2 = view.getUint32(8);
  const w3 = view.getUint32(12);
  if (w0 === 0 && w1 === 0 && w2 === 0xffff) {
    setIpv4(source, w3);
    return true;
  }
  source.family = 6;
  source.w0 = w0;
  source.w1 = w1;
  source.w2 = w2;
  source.w3 = w3;
  return true;
}

function setIpv4(source: SourceAddress, word: number): void {
  source.family = 4;
  source.w0 = word;
  source.w1 = 0;
  source.w2 = 0;
  source.w3 = 0;
}

/** Dotted decimal as an unsigned word, or -1. Without a split, since it runs for every packet. */
function ipv4Word(text: string, start: number): number {
  let word = 0;
  let octet = -1;
  let dots = 0;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      if (octet < 0) return -1;
      word = word * 256 + octet;
      octet = -1;
      dots++;
    } else if (code >= 48 && code <= 57) {
      octet = (octet < 0 ? 0 : octet * 10) + code - 48;
      if (octet > 255) return -1;
    } else return -1;
  }
  return dots === 3 && octet >= 0 ? word * 256 + octet : -1;
}
