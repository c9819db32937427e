import type { Problem } from '../lib/problem.ts';

export interface Carrier {
  readonly asn: number;
  /** What sites, rules and overlays call it. */
  readonly carrier: string;
  readonly country: string;
  /** The organisation behind the AS number. */
  readonly name: string;
  /** Line in the file, from 1. */
  readonly line: number;
}

const ROW =
  /^(?<asn>[1-9]\d{0,9}),(?<carrier>[a-z0-9][a-z0-9-]*),(?:"(?<quoted>(?:[^"]|"")*)"|(?<plain>[^,]*)),(?<country>[A-Z]{2}),(?<source>.+)$/u;

/** Reads `asn,carrier,name,country,source` with a header line and `#` comments (geo-data/carriers.csv). */
export function parseCarriers(
  text: string,
  file: string,
): { carriers: ReadonlyMap<number, Carrier>; problems: Problem[] } {
  const carriers = new Map<number, Carrier>();
  const problems: Problem[] = [];
  for (const [index, line] of text.split(/\r?\n/u).entries()) {
    if (line === '' || line.startsWith('#') || line.startsWith('asn,')) continue;
    const match = ROW.exec(line);
    if (match === null || Number(match.groups!['asn']) > 0xffffffff) {
      const remedy = 'write asn,carrier,name,country,source as in `3320,deutsche-telekom,Deutsche Telekom AG,DE,RIPE`';
      problems.push({ severity: 'error', file, line: index + 1, message: 'not a carrier', remedy });
      continue;
    }
    const { asn, carrier, country, quoted, plain } = match.groups as Record<string, string>;
    const number = Number(asn);
    if (carriers.has(number))
      problems.push({ severity: 'warning', file, line: index + 1, message: `AS${asn} stands twice; the last counts` });
    const name = quoted?.replaceAll('""', '"') ?? plain!;
    carriers.set(number, { asn: number, carrier: carrier!, country: country!, name, line: index + 1 });
  }
  return { carriers, problems };
}
