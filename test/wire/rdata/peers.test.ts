import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { octetsToHex } from '../../../src/wire/presentation.ts';
import { rdataToText } from '../../../src/wire/rdata/mod.ts';
import { rdataOf, typeCode } from './read.ts';
import { RECORDS, SVCB_VECTORS, type RecordCase } from './records.ts';

const BIND_CHECKER = 'named-checkzone';
const NSD_CHECKER = 'nsd-checkzone';

/** A server's checker that prints a zone as it reads it. */
interface Peer {
  readonly name: 'BIND' | 'NSD';
  /** How to find out whether it is installed. */
  readonly version: readonly [string, string];
  /** Debian package. */
  readonly package: string;
  /** Types that it does not know. */
  readonly unknown: readonly string[];
  /** The zone in `file` as it prints it. */
  print(file: string, folder: string): string;
}

/** Types that a made-up zone has at its apex alone, or that must not stand beside others. */
const NOT_ASKED = ['SOA', 'DNAME', 'NS', 'CNAME', 'NSEC', 'NSEC3', 'NSEC3PARAM', 'RRSIG', 'TYPE65280'];

const PEERS: readonly Peer[] = [
  {
    name: 'BIND',
    version: [BIND_CHECKER, '-v'],
    package: 'bind9-utils',
    unknown: [],
    print(file, folder) {
      const dump = join(folder, 'out');
      const options = '-q -k ignore -i none -s full -D -o'.split(' ');
      execFileSync(BIND_CHECKER, [...options, dump, 'example.org', file]);
      return readFileSync(dump, 'utf8');
    },
  },
  {
    name: 'NSD',
    version: [NSD_CHECKER, '-h'],
    package: 'nsd',
    // 4.6 knows none of these.
    unknown:
      'A6 AMTRELAY ATMA BRID DOA DSYNC EID GPOS HHIT HIP MINFO NIMLOC NINFO NSAP-PTR RESINFO RKEY SINK TA TALINK WALLET'.split(
        ' ',
      ),
    print: (file) => execFileSync(NSD_CHECKER, ['-p', 'example.org', file], { encoding: 'utf8' }),
  },
];

function isInstalled({ version: [program, option] }: Peer): boolean {
  return spawnSync(program, [option]).error === undefined;
}

/** The same records as a peer prints them, one a line, without the lines that the made-up zone needs. */
function asRead(peer: Peer, folder: string, lines: readonly string[]): string[] {
  const zone = join(folder, 'in');
  const head = ['$ORIGIN example.org.', '$TTL 60', '@ SOA ns1 h 1 1 1 1 1', '@ NS ns1', 'ns1 A 192.0.2.1'];
  writeFileSync(zone, [...head, ...lines, ''].join('\n'));
  return peer
    .print(zone, folder)
    .split('\n')
    .filter((line) => /^r[0-9]+[.\t]/u.test(line))
    .sort();
}

/** The records that a peer can read, with the parentheses off. */
function asked(peer: Peer): RecordCase[] {
  return (
    [...RECORDS, ...SVCB_VECTORS]
      .filter(
        ({ type, refusedBy }) => ![...NOT_ASKED, ...peer.unknown].includes(type) && !refusedBy?.includes(peer.name),
      )
      // Only newer versions know this key by name.
      .map((record) => ({ ...record, text: record.text.replace(' ohttp ', ' key8 ').replaceAll(/ [()](?= |$)/gu, '') }))
  );
}

for (const peer of PEERS) {
  const found = isInstalled(peer);
  if (!found && !process.env.CI) console.log(`skipped: ${peer.version[0]} (package ${peer.package}) is not installed`);
  test.skipIf(!found && !process.env.CI)(`${peer.name} reads our octets and our text as it reads the source`, () => {
    const records = asked(peer);
    const folder = mkdtempSync(join(tmpdir(), 'edgeward-rdata-'));
    const read = (data: (record: RecordCase) => string): string[] =>
      asRead(
        peer,
        folder,
        records.map((record, i) => `r${i} ${record.type} ${data(record)}`),
      );
    try {
      const source = read(({ text }) => text);
      const printed = read(({ type, text }) => {
        return rdataToText(typeCode(type), rdataOf(type, text)).replace(' ohttp ', ' key8 ');
      });
      const generic = read(({ type, text }) => {
        const rdata = rdataOf(type, text);
        return `${String.raw`\#`} ${rdata.length} ${octetsToHex(rdata)}`;
      });
      expect(source).toHaveLength(records.length);
      expect(printed).toEqual(source);
      expect(generic).toEqual(source);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
