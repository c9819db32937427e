import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, launch, serverFolder, type RunningServer } from './process.ts';
import { zoneFiles } from './zone-files.ts';

/** NSD with all zones of a folder (`NAME.zone`), answers limited to `udpSize` octets. */
export async function startNsd(zonesFolder: string, udpSize = 1232): Promise<RunningServer> {
  const folder = serverFolder('nsd');
  const port = await freePort();
  const zones = zoneFiles(zonesFolder);
  const lines = [
    'server:',
    `  ip-address: 127.0.0.1@${port}`,
    '  server-count: 1',
    '  username: ""',
    `  zonesdir: "${zonesFolder}"`,
    '  database: ""',
    `  pidfile: "${join(folder, 'nsd.pid')}"`,
    `  xfrdfile: "${join(folder, 'xfrd.state')}"`,
    `  zonelistfile: "${join(folder, 'zone.list')}"`,
    `  xfrdir: "${folder}"`,
    `  ipv4-edns-size: ${udpSize}`,
    // Debian builds in a limit of 200 answers a second.
    '  rrl-ratelimit: 0',
    '  rrl-whitelist-ratelimit: 0',
    '  tcp-count: 100',
    '  hide-version: yes',
    'remote-control:',
    '  control-enable: no',
    ...zones.flatMap(({ name, file }) => ['zone:', `  name: "${name}"`, `  zonefile: "${file}"`]),
  ];
  const config = join(folder, 'nsd.conf');
  writeFileSync(config, `${lines.join('\n')}\n`);
  const names = zones.map(({ name }) => name);
  return launch({ name: 'nsd', program: 'nsd', args: ['-d', '-c', config], folder, port, zones: names });
}
