import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { NOWHERE } from '../../src/geo/ranges.ts';
import { formatProblem } from '../../src/lib/problem.ts';
import { RegionTree } from '../../src/model/regions.ts';
import { Compiler } from '../../src/snapshot/compile.ts';
import type { Loaded } from '../../src/state/loaded.ts';
import { openZones, type ReadAhead } from '../../src/state/zone-folder.ts';
import { nameToText } from '../../src/wire/name.ts';
import { printZone } from '../../src/zone/mod.ts';
import { ZoneHelper } from '../../src/control/zone-helper.ts';
import { temporaryDirectory } from '../support/directory.ts';

const COUNT = 6000;
/** Files that are newer are read again in any case. */
const OLD_MS = 2100;

const zone = (i: number): string =>
  `$TTL 300\n@ SOA ns1 root ${i} 7200 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.1\nwww A 192.0.2.${i % 256}\n@ MX 10 www\n`;

/** As much of what was loaded as can be compared. */
function told({ configuration, problems, refused, leftOut }: Loaded) {
  const zones = configuration?.zones.map((data) => `${nameToText(data.origin)}\n${printZone(data)}`);
  return { zones, problems: problems.map((problem) => formatProblem(problem)), refused, leftOut };
}

test('very many zones, read by two threads, are what one reads, and so are their tables', async () => {
  const files = Object.fromEntries(Array.from({ length: COUNT }, (_, i) => [`z${i}.test.zone`, zone(i)]));
  const directory = temporaryDirectory({
    ...files,
    'z17.test.zone': `${zone(17)}bad A 192.0.2.300\n`,
    'z5000.test.zone': `${zone(5000)}worse A x\n`,
    'z5001.test.zone': `${zone(5001)}$INCLUDE more.inc\n`,
    'z5002.test.zone': `${zone(5002)}\\065 TXT "escaped \\; \\200"\n`,
    'z5003.test.zone': '',
    'sub.z5004.test.zone': zone(1),
    'z5004.test.zone': `${zone(5004)}sub NS ns1.sub\nns1.sub A 192.0.2.9\n`,
    'zz.test': zone(3),
    'more.inc': 'included A 192.0.2.77\n',
    'a..test.zone': zone(4),
    'z59\n.test.zone': zone(5),
  });
  await setTimeout(OLD_MS);
  const helper = new ZoneHelper((message) => expect.unreachable(message));
  let adopted = 0;
  const readAhead = (toRead: Parameters<ZoneHelper['read']>[1]): ReadAhead => {
    const ahead = helper.read(directory, toRead, {});
    // So that the other thread has something to do.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    return {
      take: (index) => {
        const found = ahead.take(index);
        if (found !== undefined) adopted++;
        return found;
      },
    };
  };
  const loads: Loaded[] = [];
  const source = openZones(directory, { readAhead, watching: { quietMs: 10 } });
  const close = source.follow((loaded) => loads.push(loaded));
  onTestFinished(async () => {
    close();
    await helper.close();
  });
  const alone = openZones(directory).load();
  expect(told(loads[0]!)).toEqual(told(alone));
  expect(told(alone).refused).toEqual(['z17.test.', 'z5000.test.', 'z5003.test.']);
  expect(adopted).toBeGreaterThan(1000);

  const input = { regions: new RegionTree([]), geo: NOWHERE, generation: 1 };
  const together = new Compiler().compile({ ...input, configuration: loads[0]!.configuration!, helper });
  expect(together.tables).toEqual(new Compiler().compile({ ...input, configuration: alone.configuration! }).tables);

  // What changes is read again, and so is what includes it; all others stay the same objects.
  const before = new Map(loads[0]!.configuration!.zones.map((data) => [nameToText(data.origin), data]));
  appendFileSync(join(directory, 'more.inc'), 'later A 192.0.2.78\n');
  writeFileSync(join(directory, 'z5800.test.zone'), zone(5801));
  await vi.waitFor(() => expect(loads.length).toBeGreaterThan(1), 10_000);
  const { zones } = loads.at(-1)!.configuration!;
  const changed = zones.flatMap((data) => {
    const name = nameToText(data.origin);
    return before.get(name) === data ? [] : [name];
  });
  expect(changed).toEqual(['z5001.test.', 'z5800.test.']);
  expect(printZone(zones.find(({ origin }) => nameToText(origin) === 'z5001.test.')!)).toContain('192.0.2.78');
});
