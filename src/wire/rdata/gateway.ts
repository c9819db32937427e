import { ipv4FromText, ipv4ToText, ipv6FromText, ipv6ToText } from '../../lib/address.ts';
import type { ByteWriter } from '../byte-writer.ts';
import { measureName } from '../compression.ts';
import { nameFromText, nameToText } from '../name.ts';
import type { Fault, Words } from './fields.ts';

// What IPSECKEY (RFC 4025 2.5) and AMTRELAY (RFC 8777 4.2.3) have in common: a number that says whether nothing, an
// IPv4 address, an IPv6 address or a name follows. The name is never compressed and keeps its case.

const KINDS = ['`.` for none', 'an IPv4 address', 'an IPv6 address', 'a name'];

function octetsOf(kind: number, text: string, words: Words): Uint8Array | undefined {
  if (kind === 0) return text === '.' ? new Uint8Array(0) : undefined;
  if (kind === 1) return ipv4FromText(text);
  if (kind === 2) return ipv6FromText(text);
  const name = nameFromText(text, words.origin);
  return name.ok ? name.value : undefined;
}

/** @param kind 0 to 3 */
export function parseGateway(kind: number, label: string, words: Words, out: ByteWriter): Fault | undefined {
  if (words.done) return { message: `the ${label} is missing`, remedy: `type ${kind} wants ${KINDS[kind]}` };
  const { text } = words.next();
  const octets = octetsOf(kind, text, words);
  if (octets === undefined)
    return { message: `"${text}" is no ${label} of type ${kind}`, remedy: `write ${KINDS[kind]}` };
  out.bytes(octets);
  return undefined;
}

/** Octets of it; all that are left for a type that is not known; -1 when they are cut short. */
export function measureGateway(kind: number, bytes: Uint8Array, at: number, end: number): number {
  if (kind === 3) return measureName(bytes, at, end);
  const length = [0, 4, 16][kind] ?? end - at;
  return at + length <= end ? length : -1;
}

/** Undefined for a type that is not known. */
export function printGateway(kind: number, bytes: Uint8Array, at: number): string | undefined {
  if (kind === 0) return '.';
  if (kind === 1) return ipv4ToText(bytes, at);
  if (kind === 2) return ipv6ToText(bytes, at);
  return kind === 3 ? nameToText(bytes, at) : undefined;
}
