import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MAX_NAME, nameFromText, nameKey, type WireName } from '../../src/wire/name.ts';
import type { Query } from '../support/dns/query.ts';
import { wireName } from '../support/dns/query.ts';
import type { Random } from '../support/random.ts';
import { zoneFiles } from '../support/servers/zone-files.ts';

/** A question of the differential test, and how it is asked. */
export interface Question extends Query {
  readonly name: WireName;
  readonly tcp: boolean;
}

/** A name of a zone, and the types written for it. */
interface Owner {
  readonly labels: readonly Uint8Array[];
  readonly types: readonly number[];
}

interface NamesOfZone {
  readonly origin: readonly Uint8Array[];
  readonly owners: readonly Owner[];
}

const TYPES = new Map(
  Object.entries({
    A: 1,
    NS: 2,
    CNAME: 5,
    SOA: 6,
    PTR: 12,
    HINFO: 13,
    MX: 15,
    TXT: 16,
    RP: 17,
    AFSDB: 18,
    AAAA: 28,
    LOC: 29,
    SRV: 33,
    NAPTR: 35,
    KX: 36,
    DNAME: 39,
    DS: 43,
    SSHFP: 44,
    DNSKEY: 48,
    TLSA: 52,
    CDS: 59,
    CDNSKEY: 60,
    OPENPGPKEY: 61,
    SVCB: 64,
    HTTPS: 65,
    SPF: 99,
    EUI48: 108,
    EUI64: 109,
    URI: 256,
    CAA: 257,
    TYPE1234: 1234,
    TYPE65280: 65280,
    TYPE65281: 65281,
  }),
);
/** Asked of any name; the last one is written nowhere. */
const ASKED = [1, 28, 2, 6, 5, 39, 43, 15, 16, 33, 12, 257, 65, 65000];
const HAS_TARGET = new Set(['NS', 'CNAME', 'MX', 'SRV', 'PTR', 'DNAME']);
const LABELS = ['x', '*', 'a', 'www', 'ns1', 'zz', 'new', 'under', '_tcp', '0'].map((text) => Buffer.from(text));

function labelsOf(name: WireName): Uint8Array[] {
  const labels: Uint8Array[] = [];
  for (let at = 0; name[at] !== 0; at += name[at]! + 1) labels.push(name.slice(at + 1, at + 1 + name[at]!));
  return labels;
}

function nameOf(labels: readonly Uint8Array[]): WireName | undefined {
  if (labels.some((label) => label.length === 0 || label.length > 63)) return undefined;
  const wire = labels.flatMap((label) => [label.length, ...label]);
  return wire.length + 1 > MAX_NAME ? undefined : Uint8Array.from([...wire, 0]);
}

/**
 * Owners, targets and types of the folder's master files. They are written one record a line, with an owner in each:
 * this is no parser of master files, and must share no mistake with the one under test.
 */
export function namesOfZones(folder: string): NamesOfZone[] {
  return zoneFiles(folder).map(({ name, file }) => {
    const origin = wireName(name);
    const owners = new Map<string, { labels: Uint8Array[]; types: Set<number> }>();
    const note = (text: string, type: number | undefined): void => {
      const parsed = nameFromText(text, origin);
      if (!parsed.ok) throw new Error(`${file}: ${parsed.error}`);
      const key = nameKey(parsed.value);
      const owner = owners.get(key) ?? { labels: labelsOf(parsed.value), types: new Set<number>() };
      owners.set(key, owner);
      if (type !== undefined) owner.types.add(type);
    };
    for (const line of readFileSync(join(folder, file), 'utf8').split('\n')) {
      const words = line.trim().split(/\s+/u);
      if (/^[\s;$]/u.test(line) || words.length < 3) continue;
      const mnemonic = words.slice(1).find((word) => TYPES.has(word));
      if (mnemonic === undefined) continue;
      note(words[0]!, TYPES.get(mnemonic));
      if (HAS_TARGET.has(mnemonic)) note(words.at(-1)!, undefined);
    }
    const list = [...owners.values()].map(({ labels, types }) => ({ labels, types: [...types] }));
    return { origin: labelsOf(origin), owners: list };
  });
}

/** A name near `owner`: a label more, less or another, other letters' case, an asterisk, two names grafted. */
function near(random: Random, zone: NamesOfZone, owner: Owner): readonly Uint8Array[] {
  const labels = [...owner.labels];
  switch (random.below(9)) {
    case 0:
      return [random.pick(LABELS), ...labels];
    case 1:
      return [random.pick(LABELS), random.pick(LABELS), ...labels];
    case 2:
      return labels.slice(1);
    case 3:
      if (labels.length > 0) labels[random.below(labels.length)] = random.pick(LABELS);
      return labels;
    case 4:
      return [LABELS[1]!, ...labels.slice(1)];
    case 5:
      return [LABELS[1]!, ...labels];
    case 6: {
      const other = random.pick(zone.owners).labels;
      return [...other.slice(0, Math.max(0, other.length - zone.origin.length)), ...labels];
    }
    case 7:
      return [...labels.slice(0, 1), ...random.pick(zone.owners).labels];
    default: {
      const last = labels[0];
      if (last !== undefined) labels[0] = last.map((code, i) => (i === last.length - 1 ? code ^ 1 : code));
      return labels;
    }
  }
}

function otherCase(random: Random, labels: readonly Uint8Array[]): Uint8Array[] {
  const letter = (code: number): boolean => (code | 32) >= 97 && (code | 32) <= 122;
  return labels.map((label) => label.map((code) => (letter(code) && random.chance(0.5) ? code ^ 32 : code)));
}

/** `count` questions, the same for the same seed. Types that are asked as ANY are left out: see the test. */
export function makeQuestions(random: Random, zones: readonly NamesOfZone[], count: number): Question[] {
  const questions: Question[] = [];
  while (questions.length < count) {
    const zone = random.pick(zones);
    const owner = random.pick(zone.owners);
    let labels = random.chance(0.4) ? owner.labels : near(random, zone, owner);
    if (random.chance(0.3)) labels = otherCase(random, labels);
    const name = nameOf(labels);
    if (name === undefined) continue;
    const type = owner.types.length > 0 && random.chance(0.5) ? random.pick(owner.types) : random.pick(ASKED);
    const udpSize = random.pick([0, 0, 512, 1232, 1232, 4096]);
    const dnssecOk = random.chance(0.2);
    const tcp = random.chance(0.1);
    questions.push({ name, type, tcp, ...(udpSize === 0 ? {} : { edns: { udpSize, dnssecOk } }) });
  }
  return questions;
}
