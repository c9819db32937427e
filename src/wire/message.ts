import { err, ok, type Result } from '../lib/result.ts';
import { ByteWriter } from './byte-writer.ts';
import { Class, Type } from './codes.ts';
import { NameCompressor, readName } from './compression.ts';
import { ecsToOption, ednsFromRecord, writeEdns, type Ecs, type Edns, type EdnsOption } from './edns-record.ts';
import type { WireName } from './name.ts';
import { namesIn, rdataFromWire } from './rdata/mod.ts';

export type { Ecs, Edns, EdnsOption } from './edns-record.ts';

export interface Question {
  readonly name: WireName;
  readonly type: number;
  readonly class: number;
}

export interface ResourceRecord {
  readonly name: WireName;
  readonly type: number;
  readonly class: number;
  /** Seconds, as it stands: 32 bits. */
  readonly ttl: number;
  /** Names uncompressed. */
  readonly rdata: Uint8Array;
}

/** A message (RFC 1035 4) with its OPT record taken apart (RFC 6891 6.1). */
export interface Message {
  readonly id: number;
  readonly qr: boolean;
  readonly opcode: number;
  readonly aa: boolean;
  readonly tc: boolean;
  readonly rd: boolean;
  readonly ra: boolean;
  /** The one bit that is still reserved. */
  readonly z: boolean;
  readonly ad: boolean;
  readonly cd: boolean;
  /** 12 bits: the header's four, and above them those of OPT. */
  readonly rcode: number;
  readonly questions: readonly Question[];
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  /** Without OPT. */
  readonly additionals: readonly ResourceRecord[];
  readonly edns?: Edns;
}

const HEADER = 12;
const QR = 0x8000;
const AA = 0x0400;
const TC = 0x0200;
const RD = 0x0100;
const RA = 0x0080;
const Z = 0x0040;
const AD = 0x0020;
const CD = 0x0010;

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/**
 * Reads a whole message, for tools and tests. Strict: the error says what is malformed, also for octets after the last
 * record, a second OPT, and an OPT that is not at the root or in the additional section. Ends without an exception on
 * any input.
 */
export function decodeMessage(bytes: Uint8Array): Result<Message, string> {
  if (bytes.length < HEADER) return err(`${bytes.length} octets are less than a header`);
  const flags = u16(bytes, 2);
  let at = HEADER;
  const questions: Question[] = [];
  for (let i = 0; i < u16(bytes, 4); i++) {
    const owner = readName(bytes, at);
    if (owner === undefined || owner.next + 4 > bytes.length) return err(`question ${i} is malformed`);
    questions.push({ name: owner.name, type: u16(bytes, owner.next), class: u16(bytes, owner.next + 2) });
    at = owner.next + 4;
  }
  let edns: Edns | undefined;
  const sections: ResourceRecord[][] = [[], [], []];
  for (const [section, records] of sections.entries()) {
    for (let i = 0; i < u16(bytes, 6 + section * 2); i++) {
      const read = readRecord(bytes, at);
      if (read === undefined) return err(`record ${i} of the ${SECTIONS[section]} section is malformed`);
      at = read.next;
      const { record } = read;
      if (record.type !== Type.OPT) {
        records.push(record);
        continue;
      }
      if (section !== 2) return err(`an OPT record in the ${SECTIONS[section]} section`);
      if (edns !== undefined) return err('two OPT records');
      if (record.name.length !== 1) return err('an OPT record that is not at the root');
      const parsed = ednsFromRecord(record.class, record.ttl, record.rdata);
      if (!parsed.ok) return parsed;
      edns = parsed.value;
    }
  }
  if (at !== bytes.length) return err(`${bytes.length - at} octets after the last record`);
  return ok({
    id: u16(bytes, 0),
    qr: (flags & QR) !== 0,
    opcode: (flags >>> 11) & 15,
    aa: (flags & AA) !== 0,
    tc: (flags & TC) !== 0,
    rd: (flags & RD) !== 0,
    ra: (flags & RA) !== 0,
    z: (flags & Z) !== 0,
    ad: (flags & AD) !== 0,
    cd: (flags & CD) !== 0,
    rcode: (flags & 15) | ((edns?.extendedRcode ?? 0) << 4),
    questions,
    answers: sections[0]!,
    authorities: sections[1]!,
    additionals: sections[2]!,
    ...(edns === undefined ? {} : { edns }),
  });
}

const SECTIONS = ['answer', 'authority', 'additional'];

function readRecord(bytes: Uint8Array, offset: number): { record: ResourceRecord; next: number } | undefined {
  const owner = readName(bytes, offset);
  if (owner === undefined) return undefined;
  const at = owner.next;
  if (at + 10 > bytes.length) return undefined;
  const type = u16(bytes, at);
  const klass = u16(bytes, at + 2);
  const ttl = ((u16(bytes, at + 4) << 16) | u16(bytes, at + 6)) >>> 0;
  const length = u16(bytes, at + 8);
  const next = at + 10 + length;
  if (next > bytes.length) return undefined;
  // Empty data stands in updates (RFC 2136 2.4, 2.5); the address of class CH has another form (RFC 1035 3.4.1 is of IN).
  const raw = length === 0 || (type === Type.A && klass !== Class.IN);
  const rdata = raw ? bytes.slice(at + 10, next) : rdataFromWire(type, bytes, at + 10, length);
  return rdata === undefined ? undefined : { record: { name: owner.name, type, class: klass, ttl, rdata }, next };
}

/**
 * Writes a message with names compressed where that is allowed (RFC 3597 4). The OPT record, when there is `edns`, is
 * the last; its upper bits of the rcode come from `rcode`, its flags from `flags`, its options from `options`.
 */
export function encodeMessage(message: Message): Uint8Array {
  const writer = new ByteWriter();
  const names = new NameCompressor(writer);
  writer.u16(message.id);
  let flags = (message.opcode << 11) | (message.rcode & 15);
  if (message.qr) flags |= QR;
  if (message.aa) flags |= AA;
  if (message.tc) flags |= TC;
  if (message.rd) flags |= RD;
  if (message.ra) flags |= RA;
  if (message.z) flags |= Z;
  if (message.ad) flags |= AD;
  if (message.cd) flags |= CD;
  writer.u16(flags);
  writer.u16(message.questions.length);
  writer.u16(message.answers.length);
  writer.u16(message.authorities.length);
  writer.u16(message.additionals.length + (message.edns === undefined ? 0 : 1));
  for (const question of message.questions) {
    names.write(question.name);
    writer.u16(question.type);
    writer.u16(question.class);
  }
  for (const section of [message.answers, message.authorities, message.additionals]) {
    for (const record of section) writeRecord(writer, names, record);
  }
  if (message.edns !== undefined) writeEdns(writer, message.edns, message.rcode);
  return writer.toBytes();
}

function writeRecord(writer: ByteWriter, names: NameCompressor, record: ResourceRecord): void {
  names.write(record.name);
  writer.u16(record.type);
  writer.u16(record.class);
  writer.u32(record.ttl);
  const lengthAt = writer.length;
  writer.u16(0);
  let at = 0;
  for (const field of namesIn(record.type, record.rdata)) {
    if (!field.compress) continue;
    writer.bytes(record.rdata.subarray(at, field.offset));
    names.write(record.rdata.subarray(field.offset, field.offset + field.length));
    at = field.offset + field.length;
  }
  writer.bytes(record.rdata.subarray(at));
  writer.patchU16(lengthAt, writer.length - lengthAt - 2);
}

export interface Query {
  readonly id: number;
  readonly name: WireName;
  readonly type: number;
  /** IN unless given. */
  readonly class?: number;
  /** Recursion desired; false unless given. */
  readonly rd?: boolean;
  readonly edns?: {
    /** 1232 unless given. */
    readonly udpSize?: number;
    readonly do?: boolean;
    /** `address` may be longer than SOURCE asks. */
    readonly ecs?: Omit<Ecs, 'scope'> & { readonly scope?: number };
    /** Written after ECS. */
    readonly options?: readonly EdnsOption[];
  };
}

/** A query of one question. */
export function encodeQuery(query: Query): Uint8Array {
  const { edns } = query;
  const options = [...(edns?.ecs === undefined ? [] : [ecsToOption(edns.ecs)]), ...(edns?.options ?? [])];
  const writer = new ByteWriter();
  writer.u16(query.id);
  writer.u16(query.rd === true ? RD : 0);
  for (const count of [1, 0, 0, edns === undefined ? 0 : 1]) writer.u16(count);
  writer.bytes(query.name);
  writer.u16(query.type);
  writer.u16(query.class ?? Class.IN);
  if (edns !== undefined) {
    writeEdns(writer, { udpSize: edns.udpSize ?? 1232, version: 0, flags: edns.do === true ? 0x8000 : 0, options }, 0);
  }
  return writer.toBytes();
}
