import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeMmdb } from '../../../test/support/mmdb-writer.ts';
import { freePort, launch, serverFolder, type RunningServer } from '../../../test/support/servers/process.ts';
import { stringify } from 'yaml';
import { addressOf, MATRICES, msIn, ZONE, type Variant, type World, type WrittenPolicy } from './setup.ts';

export const EDGEWARD = fileURLToPath(new URL('../../../src/edgeward.ts', import.meta.url));
/** A server that takes longer is not measured. */
export const LONGEST_START_MS = 300_000;

/** Exports in one file: what people keep together. */
const PER_FILE = 50;

const HEAD = ['$TTL 300', '@ SOA ns1 hostmaster 1 7200 1800 259200 300', '@ NS ns1', 'ns1 A 192.0.2.53'];

/** The configuration directory, but for the overlay and the matrices, which all have in common. */
export function writeConfiguration(
  folder: string,
  world: World,
  { policies, variant, shared }: { policies: readonly WrittenPolicy[]; variant: Variant; shared: string },
): void {
  const apiVersion = 'edgeward.dev/v1alpha1';
  const document = (kind: string, name: string, spec: unknown): string =>
    `---\n${stringify({ apiVersion, kind, metadata: { name }, spec }, { aliasDuplicateObjects: false })}`;
  mkdirSync(join(folder, 'exports'), { recursive: true });
  const overlay = join(shared, 'overlay.csv');
  // Without a snapshot that was kept: only the geo cache is warm.
  const dataDirectory = join(shared, 'state');
  rmSync(dataDirectory, { recursive: true, force: true });
  const geo = { overlays: [overlay], cacheDirectory: shared };
  const server = { metrics: 'off', logLevel: 'debug', dataDirectory, geo };
  writeFileSync(join(folder, 'edgeward.yaml'), stringify(server));
  const sites = world.sites.map(({ name, region, isps }) => document('Site', name, { region, isps }));
  const zone = document('Zone', 'steer', { origin: ZONE, file: `${ZONE}.zone` });
  writeFileSync(join(folder, 'sites.yaml'), [...sites, zone].join(''));
  writeFileSync(join(folder, `${ZONE}.zone`), `${HEAD.join('\n')}\n`);
  for (let first = 0; first < policies.length; first += PER_FILE) {
    const text = policies.slice(first, first + PER_FILE).map((policy, index) => {
      const number = first + index;
      const endpoints = world.sites.map(({ name }, site) => ({ address: addressOf(number, site), site: name }));
      return document('DomainExport', `app-${number}`, { hosts: [`app-${number}.${ZONE}`], endpoints, policy });
    });
    writeFileSync(join(folder, 'exports', `${first}.yaml`), text.join(''));
  }
  const matrices = variant === 'one matrix' ? 1 : variant === 'ten matrices' ? MATRICES : 0;
  for (let matrix = 0; matrix < matrices; matrix++) {
    const lines = world.rows.flatMap((row) =>
      world.sites.map(({ name }, site) => `${row.region},${row.isp},${name},${msIn(matrix, row, site)}`),
    );
    writeFileSync(join(folder, 'exports', `matrix-${matrix}.csv`), `region,isp,site,ms\n${lines.join('\n')}\n`);
  }
}

export function writeOverlay(shared: string, { nets, rows }: World): void {
  const lines = nets.map(({ prefix, row }) => `${prefix},${rows[row]!.region},${rows[row]!.isp}`);
  writeFileSync(join(shared, 'overlay.csv'), `prefix,region,isp\n${lines.join('\n')}\n`);
}

type Ready = () => Promise<boolean>;

export async function startEdgeward(folder: string, readyOn: (port: number) => Ready): Promise<RunningServer> {
  const port = await freePort();
  const own = serverFolder('edgeward');
  const args = [EDGEWARD, 'serve', folder, '--listen', `127.0.0.1:${port}`, '--workers', '1'];
  const common = { folder: own, port, zones: [], timeoutMs: LONGEST_START_MS };
  return launch({ name: 'edgeward', program: process.execPath, args, ...common, isReady: readyOn(port) });
}

/** Sites of a row in the first matrix, the best first. */
function orderOf(world: World, row: number, most: number): number[] {
  const ms = world.rows[row]!.ms.map((_, site) => msIn(0, world.rows[row]!, site));
  return [...ms.keys()].sort((a, b) => ms[a]! - ms[b]!).slice(0, most);
}

/** As many stand in for one another as in Edgeward's plans: two, behind the best. */
const DEEP = 3;

export async function startGdnsd(
  world: World,
  exports: number,
  readyOn: (port: number) => Ready,
): Promise<RunningServer> {
  const folder = serverFolder('gdnsd');
  const port = await freePort();
  for (const name of ['zones', 'run', 'state']) mkdirSync(join(folder, name));
  const lists = world.rows.map((_, row) =>
    orderOf(world, row, DEEP)
      .map((site) => `s${site}`)
      .join(', '),
  );
  const config = [
    `options => { listen => 127.0.0.1:${port}, run_dir => ${join(folder, 'run')}`,
    `  state_dir => ${join(folder, 'state')}`,
    '  edns_client_subnet => true, udp_threads => 1, tcp_threads => 1 }',
    'plugins => { geoip => {',
    `  maps => { nets => { datacenters => [ ${world.sites.map((_, site) => `s${site}`).join(', ')} ], nets => {`,
    ...world.nets.map(({ prefix, row }) => `    ${prefix} => [ ${lists[row]} ]`),
    '  } } }',
    '  resources => {',
  ];
  for (let number = 0; number < exports; number++) {
    const addresses = world.sites.map((_, site) => `s${site} => ${addressOf(number, site)}`);
    config.push(`    app-${number} => { map => nets, dcmap => { ${addresses.join(', ')} } }`);
  }
  config.push('  }', '} }');
  writeFileSync(join(folder, 'config'), `${config.join('\n')}\n`);
  const names = Array.from({ length: exports }, (_, number) => `app-${number} 20 DYNA geoip!app-${number}`);
  writeFileSync(join(folder, 'zones', ZONE), `${[...HEAD, ...names].join('\n')}\n`);
  const common = { folder, port, zones: [], timeoutMs: LONGEST_START_MS };
  return launch({ name: 'gdnsd', program: 'gdnsd', args: ['-c', folder, 'start'], ...common, isReady: readyOn(port) });
}

export async function startKnot(
  world: World,
  exports: number,
  readyOn: (port: number) => Ready,
): Promise<RunningServer> {
  const folder = serverFolder('knot');
  const port = await freePort();
  const code = (row: number): string => `s${orderOf(world, row, 1)[0]}`;
  const records = new Map(world.sites.map((_, site) => [`s${site}`, { country: { iso_code: `s${site}` } }]));
  const best = world.rows.map((_, row) => records.get(code(row))!);
  const mmdb = writeMmdb(
    world.nets.map(({ prefix, row }) => [prefix, best[row]!]),
    { databaseType: 'GeoLite2-Country' },
  );
  writeFileSync(join(folder, 'sites.mmdb'), mmdb);
  const geo: string[] = [];
  for (let number = 0; number < exports; number++) {
    geo.push(`app-${number}.${ZONE}:`);
    for (const site of world.sites.keys()) geo.push(`  - geo: "s${site}"`, `    A: ${addressOf(number, site)}`);
  }
  writeFileSync(join(folder, 'geo.conf'), `${geo.join('\n')}\n`);
  writeFileSync(join(folder, `${ZONE}.zone`), `${HEAD.join('\n')}\n`);
  const config = [
    `server:\n  rundir: "${folder}"\n  listen: 127.0.0.1@${port}`,
    '  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n  edns-client-subnet: on',
    `log:\n  - target: stderr\n    any: warning\ndatabase:\n  storage: "${folder}"`,
    `mod-geoip:\n  - id: sites\n    config-file: "${join(folder, 'geo.conf')}"\n    ttl: 20\n    mode: geodb`,
    `    geodb-file: "${join(folder, 'sites.mmdb')}"\n    geodb-key: [ "country/iso_code" ]`,
    `template:\n  - id: default\n    storage: "${folder}"\n    file: "%s.zone"`,
    '    zonefile-load: whole\n    zonefile-sync: -1\n    journal-content: none',
    `zone:\n  - domain: ${ZONE}\n    module: mod-geoip/sites`,
  ];
  writeFileSync(join(folder, 'knot.conf'), `${config.join('\n')}\n`);
  const common = { folder, port, zones: [], timeoutMs: LONGEST_START_MS };
  const args = ['-c', join(folder, 'knot.conf')];
  return launch({ name: 'knot', program: 'knotd', args, ...common, isReady: readyOn(port) });
}
