import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { checksum } from '../../src/lib/checksum.ts';
import { readKept, writeKept, type About } from '../../src/snapshot/kept.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { temporaryDirectory } from '../support/directory.ts';

const ABOUT: About = { inputs: { directory: 'x' }, key: 'key', zones: 1, exports: 2, sites: 3 };

function shared(octets: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(octets.length));
  copy.set(octets);
  return copy;
}

/** Something with the outline of a snapshot: what is written goes by its paths alone. */
const snapshots = fc
  .record({
    tables: fc.array(fc.uint8Array({ maxLength: 70 }), { maxLength: 4 }),
    map: fc.uint8Array({ maxLength: 33 }),
    weights: fc.array(fc.double(), { maxLength: 5 }),
    privateClass: fc.nat(9),
  })
  .map(({ tables, map, weights, privateClass }) => {
    const live = new Float64Array(new SharedArrayBuffer(weights.length * 8));
    live.set(weights);
    return {
      serial: 7,
      generation: 8,
      // Two views of one buffer, as words and octets of a table are.
      tables: tables.map((each) => {
        const bytes = shared(each);
        return { bytes, words: new Int32Array(bytes.buffer, 0, each.length >>> 2) };
      }),
      steering: { maps: [shared(map)], live: { weights: live }, privateClass },
    } as unknown as Snapshot;
  });

const plain = ({ serial: _s, generation: _g, ...rest }: Snapshot): unknown =>
  JSON.parse(
    JSON.stringify(rest, (_, value: unknown) =>
      ArrayBuffer.isView(value) ? [...(value as Float64Array)].map(String) : value,
    ),
  );

test('a snapshot that is kept comes back as it was', async () => {
  const file = join(temporaryDirectory(), 'state', 'snapshot');
  await fc.assert(
    fc.asyncProperty(snapshots, async (snapshot) => {
      await writeKept(file, ABOUT, snapshot);
      const kept = readKept(file, () => true)!;
      expect(plain(kept.snapshot)).toEqual(plain(snapshot));
      expect(kept.about).toMatchObject(ABOUT);
      const table = kept.snapshot.tables[0];
      if (table !== undefined) expect(table.words.buffer).toBe(table.bytes.buffer);
    }),
  );
});

test('one that is damaged anywhere is refused, and one that is not accepted is not read', async () => {
  const file = join(temporaryDirectory(), 'state', 'snapshot');
  const snapshot = fc.sample(snapshots, { seed: 3, numRuns: 20 }).at(-1)!;
  await writeKept(file, ABOUT, snapshot);
  const whole = readFileSync(file);
  expect(readKept(file, ({ key }) => key !== 'key')).toBeUndefined();
  const whatIsRead = (content: Uint8Array): string => {
    writeFileSync(file, content);
    try {
      return JSON.stringify(plain(readKept(file, () => true)!.snapshot));
    } catch (error) {
      return (error as Error).message;
    }
  };
  const sound = whatIsRead(whole);
  const differs = new Set<string>();
  for (let at = 0; at < whole.length; at++) {
    const damaged = Buffer.from(whole);
    damaged[at]! ^= 1 << (at & 7);
    const read = whatIsRead(damaged);
    // Between buffers there are octets that mean nothing.
    if (read !== sound) differs.add(read);
    if (at % 7 === 0) differs.add(whatIsRead(whole.subarray(0, at)));
  }
  expect([...differs]).toEqual([`${file} is damaged`]);
});

test('there is nothing to read before something was written', () => {
  expect(readKept(join(temporaryDirectory(), 'snapshot'), () => true)).toBeUndefined();
});

test('a checksum is of what is there, and sees every change of a word', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 40_000, size: 'max' }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (octets, at, change) => {
        const before = checksum(octets);
        const moved = new Uint8Array(octets.length + 3);
        moved.set(octets, 3);
        expect(checksum(moved.subarray(3))).toBe(before);
        octets[at % octets.length]! ^= change;
        expect(checksum(octets)).not.toBe(before);
      },
    ),
  );
  expect(checksum(new Uint8Array(4))).not.toBe(checksum(new Uint8Array(8)));
});
