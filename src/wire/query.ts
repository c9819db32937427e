import { Class, Opcode, Rcode, Type } from './codes.ts';

/** `parseQuery` says: do not answer at all. */
export const DROP = -1;

const HEADER = 12;
const OPTION_NSID = 3; // RFC 5001
const OPTION_ECS = 8; // RFC 7871

/** How a query's client subnet is to be read. */
export const Ecs = { ABSENT: 0, USABLE: 1, OPTED_OUT: 2 } as const;

/**
 * One query, taken apart. One object is reused for all queries of a thread: `parseQuery` sets every field, and
 * nothing else writes to it. Offsets are into the query's bytes.
 */
export class Query {
  id = 0;
  opcode = 0;
  /** Recursion desired, copied to the answer (RFC 1035 4.1.1). */
  rd = false;
  /** End of the question section; 12 when there is no question that can be echoed. */
  questionEnd = HEADER;
  /** Octets of the name asked for, root label included; 0 when there is none. */
  nameLength = 0;
  /** Labels of the name, without the root. */
  labels = 0;
  /** Offset of each label's length octet. */
  readonly labelAt = new Uint16Array(128);
  type = 0;
  class = 0;
  /** An OPT record at the root was seen (RFC 6891). */
  edns = false;
  udpSize = 512;
  ednsVersion = 0;
  dnssecOk = false;
  /** NSID was asked for (RFC 5001). */
  nsid = false;
  /** One of `Ecs`. */
  ecs: number = Ecs.ABSENT;
  ecsMalformed = false;
  /** The option's data, to be echoed: FAMILY, SOURCE, SCOPE, ADDRESS. */
  ecsAt = 0;
  ecsLength = 0;
  /** 1 IPv4, 2 IPv6, 0 opted out without a family. */
  ecsFamily = 0;
  ecsSource = 0;
  /** The address as words, most significant first; IPv4 in the first alone. */
  ecsW0 = 0;
  ecsW1 = 0;
  ecsW2 = 0;
  ecsW3 = 0;
  /** A TSIG record, last as it must be; 0 when there is none (RFC 8945). */
  tsigAt = 0;
  /** End of TSIG's owner name. */
  tsigNameEnd = 0;
}

/**
 * Takes a query apart (RFC 1035 4, RFC 6891, RFC 7871, RFC 8906). Never throws, never reads beyond `length`, time
 * linear in it.
 * @returns `DROP` for what must not be answered (too short for a header, or itself a response); else the rcode that
 *   the message alone demands: NOERROR to go on, FORMERR, NOTIMP, BADVERS or NOTAUTH to answer at once.
 */
export function parseQuery(b: Uint8Array, length: number, q: Query): number {
  if (length < HEADER) return DROP;
  const flags = b[2]!;
  if ((flags & 0x80) !== 0) return DROP;
  q.id = (b[0]! << 8) | b[1]!;
  q.opcode = (flags >> 3) & 15;
  q.rd = (flags & 1) !== 0;
  q.questionEnd = HEADER;
  q.nameLength = 0;
  q.labels = 0;
  q.type = 0;
  q.class = Class.IN;
  q.edns = false;
  q.udpSize = 512;
  q.ednsVersion = 0;
  q.dnssecOk = false;
  q.nsid = false;
  q.ecs = Ecs.ABSENT;
  q.ecsMalformed = false;
  q.tsigAt = 0;
  const rcode = parseSections(b, length, q);
  // An opcode that we do not know may order its sections as it likes, so a fault in them is not the client's.
  if (q.opcode !== Opcode.QUERY) return Rcode.NOTIMP;
  return rcode;
}

function parseSections(b: Uint8Array, length: number, q: Query): number {
  const questions = (b[4]! << 8) | b[5]!;
  let at = HEADER;
  if (questions === 1) {
    at = parseQuestion(b, length, q);
    if (at < 0) return Rcode.FORMERR;
    q.questionEnd = at;
  } else {
    // Still look for an OPT, so that even this FORMERR carries one.
    for (let i = 0; i < questions; i++) {
      at = skipName(b, at, length) + 4;
      if (at < HEADER + 4 || at > length) return Rcode.FORMERR;
    }
  }
  const before = ((b[6]! << 8) | b[7]!) + ((b[8]! << 8) | b[9]!);
  const records = before + ((b[10]! << 8) | b[11]!);
  let rcode: number = questions === 1 ? Rcode.NOERROR : Rcode.FORMERR;
  for (let i = 0; i < records; i++) {
    const owner = at;
    at = skipName(b, at, length);
    if (at < 0 || at + 10 > length) return Rcode.FORMERR;
    const type = (b[at]! << 8) | b[at + 1]!;
    const end = at + 10 + ((b[at + 8]! << 8) | b[at + 9]!);
    if (end > length) return Rcode.FORMERR;
    if (type === Type.OPT) {
      if (i < before || b[owner] !== 0 || q.edns) return Rcode.FORMERR;
      const problem = parseOpt(b, at, end, q);
      if (rcode === Rcode.NOERROR) rcode = problem;
    } else if (type === Type.TSIG) {
      if (i !== records - 1 || i < before || !tsigHolds(b, at + 10, end)) return Rcode.FORMERR;
      q.tsigAt = owner;
      q.tsigNameEnd = at;
      // No keys are configured, so every key is unknown (RFC 8945 5.2.1).
      if (rcode === Rcode.NOERROR) rcode = Rcode.NOTAUTH;
    }
    at = end;
  }
  return at === length ? rcode : Rcode.FORMERR;
}

/** @returns the end of the question, or -1. */
function parseQuestion(b: Uint8Array, length: number, q: Query): number {
  let at = HEADER;
  let labels = 0;
  for (;;) {
    if (at >= length) return -1;
    const label = b[at]!;
    if (label === 0) break;
    // Nothing stands before the first name that a pointer could point to.
    if (label > 63) return -1;
    if (at - HEADER + label + 2 > 255) return -1;
    q.labelAt[labels++] = at;
    at += label + 1;
  }
  at++;
  if (at + 4 > length) return -1;
  q.nameLength = at - HEADER;
  q.labels = labels;
  q.type = (b[at]! << 8) | b[at + 1]!;
  q.class = (b[at + 2]! << 8) | b[at + 3]!;
  return at + 4;
}

/** @returns the end of a possibly compressed name, or -1. Pointers are not followed. */
function skipName(b: Uint8Array, start: number, length: number): number {
  if (start < 0) return -1;
  for (let at = start; at < length;) {
    const label = b[at]!;
    if (label === 0) return at + 1;
    if (label >= 0xc0) return at + 2 <= length ? at + 2 : -1;
    if (label > 63) return -1;
    at += label + 1;
  }
  return -1;
}

/** `at` is behind the OPT's owner. */
function parseOpt(b: Uint8Array, at: number, end: number, q: Query): number {
  q.edns = true;
  q.udpSize = (b[at + 2]! << 8) | b[at + 3]!;
  q.ednsVersion = b[at + 5]!;
  q.dnssecOk = (b[at + 6]! & 0x80) !== 0;
  // What a higher version means by its options is not known (RFC 6891 6.1.3).
  if (q.ednsVersion !== 0) return Rcode.BADVERS;
  let option = at + 10;
  while (option < end) {
    if (option + 4 > end) return Rcode.FORMERR;
    const code = (b[option]! << 8) | b[option + 1]!;
    const size = (b[option + 2]! << 8) | b[option + 3]!;
    option += 4;
    if (option + size > end) return Rcode.FORMERR;
    if (code === OPTION_ECS) {
      if (q.ecs !== Ecs.ABSENT || !parseEcs(b, option, size, q)) {
        q.ecs = Ecs.ABSENT;
        q.ecsMalformed = true;
        return Rcode.FORMERR;
      }
    } else if (code === OPTION_NSID) q.nsid = true;
    option += size;
  }
  return Rcode.NOERROR;
}

/** RFC 7871 6 and 7.1.2: the address is as long as SOURCE says, zero beyond it, and SCOPE is 0. */
function parseEcs(b: Uint8Array, at: number, size: number, q: Query): boolean {
  if (size < 4) return false;
  const family = (b[at]! << 8) | b[at + 1]!;
  const source = b[at + 2]!;
  if (b[at + 3] !== 0) return false;
  const octets = size - 4;
  q.ecsAt = at;
  q.ecsLength = size;
  q.ecsFamily = family;
  q.ecsSource = source;
  if (family === 0 && source === 0 && octets === 0) {
    // What `dig +subnet=0` sends: no address, so no family either.
    q.ecs = Ecs.OPTED_OUT;
    return true;
  }
  if (family !== 1 && family !== 2) return false;
  if (source > (family === 1 ? 32 : 128) || octets !== (source + 7) >> 3) return false;
  if ((source & 7) !== 0 && (b[at + 3 + octets]! & (0xff >> (source & 7))) !== 0) return false;
  q.ecsW0 = word(b, at + 4, octets);
  if (family === 2) {
    q.ecsW1 = word(b, at + 8, octets - 4);
    q.ecsW2 = word(b, at + 12, octets - 8);
    q.ecsW3 = word(b, at + 16, octets - 12);
  }
  q.ecs = source === 0 ? Ecs.OPTED_OUT : Ecs.USABLE;
  return true;
}

/** Up to four octets as the high end of an unsigned word. */
function word(b: Uint8Array, at: number, octets: number): number {
  let value = 0;
  if (octets > 0) value = b[at]! << 24;
  if (octets > 1) value |= b[at + 1]! << 16;
  if (octets > 2) value |= b[at + 2]! << 8;
  if (octets > 3) value |= b[at + 3]!;
  return value >>> 0;
}

/** True if TSIG's rdata has all its parts (RFC 8945 4.2). */
function tsigHolds(b: Uint8Array, start: number, end: number): boolean {
  let at = skipName(b, start, end);
  if (at < 0 || at + 10 > end) return false;
  at += 10 + ((b[at + 8]! << 8) | b[at + 9]!);
  if (at + 6 > end) return false;
  return at + 6 + ((b[at + 4]! << 8) | b[at + 5]!) === end;
}
