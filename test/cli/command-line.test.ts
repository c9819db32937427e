import { mkdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../support/directory.ts';
import { runEdgeward } from '../support/program.ts';

const SOA = '@ 60 IN SOA ns.x.test. root.x.test. 1 2 3 4 5\n@ 60 IN NS ns.x.test.\n';
const ZONE = `apiVersion: edgeward.dev/v1alpha1
kind: Zone
metadata: { name: example }
spec: { origin: example.org, records: [{ name: '@', type: NS, data: ns.example.net. }] }
`;

function world(): string {
  const directory = temporaryDirectory({
    'masters/x.org.zone': SOA,
    'masters/db.y.org': SOA,
    'conf/zone.yaml': ZONE,
    'conf/edgeward.yaml': '',
    'mixed/zones/x.org.zone': SOA,
    'mixed/all.yaml': ZONE,
  });
  mkdirSync(`${directory}/empty`);
  return directory;
}

test.each([
  ['serve masters', 'masters holds master files and no resources: use `edgeward serve --zones masters`'],
  ['check masters', 'masters holds master files and no resources: use `edgeward check --zones masters`'],
  ['serve --zones conf', 'conf holds YAML files and no master files: use `edgeward serve conf`'],
  ['check --zones conf', 'conf holds YAML files and no master files: use `edgeward check conf`'],
  [
    'serve --zones masters/x.org.zone',
    'masters/x.org.zone is a file: name the directory that it is in, as in `edgeward serve --zones masters`',
  ],
  [
    'serve masters/db.y.org',
    'masters/db.y.org is a file: name the directory that it is in, as in `edgeward serve --zones masters`',
  ],
  ['serve conf/zone.yaml', 'conf/zone.yaml is a file: name the directory that it is in, as in `edgeward serve conf`'],
  ['check conf/zone.yaml', 'conf/zone.yaml is a file: name the directory that it is in, as in `edgeward check conf`'],
  [
    'control conf/edgeward.yaml',
    'conf/edgeward.yaml is a file: name the directory that it is in, as in `edgeward control conf`',
  ],
  [
    'dns conf/edgeward.yaml',
    'conf/edgeward.yaml is a file: name the directory that it is in, as in `edgeward dns conf`',
  ],
  [
    'explain a.example --client 192.0.2.1 -c conf/zone.yaml',
    'conf/zone.yaml is a file: name the directory that it is in, as in `-c conf`',
  ],
  ['serve conf --zones masters', 'a configuration directory and --zones exclude each other: give one'],
  ['check', 'name a configuration directory, or a folder of master files with --zones'],
  ['check conf --zones masters', 'name a configuration directory, or a folder of master files with --zones'],
  ['serve conf --prot 53', "unknown option '--prot'\n(--help tells more)"],
  [
    'serve conf conf',
    "too many arguments for 'serve'. Expected 1 argument but got 2: conf, conf.\n(--help tells more)",
  ],
  ['srve conf', "unknown command 'srve'\n(Did you mean serve?)\n(--help tells more)"],
])('edgeward %s', async (command, expected) => {
  const { code, text } = await runEdgeward(command.split(' '), { cwd: world() });
  expect(text).toBe(`edgeward: ${expected}\n`);
  expect(code).toBe(2);
});

test('an empty path is not the working directory', async () => {
  const { code, text } = await runEdgeward(['serve', ''], { cwd: world() });
  expect(text).toBe('edgeward: the path of the directory is empty\n');
  expect(code).toBe(2);
});

test.each([
  ['check --zones masters', 0, 'ok: 2 zones, 0 sites, 0 exports\n'],
  ['check mixed', 0, 'ok: 1 zones, 0 sites, 0 exports\n'],
  ['check conf', 0, 'ok: 1 zones, 0 sites, 0 exports\n'],
  ['check nowhere', 1, 'nowhere: error: no such directory; name the directory that holds the resources\n'],
  [
    'check --zones nowhere',
    1,
    'nowhere: error: cannot be read: there is no such file or directory (ENOENT); check the path\n',
  ],
])('edgeward %s', async (command, code, expected) => {
  expect(await runEdgeward(command.split(' '), { cwd: world() })).toEqual({ code, text: expected });
});
