import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, launch, serverFolder, type RunningServer } from './process.ts';
import { zoneFiles } from './zone-files.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

/** Edgeward with a folder of master files and no other configuration (`serve --zones`). */
export async function startEdgewardZones(zonesFolder: string): Promise<RunningServer> {
  const folder = serverFolder('edgeward');
  const port = await freePort();
  return launch({
    name: 'edgeward',
    program: process.execPath,
    args: [MAIN, 'serve', '--zones', zonesFolder, '--listen', `127.0.0.1:${port}`, '--metrics', 'off'],
    folder,
    port,
    zones: zoneFiles(zonesFolder).map(({ name }) => name),
    timeoutMs: 120_000,
  });
}

/** Edgeward with a configuration directory, given as file names and their texts; ready when `/readyz` says so. */
export async function startEdgeward(
  files: Readonly<globalThis.Record<string, string>>,
  zones: readonly string[],
): Promise<RunningServer> {
  const folder = serverFolder('edgeward');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const port = await freePort();
  const metricsPort = await freePort();
  return launch({
    name: 'edgeward',
    program: process.execPath,
    args: [MAIN, 'serve', folder, '--listen', `127.0.0.1:${port}`, '--metrics', `127.0.0.1:${metricsPort}`],
    folder,
    port,
    zones,
    isReady: async () => {
      const response = await fetch(`http://127.0.0.1:${metricsPort}/readyz`).catch(() => undefined);
      return response?.ok === true;
    },
    timeoutMs: 180_000,
  });
}
