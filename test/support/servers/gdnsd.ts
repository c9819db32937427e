import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, launch, serverFolder, type RunningServer } from './process.ts';

/** A map of gdnsd's geoip plugin, and one name that is steered by it: A `www` of `zone`. */
export interface GdnsdMap {
  readonly zone: string;
  /** Datacenters in the order for clients in no net, each with its address. */
  readonly datacenters: Readonly<globalThis.Record<string, string>>;
  /** Prefix to ordered datacenters. */
  readonly nets: ReadonlyMap<string, readonly string[]>;
  readonly ttl: number;
}

/** gdnsd without any geo database: only the nets decide. */
export async function startGdnsd(map: GdnsdMap): Promise<RunningServer> {
  const folder = serverFolder('gdnsd');
  const port = await freePort();
  for (const name of ['zones', 'run', 'state']) mkdirSync(join(folder, name));
  const names = Object.keys(map.datacenters);
  const config = [
    'options => {',
    `  listen => 127.0.0.1:${port}`,
    `  run_dir => ${join(folder, 'run')}`,
    `  state_dir => ${join(folder, 'state')}`,
    '  edns_client_subnet => true',
    '  udp_threads => 1',
    '  tcp_threads => 1',
    '}',
    'plugins => { geoip => {',
    '  maps => { nets => {',
    `    datacenters => [ ${names.join(', ')} ]`,
    '    nets => {',
    ...[...map.nets].map(([prefix, order]) => `      ${prefix} => [ ${order.join(', ')} ]`),
    '    }',
    '  } }',
    '  resources => { steered => { map => nets, dcmap => {',
    ...Object.entries(map.datacenters).map(([name, address]) => `    ${name} => ${address}`),
    '  } } }',
    '} }',
  ];
  writeFileSync(join(folder, 'config'), `${config.join('\n')}\n`);
  const zone = [
    `@ SOA ns1.${map.zone}. hostmaster.${map.zone}. 1 7200 1800 259200 300`,
    '@ 3600 NS ns1',
    'ns1 3600 A 192.0.2.53',
    `www ${map.ttl} DYNA geoip!steered`,
  ];
  writeFileSync(join(folder, 'zones', map.zone), `${zone.join('\n')}\n`);
  return launch({ name: 'gdnsd', program: 'gdnsd', args: ['-c', folder, 'start'], folder, port, zones: [map.zone] });
}
