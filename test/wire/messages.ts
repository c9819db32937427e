import * as fc from 'fast-check';
import type { WireName } from '../../src/wire/name.ts';
import type { Message, ResourceRecord } from '../../src/wire/message.ts';
import { rdataOf, typeCode, wireName } from './rdata/read.ts';

/** A response without records; `part` replaces what it names. */
export function message(part: Partial<Message> = {}): Message {
  return {
    id: 4711,
    qr: true,
    opcode: 0,
    aa: true,
    tc: false,
    rd: true,
    ra: false,
    z: false,
    ad: false,
    cd: false,
    rcode: 0,
    questions: [],
    answers: [],
    authorities: [],
    additionals: [],
    ...part,
  };
}

export function record(owner: string, type: string, text: string, ttl = 60): ResourceRecord {
  return { name: wireName(owner), type: typeCode(type), class: 1, ttl, rdata: rdataOf(type, text) };
}

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?$/u);
/** Host names over few suffixes, so that there is something to compress. */
const host = fc
  .tuple(fc.array(label, { maxLength: 4 }), fc.constantFrom('example.org.', 'a.example.org.', 'example.net.', 'org.'))
  .map(([labels, suffix]) => [...labels, suffix].join('.'));
const u8 = fc.nat(255);
const u16 = fc.nat(65535);
const u31 = fc.nat(0x7fffffff);
const hex = (octets: number) =>
  fc.uint8Array({ minLength: octets, maxLength: octets }).map((o) => Buffer.from(o).toString('hex'));
const base64 = fc.uint8Array({ minLength: 1, maxLength: 80 }).map((octets) => Buffer.from(octets).toString('base64'));
const quoted = fc.stringMatching(/^[ !#-[\]-~]{0,40}$/u).map((text) => `"${text}"`);

function words(...parts: readonly fc.Arbitrary<string | number>[]): fc.Arbitrary<string> {
  return fc.tuple(...parts).map((values) => values.join(' '));
}

/** Record data in text, by type, as far as other libraries can read it too. */
export const RDATA_TEXTS = {
  A: fc.ipV4(),
  AAAA: fc.ipV6(),
  NS: host,
  CNAME: host,
  PTR: host,
  MX: words(u16, host),
  TXT: fc.array(quoted, { minLength: 1, maxLength: 4 }).map((texts) => texts.join(' ')),
  SPF: quoted,
  SOA: words(host, host, u31, u31, u31, u31, u31),
  SRV: words(u16, u16, u16, host),
  CAA: words(fc.constantFrom(0, 128), fc.constantFrom('issue', 'issuewild', 'iodef'), quoted),
  DNSKEY: words(u16, fc.constant(3), u8, base64),
  DNAME: host,
  HINFO: words(quoted, quoted),
  RP: words(host, host),
  NAPTR: words(u16, u16, quoted, quoted, quoted, host),
  DS: words(u16, u8, fc.constant(2), hex(32)),
  SSHFP: words(u8, fc.constant(2), hex(32)),
  TLSA: words(u8, u8, u8, hex(32)),
  NSEC: words(host, fc.constantFrom('A', 'A MX RRSIG NSEC', 'NS SOA TXT AAAA RRSIG NSEC DNSKEY CAA')),
  NSEC3: words(
    fc.constant(1),
    fc.constantFrom(0, 1),
    u16,
    hex(4),
    fc.constant('2T7B4G4VSA5SMI47K61MV5BV1A22BOJR'),
    fc.constantFrom('A RRSIG', 'NS SOA RRSIG DNSKEY'),
  ),
  RRSIG: words(fc.constantFrom('A', 'MX', 'SOA'), u8, fc.nat(5), u31, u31, u31, u16, host, base64),
} as const;

export type RdataText = keyof typeof RDATA_TEXTS;

function records(types: readonly RdataText[]): fc.Arbitrary<ResourceRecord[]> {
  const one = fc
    .constantFrom(...types)
    .chain((type) =>
      fc.tuple(host, RDATA_TEXTS[type], u31).map(([owner, text, ttl]) => record(owner, type, text, ttl)),
    );
  return fc.array(one, { maxLength: 8 });
}

function question(): fc.Arbitrary<{ name: WireName; type: number; class: number }> {
  return fc.tuple(host, fc.constantFrom(1, 28, 15)).map(([name, type]) => ({ name: wireName(name), type, class: 1 }));
}

/** Responses with records of these types in all sections. */
export function messages(types: readonly RdataText[]): fc.Arbitrary<Message> {
  return fc
    .tuple(fc.nat(65535), question(), records(types), records(types), records(types))
    .map(([id, asked, answers, authorities, additionals]) =>
      message({ id, questions: [asked], answers, authorities, additionals }),
    );
}
