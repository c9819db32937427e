import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadCarriers, loadRegions } from '../../src/geo/mod.ts';
import { LocalityMapBuilder, overlayLayer } from '../../src/geo/localities.ts';
import { parseOverlay } from '../../src/geo/overlay.ts';
import type { LocalityMap } from '../../src/geo/ranges.ts';
import { formatProblem, hasErrors } from '../../src/lib/problem.ts';
import type { RegionTree } from '../../src/model/regions.ts';
import type { Configuration } from '../../src/resolve/configuration.ts';
import { openResources } from '../../src/state/resources.ts';
import { fileStore } from '../../src/store/files.ts';
import { nameFromText } from '../../src/wire/name.ts';
import { checkZone, parseMasterFile } from '../../src/zone/mod.ts';
import type { ZoneData } from '../../src/zone/zone.ts';

const DATA = fileURLToPath(new URL('../../geo-data', import.meta.url));

export interface WorldSetup {
  /** Master files; `$TTL 300` is set. */
  readonly zones: readonly { readonly origin: string; readonly text: string }[];
  /** YAML documents. */
  readonly resources: string;
  /** `prefix,region,isp` lines; nothing else is known of any address. */
  readonly nets: string;
  /** Resources may be invalid: then what they name is unavailable. */
  readonly mayBeInvalid?: boolean;
}

/** What a snapshot is compiled from, read by the real loaders. Throws what they complain about. */
export async function world(
  setup: WorldSetup,
): Promise<{ configuration: Configuration; regions: RegionTree; geo: LocalityMap }> {
  const regions = loadRegions(DATA);
  const carriers = loadCarriers(DATA);
  const directory = mkdtempSync(join(tmpdir(), 'edgeward-world-'));
  try {
    writeFileSync(join(directory, 'resources.yaml'), setup.resources);
    const names = new Set([...carriers.values()].map(({ carrier }) => carrier));
    const loaded =
      setup.resources.trim() === ''
        ? { configuration: { sites: new Map(), zones: [], exports: [] }, problems: [] }
        : openResources(fileStore(directory), { directory, regions, carriers: names }).load();
    const isSound = setup.mayBeInvalid === true || !hasErrors(loaded.problems);
    if (loaded.configuration === undefined || !isSound) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    const zones = [...loaded.configuration.zones, ...setup.zones.map(readZone)];
    const { entries, problems } = parseOverlay(setup.nets, 'nets', regions);
    if (problems.length > 0) throw new Error(problems.map(formatProblem).join('\n'));
    const builder = new LocalityMapBuilder();
    builder.add(overlayLayer(entries, carriers));
    return { configuration: { ...loaded.configuration, zones }, regions, geo: builder.build() };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function readZone({ origin, text }: { origin: string; text: string }): ZoneData {
  const name = nameFromText(origin);
  if (!name.ok) throw new Error(name.error);
  const parsed = parseMasterFile({ octets: Buffer.from(`$TTL 300\n${text}\n`), file: origin, origin: name.value });
  const problems = [...parsed.problems, ...checkZone(parsed.zone)].filter(({ severity }) => severity === 'error');
  if (problems.length > 0) throw new Error(problems.map(formatProblem).join('\n'));
  return parsed.zone;
}
