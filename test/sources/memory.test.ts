import { join } from 'node:path';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { clusterIdentity } from '../../src/kube/cluster-identity.ts';
import { kubeconfigFile } from '../../src/kube/credentials.ts';
import { writeChecked } from '../../src/lib/atomic-file.ts';
import type { Observations } from '../../src/model/observed.ts';
import { NEVER } from '../../src/model/observed.ts';
import { ClusterMemory } from '../../src/sources/kubernetes/last-seen.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { observedClaim, observedService } from '../support/observed.ts';

const service = observedService({
  addresses: ['192.0.2.1'],
  claims: [observedClaim({ hosts: ['a.example.org'], addresses: ['192.0.2.1'] })],
});
const seen: Observations = new Map([
  ['fra', { site: 'fra', services: new Map([['default/web', service]]), hasSynced: true, error: undefined }],
]);

test('what was seen of a cluster is recalled for that cluster alone', () => {
  const directory = temporaryDirectory();
  const said: string[] = [];
  let identity: string | undefined = 'one';
  const memory = (): ClusterMemory =>
    new ClusterMemory(
      directory,
      () => identity,
      (message) => void said.push(message),
    );
  const first = memory();
  first.keep(['fra'], () => seen);
  first.write(seen);
  // JSON has no undefined.
  expect([...memory().recall('fra')!.services]).toEqual([['default/web', service]]);
  // Which cluster it is now is not known: what was known stands.
  identity = undefined;
  expect(memory().recall('fra')?.services.size).toBe(1);
  identity = 'two';
  expect(memory().recall('fra')).toBeUndefined();
  expect(said).toEqual(['the cluster of site fra is another than before: what is remembered of it is not used']);
});

test('state that cannot be written is told of once, and again after it could be', () => {
  const directory = temporaryDirectory({ sites: 'a file in the way' });
  const said: string[] = [];
  const memory = new ClusterMemory(
    directory,
    () => 'one',
    (message) => void said.push(message),
  );
  const keep = (): void => {
    memory.keep(['fra', 'rom'], () => both);
    memory.write(both);
  };
  const both: Observations = new Map([...seen, ['rom', { ...seen.get('fra')!, site: 'rom' }]]);
  keep();
  keep();
  expect(said).toEqual([
    expect.stringMatching(
      /^the state of edge clusters cannot be written: E\w+: .*; after a restart the server answers for a cluster only once it has seen that cluster; make the directory writable, or set `dataDirectory` in edgeward\.yaml$/u,
    ),
  ]);
  rmSync(join(directory, 'sites'));
  keep();
  rmSync(join(directory, 'sites'), { recursive: true });
  writeFileSync(join(directory, 'sites'), '');
  keep();
  expect(said).toHaveLength(2);
});

test('a cluster is known by its authority, else by its address', () => {
  const directory = temporaryDirectory();
  const kubeconfig = (server: string, more = ''): string => `apiVersion: v1
kind: Config
current-context: b
contexts: [{ name: a, context: { cluster: x } }, { name: b, context: { cluster: y } }]
clusters:
  - { name: x, cluster: { server: 'https://other.example:6443' } }
  - { name: y, cluster: { server: '${server}'${more} } }
`;
  const identity = (text: string): string | undefined => {
    writeFileSync(join(directory, 'config'), text);
    return clusterIdentity(kubeconfigFile(join(directory, 'config')));
  };
  writeFileSync(join(directory, 'ca.crt'), 'authority');
  const data = `, certificate-authority-data: ${Buffer.from('authority').toString('base64')}`;
  const one = identity(kubeconfig('https://one.example:6443', data));
  expect(identity(kubeconfig('https://two.example:6443', data))).toBe(one);
  expect(identity(kubeconfig('https://two.example:6443', `, certificate-authority: ${directory}/ca.crt`))).toBe(one);
  expect(identity(kubeconfig('https://one.example:6443'))).toBe('server https://one.example:6443');
  expect(identity('nothing: here')).toBeUndefined();
  expect(identity('not: [yaml')).toBeUndefined();
  expect(clusterIdentity(kubeconfigFile(join(directory, 'gone')))).toBeUndefined();
});

test('a file from before claims gives its hosts all the same', () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'sites'));
  const { claims, down, splits, problems, ...before } = service;
  const kept = { cluster: 'one', services: [['default/web', { ...before, hosts: ['a.example.org'], ttl: 30 }]] };
  writeChecked(join(directory, 'sites', 'fra.json'), Buffer.from(JSON.stringify(kept)));
  const memory = new ClusterMemory(
    directory,
    () => 'one',
    (message) => expect.unreachable(message),
  );
  const expected = { ...before, down, splits, problems, claims: [{ ...claims[0], created: NEVER, ttl: 30 }] };
  expect([...memory.recall('fra')!.services]).toEqual([['default/web', expected]]);
});
