import { expect, test } from 'vitest';
import { annotationsOf, type AnnotatedKind, type Annotations } from '../../src/sources/kubernetes/annotations.ts';

const OLD = 'external-dns.alpha.kubernetes.io';
const NEW = 'external-dns.kubernetes.io';

const read = (annotations: Record<string, string>, kind: AnnotatedKind = 'Service'): Annotations =>
  annotationsOf({ metadata: { name: 'web', namespace: 'default', annotations } }, kind);

const faults = (annotations: Record<string, string>, kind: AnnotatedKind = 'Service'): string[] =>
  read(annotations, kind).faults.map(({ message, remedy }) => `${message}; ${remedy}`);

test('both prefixes of external-dns are read; its present one goes first', () => {
  expect(read({ [`${OLD}/hostname`]: 'a.example.org' }).hosts).toEqual(['a.example.org']);
  expect(read({ [`${NEW}/hostname`]: 'b.example.org' }).hosts).toEqual(['b.example.org']);
  const both = { [`${OLD}/hostname`]: 'a.example.org', [`${NEW}/hostname`]: 'b.example.org' };
  expect(read(both)).toMatchObject({ hosts: ['b.example.org'], faults: [] });
});

test.each([
  ['90', 90],
  ['2m', 120],
  ['1m30s', 90],
  ['1h2m11s', 3731],
  ['1.5s', 1],
  [' 30 ', 30],
  ['86400', 86_400],
  ['24h', 86_400],
  // As in external-dns: not configured.
  ['0', undefined],
  ['0s', undefined],
])('TTL %s', (ttl, seconds) => {
  expect(read({ [`${OLD}/ttl`]: ttl })).toMatchObject({ ttl: seconds, faults: [] });
});

test.each([
  ['abc', undefined, 'which is neither seconds nor a duration: the default TTL holds'],
  ['1d', undefined, 'which is neither seconds nor a duration: the default TTL holds'],
  ['500ms', undefined, 'which is below one second: the default TTL holds'],
  ['-5', undefined, 'which is below one second: the default TTL holds'],
  ['25h', 86_400, 'which is above a day: the TTL is 86400'],
])('TTL %s is told of', (ttl, seconds, why) => {
  const annotations = { [`${OLD}/ttl`]: ttl };
  expect(read(annotations).ttl).toBe(seconds);
  expect(faults(annotations)).toEqual([
    `has annotation \`${OLD}/ttl: ${ttl}\`, ${why}; write seconds from 1 to 86400, or a duration such as \`1m30s\``,
  ]);
});

test('targets: addresses and host names, with commas; what is neither is left out and told of', () => {
  const { target } = read({ [`${OLD}/target`]: '203.0.113.9, 2001:DB8::1,LB.Example.net.' });
  expect(target).toEqual({ addresses: ['2001:db8::1', '203.0.113.9'], hostnames: ['lb.example.net'] });
  const wrong = { [`${OLD}/target`]: 'https://lb.example.net,203.0.113.9:443,203.0.113.300,lb.example.net' };
  expect(read(wrong).target).toEqual({ addresses: [], hostnames: ['lb.example.net'] });
  expect(faults(wrong).map((fault) => fault.slice(0, fault.indexOf(',')))).toEqual(
    ['203.0.113.300', '203.0.113.9:443', 'https://lb.example.net'].map(
      (value) => `has annotation \`${OLD}/target: ${value}\``,
    ),
  );
  const many = Array.from({ length: 70 }, (_, i) => `lb${i}.example.net`).join(',');
  expect(read({ [`${OLD}/target`]: many }).target!.hostnames).toHaveLength(64);
  expect(faults({ [`${OLD}/target`]: many })).toEqual([expect.stringContaining('only 64 of 70 targets are used')]);
  expect(read({ [`${OLD}/target`]: '' }).target).toBeUndefined();
});

test('a target on a route is not read, and that is told', () => {
  const annotations = { [`${OLD}/target`]: '203.0.113.9' };
  expect(read(annotations, 'Route').target).toBeUndefined();
  expect(faults(annotations, 'Route')).toEqual([
    `has annotation \`${OLD}/target\`, which is not read on routes; move it to the Gateway`,
  ]);
  expect(faults(annotations, 'Gateway')).toEqual([]);
});

test('an object of another controller has nothing to do with us', () => {
  const theirs = { [`${OLD}/controller`]: 'none', [`${OLD}/hostname`]: 'a.example.org', [`${OLD}/ttl`]: 'abc' };
  expect(read({ ...theirs, 'edgeward.dev/isp': 'telecom' })).toMatchObject({
    ours: false,
    hosts: [],
    isp: 'telecom',
    faults: [],
  });
  expect(read({ ...theirs, [`${OLD}/controller`]: 'dns-controller' })).toMatchObject({ ours: true });
});

test('annotations that have no effect here are told of once for each sort', () => {
  const annotations = {
    [`${OLD}/hostname`]: 'a.example.org',
    [`${OLD}/alias`]: 'true',
    [`${OLD}/set-identifier`]: 'one',
    [`${OLD}/aws-weight`]: '10',
    [`${OLD}/cloudflare-proxied`]: 'true',
    [`${NEW}/cloudflare-proxied`]: 'true',
    [`${OLD}/hostnames`]: 'typo.example.org',
  };
  expect(faults(annotations)).toEqual([
    `has annotations \`${OLD}/aws-weight\`, \`${OLD}/set-identifier\`, by which other DNS providers choose among records: that has no effect here; remove it; the policy of a DomainExport and WeightOverrides steer clients`,
    `has annotations \`${NEW}/cloudflare-proxied\`, \`${OLD}/hostnames\`, which has no effect here; remove it, or read in docs/kubernetes.md what stands in for it`,
  ]);
});

test('words are taken in any case, others are told of', () => {
  expect(read({ [`${OLD}/access`]: 'Public' }).access).toBe('public');
  expect(read({ [`${OLD}/endpoints-type`]: 'HostIP' }).endpointsType).toBe('HostIP');
  expect(read({ [`${OLD}/ingress-hostname-source`]: 'annotation-only' }, 'Ingress').hostnameSource).toBe(
    'annotation-only',
  );
  expect(faults({ [`${OLD}/access`]: 'everybody' })).toEqual([
    `has annotation \`${OLD}/access: everybody\`, which is ignored: the value is not known; write \`public\` or \`private\`, or remove it`,
  ]);
});

test('long values are cut where they are told of', () => {
  const [fault] = faults({ [`${OLD}/ttl`]: 'x'.repeat(5000) });
  expect(fault!.length).toBeLessThan(300);
});

test('objects without such annotations share what is kept of them', () => {
  expect(read({ 'example.org/a': 'b' })).toBe(annotationsOf({ metadata: { name: 'other' } }, 'Gateway'));
});
