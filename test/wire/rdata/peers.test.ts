import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { octetsToHex } from '../../../src/wire/presentation.ts';
import { rdataToText } from '../../../src/wire/rdata/mod.ts';
import { rdataOf, typeCode } from './read.ts';
import { RECORDS, SVCB_VECTORS } from './records.ts';

const CHECKER = 'named-checkzone';
const found = spawnSync(CHECKER, ['-v']).status === 0;
if (!found && !process.env.CI) console.log(`skipped: ${CHECKER} (package bind9-utils) is not installed`);

/** What BIND 9.20 does not know, or allows at the apex alone or not beside others in a made-up zone. */
const NOT_ASKED = new Set(['SOA', 'DNAME', 'NS', 'CNAME', 'NSEC', 'NSEC3', 'NSEC3PARAM', 'RRSIG', 'TYPE65280']);

/** The same records as BIND prints them, one a line, without the lines that the made-up zone needs. */
function asBindReads(folder: string, lines: readonly string[]): string[] {
  const zone = join(folder, 'in');
  const dump = join(folder, 'out');
  const head = ['$ORIGIN example.org.', '$TTL 60', '@ SOA ns1 h 1 1 1 1 1', '@ NS ns1', 'ns1 A 192.0.2.1'];
  writeFileSync(zone, [...head, ...lines, ''].join('\n'));
  execFileSync(CHECKER, ['-q', '-k', 'ignore', '-i', 'none', '-s', 'full', '-D', '-o', dump, 'example.org', zone]);
  return readFileSync(dump, 'utf8')
    .split('\n')
    .filter((line) => /^r[0-9]+\./u.test(line))
    .sort();
}

test.skipIf(!found && !process.env.CI)('BIND reads our octets and our text as it reads the source', () => {
  const records = [...RECORDS, ...SVCB_VECTORS]
    .filter((record) => !NOT_ASKED.has(record.type))
    // Only a newer BIND knows this key by name.
    .map((record) => ({ ...record, text: record.text.replace(' ohttp ', ' key8 ').replaceAll(/ [()](?= |$)/gu, '') }));
  const folder = mkdtempSync(join(tmpdir(), 'edgeward-rdata-'));
  try {
    const source = asBindReads(
      folder,
      records.map(({ type, text }, i) => `r${i} ${type} ${text}`),
    );
    const printed = asBindReads(
      folder,
      records.map(({ type, text }, i) => {
        return `r${i} ${type} ${rdataToText(typeCode(type), rdataOf(type, text)).replace(' ohttp ', ' key8 ')}`;
      }),
    );
    const generic = asBindReads(
      folder,
      records.map(({ type, text }, i) => {
        const rdata = rdataOf(type, text);
        return `r${i} ${type} ${String.raw`\#`} ${rdata.length} ${octetsToHex(rdata)}`;
      }),
    );
    expect(source).toHaveLength(records.length);
    expect(printed).toEqual(source);
    expect(generic).toEqual(source);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
