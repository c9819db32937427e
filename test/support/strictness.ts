import { readFileSync } from 'node:fs';

/** One line or more of a zone, and who accepts it. */
export interface StrictnessRow {
  /** Letters of BIND, NSD and Knot, or `-` for each that refuses. */
  readonly peers: string;
  readonly ours: 'reads' | 'warns' | 'refuses';
  readonly lines: string;
}

const FILE = new URL('../zone/strictness.txt', import.meta.url);
const HEAD = `$TTL 3600
$ORIGIN example.org.
@ IN SOA ns1 hostmaster 1 7200 900 1209600 300
@ IN NS ns1
ns1 IN A 192.0.2.53
`;

export const STRICTNESS: readonly StrictnessRow[] = readFileSync(FILE, 'utf8')
  .split('\n')
  .filter((row) => row !== '' && !row.startsWith('#'))
  .map((row) => {
    const parts = /^(?<peers>[-BNK]{3}) (?<ours>reads|warns|refuses) +(?<lines>.*)$/u.exec(row)?.groups;
    // A record may begin with a blank, which is the one after the column.
    if (parts === undefined) throw new Error(`not a row of strictness.txt: ${row}`);
    return { peers: parts['peers']!, ours: parts['ours'] as StrictnessRow['ours'], lines: row.slice(12) };
  });

/** A zone example.org with the lines of a row. */
export function zoneWith(lines: string): string {
  return `${HEAD}${lines.replaceAll('⏎', '\n')}\n`;
}
