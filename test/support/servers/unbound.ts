import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, launch, serverFolder, type RunningServer } from './process.ts';

/**
 * Unbound as a resolver that sends client subnets to one authoritative server of `zone` on `authorityPort`, and caches
 * answers by the scope that comes back. All of 127.0.0.0/8 may ask.
 */
export async function startUnbound(zone: string, authorityPort: number): Promise<RunningServer> {
  const folder = serverFolder('unbound');
  const port = await freePort();
  const config = [
    'server:',
    '  interface: 127.0.0.1',
    `  port: ${port}`,
    '  username: ""',
    '  chroot: ""',
    `  directory: "${folder}"`,
    '  pidfile: ""',
    '  use-syslog: no',
    '  log-queries: no',
    '  num-threads: 1',
    '  access-control: 127.0.0.0/8 allow',
    '  do-not-query-localhost: no',
    '  do-ip6: no',
    '  module-config: "subnetcache validator iterator"',
    '  send-client-subnet: 127.0.0.1',
    `  client-subnet-zone: "${zone}"`,
    '  client-subnet-always-forward: yes',
    '  max-client-subnet-ipv4: 24',
    '  max-client-subnet-ipv6: 56',
    `  domain-insecure: "${zone}"`,
    '  qname-minimisation: no',
    'remote-control:',
    '  control-enable: no',
    'stub-zone:',
    `  name: "${zone}"`,
    `  stub-addr: 127.0.0.1@${authorityPort}`,
    '  stub-prime: no',
  ];
  const file = join(folder, 'unbound.conf');
  writeFileSync(file, `${config.join('\n')}\n`);
  return launch({ name: 'unbound', program: 'unbound', args: ['-d', '-c', file], folder, port, zones: [zone] });
}
