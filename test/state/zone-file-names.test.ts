import { expect, test } from 'vitest';
import { hasSoa, zoneFileName } from '../../src/state/zone-file-names.ts';

test.each([
  ['example.org.zone', 'zone', 'example.org'],
  ['example.org.db', 'zone', 'example.org'],
  ['EXAMPLE.org.ZONE', 'zone', 'EXAMPLE.org'],
  ['db.example.org', 'zone', 'example.org'],
  ['db.local', 'zone', 'local'],
  ['db.192.0.2', 'zone', '2.0.192.in-addr.arpa'],
  ['db.127', 'zone', '127.in-addr.arpa'],
  ['2.0.192.in-addr.arpa', 'perhaps', '2.0.192.in-addr.arpa'],
  ['example.org', 'perhaps', 'example.org'],
  ['example.org.', 'perhaps', 'example.org.'],
  ['_msdcs.example.org', 'perhaps', '_msdcs.example.org'],
] as const)('%s is of %s %s', (name, kind, origin) => {
  expect(zoneFileName(name)).toEqual({ kind, origin });
});

test.each([
  'README',
  'README.md',
  'example.org.zone~',
  'example.org.zone.bak',
  'db.example.org.dpkg-dist',
  'example.org.zone.jnl',
  'example.org.signed',
  'Kexample.org.+013+12345.key',
  'Kexample.org.+013+12345.private',
  'hosts.inc',
  'named.conf',
  'notes.txt',
  '.zone',
  'a b.org',
])('%s is no zone', (name) => {
  expect(zoneFileName(name)).toEqual({ kind: 'other' });
});

test.each([
  ['$TTL 3600\n@ IN SOA ns root 1 2 3 4 5\n', true],
  ['; a comment with SOA in it\nexample.org. 60 in soa ns root ( 1\n', true],
  ['@\tSOA\tns', true],
  ['; IN SOA ns', false],
  ['www A 192.0.2.1\n', false],
  ['', false],
])('whether %j has an SOA: %s', (text, expected) => {
  expect(hasSoa(text)).toBe(expected);
});
