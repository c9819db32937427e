import { Command } from 'commander';
import { explainAddress, type AddressExplanation } from '../geo/explain.ts';
import { parseAddress } from '../lib/address.ts';
import type { Coordinates } from '../model/regions.ts';
import { printJson, printLine, refuse, usage, warnOf } from './output.ts';
import { Exit } from '../lib/exit.ts';
import { loadGeo } from './workspace.ts';

/** `edgeward geo lookup ADDR...` */
export function geoCommand(): Command {
  const lookup = new Command('lookup')
    .description('say where an address is, in whose network, and how that is known')
    .argument('<address...>', 'IPv4 or IPv6 addresses')
    .option('-c, --config <dir>', 'configuration directory, for its overlays and mmdb files')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit code: 0 all are known, 1 some are not.\n\nExamples:\n  edgeward geo lookup 202.96.128.86\n  edgeward geo lookup --json 240e::1 8.8.8.8',
    )
    .action(async (addresses: string[], options: { config?: string; json?: boolean }) => {
      process.exitCode = await run(addresses, options);
    });
  return new Command('geo').description('look into the geo data').addCommand(lookup);
}

async function run(texts: readonly string[], { config, json }: { config?: string; json?: boolean }): Promise<number> {
  const addresses = texts.map((text) => ({ text, address: parseAddress(text) }));
  const wrong = addresses.find(({ address }) => address === undefined);
  if (wrong !== undefined)
    return usage(`"${wrong.text}" is not an address: write one such as 202.96.128.86 or 240e::1`);
  const { geo, problems } = await loadGeo(config);
  if (geo === undefined) return refuse(problems, json);
  warnOf(problems);
  const explained: AddressExplanation[] = [];
  for (const { address } of addresses) explained.push(await explainAddress(address!, geo.sources, geo.map));
  if (json === true) printJson(explained);
  else for (const each of explained) printExplanation(each);
  const known = ({ locality }: AddressExplanation): boolean =>
    locality.region !== '' || locality.coordinates !== undefined;
  return explained.every(known) ? Exit.OK : Exit.FINDINGS;
}

/** Region, ISP and prefix of one address, with where each came from. */
export function printExplanation({
  address,
  embedded,
  locality,
  regionPath,
  prefix,
  region,
  isp,
}: AddressExplanation): void {
  printLine(`${address}${embedded === undefined ? '' : ` (carries ${embedded})`}`);
  const asn = locality.asn === 0 || locality.isp === `AS${locality.asn}` ? '' : ` (AS${locality.asn})`;
  const carrier = locality.isp === '' ? 'not known' : `${locality.isp}${asn}`;
  printLine(`  region  ${locality.region === '' ? 'not known' : `${locality.region} (${regionPath.join(', ')})`}`);
  if (locality.coordinates !== undefined) printLine(`  place   ${formatCoordinates(locality.coordinates)}`);
  printLine(`          from ${region.source}: ${region.detail}`);
  printLine(`  ISP     ${carrier}`);
  printLine(`          from ${isp.source}: ${isp.detail}`);
  printLine(`  prefix  ${prefix}: all of it is alike`);
}

/** `49.2 N, 123.1 W`. */
function formatCoordinates({ latitude, longitude }: Coordinates): string {
  const north = `${Math.abs(latitude)} ${latitude < 0 ? 'S' : 'N'}`;
  return `${north}, ${Math.abs(longitude)} ${longitude < 0 ? 'W' : 'E'}`;
}
