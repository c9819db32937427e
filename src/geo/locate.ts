import { addressWords, type Address, type Prefix } from '../lib/address.ts';
import { cutEmbedded } from './embedded-blocks.ts';
import { embeddedIpv4, embeddedLength, NOT_EMBEDDED } from './lookup.ts';
import type { Locality, LocalityMap } from './ranges.ts';

interface Located {
  readonly locality: Locality;
  /** The widest prefix around the address that has one locality; of the IPv4 address inside where there is one. */
  readonly prefix: Prefix;
  /** The IPv4 address inside, else the address itself. */
  readonly effective: Address;
  /** Bits before the IPv4 address inside, or NOT_EMBEDDED. */
  readonly offset: number;
}

/** Where an address is in a map. */
export function locate(map: LocalityMap, address: Address): Located {
  const [w0, w1, w2, w3] = addressWords(address);
  const offset = address.family === 6 ? embeddedLength(w0, w1, w2) : NOT_EMBEDDED;
  if (offset !== NOT_EMBEDDED) {
    const inner = embeddedIpv4(w0, w1, w2, w3);
    const bytes = Uint8Array.of(inner >>> 24, inner >>> 16, inner >>> 8, inner);
    return { ...locate(map, { family: 4, bytes }), effective: { family: 4, bytes }, offset };
  }
  const value = toBigInt(address);
  const bits = address.bytes.length * 8;
  const { starts, values } = rangesOf(map, address.family);
  const words = bits / 32;
  const start = (i: number): bigint => toBigInt32(starts.subarray(i * words, (i + 1) * words));
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (start(middle) <= value) low = middle;
    else high = middle - 1;
  }
  const first = start(low);
  const last = low + 1 < values.length ? start(low + 1) - 1n : (1n << BigInt(bits)) - 1n;
  for (let length = 0; ; length++) {
    const size = 1n << BigInt(bits - length);
    const block = value - (value % size);
    if (block >= first && block + size - 1n <= last) {
      return {
        locality: map.localities[values[low]!]!,
        prefix: { family: address.family, bytes: fromBigInt(block, bits), length },
        effective: address,
        offset: NOT_EMBEDDED,
      };
    }
  }
}

/** IPv6 without the forms that carry IPv4 addresses: those are not alike whatever is around them. */
function rangesOf({ ranges }: LocalityMap, family: 4 | 6): { starts: Uint32Array; values: Uint32Array } {
  return family === 4 ? { starts: ranges.start4, values: ranges.value4 } : cutEmbedded(ranges);
}

export function toBigInt({ bytes }: Address): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

function toBigInt32(words: Uint32Array): bigint {
  let value = 0n;
  for (const word of words) value = (value << 32n) | BigInt(word);
  return value;
}

function fromBigInt(value: bigint, bits: number): Uint8Array {
  return Uint8Array.from({ length: bits / 8 }, (_, i) => Number((value >> BigInt(bits - 8 - i * 8)) & 255n));
}
