import { expect } from 'vitest';
import { COUNTER, createCounters } from '../../src/observe/counters.ts';
import { Answerer, OUT_SIZE } from '../../src/server/answer.ts';
import { readSource, type SourceAddress } from '../../src/server/client-address.ts';
import { compileSnapshot } from '../../src/snapshot/compile.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { Rcode } from '../../src/wire/codes.ts';
import { decodeMessage, encodeQuery, type Message } from '../../src/wire/message.ts';
import { nameFromText, nameToText } from '../../src/wire/name.ts';
import { octetText, tokensFromText } from '../../src/wire/presentation.ts';
import { rdataFromText, rdataToText, typeFromText, typeToText } from '../../src/wire/rdata/mod.ts';
import { parseAddress, parsePrefix } from '../../src/lib/address.ts';
import { world } from './world.ts';

const NSID = 'test-server';
const SECTIONS = { answer: 'answers', authority: 'authorities', additional: 'additionals' } as const;

/** One question of a scenario file and what must come of it; `line` is where it stands. */
export interface Step {
  readonly line: number;
  readonly title: string;
  run(): void;
}

interface Expectation {
  rcode?: { name: string; flags: string[] };
  readonly sections: Record<'answer' | 'authority' | 'additional', string[]>;
  anyOf?: number;
  scope?: number;
  ecs?: string;
  edns?: string[];
  nsid?: string;
  silence?: boolean;
  readonly counts: [string, number][];
}

/** Reads a scenario file (see test/scenarios/README.md) into the steps to run in order. */
export async function readScenario(text: string): Promise<Step[]> {
  const lines = text.split('\n');
  const setup = { zones: [] as { origin: string; text: string }[], resources: '', nets: '', mayBeInvalid: false };
  const steps: { line: number; words: string[]; text: string; expect: Expectation }[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (line.endsWith('<<')) {
      const end = lines.indexOf('>>', i);
      const block = lines.slice(i + 1, end).join('\n');
      const [what, origin] = line.split(/\s+/u);
      if (what === 'zone') setup.zones.push({ origin: origin!, text: block });
      else if (what === 'resources') setup.resources = block;
      else if (what === 'nets') setup.nets = block;
      else throw new Error(`line ${i + 1}: unknown block ${what}`);
      i = end;
      continue;
    }
    if (line === 'invalid resources') {
      setup.mayBeInvalid = true;
      continue;
    }
    const words = line.split(/\s+/u);
    if (words[0] === 'ask' || words[0] === 'raw') {
      const sections = { answer: [], authority: [], additional: [] };
      steps.push({ line: i + 1, words, text: line, expect: { sections, counts: [] } });
    } else readExpectation(words, line, steps.at(-1)!.expect);
  }
  const input = await world(setup);
  const snapshot = compileSnapshot({ ...input, generation: 1 });
  const counters = createCounters();
  const nsid = new TextEncoder().encode(NSID);
  const answerer = new Answerer({ udpPayloadSize: 1232, nsid, ecs: true }, counters, 1);
  return steps.map(({ line, words, text, expect: expectation }) => ({
    line,
    title: text,
    run: () => check(words, expectation, answerer, snapshot, counters),
  }));
}

function readExpectation(words: string[], line: string, expectation: Expectation): void {
  const [what, ...rest] = words;
  if (what === 'rcode') expectation.rcode = { name: rest[0]!, flags: rest.slice(1).sort() };
  else if (what === 'answer' || what === 'authority' || what === 'additional') {
    expectation.sections[what].push(line.slice(what.length).trim());
  } else if (what === 'any-of') expectation.anyOf = Number(rest[0]);
  else if (what === 'scope') expectation.scope = Number(rest[0]);
  else if (what === 'ecs') expectation.ecs = rest[0]!;
  else if (what === 'edns') expectation.edns = rest;
  else if (what === 'nsid') expectation.nsid = rest[0]!;
  else if (what === 'silence') expectation.silence = true;
  else if (what === 'count') {
    for (const each of rest) {
      const [name, value] = each.split('=');
      expectation.counts.push([name!, Number(value)]);
    }
  } else throw new Error(`unknown line: ${line}`);
}

function check(
  words: string[],
  expected: Expectation,
  answerer: Answerer,
  snapshot: Snapshot,
  counters: Float64Array,
): void {
  const { bytes, from, tcp } = words[0] === 'raw' ? rawQuery(words) : buildQuery(words);
  const source: SourceAddress = { family: 4, w0: 0, w1: 0, w2: 0, w3: 0 };
  expect(readSource(from, source)).toBe(true);
  const out = new Uint8Array(OUT_SIZE);
  const before = Float64Array.from(counters);
  const length = answerer.answer(bytes, bytes.length, source, snapshot, out, tcp);
  for (const [name, by] of expected.counts) {
    const slot = COUNTER[name as keyof typeof COUNTER];
    expect(slot, `counter ${name}`).toBeDefined();
    expect(counters[slot]! - before[slot]!, `counter ${name}`).toBe(by);
  }
  if (expected.silence === true) {
    expect(length).toBe(0);
    return;
  }
  expect(length).toBeGreaterThanOrEqual(12);
  const decoded = decodeMessage(out.slice(0, length));
  if (!decoded.ok) throw new Error(`the answer does not parse: ${decoded.error}`);
  checkMessage(decoded.value, expected, bytes);
}

function checkMessage(message: Message, expected: Expectation, query: Uint8Array): void {
  expect(message.id).toBe((query[0]! << 8) | query[1]!);
  expect(message.qr).toBe(true);
  expect(message.ra).toBe(false);
  expect(message.ad).toBe(false);
  expect(message.cd).toBe(false);
  const rcode = Object.entries(Rcode).find(([, code]) => code === message.rcode)?.[0];
  const flags = (['aa', 'rd', 'tc'] as const).filter((flag) => message[flag]);
  if (expected.rcode !== undefined) expect({ name: rcode, flags }).toEqual(expected.rcode);
  const tc = message.tc;
  for (const section of ['answer', 'authority', 'additional'] as const) {
    const got = message[SECTIONS[section]].map(recordText).sort();
    const want = expected.sections[section].map(canonical).sort();
    // What of a truncated message is left is not to be relied upon.
    if (tc && want.length === 0) continue;
    if (section === 'answer' && expected.anyOf !== undefined) {
      expect(got).toHaveLength(expected.anyOf);
      for (const each of got) expect(want).toContain(each);
      expect(new Set(got).size).toBe(got.length);
    } else expect(got, section).toEqual(want);
  }
  checkEdns(message, expected);
}

function checkEdns(message: Message, expected: Expectation): void {
  const { edns } = message;
  if (expected.edns?.[0] === 'none') expect(edns).toBeUndefined();
  else if (expected.edns !== undefined) {
    expect(edns).toMatchObject({ udpSize: Number(expected.edns[0]), version: 0, do: expected.edns.includes('do') });
  }
  if (expected.scope !== undefined) expect(edns?.ecs?.scope).toBe(expected.scope);
  if (expected.ecs !== undefined) {
    const prefix = parsePrefix(expected.ecs)!;
    expect(edns?.ecs).toMatchObject({ family: prefix.family === 4 ? 1 : 2, source: prefix.length });
    const octets = (prefix.length + 7) >> 3;
    expect(Array.from(edns!.ecs!.address)).toEqual(Array.from(prefix.bytes.subarray(0, octets)));
  }
  if (expected.nsid !== undefined) {
    const data = edns?.options.find(({ code }) => code === 3)?.data;
    expect(new TextDecoder().decode(data)).toBe(expected.nsid);
  }
}

type DecodedRecord = Message['answers'][number];

function recordText(record: DecodedRecord): string {
  const owner = nameToText(record.name);
  // A TSIG's data is the client's; that it is there is what counts.
  if (record.type === 250) return `${owner} ${record.ttl} TSIG`;
  return `${owner} ${record.ttl} ${typeToText(record.type)} ${rdataToText(record.type, record.rdata)}`;
}

/** A line of the file in the form that `recordText` gives. */
function canonical(line: string): string {
  const [owner, ttl, type, ...data] = line.split(' ');
  const name = nameFromText(owner!);
  if (!name.ok) throw new Error(name.error);
  if (type === 'TSIG') return `${nameToText(name.value)} ${ttl} TSIG`;
  const code = typeFromText(type!)!;
  const tokens = tokensFromText(octetText(data.join(' ')));
  if (!tokens.ok) throw new Error(`${line}: ${tokens.error.message}`);
  const rdata = rdataFromText(code, tokens.value, Uint8Array.of(0));
  if (!rdata.ok) throw new Error(`${line}: ${rdata.error.message}`);
  return `${nameToText(name.value)} ${ttl} ${typeToText(code)} ${rdataToText(code, rdata.value)}`;
}

function rawQuery(words: string[]): { bytes: Uint8Array; from: string; tcp: boolean } {
  const hex = words.slice(1).join('');
  if (!/^(?:[0-9a-f]{2})*$/u.test(hex)) throw new Error(`bad hex: ${hex}`);
  return { bytes: Uint8Array.from(Buffer.from(hex, 'hex')), from: '192.0.2.99', tcp: false };
}

function buildQuery(words: string[]): { bytes: Uint8Array; from: string; tcp: boolean } {
  const [, name, type, ...rest] = words;
  const option = (key: string): string | undefined => (rest.includes(key) ? rest[rest.indexOf(key) + 1] : undefined);
  const parsed = nameFromText(name!);
  if (!parsed.ok) throw new Error(parsed.error);
  const subnet = option('ecs');
  const prefix = subnet === undefined ? undefined : parsePrefix(subnet);
  const wantsEdns = ['edns', 'ecs', 'nsid', 'do', 'version'].some((key) => rest.includes(key));
  const bytes = encodeQuery({
    id: 0x4242,
    name: parsed.value,
    type: typeFromText(type!)!,
    class: option('class') === 'CH' ? 3 : 1,
    rd: rest.includes('rd'),
    ...(wantsEdns
      ? {
          edns: {
            udpSize: Number(option('edns') ?? 1232),
            do: rest.includes('do'),
            ...(prefix === undefined
              ? {}
              : {
                  ecs: {
                    family: prefix.family === 4 ? (1 as const) : (2 as const),
                    source: prefix.length,
                    address: prefix.bytes,
                  },
                }),
            ...(rest.includes('nsid') ? { options: [{ code: 3, data: new Uint8Array(0) }] } : {}),
          },
        }
      : {}),
  });
  bytes[2] = bytes[2]! | (Number(option('opcode') ?? 0) << 3);
  if (rest.includes('cd')) bytes[3] = bytes[3]! | 0x10;
  // The OPT is the last record and has no options here, so its version is 5 octets before the end.
  const version = option('version');
  if (version !== undefined) bytes[bytes.length - 5] = Number(version);
  const from = option('from') ?? '192.0.2.99';
  if (parseAddress(from) === undefined) throw new Error(`bad address ${from}`);
  return { bytes, from, tcp: rest.includes('tcp') };
}
