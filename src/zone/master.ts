import type { Problem } from '../lib/problem.ts';
import type { Result } from '../lib/result.ts';
import { Type } from '../wire/codes.ts';
import { isAtOrBelow, nameFromText, nameToText, type WireName } from '../wire/name.ts';
import { octetText, readable, secondsFromText, textOfOctets } from '../wire/presentation.ts';
import { isDataType, rdataFromText, rdataWarning, typeFromText, typeToText } from '../wire/rdata/mod.ts';
import { ZoneBuilder } from './builder.ts';
import { expandGenerate, type GenerateLine } from './generate.ts';
import { Lexer, type Entry, type PlacedToken } from './lexer.ts';
import { PlainLines, type Ttls } from './plain-lines.ts';
import type { ZoneData } from './zone.ts';

/** Gives the octets of an included file, and its path for messages; an error says why not. */
export type Include = (path: string, from: string) => Result<{ octets: Buffer; file: string }, string>;

export interface MasterFile {
  /** A master file has no character set (RFC 1035 5.1). */
  readonly octets: Buffer;
  /** Path for messages. */
  readonly file: string;
  readonly origin: WireName;
  /** For $INCLUDE; absent: it is refused. */
  readonly include?: Include;
  /** Seconds, until $TTL says another. */
  readonly defaultTtl?: number;
}

export interface ReadZone {
  /** What could be read. */
  readonly zone: ZoneData;
  readonly problems: Problem[];
}

/** With so many, the file is something else, and more help nobody. */
const MAX_PROBLEMS = 50;
/** A file so large says by its size about how many records it has. */
const LARGE_FILE = 1024 * 1024;
const RECORD_OCTETS = 24;
const MAX_INCLUDES = 16;
/** Files in all: sixteen levels of a few $INCLUDE each would be read until the end of days. */
const MAX_FILES = 1000;
const MAX_TTL = 0x7fffffff;
/** RFC 2308 5: an SOA's last number. */
const MINIMUM_SIZE = 4;

/**
 * Reads an RFC 1035 master file with $ORIGIN, $TTL, $INCLUDE and $GENERATE. All problems are reported, up to 50; what
 * is wrong only here and there does not hide the rest.
 */
export function parseMasterFile(master: MasterFile): ReadZone {
  const parser = new Parser(master);
  if (master.octets.length > LARGE_FILE) parser.builder.reserve(Math.trunc(master.octets.length / RECORD_OCTETS));
  parser.file(master.octets, master.file, master.origin, []);
  return { zone: parser.builder.finish(), problems: parser.problems };
}

class Parser {
  readonly problems: Problem[] = [];
  readonly builder: ZoneBuilder;
  readonly #master: MasterFile;
  readonly #ttls: Ttls;
  /** Keeps the origin and the owner as well. */
  readonly #lines: PlainLines;
  #file = '';
  #files = 0;
  #stopped = false;
  /** Problems that were looked at, and the errors among them. */
  #counted = 0;
  #errors = 0;

  constructor(master: MasterFile) {
    this.#master = master;
    this.#ttls = { default: master.defaultTtl, last: undefined, said: false };
    this.builder = new ZoneBuilder(master.origin, this.problems);
    this.#lines = new PlainLines(this.builder, master.origin, this.#ttls);
  }

  /** Reads one file; `above` are the files that include it. */
  file(octets: Buffer, file: string, origin: WireName, above: readonly string[]): void {
    const lines = this.#lines;
    const outer = { file: this.#file, origin: lines.origin, owner: lines.owner };
    this.#file = file;
    lines.origin = origin;
    if (isUtf16(octets)) {
      this.#error(undefined, 'the file is in UTF-16', 'save it as UTF-8');
      this.#stopped = true;
    }
    const lexer = new Lexer(this.#stopped ? Buffer.alloc(0) : octets);
    for (;;) {
      this.#plainLines(octets, lexer);
      const entry = lexer.next();
      if (entry === undefined) break;
      this.#entry(entry, above);
      if (this.#stopped) break;
      if (this.#countErrors() >= MAX_PROBLEMS) {
        this.#stopped = true;
        this.#error(
          entry.tokens[0],
          `too many problems: nothing after line ${entry.line} was read`,
          'mend those above first',
        );
        break;
      }
    }
    // Origin and owner of the including file go on (RFC 1035 5.1).
    this.#file = outer.file;
    lines.origin = outer.origin;
    lines.owner = outer.owner;
  }

  /** Reads what needs no lexer, up to a line that does or a problem. */
  #plainLines(octets: Buffer, lexer: Lexer): void {
    const { problems } = this;
    const before = problems.length;
    const file = this.builder.fileNumber(this.#file);
    let { at, line } = lexer;
    while (at < octets.length && problems.length === before) {
      const next = this.#lines.read(octets, at, line, file);
      if (next < 0) break;
      at = next;
      line++;
    }
    lexer.skipTo(at, line);
  }

  /** The builder finds errors as well, so they are counted where all come together. */
  #countErrors(): number {
    for (; this.#counted < this.problems.length; this.#counted++)
      if (this.problems[this.#counted]!.severity === 'error') this.#errors++;
    return this.#errors;
  }

  #entry(entry: Entry, above: readonly string[]): void {
    if (entry.fault !== undefined) {
      const { message, remedy, line, column } = entry.fault;
      this.problems.push({ severity: 'error', file: this.#file, line, column, message, remedy });
      return;
    }
    const first = entry.tokens[0]!;
    if (!entry.blankOwner && !first.quoted && first.text.startsWith('$')) this.#directive(entry.tokens, above);
    else this.#record(entry);
  }

  #error(token: PlacedToken | undefined, message: string, remedy?: string, field?: string): void {
    this.#report('error', token, message, remedy, field);
  }

  #report(
    severity: Problem['severity'],
    token: PlacedToken | undefined,
    message: string,
    remedy?: string,
    field?: string,
  ): void {
    this.problems.push({
      severity,
      file: this.#file,
      ...(token === undefined ? {} : { line: token.line, column: token.column }),
      ...(field === undefined ? {} : { field }),
      message: readable(message),
      ...(remedy === undefined ? {} : { remedy: readable(remedy) }),
    });
  }

  // ---------------------------------------------------------------- directives

  #directive(tokens: readonly PlacedToken[], above: readonly string[]): void {
    const [directive, ...rest] = tokens;
    const name = directive!.text.toUpperCase();
    const glued = rest.find((token) => token.glued);
    // What $GENERATE makes is data, which may have quotes anywhere.
    if (glued !== undefined && name !== '$GENERATE')
      return this.#error(
        glued,
        `"${glued.text}" follows what is before it without a blank`,
        'put a blank between them',
      );
    switch (name) {
      case '$ORIGIN':
        return this.#originDirective(directive!, rest);
      case '$TTL':
        return this.#ttlDirective(directive!, rest);
      case '$INCLUDE':
        return this.#includeDirective(directive!, rest, above);
      case '$GENERATE':
        return this.#generateDirective(directive!, rest);
      default:
        return this.#error(
          directive,
          `${directive!.text} is no directive`,
          'there are $ORIGIN, $TTL, $INCLUDE and $GENERATE',
        );
    }
  }

  #originDirective(directive: PlacedToken, [name, extra]: readonly PlacedToken[]): void {
    if (name === undefined || extra !== undefined)
      return this.#error(extra ?? directive, '$ORIGIN wants one name', 'as in `$ORIGIN example.org.`');
    const origin = nameFromText(name.text, this.#lines.origin);
    if (!origin.ok) return this.#error(name, origin.error);
    this.#lines.origin = origin.value;
  }

  #ttlDirective(directive: PlacedToken, [text, extra]: readonly PlacedToken[]): void {
    if (text === undefined || extra !== undefined)
      return this.#error(extra ?? directive, '$TTL wants one time', 'as in `$TTL 3600` or `$TTL 1h`');
    const ttl = secondsFromText(text.text);
    if (ttl === undefined)
      return this.#error(text, `"${text.text}" is not a time`, 'write seconds, or units as in `1h30m`');
    this.#ttls.default = this.#checkedTtl(text, ttl);
  }

  #includeDirective(
    directive: PlacedToken,
    [token, originText, extra]: readonly PlacedToken[],
    above: readonly string[],
  ): void {
    if (token === undefined || extra !== undefined) {
      return this.#error(
        extra ?? directive,
        '$INCLUDE wants a file and perhaps an origin',
        'as in `$INCLUDE hosts.inc sub.example.org.`',
      );
    }
    const { include } = this.#master;
    if (include === undefined)
      return this.#error(directive, '$INCLUDE is not allowed here', 'write the records into this file');
    const origin = originText === undefined ? undefined : nameFromText(originText.text, this.#lines.origin);
    if (origin !== undefined && !origin.ok) return this.#error(originText, origin.error);
    const path = textOfOctets(token.text);
    if (path === undefined) return this.#error(token, `the path "${token.text}" is not UTF-8`, 'rename the file');
    const included = include(path, this.#file);
    if (!included.ok) return this.#error(token, octetText(`"${path}" cannot be included: ${included.error}`));
    const chain = [...above, this.#file];
    if (chain.includes(included.value.file)) {
      const way = chain.slice(chain.indexOf(included.value.file)).join(', ');
      return this.#error(token, `"${token.text}" includes itself`, octetText(`by way of ${way}`));
    }
    if (chain.length > MAX_INCLUDES)
      return this.#error(token, `includes are nested more than ${MAX_INCLUDES} deep`, 'flatten them');
    if (++this.#files > MAX_FILES) {
      this.#stopped = true;
      return this.#error(token, `more than ${MAX_FILES} files are included`, 'write them as fewer');
    }
    this.file(included.value.octets, included.value.file, origin?.value ?? this.#lines.origin, chain);
    return undefined;
  }

  #generateDirective(directive: PlacedToken, tokens: readonly PlacedToken[]): void {
    const lines = expandGenerate(tokens);
    if (!lines.ok) return this.#error(directive, lines.error, 'as in `$GENERATE 1-254 host-$ A 192.0.2.$`');
    const before = this.#countErrors();
    for (const line of lines.value) {
      this.#record({ line: directive.line, blankOwner: false, tokens: this.#generated(line, directive) });
      // The first line's fault is that of all.
      if (this.#countErrors() > before) return;
    }
  }

  #generated(line: GenerateLine, { line: at, column }: PlacedToken): PlacedToken[] {
    return line.map((token) => ({ ...token, line: at, column }));
  }

  // ---------------------------------------------------------------- records

  #record({ tokens, blankOwner }: Entry): void {
    let at = 0;
    if (!blankOwner) {
      const token = tokens[at++]!;
      const name = token.quoted ? undefined : nameFromText(token.text, this.#lines.origin);
      if (name === undefined) return this.#error(token, 'an owner in quotes', 'write names without quotes');
      this.#lines.owner = name.ok ? name.value : undefined;
      if (!name.ok) return this.#error(token, name.error);
    } else if (this.#lines.owner === undefined) {
      return this.#error(
        tokens[0],
        'a record without an owner, and none before it',
        'begin the line with a name, or with @ for the origin',
      );
    }
    const head = this.#head(tokens, at);
    if (head === undefined) return undefined;
    return this.#data(tokens, head.next, head.type, head.ttl);
  }

  /** TTL and class in either order, then the type (RFC 1035 5.1). Undefined when there is a fault. */
  #head(
    tokens: readonly PlacedToken[],
    start: number,
  ): { type: number; ttl: number | undefined; next: number } | undefined {
    let ttl: number | undefined;
    let sawClass = false;
    for (let at = start; at < tokens.length; at++) {
      const token = tokens[at]!;
      const { text } = token;
      if (token.quoted || token.glued) {
        this.#error(token, `quotes before the type: "${text}"`, 'write [NAME] [TTL] [IN] TYPE DATA without them');
        return undefined;
      }
      const first = text.charCodeAt(0);
      if (ttl === undefined && first >= 48 && first <= 57) {
        const seconds = secondsFromText(text);
        if (seconds !== undefined) {
          ttl = this.#checkedTtl(token, seconds);
          continue;
        }
      }
      if (!sawClass && isClass(text)) {
        sawClass = true;
        if (isInternet(text)) continue;
        this.#error(token, `class ${text} in a zone of class IN`, 'write IN, or leave the class out');
        return undefined;
      }
      const type = typeFromText(text);
      if (type !== undefined && isDataType(type)) return { type, ttl, next: at + 1 };
      const remedy = 'write [NAME] [TTL] [IN] TYPE DATA; types without a name here are written TYPE<number>';
      this.#error(
        token,
        type === undefined ? `"${text}" is no record type` : `${typeToText(type)} cannot stand in a zone`,
        remedy,
      );
      return undefined;
    }
    this.#error(tokens.at(-1), 'a record without a type', 'write [NAME] [TTL] [IN] TYPE DATA');
    return undefined;
  }

  #data(tokens: readonly PlacedToken[], next: number, type: number, ttl: number | undefined): void {
    const owner = this.#lines.owner!;
    const typeToken = tokens[next - 1]!;
    const field = (): string => `${nameToText(owner)} ${typeToText(type)}`;
    const rdata = rdataFromText(type, tokens.slice(next), this.#lines.origin);
    if (!rdata.ok) {
      const { token, message, remedy } = rdata.error;
      return this.#error(
        token === undefined ? typeToken : (tokens[next + token] ?? typeToken),
        message,
        remedy,
        field(),
      );
    }
    const doubt = rdataWarning(type, rdata.value);
    if (doubt !== undefined) this.#report('warning', typeToken, doubt.message, doubt.remedy, field());
    const seconds = ttl ?? this.#missingTtl(typeToken, type, rdata.value, field);
    if (seconds === undefined) return undefined;
    if (!isAtOrBelow(owner, this.#master.origin)) {
      const remedy = `take it away, or end the name without a dot to make it relative to ${nameToText(this.#lines.origin)}`;
      return this.#report(
        'warning',
        tokens[0],
        `outside the zone ${nameToText(this.#master.origin)}: ignored`,
        remedy,
        field(),
      );
    }
    this.builder.add(owner, type, seconds, rdata.value, typeToken.line, this.builder.fileNumber(this.#file));
    return undefined;
  }

  #checkedTtl(token: PlacedToken, ttl: number): number {
    if (ttl <= MAX_TTL) {
      this.#ttls.last = ttl;
      return ttl;
    }
    this.#report(
      'warning',
      token,
      `a TTL of ${ttl} is over 2147483647, and counts as 0 (RFC 2181 8)`,
      'write at most 2147483647',
    );
    this.#ttls.last = 0;
    return 0;
  }

  /** $TTL, else the last that was stated (RFC 1035 5.1), else for the SOA its own MINIMUM, as BIND does. */
  #missingTtl(token: PlacedToken, type: number, rdata: Uint8Array, field: () => string): number | undefined {
    if (this.#ttls.default !== undefined) return this.#ttls.default;
    if (this.#ttls.last !== undefined) {
      if (!this.#ttls.said) {
        this.#ttls.said = true;
        this.#report(
          'warning',
          token,
          `no TTL: the last one stated, ${this.#ttls.last}, is used`,
          'put a $TTL at the top',
          field(),
        );
      }
      return this.#ttls.last;
    }
    if (type === Type.SOA) {
      const minimum = new DataView(
        rdata.buffer,
        rdata.byteOffset + rdata.length - MINIMUM_SIZE,
        MINIMUM_SIZE,
      ).getUint32(0);
      this.#report(
        'warning',
        token,
        `no TTL: the SOA's MINIMUM, ${minimum}, is used`,
        'put a $TTL at the top',
        field(),
      );
      this.#ttls.last = Math.min(minimum, MAX_TTL);
      this.#ttls.said = true;
      return this.#ttls.last;
    }
    this.#error(token, 'no TTL', 'put a $TTL at the top, or a TTL before the type', field());
    return undefined;
  }
}

/** UTF-16 begins with a byte order mark, or with an ASCII character and a zero octet beside it. */
function isUtf16(octets: Buffer): boolean {
  const text = octets.toString('latin1', 0, 4);
  return /^(?:\u00ff\u00fe|\u00fe\u00ff|\0[^\0]\0|[^\0]\0[^\0]\0)/u.test(text);
}

function isClass(text: string): boolean {
  return /^(?:IN|CH|HS|CS|ANY|NONE|CLASS\d+)$/iu.test(text);
}

function isInternet(text: string): boolean {
  return /^(?:IN|CLASS0*1)$/iu.test(text);
}
