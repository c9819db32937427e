import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, launch, serverFolder, type RunningServer } from './process.ts';
import { zoneFiles } from './zone-files.ts';

/** BIND with all zones of a folder (`NAME.zone`), answers limited to `udpSize` octets. */
export async function startNamed(zonesFolder: string, udpSize = 1232): Promise<RunningServer> {
  const folder = serverFolder('named');
  const port = await freePort();
  const zones = zoneFiles(zonesFolder);
  const lines = [
    'options {',
    `  directory "${folder}";`,
    `  listen-on port ${port} { 127.0.0.1; };`,
    '  listen-on-v6 { none; };',
    '  pid-file none;',
    '  session-keyfile none;',
    '  recursion no;',
    '  dnssec-validation no;',
    '  notify no;',
    '  check-names primary ignore;',
    '  check-integrity no;',
    '  empty-zones-enable no;',
    // Two sets of the test zones have more than Debian's limit of 100.
    '  max-records-per-type 0;',
    '  minimal-responses no-auth;',
    '  rrset-order { order none; };',
    `  max-udp-size ${udpSize};`,
    '};',
    'controls { };',
    ...zones.map(({ name, file }) => `zone "${name}" { type primary; file "${join(zonesFolder, file)}"; };`),
  ];
  const config = join(folder, 'named.conf');
  writeFileSync(config, `${lines.join('\n')}\n`);
  const names = zones.map(({ name }) => name);
  return launch({ name: 'named', program: 'named', args: ['-g', '-n', '1', '-c', config], folder, port, zones: names });
}
