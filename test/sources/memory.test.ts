import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeChecked } from '../../src/lib/atomic-file.ts';
import { ClusterMemory } from '../../src/sources/kubernetes/memory.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { observedClaim, observedService } from '../support/observed.ts';

const fail = (message: string): void => expect.unreachable(message);

test('what is kept of a cluster comes back', () => {
  const directory = temporaryDirectory({});
  const services = new Map([
    ['default/web', observedService({ claims: [observedClaim({ hosts: ['a.example.org'] })] })],
  ]);
  const memory = new ClusterMemory(directory, fail);
  const site = { site: 'edge', services, hasSynced: true, error: undefined };
  memory.keep(['edge'], () => new Map([['edge', site]]));
  memory.write(new Map([['edge', site]]));
  // JSON has no undefined.
  expect([...new ClusterMemory(directory, fail).recall('edge')!.services]).toEqual([...services]);
});

test('a file from before claims gives its hosts all the same', () => {
  const directory = temporaryDirectory({});
  mkdirSync(join(directory, 'sites'));
  const kept = {
    namespace: 'default',
    name: 'web',
    addresses: ['192.0.2.1'],
    via: ['load balancer'],
    readyReplicas: 3,
    ports: [],
    hosts: ['a.example.org'],
    ttl: 30,
  };
  writeChecked(join(directory, 'sites', 'edge.json'), Buffer.from(JSON.stringify([['default/web', kept]])));
  const service = new ClusterMemory(directory, fail).recall('edge')!.services.get('default/web');
  expect(service).toEqual({
    namespace: 'default',
    name: 'web',
    addresses: ['192.0.2.1'],
    down: [],
    splits: [],
    via: ['load balancer'],
    readyReplicas: 3,
    ports: [],
    claims: [observedClaim({ hosts: ['a.example.org'], addresses: ['192.0.2.1'], ttl: 30 })],
    problems: [],
  });
});
