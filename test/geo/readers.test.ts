import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readAutonomousSystems } from '../../src/geo/autonomous-systems.ts';
import { parseCarriers } from '../../src/geo/carriers.ts';
import { loadLocalityMap } from '../../src/geo/mod.ts';
import { readProvinces } from '../../src/geo/provinces.ts';
import { ORDER4, ORDER6, type Claim } from '../../src/geo/space.ts';
import { formatProblem } from '../../src/lib/problem.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { GEO_DATA } from '../support/localities.ts';
import { writeMmdb } from '../support/mmdb-writer.ts';
import { Random } from '../support/random.ts';

const directory = mkdtempSync(join(tmpdir(), 'edgeward-readers-'));
afterAll(() => rmSync(directory, { recursive: true }));

function inFile<T>(content: string | Uint8Array, read: (path: string) => T): T {
  const path = join(directory, 'data');
  writeFileSync(path, content);
  return read(path);
}

/** Ascending and disjoint: what `paint` relies on. */
function expectSound(claims: readonly Claim<number>[]): void {
  const wrong = claims.filter(
    ({ first, last, value }, i) =>
      !(first > (claims[i - 1]?.last ?? -1) && last >= first && last < 2 ** 32 && value >= 0),
  );
  expect(wrong).toEqual([]);
}

/** What a reader makes of damaged content: sound claims or an Error that says why. */
function survives(read: () => readonly Claim<number>[]): 'read' | 'refused' {
  let claims;
  try {
    claims = read();
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).not.toBe('');
    return 'refused';
  }
  expectSound(claims);
  return 'read';
}

describe('autonomous systems', () => {
  const text = '0,255,1,One\n256,511,2,"Two, Inc."\n1024,4294967295,4294967294,\n';
  const read = (content: string): Claim<number>[] =>
    inFile(content, (path) => readAutonomousSystems(path, Number, ORDER4));

  it('are read with quoted organisations, to the last address', () => {
    expect(read(text)).toEqual([
      { first: 0, last: 255, value: 1 },
      { first: 256, last: 511, value: 2 },
      { first: 1024, last: 4294967295, value: 4294967294 },
    ]);
    const ends = `0,${ORDER6.max},7,All\n`;
    expect(inFile(ends, (path) => readAutonomousSystems(path, BigInt, ORDER6))).toEqual([
      { first: 0n, last: ORDER6.max, value: 7 },
    ]);
  });

  it('may run into the next range, which then is the more particular', () => {
    expect(read('0,300,1,One\n256,511,2,Two\n')).toEqual([
      { first: 0, last: 255, value: 1 },
      { first: 256, last: 511, value: 2 },
    ]);
  });

  it.each([
    ['', 'it is empty'],
    ['0,255,1\n256,511,2,Two\n', 'line 1 is not first,last,asn,organisation'],
    ['0,255,1,One\n256,511,2,Tw', 'line 2 is cut short'],
    ['0,255,1,One\n\n', 'line 2 is not first,last,asn,organisation'],
    ['a,255,1,One\n', 'line 1 does not begin with two addresses and an AS number'],
    [',255,1,One\n', 'line 1 does not begin with two addresses and an AS number'],
    ['0x0,255,1,One\n', 'line 1 does not begin with two addresses and an AS number'],
    ['0,255,4294967296,One\n', 'line 1 does not begin with two addresses and an AS number'],
    ['0,4294967296,1,One\n', 'line 1 is not in order'],
    ['9,8,1,One\n', 'line 1 is not in order'],
    ['0,255,1,One\n0,255,1,One\n', 'line 2 is not in order'],
  ])('refuses %j: %s', (content, message) => {
    expect(() => read(content)).toThrow(message);
  });

  it('survive bits that flip and ends that are missing', () => {
    const random = new Random(1);
    const original = Buffer.from(
      Array.from({ length: 40 }, (_, i) => `${i * 512},${i * 512 + 300},${i * 7},Organisation ${i}\n`).join(''),
    );
    const outcomes = { read: 0, refused: 0 };
    for (let i = 0; i < 300; i++) {
      const bytes = Buffer.from(original.subarray(0, random.chance(0.5) ? random.below(original.length) : undefined));
      if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
      outcomes[survives(() => inFile(bytes, (path) => readAutonomousSystems(path, Number, ORDER4)))]++;
    }
    expect(outcomes.read).toBeGreaterThan(25);
    expect(outcomes.refused).toBeGreaterThan(100);
  });
});

describe('provinces', () => {
  /** An ip2region.db of [first, last, record]. */
  function database(ranges: readonly (readonly [number, number, string])[]): Buffer {
    const records: Buffer[] = [];
    let offset = 8;
    const blocks = ranges.map(([first, last, text]) => {
      const body = Buffer.from(text);
      const record = Buffer.concat([Buffer.alloc(4), body]);
      const block = Buffer.alloc(12);
      block.writeUInt32LE(first, 0);
      block.writeUInt32LE(last, 4);
      block.writeUInt32LE(((record.length << 24) | offset) >>> 0, 8);
      records.push(record);
      offset += record.length;
      return block;
    });
    const header = Buffer.alloc(8);
    header.writeUInt32LE(offset, 0);
    header.writeUInt32LE(offset + (blocks.length - 1) * 12, 4);
    return Buffer.concat([header, ...records, ...blocks]);
  }
  const sample = database([
    [0, 0xff, '0|0|0|内网IP|内网IP'],
    [0x100, 0x1ff, '中国|0|广东省|深圳市|电信'],
    [0x200, 0x2ff, '中国|0|广东省|广州市|电信'],
    [0x300, 0x3ff, '中国|0|内蒙古|呼和浩特市|联通'],
    [0x400, 0x4ff, '中国|0|香港|0|0'],
    [0x500, 0xffffffff, '美国|0|加利福尼亚|0|Level3'],
  ]);

  it('are those of the mainland, neighbours joined', () => {
    expect(inFile(sample, readProvinces)).toEqual({
      claims: [
        { first: 0x100, last: 0x2ff, value: 0 },
        { first: 0x300, last: 0x3ff, value: 1 },
      ],
      codes: ['CN-GD', 'CN-NM'],
    });
  });

  it.each([
    ['nothing', Buffer.alloc(0), 'it is too short'],
    ['an index beyond the end', sample.subarray(0, sample.length - 1), 'its index is outside of it'],
    ['a header of zeros and no more', Buffer.alloc(8), 'its index is outside of it'],
    [
      'ranges that overlap',
      database([
        [0, 9, '中国|0|广东省|0|0'],
        [9, 20, '中国|0|福建省|0|0'],
      ]),
      'not in order',
    ],
    ['a range that ends before it starts', database([[9, 3, '中国|0|广东省|0|0']]), 'not in order'],
  ])('are not read from %s', (_, bytes, message) => {
    expect(() => inFile(bytes, readProvinces)).toThrow(message);
  });

  it('survive bits that flip and ends that are missing', () => {
    const random = new Random(2);
    const outcomes = { read: 0, refused: 0 };
    for (let i = 0; i < 300; i++) {
      const bytes = Buffer.from(sample.subarray(0, random.chance(0.3) ? random.below(sample.length) : undefined));
      if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
      outcomes[survives(() => inFile(bytes, readProvinces).claims)]++;
    }
    expect(outcomes.read).toBeGreaterThan(25);
    expect(outcomes.refused).toBeGreaterThan(50);
  });
});

it('carriers are refused line by line; an AS number that stands twice is a warning', () => {
  const text = [
    '# c',
    'asn,carrier,name,country,source',
    '1,one,"A ""quoted"" one, Inc.",DE,x',
    'x,two,Two,DE,x',
    '1,uno,Uno,DE,"says ""Uno"""',
    '4294967296,big,Big,DE,x',
    '5,five,Five,DE,',
  ];
  const { carriers, problems } = parseCarriers(text.join('\n'), 'carriers.csv');
  const remedy = 'write asn,carrier,name,country,source as in `3320,deutsche-telekom,Deutsche Telekom AG,DE,RIPE`';
  expect(problems.map(formatProblem)).toEqual([
    `carriers.csv:4: error: not a carrier; ${remedy}`,
    'carriers.csv:5: warning: AS1 stands twice; the last counts',
    `carriers.csv:6: error: not a carrier; ${remedy}`,
    `carriers.csv:7: error: not a carrier; ${remedy}`,
  ]);
  expect([...carriers.values()]).toEqual([{ asn: 1, carrier: 'uno', country: 'DE', name: 'Uno', line: 5 }]);
  expect(parseCarriers(text[2]!, 'carriers.csv').carriers.get(1)!.name).toBe('A "quoted" one, Inc.');
});

describe('loadLocalityMap, of data directories and overlays that cannot be used,', () => {
  const load = async (directory: string, overlays: string[] = []): Promise<string[]> => {
    // Files that are quicker to read than those that come with Edgeward.
    const file = join(temporaryDirectory(), 'small.mmdb');
    const record = { country_code: 'DE', autonomous_system_number: 64500 };
    writeFileSync(file, writeMmdb([['10.0.0.0/8', record]], { databaseType: 'Small' }));
    const mmdb = { city: file, isp: file };
    const loaded = await loadLocalityMap({ dataDirectory: directory, overlays, mmdb, cacheDirectory: undefined });
    expect(loaded.map).toBeUndefined();
    expect(loaded.fromCache).toBe(false);
    return loaded.problems.map(formatProblem).map((text) => text.replaceAll(directory, 'DIR'));
  };

  it('says that a file is missing', async () => {
    const directory = temporaryDirectory();
    expect(await load(directory)).toEqual([
      expect.stringMatching(/^DIR\/regions.csv: error: cannot be read; check the path: ENOENT/u),
    ]);
    expect(await load(GEO_DATA, [`${directory}/nets.csv`])).toEqual([
      expect.stringMatching(/nets.csv: error: cannot be read; check the path: ENOENT/u),
    ]);
  });

  it('tells of the first lines of a file that is something else', async () => {
    const directory = temporaryDirectory({ 'nets.csv': 'nonsense\n'.repeat(200_000) });
    const problems = await load(GEO_DATA, [join(directory, 'nets.csv')]);
    expect(problems).toHaveLength(51);
    expect(problems.at(-1)).toMatch(/nets.csv: warning: 199950 more lines are wrong$/u);
  });

  it('says what is wrong in regions.csv and carriers.csv', async () => {
    const directory = temporaryDirectory({
      'carriers.csv': 'nonsense',
      'regions.csv': 'world,,World,0,0\nDE,europe',
      'subdivisions.csv': 'DE-BY,DE,Bavaria,48.8,11.3\n',
    });
    expect(await load(directory)).toEqual([
      'DIR/regions.csv:2: error: not a region; write code,parent,name,latitude,longitude',
      'DIR/regions.csv, DIR/subdivisions.csv: error: DE-BY: its parent DE is not there',
      expect.stringMatching(/^DIR\/carriers.csv:1: error: not a carrier; /u),
    ]);
    for (const name of ['regions.csv', 'subdivisions.csv']) copyFileSync(join(GEO_DATA, name), join(directory, name));
    expect(await load(directory)).toHaveLength(1);
    expect(readFileSync(join(directory, 'carriers.csv'), 'utf8')).toBe('nonsense');
  });
});
