import type { ByteWriter } from '../byte-writer.ts';
import { Type } from '../codes.ts';
import { measureName } from '../compression.ts';
import { octetsFromText } from '../presentation.ts';
import { name, readUint, u16, type Fault, type Field, type RdataType, type Words } from './fields.ts';
import { formatOfKey, formatOfName } from './svc-param-values.ts';

/** `key=value` pairs in any order; on the wire ascending by key (RFC 9460 2.1, 2.2). */
function parse(words: Words, out: ByteWriter): Fault | undefined {
  const params = new Map<number, Uint8Array>();
  while (!words.done) {
    const { text } = words.next();
    const equals = text.indexOf('=');
    const keyText = equals < 0 ? text : text.slice(0, equals);
    const format = formatOfName(keyText);
    if (format === undefined) return { message: `"${keyText}" is no parameter`, remedy: 'write it as in alpn="h2,h3"' };
    if (params.has(format.key)) return { message: `${format.name} is there twice` };
    const octets = equals < 0 ? undefined : octetsFromText(valueText(words, text, equals));
    if (octets?.ok === false) return { message: octets.error };
    const value = format.parse(octets?.value);
    if (!value.ok) return { message: value.error };
    params.set(format.key, value.value);
  }
  for (const [key, value] of [...params].sort(([a], [b]) => a - b)) {
    out.u16(key);
    out.u16(value.length);
    out.bytes(value);
  }
  return undefined;
}

/** What stands after `=`: the rest of the word, or quotes that follow at once. */
function valueText(words: Words, text: string, equals: number): string {
  const quoted = equals === text.length - 1 && !words.done && words.tokens[words.at]!.glued;
  return quoted ? words.listed().text : text.slice(equals + 1);
}

function* eachParam(bytes: Uint8Array, at: number, end: number): Generator<{ key: number; value: Uint8Array }> {
  for (let position = at; position < end;) {
    const valueAt = position + 4;
    const valueEnd = valueAt + readUint(bytes, position + 2, 2);
    yield { key: readUint(bytes, position, 2), value: bytes.subarray(valueAt, valueEnd) };
    position = valueEnd;
  }
}

const params: Field = {
  label: 'list of parameters',
  optional: true,
  parse,
  measure(bytes, at, end) {
    let position = at;
    for (let previous = -1; position < end;) {
      if (position + 4 > end) return -1;
      const key = readUint(bytes, position, 2);
      position += 4 + readUint(bytes, position + 2, 2);
      if (key <= previous || position > end) return -1;
      previous = key;
    }
    return position - at;
  },
  print(bytes, at, end) {
    const texts: string[] = [];
    for (const { key, value } of eachParam(bytes, at, end)) {
      const format = formatOfKey(key);
      const text = format.print(value);
      texts.push(text === undefined ? format.name : `${format.name}=${text}`);
    }
    return texts.join(' ');
  },
};

function check(rdata: Uint8Array): string | undefined {
  const at = 2 + measureName(rdata, 2, rdata.length);
  const found = new Map([...eachParam(rdata, at, rdata.length)].map(({ key, value }) => [key, value]));
  for (const [key, value] of found) {
    const problem = formatOfKey(key).problem(value);
    if (problem !== undefined) return problem;
  }
  const mandatory = found.get(0) ?? new Uint8Array(0);
  for (let i = 0; i < mandatory.length; i += 2) {
    const key = readUint(mandatory, i, 2);
    if (!found.has(key)) return `mandatory names ${formatOfKey(key).name}, which is not there`;
  }
  if (found.has(2) && !found.has(1)) return 'no-default-alpn needs alpn';
  return undefined;
}

/** Allowed, but without effect. */
function warn(rdata: Uint8Array): Fault | undefined {
  const at = 2 + measureName(rdata, 2, rdata.length);
  if ([...eachParam(rdata, at, rdata.length)].some(({ key }) => key === 65535)) {
    return { message: 'key65535 is reserved as the invalid key (RFC 9460 14.3.2)', remedy: 'write another key' };
  }
  // RFC 9460 2.4.2: they should not be there, recipients ignore them, and parsers may warn.
  if (readUint(rdata, 0, 2) !== 0 || at === rdata.length) return undefined;
  const message = 'priority 0 is an alias, whose parameters every client ignores (RFC 9460 2.4.2)';
  return { message, remedy: 'remove them, or write a priority of 1 or more' };
}

const fields = [u16('priority'), name('target name'), params];
const example = '1 . alpn="h2,h3" port=443';

/** RFC 9460 2. */
export const svcb: RdataType = { code: Type.SVCB, fields, example, check, warn };

/** RFC 9460 9. */
export const https: RdataType = { code: Type.HTTPS, fields, example, check, warn };
