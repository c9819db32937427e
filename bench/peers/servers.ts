import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { writeMmdb } from '../../test/support/mmdb-writer.ts';
import { findProgram, freePort, launch, serverFolder, type RunningServer } from '../../test/support/servers/process.ts';
import { STATIC_ZONE, STEERED_ZONE, type Workload } from './workload.ts';

/** A server as it takes part: how it is started, and whether it can steer. */
export interface Peer {
  readonly name: string;
  readonly program: string;
  /** Debian's packages. */
  readonly packages: string;
  readonly steers: boolean;
  start(workload: Workload, pin: readonly string[]): Promise<RunningServer>;
}

const STARTED_MS = 60_000;
const EDGEWARD = fileURLToPath(new URL('../../src/edgeward.ts', import.meta.url));

interface Setup {
  readonly folder: string;
  readonly port: number;
}

async function setUp(name: string, workload: Workload): Promise<Setup> {
  const folder = serverFolder(name);
  writeFileSync(join(folder, `${STATIC_ZONE}.zone`), workload.zone);
  return { folder, port: await freePort() };
}

/** Pins by starting through `taskset`, so that every thread is. */
function start(
  name: string,
  { folder, port }: Setup,
  pin: readonly string[],
  command: readonly string[],
  zones: readonly string[],
): Promise<RunningServer> {
  const [program, ...args] = [...pin, findProgram(command[0]!) ?? command[0]!, ...command.slice(1)];
  return launch({ name, program: program!, args, folder, port, zones, timeoutMs: STARTED_MS });
}

function write(folder: string, file: string, lines: readonly string[]): string {
  const path = join(folder, file);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

const STEERED_HEAD = [
  '$TTL 300',
  `@ SOA ns1.${STEERED_ZONE}. hostmaster.${STEERED_ZONE}. 1 7200 1800 259200 300`,
  '@ NS ns1',
  'ns1 A 192.0.2.53',
];

/** A code for each site that databases can have: `s07`. */
const code = (site: number): string => `s${String(site).padStart(2, '0')}`;

/** Sites by address as a MaxMind database that says that they are countries. */
function mmdb(folder: string, { nets, sites }: Workload): string {
  const records = sites.map((_, site) => ({ country: { iso_code: code(site) } }));
  const path = join(folder, 'sites.mmdb');
  writeFileSync(
    path,
    writeMmdb(
      nets.map(([prefix, site]) => [prefix, records[site]!]),
      { databaseType: 'GeoLite2-Country' },
    ),
  );
  return path;
}

export const PEERS: readonly Peer[] = [
  {
    name: 'edgeward',
    program: process.execPath,
    packages: '',
    steers: true,
    start: async (workload, pin) => {
      const setup = await setUp('edgeward', workload);
      for (const [file, text] of Object.entries(workload.files)) writeFileSync(join(setup.folder, file), text);
      const serve = [EDGEWARD, 'serve', setup.folder, '--listen', `127.0.0.1:${setup.port}`];
      const command = [process.execPath, ...serve, '--metrics', 'off', '--workers', '1'];
      return start('edgeward', setup, pin, command, [STATIC_ZONE, STEERED_ZONE]);
    },
  },
  {
    name: 'gdnsd',
    program: 'gdnsd',
    packages: 'gdnsd',
    steers: true,
    start: async (workload, pin) => {
      const setup = await setUp('gdnsd', workload);
      const { folder, port } = setup;
      for (const name of ['zones', 'run', 'state']) mkdirSync(join(folder, name));
      write(folder, 'config', [
        `options => { listen => 127.0.0.1:${port}`,
        `  run_dir => ${join(folder, 'run')}`,
        `  state_dir => ${join(folder, 'state')}`,
        '  edns_client_subnet => true, udp_threads => 1, tcp_threads => 1 }',
        'plugins => { geoip => {',
        `  maps => { sites => { datacenters => [ ${workload.sites.map((_, i) => code(i)).join(', ')} ], nets => {`,
        ...workload.nets.map(([prefix, site]) => `    ${prefix} => [ ${code(site)} ]`),
        '  } } }',
        '  resources => { steered => { map => sites, dcmap => {',
        ...workload.sites.map(({ address }, i) => `    ${code(i)} => ${address}`),
        '  } } }',
        '} }',
      ]);
      write(join(folder, 'zones'), STATIC_ZONE, [workload.zone]);
      write(join(folder, 'zones'), STEERED_ZONE, [...STEERED_HEAD, 'www 20 DYNA geoip!steered']);
      return start('gdnsd', setup, pin, ['gdnsd', '-c', folder, 'start'], [STATIC_ZONE, STEERED_ZONE]);
    },
  },
  {
    name: 'knot',
    program: 'knotd',
    packages: 'knot knot-module-geoip',
    steers: true,
    start: async (workload, pin) => {
      const setup = await setUp('knot', workload);
      const { folder, port } = setup;
      write(folder, `${STEERED_ZONE}.zone`, STEERED_HEAD);
      write(folder, 'geo.conf', [
        `www.${STEERED_ZONE}:`,
        ...workload.sites.flatMap(({ address }, i) => [`  - geo: "${code(i)}"`, `    A: ${address}`]),
      ]);
      const config = write(folder, 'knot.conf', [
        'server:',
        `  rundir: "${folder}"`,
        `  listen: 127.0.0.1@${port}`,
        '  udp-workers: 1',
        '  tcp-workers: 1',
        '  background-workers: 1',
        '  edns-client-subnet: on',
        'log:',
        '  - target: stderr',
        '    any: warning',
        'database:',
        `  storage: "${folder}"`,
        'mod-geoip:',
        '  - id: sites',
        `    config-file: "${join(folder, 'geo.conf')}"`,
        '    ttl: 20',
        '    mode: geodb',
        `    geodb-file: "${mmdb(folder, workload)}"`,
        '    geodb-key: [ "country/iso_code" ]',
        'template:',
        '  - id: default',
        `    storage: "${folder}"`,
        '    file: "%s.zone"',
        '    zonefile-load: whole',
        '    zonefile-sync: -1',
        '    journal-content: none',
        'zone:',
        `  - domain: ${STATIC_ZONE}`,
        `  - domain: ${STEERED_ZONE}`,
        '    module: mod-geoip/sites',
      ]);
      return start('knot', setup, pin, ['knotd', '-c', config], [STATIC_ZONE, STEERED_ZONE]);
    },
  },
  {
    name: 'nsd',
    program: 'nsd',
    packages: 'nsd',
    steers: false,
    start: async (workload, pin) => {
      const setup = await setUp('nsd', workload);
      const { folder, port } = setup;
      const config = write(folder, 'nsd.conf', [
        'server:',
        `  ip-address: 127.0.0.1@${port}`,
        '  server-count: 1',
        '  username: ""',
        `  zonesdir: "${folder}"`,
        '  database: ""',
        `  pidfile: "${join(folder, 'nsd.pid')}"`,
        `  xfrdfile: "${join(folder, 'xfrd.state')}"`,
        `  zonelistfile: "${join(folder, 'zone.list')}"`,
        `  xfrdir: "${folder}"`,
        '  rrl-ratelimit: 0',
        '  rrl-whitelist-ratelimit: 0',
        'remote-control:',
        '  control-enable: no',
        'zone:',
        `  name: ${STATIC_ZONE}`,
        `  zonefile: ${STATIC_ZONE}.zone`,
      ]);
      return start('nsd', setup, pin, ['nsd', '-d', '-c', config], [STATIC_ZONE]);
    },
  },
  {
    name: 'bind',
    program: 'named',
    packages: 'bind9',
    steers: false,
    start: async (workload, pin) => {
      const setup = await setUp('bind', workload);
      const { folder, port } = setup;
      const config = write(folder, 'named.conf', [
        'options {',
        `  directory "${folder}";`,
        `  listen-on port ${port} { 127.0.0.1; };`,
        '  listen-on-v6 { none; }; pid-file none; session-keyfile none; recursion no; dnssec-validation no;',
        '  notify no; empty-zones-enable no; minimal-responses yes;',
        '};',
        'controls { };',
        `zone "${STATIC_ZONE}" { type primary; file "${STATIC_ZONE}.zone"; };`,
      ]);
      return start('bind', setup, pin, ['named', '-g', '-n', '1', '-c', config], [STATIC_ZONE]);
    },
  },
  {
    name: 'pdns',
    program: 'pdns_server',
    packages: 'pdns-server pdns-backend-geoip pdns-backend-bind',
    steers: true,
    start: async (workload, pin) => {
      const setup = await setUp('pdns', workload);
      const { folder, port } = setup;
      write(folder, 'named.conf', [
        `options { directory "${folder}"; };`,
        `zone "${STATIC_ZONE}" { type native; file "${join(folder, `${STATIC_ZONE}.zone`)}"; };`,
      ]);
      const addresses = workload.sites.map(
        ({ address }, i) => [`${code(i)}.${STEERED_ZONE}`, [{ a: address }]] as const,
      );
      const soa = `ns1.${STEERED_ZONE} hostmaster.${STEERED_ZONE} 1 7200 1800 259200 300`;
      const domain = {
        domain: STEERED_ZONE,
        ttl: 20,
        records: { [STEERED_ZONE]: [{ soa }, { ns: `ns1.${STEERED_ZONE}` }], ...Object.fromEntries(addresses) },
        services: { [`www.${STEERED_ZONE}`]: `%cc.${STEERED_ZONE}` },
      };
      write(folder, 'geo.yaml', [stringify({ domains: [domain] })]);
      write(folder, 'pdns.conf', [
        'launch=bind,geoip',
        `bind-config=${join(folder, 'named.conf')}`,
        `geoip-database-files=mmdb:${mmdb(folder, workload)}`,
        `geoip-zones-file=${join(folder, 'geo.yaml')}`,
        'edns-subnet-processing=yes',
        `local-address=127.0.0.1`,
        `local-port=${port}`,
        'receiver-threads=1',
        'distributor-threads=1',
        'loglevel=3',
        `socket-dir=${folder}`,
        'guardian=no',
        'daemon=no',
        'disable-syslog=yes',
        'write-pid=no',
      ]);
      return start('pdns', setup, pin, ['pdns_server', `--config-dir=${folder}`], [STATIC_ZONE, STEERED_ZONE]);
    },
  },
];
