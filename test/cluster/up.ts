/**
 * `npm run cluster:up [-- EDGES]`: a hub and three edge clusters to play with, until Ctrl-C. Prints their kubeconfigs.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBinaries } from './binaries.ts';
import { ControlPlane } from './control-plane.ts';
import { mkdir } from 'node:fs/promises';

const found = findBinaries();
const edges = Number(process.argv[2] ?? 3);
if ('absent' in found) {
  process.stderr.write(`${found.absent}\n`);
  process.exit(1);
}
if (!Number.isInteger(edges) || edges < 0 || edges > 20) {
  process.stderr.write('give the number of edge clusters: a whole number up to 20\n');
  process.exit(2);
}
const directory = await mkdtemp(join(tmpdir(), 'edgeward-cluster-'));
const names = ['hub', ...Array.from({ length: edges }, (_, index) => `edge-${index + 1}`)];
process.stdout.write(`starting ${names.join(', ')} ...\n`);
const planes = await Promise.all(
  names.map(async (name) => {
    await mkdir(join(directory, name));
    const plane = await ControlPlane.start(name, join(directory, name), found.directory);
    if (name !== 'hub') await plane.installGatewayApi();
    return plane;
  }),
);
for (const plane of planes) process.stdout.write(`${plane.name.padEnd(8)} export KUBECONFIG=${plane.kubeconfig}\n`);
process.stdout.write(`kubectl  ${join(found.directory, 'kubectl')}\nCtrl-C ends and forgets them.\n`);
await new Promise((resolve) => {
  process.once('SIGINT', resolve);
  process.once('SIGTERM', resolve);
});
await Promise.all(planes.map((plane) => plane.stop()));
await rm(directory, { recursive: true, force: true });
