import type { Problem } from '../lib/problem.ts';
import { Type } from '../wire/codes.ts';
import { isAtOrBelow, nameFromText, nameToText, type WireName } from '../wire/name.ts';
import { octetText, readable, tokensFromText } from '../wire/presentation.ts';
import {
  isDataType,
  rdataFromText,
  rdataWarning,
  typeFromText,
  typeToText,
  type RdataError,
} from '../wire/rdata/mod.ts';
import { ZoneBuilder } from './builder.ts';
import { isText, textTokens } from './inline-text.ts';
import type { ReadZone } from './master.ts';

/** A record set as resources have it. */
export interface InlineRecord {
  /** Relative to the origin; `@` for the origin. */
  readonly name: string;
  readonly type: string;
  /** Seconds. */
  readonly ttl?: number;
  /** Data as in a master file, but TXT may be written without quotes; a list for several records. */
  readonly data: string | readonly string[];
}

const MADE_SOA = { serial: 1, refresh: 3600, retry: 600, expire: 1209600, minimum: 300 };

/**
 * Makes a zone from inline records. Without an SOA it gets one: the first NS of the apex as primary (else
 * `ns1.<origin>`), `hostmaster.<origin>`, serial 1.
 * @param field path of the list, such as `spec.records`: problems name `spec.records[3].data`
 */
export function zoneFromRecords(options: {
  readonly origin: WireName;
  readonly defaultTtl: number;
  readonly records: readonly InlineRecord[];
  readonly field: string;
}): ReadZone {
  const { origin, defaultTtl, records, field } = options;
  const problems: Problem[] = [];
  const builder = new ZoneBuilder(origin, problems, field);
  const context = { builder, field, origin, defaultTtl, problems };
  for (const [index, record] of records.entries()) addRecord(record, index, context);
  if (builder.firstData(origin, Type.SOA) === undefined) {
    const primary = builder.firstData(origin, Type.NS);
    const mname = primary === undefined ? 'ns1' : nameToText(primary);
    const { serial, refresh, retry, expire, minimum } = MADE_SOA;
    const text = `${mname} hostmaster ${serial} ${refresh} ${retry} ${expire} ${minimum}`;
    addRecord({ name: '@', type: 'SOA', data: text }, MADE, context);
  }
  return { zone: builder.finish(), problems };
}

/** In place of an index in the list: a record that nobody wrote. */
const MADE = -1;

interface RecordContext {
  readonly builder: ZoneBuilder;
  /** Path of the list. */
  readonly field: string;
  readonly origin: WireName;
  readonly defaultTtl: number;
  readonly problems: Problem[];
}

function addRecord({ name, type, ttl, data }: InlineRecord, index: number, context: RecordContext): void {
  const { builder, origin, defaultTtl, problems } = context;
  const field = index === MADE ? context.field : `${context.field}[${index}]`;
  const report = (severity: Problem['severity'], part: string, { message, remedy }: RdataError): unknown =>
    problems.push({
      severity,
      field: `${field}.${part}`,
      message: readable(message),
      ...(remedy === undefined ? {} : { remedy: readable(remedy) }),
    });
  const owner = nameFromText(octetText(name), origin);
  if (!owner.ok) return void report('error', 'name', { message: owner.error });
  if (!isAtOrBelow(owner.value, origin)) {
    const message = `${nameToText(owner.value)} is outside the zone ${nameToText(origin)}`;
    return void report('error', 'name', { message, remedy: 'end it without a dot to make it relative to the origin' });
  }
  const code = typeFromText(type);
  if (code === undefined || !isDataType(code)) {
    const message = octetText(`"${type}" is no record type that a zone can have`);
    return void report('error', 'type', { message, remedy: 'types without a name here are written TYPE<number>' });
  }
  for (const [at, text] of (typeof data === 'string' ? [data] : data).entries()) {
    const part = typeof data === 'string' ? 'data' : `data[${at}]`;
    const tokens = isText(code) ? textTokens(octetText(text)) : tokensFromText(octetText(text));
    const told = (error: RdataError): RdataError => ({ ...error, message: `${typeToText(code)}: ${error.message}` });
    const rdata = tokens.ok ? rdataFromText(code, tokens.value, origin) : tokens;
    if (!rdata.ok) {
      report('error', part, told(rdata.error));
      continue;
    }
    const doubt = rdataWarning(code, rdata.value);
    if (doubt !== undefined) report('warning', part, told(doubt));
    builder.add(owner.value, code, ttl ?? defaultTtl, rdata.value, index);
  }
}
