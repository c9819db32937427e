import { addressWords, parsePrefix, type Prefix } from '../lib/address.ts';
import type { Problem } from '../lib/problem.ts';
import { ispCalled } from '../model/isp-names.ts';
import { regionRemedy } from '../model/region-names.ts';
import type { RegionTree } from '../model/regions.ts';
import { embeddedLength, NOT_EMBEDDED } from './lookup.ts';

/** One line of an operator's CSV: where clients of a prefix are. */
export interface OverlayEntry {
  readonly prefix: Prefix;
  /** '' leaves what the data below says. */
  readonly region: string;
  /** Likewise; a carrier's name or `AS<number>`. */
  readonly isp: string;
  /** From 1. */
  readonly line: number;
}

/** Reads `prefix,region,isp` with an optional header line and `#` comments. */
export function parseOverlay(
  text: string,
  file: string,
  regions: RegionTree,
): { entries: OverlayEntry[]; problems: Problem[] } {
  const entries: OverlayEntry[] = [];
  const problems: Problem[] = [];
  let seen = false;
  for (const [index, raw] of text
    .replace(/^\uFEFF/u, '')
    .split(/\r?\n/u)
    .entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const first = !seen;
    seen = true;
    if (first && line.startsWith('prefix,')) continue;
    const problem = (message: string, remedy: string): unknown =>
      problems.push({ severity: 'error', file, line: index + 1, message, remedy });
    const fields = line.split(',').map((field) => field.trim().replace(/^"(.*)"$/u, '$1'));
    const [text0 = '', region = '', isp = ''] = fields;
    const prefix = parsePrefix(text0);
    const embedded = prefix?.family === 6 && prefix.length >= 16 && embeddedLength(...head(prefix)) !== NOT_EMBEDDED;
    if (fields.length > 3)
      problem(`${fields.length} fields`, 'write prefix,region,isp as in `203.0.113.0/24,CN-GD,telecom`');
    else if (prefix === undefined) {
      problem(
        `"${text0}" is not a prefix`,
        'write an address and a length, with no bits set beyond it, as in `203.0.113.0/24`',
      );
    } else if (embedded) {
      problem(`${text0} is a form of IPv4 addresses`, 'write the IPv4 prefix: it counts for every form');
    } else if (region !== '' && regions.get(region) === undefined) {
      problem(`"${region}" is not a region`, regionRemedy(region, regions));
    } else if (!isIsp(isp)) {
      const meant = ispCalled(isp);
      problem(
        `"${isp}" is not an ISP`,
        meant === undefined
          ? "write a carrier's name in lower case or an AS number, as in `telecom` or `AS3320`"
          : `did you mean \`${meant}\`?`,
      );
    } else entries.push({ prefix, region, isp, line: index + 1 });
  }
  return { entries, problems };
}

/** A carrier's name, an AS number (32 bits, RFC 6793), or nothing. */
function isIsp(text: string): boolean {
  if (/^AS[1-9]\d{0,9}$/u.test(text)) return Number(text.slice(2)) <= 0xffffffff;
  // An AS number as others write it would be a carrier that nobody names.
  if (/^(?:asn?-?)?\d+$/u.test(text)) return false;
  return /^(?:[a-z0-9][a-z0-9-]*)?$/u.test(text);
}

/** The words that `embeddedLength` looks at. */
function head(prefix: Prefix): [number, number, number] {
  const [w0, w1, w2] = addressWords(prefix);
  return [w0, w1, w2];
}

/** First and last address of a prefix, IPv4 as a number. */
export function bounds4(prefix: Prefix): { first: number; last: number } {
  const [first] = addressWords(prefix);
  return { first, last: first + 2 ** (32 - prefix.length) - 1 };
}

export function bounds6(prefix: Prefix): { first: bigint; last: bigint } {
  let first = 0n;
  for (const word of addressWords(prefix)) first = (first << 32n) | BigInt(word);
  return { first, last: first + (1n << BigInt(128 - prefix.length)) - 1n };
}
