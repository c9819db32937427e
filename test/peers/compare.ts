import { decodeAnswer, nameText, type Answer, type Record } from '../support/dns/answer.ts';
import { typeToText } from '../../src/wire/rdata/mod.ts';
import type { Question } from './questions.ts';

/** What of an answer must be the same from every right server. */
export interface Essence {
  readonly rcode: number;
  readonly aa: boolean;
  readonly tc: boolean;
  readonly edns: boolean;
  /** Each section as a set, sorted: `owner ttl type rdata`, names in lower case. */
  readonly answer: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
}

const NS = 2;
const ADDRESSES = new Set([1, 28]);
/** NS, MX, AFSDB, SRV, KX: types whose targets' addresses belong in the additional section. */
const WITH_ADDITIONAL = new Set([NS, 15, 18, 33, 36]);

/** NS, CNAME, PTR, DNAME: their names say all. */
const NAME_ONLY = new Set([NS, 5, 12, 39]);

function line(record: Record): string {
  return `${record.owner.toLowerCase()} ${record.ttl} ${typeToText(record.type)} ${readable(record)}`;
}

function readable(record: Record): string {
  const text = record.names.join(' ').toLowerCase();
  if (record.type === 1) return record.rdata.join('.');
  if (NAME_ONLY.has(record.type)) return text;
  return `${record.key.length > 80 ? `${record.key.slice(0, 72)}…${hash(record.key)}` : record.key} ${text}`.trim();
}

function hash(text: string): string {
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum = (Math.imul(sum, 31) + text.charCodeAt(i)) >>> 0;
  return sum.toString(16);
}

/**
 * The essence of an answer. Two habits that are free to a server are taken away: the apex's NS set, with its
 * addresses, in the authority section of a positive answer (RFC 1034 4.3.2 step 6 allows it), and, when TC is set,
 * whatever was still sent (RFC 2181 9: a client ignores it).
 */
export function essence(answer: Answer, apexes: ReadonlySet<string>): Essence {
  const base = {
    rcode: answer.rcode,
    aa: answer.authoritative,
    tc: answer.truncated,
    edns: answer.edns !== undefined,
  };
  if (answer.truncated) return { ...base, answer: [], authority: [], additional: [] };
  const positive = answer.answer.length > 0;
  const authority = answer.authority.filter(
    (record) => !(positive && record.type === NS && apexes.has(record.owner.toLowerCase())),
  );
  const wanted = new Set(
    [...answer.answer, ...authority]
      .filter((record) => WITH_ADDITIONAL.has(record.type))
      .flatMap((record) => record.names.map((name) => name.toLowerCase())),
  );
  const additional = answer.additional.filter(
    (record) => !ADDRESSES.has(record.type) || wanted.has(record.owner.toLowerCase()),
  );
  return {
    ...base,
    answer: asSet(answer.answer),
    authority: asSet(authority),
    additional: asSet(additional),
  };
}

function asSet(records: readonly Record[]): string[] {
  return [...new Set(records.map(line))].sort();
}

export function sameEssence(a: Essence, b: Essence): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The fields in which two essences differ. */
export function differences(a: Essence, b: Essence): (keyof Essence)[] {
  return (Object.keys(a) as (keyof Essence)[]).filter((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]));
}

/**
 * What is wrong with an answer by itself, whatever others say: the question not echoed octet by octet, an owner that is
 * the question's name in other letters (RFC 4343 4.1), a record twice, a CNAME after what it leads to, a name compressed
 * where it must not be, too many octets, RA set.
 */
export function faults(question: Question, answer: Answer): string[] {
  const found: string[] = [];
  const asked = nameText(question.name);
  const [echo] = answer.question;
  if (answer.question.length !== 1 || echo?.name !== asked || echo.type !== question.type) {
    found.push(`question echoed as ${answer.question.map(({ name }) => name).join(', ')}`);
  }
  const limit = question.tcp ? 65535 : Math.min(1232, Math.max(512, question.edns?.udpSize ?? 512));
  if (answer.size > limit) found.push(`${answer.size} octets, ${limit} are allowed`);
  if (answer.recursionAvailable) found.push('RA is set');
  for (const name of answer.forbiddenCompression) found.push(`compressed ${name}`);
  const records = [...answer.answer, ...answer.authority, ...answer.additional];
  const lines = records.map(line);
  for (const twice of new Set(lines.filter((text, i) => lines.indexOf(text) !== i))) found.push(`twice: ${twice}`);
  for (const { owner } of answer.answer) {
    if (owner.toLowerCase() === asked.toLowerCase() && owner !== asked) found.push(`owner ${owner} for ${asked}`);
  }
  const reached = new Set([asked.toLowerCase()]);
  for (const record of answer.answer) {
    const owner = record.owner.toLowerCase();
    const isAncestor = record.type === 39 && [...reached].some((name) => name.endsWith(`.${owner}`));
    if (!reached.has(owner) && !isAncestor) found.push(`${owner} stands before what leads to it`);
    if (record.type === 5) for (const name of record.names) reached.add(name.toLowerCase());
  }
  const ttls = new Map<string, number>();
  for (const { owner, type, ttl } of records) {
    const set = `${owner.toLowerCase()} ${type}`;
    if ((ttls.get(set) ?? ttl) !== ttl) found.push(`two TTLs in ${set} (RFC 2181 5.2)`);
    ttls.set(set, ttl);
  }
  return found;
}

/** `name TYPE (EDNS 1232 DO, UDP)`. */
export function describeQuestion(question: Question): string {
  const { edns } = question;
  const how = edns === undefined ? 'no EDNS' : `EDNS ${edns.udpSize}${edns.dnssecOk === true ? ' DO' : ''}`;
  return `${nameText(question.name)} ${typeToText(question.type)} (${how}, ${question.tcp ? 'TCP' : 'UDP'})`;
}

export function describeEssence(essence: Essence): string {
  const flags = `rcode ${essence.rcode}${essence.aa ? ' aa' : ''}${essence.tc ? ' tc' : ''}${essence.edns ? ' opt' : ''}`;
  const sections = (['answer', 'authority', 'additional'] as const).flatMap((name) => {
    const shown = essence[name].slice(0, 12);
    const more = essence[name].length > 12 ? [`      … ${essence[name].length - 12} more`] : [];
    return [...shown.map((text) => `      ${name.slice(0, 4)} ${text}`), ...more];
  });
  return [flags, ...sections].join('\n');
}

/** Decodes, or says why it can't be. */
export function read(bytes: Uint8Array | undefined): Answer | string {
  if (bytes === undefined) return 'no answer';
  try {
    return decodeAnswer(bytes);
  } catch (error) {
    return `malformed: ${error instanceof Error ? error.message : String(error)}`;
  }
}
