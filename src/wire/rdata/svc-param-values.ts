import { err, ok, type Result } from '../../lib/result.ts';
import { ipv4FromText, ipv4ToText, ipv6FromText, ipv6ToText } from '../../lib/address.ts';
import { octetsFromBase64, octetsToBase64, quote } from '../presentation.ts';
import { readUint } from './fields.ts';

/** How the value of one SvcParamKey is written (RFC 9460 7, 14.3.2). */
export interface ValueFormat {
  readonly key: number;
  readonly name: string;
  /** `value` is what stood after `=`, octets with escapes resolved; undefined when there was no `=`. */
  parse(value: Uint8Array | undefined): Result<Uint8Array, string>;
  /** Text after `=`; undefined for a key without value. */
  print(value: Uint8Array): string | undefined;
  /** What is wrong with the octets; undefined when nothing is. */
  problem(value: Uint8Array): string | undefined;
}

function text(octets: Uint8Array): string {
  return Buffer.from(octets).toString('latin1');
}

/** A list of items of one size, written with commas. */
function list(
  key: number,
  name: string,
  size: number,
  item: string,
  read: (text: string) => Uint8Array | undefined,
  write: (octets: Uint8Array) => string,
): ValueFormat {
  return {
    key,
    name,
    parse(value) {
      const parts: Uint8Array[] = [];
      for (const word of text(value ?? new Uint8Array(0)).split(',')) {
        const octets = read(word);
        if (octets === undefined) return err(`"${word}" in ${name} is no ${item}`);
        parts.push(octets);
      }
      return ok(new Uint8Array(Buffer.concat(parts)));
    },
    print(value) {
      const words: string[] = [];
      for (let at = 0; at < value.length; at += size) words.push(write(value.subarray(at, at + size)));
      return words.join(',');
    },
    problem: (value) => (value.length > 0 && value.length % size === 0 ? undefined : `${name} is malformed`),
  };
}

/** A key that has no value. */
function flag(key: number, name: string): ValueFormat {
  return {
    key,
    name,
    parse: (value) => (value === undefined || value.length === 0 ? ok(new Uint8Array(0)) : err(`${name} has no value`)),
    print: () => undefined,
    problem: (value) => (value.length === 0 ? undefined : `${name} has no value`),
  };
}

function u16Text(word: string): Uint8Array | undefined {
  if (!/^[0-9]{1,5}$/u.test(word) || Number(word) > 65535) return undefined;
  return Uint8Array.of(Number(word) >>> 8, Number(word));
}

/**
 * Items of a comma-separated list in which `\` quotes a comma or itself (RFC 9460 A.1); undefined when an item is
 * empty or over 255 octets.
 */
function splitItems(value: Uint8Array): Uint8Array[] | undefined {
  const items: number[][] = [[]];
  for (let i = 0; i < value.length; i++) {
    if (value[i] === 0x2c) items.push([]);
    else {
      if (value[i] === 0x5c) i++;
      if (i >= value.length) return undefined;
      items.at(-1)!.push(value[i]!);
    }
  }
  const good = items.every((item) => item.length > 0 && item.length <= 255);
  return good ? items.map((item) => Uint8Array.from(item)) : undefined;
}

/** RFC 9460 7.1.1: protocol identifiers, each after its length. */
const alpn: ValueFormat = {
  key: 1,
  name: 'alpn',
  parse(value) {
    const items = splitItems(value ?? new Uint8Array(0));
    if (items === undefined) return err('alpn wants protocols, as in alpn="h2,h3"');
    return ok(new Uint8Array(Buffer.concat(items.flatMap((item) => [Uint8Array.of(item.length), item]))));
  },
  print(value) {
    const items: string[] = [];
    for (let at = 0; at < value.length; at += 1 + value[at]!) {
      items.push(text(value.subarray(at + 1, at + 1 + value[at]!)).replaceAll(/[\\,]/gu, String.raw`\$&`));
    }
    return quote(Buffer.from(items.join(','), 'latin1'));
  },
  problem(value) {
    let at = 0;
    while (at < value.length && value[at] !== 0) at += 1 + value[at]!;
    return at === value.length && at > 0 ? undefined : 'alpn is malformed';
  },
};

const port: ValueFormat = {
  key: 3,
  name: 'port',
  parse(value) {
    const octets = u16Text(text(value ?? new Uint8Array(0)));
    return octets === undefined ? err('port wants a number from 0 to 65535') : ok(octets);
  },
  print: (value) => String(readUint(value, 0, 2)),
  problem: (value) => (value.length === 2 ? undefined : 'port is malformed'),
};

/** RFC 9848: an ECHConfigList in base 64. */
const ech: ValueFormat = {
  key: 5,
  name: 'ech',
  parse(value) {
    const octets = octetsFromBase64(text(value ?? new Uint8Array(0)));
    return octets === undefined || octets.length === 0 ? err('ech wants base 64') : ok(octets);
  },
  print: (value) => octetsToBase64(value),
  problem: (value) => (value.length > 0 ? undefined : 'ech is empty'),
};

/** Any octets: `key667="..."`. */
function opaque(key: number, name: string): ValueFormat {
  return {
    key,
    name,
    parse: (value) => ok(value ?? new Uint8Array(0)),
    print: (value) => (value.length === 0 ? undefined : quote(value)),
    problem: () => undefined,
  };
}

/** RFC 9460 8: keys that a client must understand, ascending, `mandatory` itself not among them. */
const mandatory: ValueFormat = {
  key: 0,
  name: 'mandatory',
  parse(value) {
    const keys: number[] = [];
    for (const word of text(value ?? new Uint8Array(0)).split(',')) {
      const format = formatOfName(word);
      if (format === undefined) return err(`"${word}" in mandatory is no key`);
      keys.push(format.key);
    }
    const octets = keys.sort((a, b) => a - b).flatMap((key) => [key >>> 8, key & 255]);
    return ok(Uint8Array.from(octets));
  },
  print: (value) =>
    Array.from({ length: value.length / 2 }, (_, i) => formatOfKey(readUint(value, i * 2, 2)).name).join(','),
  problem(value) {
    if (value.length === 0 || value.length % 2 !== 0) return 'mandatory is malformed';
    for (let at = 0, previous = 0; at < value.length; at += 2) {
      const key = readUint(value, at, 2);
      if (key === 0) return 'mandatory names itself';
      if (key <= previous) return 'mandatory names a key twice, or not in ascending order';
      previous = key;
    }
    return undefined;
  },
};

/** RFC 9461 5: a URI template, relative, with the variable `dns`. */
const dohpath: ValueFormat = {
  ...opaque(7, 'dohpath'),
  problem: (value) =>
    /^\/.*\{[^}]*\bdns\b[^}]*\}/u.test(text(value)) ? undefined : 'dohpath is no template such as "/dns-query{?dns}"',
};

const FORMATS: readonly ValueFormat[] = [
  mandatory,
  alpn,
  flag(2, 'no-default-alpn'),
  port,
  list(4, 'ipv4hint', 4, 'IPv4 address', ipv4FromText, (octets) => ipv4ToText(octets)),
  ech,
  list(6, 'ipv6hint', 16, 'IPv6 address', ipv6FromText, (octets) => ipv6ToText(octets)),
  dohpath,
  // RFC 9540 4.
  flag(8, 'ohttp'),
];

/** The format of a key's value; unknown keys take any octets. */
export function formatOfKey(key: number): ValueFormat {
  return FORMATS[key] ?? opaque(key, `key${key}`);
}

/**
 * The format of a key by its name, or `key667` without leading zeros, whose value is the wire form even of a key that
 * has a name (RFC 9460 2.1); undefined when it is no key.
 */
export function formatOfName(name: string): ValueFormat | undefined {
  const lower = name.toLowerCase();
  const known = FORMATS.find((format) => format.name === lower);
  if (known !== undefined) return known;
  const number = /^key(0|[1-9][0-9]{0,4})$/u.exec(lower)?.[1];
  if (number === undefined || Number(number) > 65535) return undefined;
  return opaque(Number(number), formatOfKey(Number(number)).name);
}
