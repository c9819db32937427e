import { err, ok, type Result } from '../lib/result.ts';
import type { ByteWriter } from './byte-writer.ts';

/** EDNS option code of Client Subnet (RFC 7871 6). */
export const OPTION_ECS = 8;

const OPT = 41;
const DO = 0x8000;

export interface EdnsOption {
  readonly code: number;
  readonly data: Uint8Array;
}

/** Client Subnet (RFC 7871 6). */
export interface Ecs {
  /** 1 for IPv4, 2 for IPv6 (IANA address family numbers). */
  readonly family: 1 | 2;
  /** Prefix lengths in bits. */
  readonly source: number;
  readonly scope: number;
  /** As on the wire: as many octets as SOURCE needs. */
  readonly address: Uint8Array;
}

/** What an OPT record says (RFC 6891 6.1). */
export interface Edns {
  /** Octets of UDP payload that its sender takes. */
  readonly udpSize: number;
  readonly version: number;
  readonly do: boolean;
  /** All 16 flag bits, DO among them. */
  readonly flags: number;
  /** Upper eight bits of the rcode, as in the record. */
  readonly extendedRcode: number;
  readonly options: readonly EdnsOption[];
  /** The first option 8, when it is well-formed. */
  readonly ecs?: Ecs;
}

/** Reads an OPT record's CLASS, TTL and RDATA. */
export function ednsFromRecord(klass: number, ttl: number, rdata: Uint8Array): Result<Edns, string> {
  const options: EdnsOption[] = [];
  for (let at = 0; at < rdata.length;) {
    const length = at + 4 <= rdata.length ? (rdata[at + 2]! << 8) | rdata[at + 3]! : Infinity;
    if (at + 4 + length > rdata.length) return err('an EDNS option is cut short');
    options.push({ code: (rdata[at]! << 8) | rdata[at + 1]!, data: rdata.slice(at + 4, at + 4 + length) });
    at += 4 + length;
  }
  const flags = ttl & 0xffff;
  const first = options.find((option) => option.code === OPTION_ECS);
  const ecs = first === undefined ? undefined : ecsFromOption(first.data);
  return ok({
    udpSize: klass,
    version: (ttl >>> 16) & 0xff,
    do: (flags & DO) !== 0,
    flags,
    extendedRcode: ttl >>> 24,
    options,
    ...(ecs === undefined ? {} : { ecs }),
  });
}

/** Undefined unless FAMILY is known, ADDRESS has just the octets that SOURCE needs, and no bit beyond it is set. */
export function ecsFromOption(data: Uint8Array): Ecs | undefined {
  if (data.length < 4) return undefined;
  const family = (data[0]! << 8) | data[1]!;
  const source = data[2]!;
  const scope = data[3]!;
  if (family !== 1 && family !== 2) return undefined;
  const bits = family === 1 ? 32 : 128;
  const address = data.slice(4);
  if (source > bits || scope > bits || address.length !== Math.ceil(source / 8)) return undefined;
  if (source % 8 !== 0 && (address.at(-1)! & (0xff >>> (source % 8))) !== 0) return undefined;
  return { family, source, scope, address };
}

/** The option's data; of `address`, which may be longer, the first SOURCE bits count. */
export function ecsToOption(ecs: Omit<Ecs, 'scope'> & { readonly scope?: number }): EdnsOption {
  const length = Math.ceil(ecs.source / 8);
  const data = new Uint8Array(4 + length);
  data.set([0, ecs.family, ecs.source, ecs.scope ?? 0]);
  data.set(ecs.address.subarray(0, length), 4);
  if (ecs.source % 8 !== 0) data[3 + length]! &= 0xff << (8 - (ecs.source % 8));
  return { code: OPTION_ECS, data };
}

/** Appends the OPT record; `rcode` gives its upper eight bits. `flags` count as they are, `do` is in them. */
export function writeEdns(writer: ByteWriter, edns: Omit<Edns, 'do' | 'ecs' | 'extendedRcode'>, rcode: number): void {
  writer.u8(0);
  writer.u16(OPT);
  writer.u16(edns.udpSize);
  writer.u8(rcode >>> 4);
  writer.u8(edns.version);
  writer.u16(edns.flags);
  const lengthAt = writer.length;
  writer.u16(0);
  for (const option of edns.options) {
    writer.u16(option.code);
    writer.u16(option.data.length);
    writer.bytes(option.data);
  }
  writer.patchU16(lengthAt, writer.length - lengthAt - 2);
}
