import { chmodSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadLocalityMap, type GeoSources } from '../../src/geo/mod.ts';
import { formatProblem } from '../../src/lib/problem.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { GEO_DATA } from '../support/localities.ts';
import { writeMmdb } from '../support/mmdb-writer.ts';

/** Small sources, so that building them anew is quick. */
function sourcesIn(directory: string): GeoSources {
  const write = (name: string, record: Record<string, number | string>): string => {
    const records = [['10.0.0.0/8', record] as const, ['2001:db8::/32', record] as const];
    writeFileSync(join(directory, name), writeMmdb(records, { databaseType: 'Test' }));
    return join(directory, name);
  };
  writeFileSync(join(directory, 'nets.csv'), '10.1.0.0/16,FR,\n');
  return {
    dataDirectory: GEO_DATA,
    overlays: [join(directory, 'nets.csv')],
    mmdb: {
      city: write('city', { country_code: 'DE', lat: '50.1', lng: '8.7' }),
      asn: write('asn', { autonomous_system_number: 3320 }),
    },
    cacheDirectory: join(directory, 'a/cache'),
  };
}

function setup(): { sources: GeoSources; cached: () => string[] } {
  const sources = sourcesIn(temporaryDirectory());
  return {
    sources,
    cached: () => readdirSync(sources.cacheDirectory!).map((name) => join(sources.cacheDirectory!, name)),
  };
}

describe('the cache of localities', () => {
  it('gives the same map again, in shared memory', async () => {
    const { sources, cached } = setup();
    const steps: string[] = [];
    const built = await loadLocalityMap(sources, (step) => steps.push(step));
    expect(built).toMatchObject({ fromCache: false, problems: [] });
    expect(steps).toEqual(['regions', 'ISPs', `overlay ${sources.overlays[0]}`]);
    expect(cached()).toHaveLength(1);
    const again = await loadLocalityMap(sources, (step) => steps.push(step));
    expect(again).toEqual({ ...built, fromCache: true });
    const places = again.map!.localities.flatMap(({ coordinates }) => coordinates ?? []);
    // One object for one place, also after reading.
    expect(places).toEqual(places.map(() => ({ latitude: 50.1, longitude: 8.7 })));
    expect([places.length > 1, new Set(places).size]).toEqual([true, 1]);
    expect(again.map!.ranges.start6.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(steps).toHaveLength(3);
  });

  it('is not used once an input has another size, or another time', async () => {
    const { sources } = setup();
    await loadLocalityMap(sources);
    const [overlay] = sources.overlays;
    writeFileSync(overlay!, '10.1.0.0/16,US,\n10.2.0.0/16,US,\n');
    const longer = await loadLocalityMap(sources);
    expect(longer.fromCache).toBe(false);
    expect(longer.map!.localities.map(({ region }) => region)).not.toContain('FR');
    utimesSync(overlay!, 1000, 1000);
    expect((await loadLocalityMap(sources)).fromCache).toBe(false);
    expect((await loadLocalityMap(sources)).fromCache).toBe(true);
    const without = await loadLocalityMap({ ...sources, overlays: [] });
    expect(without.fromCache).toBe(false);
  });

  it.each([
    ['empty', (bytes: Buffer) => bytes.subarray(0, 0), 'it is cut short'],
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 4), 'its checksum is wrong'],
    [
      'changed by a bit',
      (bytes: Buffer) => Buffer.from(bytes.map((byte, i) => (i === bytes.length - 9 ? byte ^ 1 : byte))),
      'its checksum is wrong',
    ],
  ])('is built anew, with a warning, when it is %s', async (_, damage, why) => {
    const { sources, cached } = setup();
    const whole = await loadLocalityMap(sources);
    const [file] = cached();
    writeFileSync(file!, damage(readFileSync(file!)));
    const { map, problems, fromCache } = await loadLocalityMap(sources);
    expect(problems.map(formatProblem)).toEqual([
      `${file}: warning: the cached geo data is damaged: ${why}; it is built anew`,
    ]);
    expect({ map, fromCache }).toEqual({ map: whole.map, fromCache: false });
    expect(await loadLocalityMap(sources)).toMatchObject({ fromCache: true, problems: [] });
  });

  it('is done without, with a warning, where it cannot be written', async () => {
    const { sources } = setup();
    const directory = temporaryDirectory({ file: '' });
    const { map, problems } = await loadLocalityMap({ ...sources, cacheDirectory: join(directory, 'file/cache') });
    expect(map).toBeDefined();
    expect(problems.map(formatProblem)).toEqual([
      expect.stringMatching(
        /file\/cache: warning: geo data cannot be cached: .+; every start builds it anew; make the directory writable, or set `geo.cacheDirectory` in edgeward.yaml$/u,
      ),
    ]);
  });

  it.skipIf(process.getuid?.() === 0)('says so of a directory without permission to write', async () => {
    const { sources } = setup();
    const directory = temporaryDirectory();
    chmodSync(directory, 0o500);
    const { map, problems } = await loadLocalityMap({ ...sources, cacheDirectory: directory });
    chmodSync(directory, 0o700);
    expect(map).toBeDefined();
    expect(problems.map(({ severity }) => severity)).toEqual(['warning']);
  });

  it('keeps the newest eight files, and none that is half written', async () => {
    const { sources, cached } = setup();
    for (let i = 0; i < 12; i++) {
      writeFileSync(sources.overlays[0]!, `10.1.0.0/16,FR,\n#${'-'.repeat(i)}\n`);
      await loadLocalityMap(sources);
    }
    expect(cached()).toHaveLength(8);
    expect((await loadLocalityMap(sources)).fromCache).toBe(true);
    expect(cached().every((name) => name.endsWith('.bin'))).toBe(true);
  });

  it('is not written of what could not be used', async () => {
    const { sources } = setup();
    writeFileSync(sources.mmdb.city!, 'nothing');
    expect((await loadLocalityMap(sources)).map).toBeUndefined();
    expect(() => readdirSync(sources.cacheDirectory!)).toThrow('ENOENT');
  });
});
