import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, launch, serverFolder, type RunningServer } from './process.ts';
import { zoneFiles } from './zone-files.ts';

/** Knot DNS with all zones of a folder (`NAME.zone`), answers limited to `udpSize` octets. */
export async function startKnot(zonesFolder: string, udpSize = 1232): Promise<RunningServer> {
  const folder = serverFolder('knot');
  const port = await freePort();
  const zones = zoneFiles(zonesFolder);
  const lines = [
    'server:',
    `  rundir: "${folder}"`,
    `  listen: 127.0.0.1@${port}`,
    `  udp-max-payload: ${udpSize}`,
    '  udp-workers: 1',
    '  tcp-workers: 1',
    '  background-workers: 1',
    '  tcp-idle-timeout: 60',
    'log:',
    '  - target: stderr',
    '    any: warning',
    'database:',
    `  storage: "${folder}"`,
    'template:',
    '  - id: default',
    `    storage: "${zonesFolder}"`,
    '    zonefile-load: whole',
    '    zonefile-sync: -1',
    '    journal-content: none',
    '    semantic-checks: off',
    'zone:',
    ...zones.flatMap(({ name, file }) => [`  - domain: "${name}."`, `    file: "${file}"`]),
  ];
  const config = join(folder, 'knot.conf');
  writeFileSync(config, `${lines.join('\n')}\n`);
  const names = zones.map(({ name }) => name);
  return launch({ name: 'knot', program: 'knotd', args: ['-c', config], folder, port, zones: names });
}
