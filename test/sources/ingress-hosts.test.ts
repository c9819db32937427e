import { afterEach, expect, test } from 'vitest';
import { MemoryCluster } from '../../src/kube/memory-cluster.ts';
import { INGRESSES, SERVICES } from '../../src/kube/objects.ts';
import { externalDns, put, stopWatching, WatchedCluster } from '../support/edge-cluster.ts';

// Hosts of an Ingress: those of its rules and certificates, and those that an annotation asks for.

afterEach(stopWatching);

const backend = (name: string): object => ({ backend: { service: { name, port: { number: 443 } } } });
const rule = (host: string | undefined, ...services: string[]): object => ({
  ...(host === undefined ? {} : { host }),
  ...(services.length === 0 ? {} : { http: { paths: services.map(backend) } }),
});

async function claims(
  spec: object,
  annotations: Record<string, string> = {},
  ingress: readonly object[] = [{ ip: '203.0.113.7' }],
): Promise<Record<string, string[]>> {
  const cluster = new MemoryCluster();
  for (const name of ['a', 'b'])
    await put(cluster, SERVICES, { metadata: { name }, spec: { type: 'ClusterIP', selector: { app: name } } });
  await put(cluster, INGRESSES, {
    metadata: { name: 'in', annotations: externalDns(annotations) },
    spec,
    status: { loadBalancer: { ingress } },
  });
  const watching = new WatchedCluster(cluster);
  await watching.seen(() => expect(watching.service('default/b')).toBeDefined());
  const services = [...watching.edge.observed.services.values()];
  return Object.fromEntries(services.map(({ name, claims: all }) => [name, all.flatMap(({ hosts }) => hosts).sort()]));
}

const RULES = [rule('a.example.org', 'a'), rule('B.example.org', 'b'), rule('ab.example.org', 'a', 'b')];

test('each Service has the hosts of the rules that lead to it', async () => {
  expect(await claims({ rules: RULES })).toEqual({
    a: ['a.example.org', 'ab.example.org'],
    b: ['ab.example.org', 'b.example.org'],
  });
});

test('hosts of certificates, where no rule has them, and of annotations are for all its Services', async () => {
  const tls = [{ hosts: ['a.example.org', 'tls.example.org'] }];
  expect(await claims({ rules: RULES, tls }, { hostname: 'asked.example.org' })).toEqual({
    a: ['a.example.org', 'ab.example.org', 'asked.example.org', 'tls.example.org'],
    b: ['ab.example.org', 'asked.example.org', 'b.example.org', 'tls.example.org'],
  });
});

test('a rule without paths leaves its host to the default backend', async () => {
  const defaultBackend = { service: { name: 'b' } };
  expect(await claims({ defaultBackend, rules: [rule('a.example.org', 'a'), rule('rest.example.org')] })).toEqual({
    a: ['a.example.org'],
    b: ['rest.example.org'],
  });
});

test('`ingress-hostname-source` chooses among them', async () => {
  const asked = { hostname: 'asked.example.org' };
  const spec = { rules: [rule('a.example.org', 'a')] };
  const source = (value: string) => claims(spec, { ...asked, 'ingress-hostname-source': value });
  expect(await source('annotation-only')).toEqual({ a: ['asked.example.org'], b: [] });
  expect(await source('defined-hosts-only')).toEqual({ a: ['a.example.org'], b: [] });
  expect(await source('both')).toEqual({ a: ['a.example.org', 'asked.example.org'], b: [] });
});

test('an Ingress of another controller claims nothing', async () => {
  expect(await claims({ rules: RULES }, { controller: 'none' })).toEqual({ a: [], b: [] });
});

test('an Ingress that names no Service is served by itself', async () => {
  const resource = { resource: { kind: 'Bucket', name: 'static' } };
  const rules = [{ host: 'static.example.org', http: { paths: [{ backend: resource }] } }];
  expect(await claims({ rules })).toEqual({ a: [], b: [], 'Ingress:in': ['static.example.org'] });
});
