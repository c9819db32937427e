import { formatProblem } from '../../src/lib/problem.ts';
import { RegionTree } from '../../src/model/regions.ts';
import type { Loaded } from '../../src/state/loaded.ts';
import { openResources } from '../../src/state/resources.ts';
import { fileStore } from '../../src/store/files.ts';
import { temporaryDirectory, type Files } from '../support/directory.ts';

const region = (code: string, parent: string | undefined, latitude: number, longitude: number) => ({
  code,
  name: code,
  parent,
  latitude,
  longitude,
});

export const regions = new RegionTree([
  region('world', undefined, 0, 0),
  region('asia', 'world', 34, 100),
  region('europe', 'world', 54, 15),
  region('CN', 'asia', 35, 105),
  region('CN-GD', 'CN', 23.1, 113.3),
  region('DE', 'europe', 50.1, 8.7),
  { ...region('NA', 'world', -22.6, 17.1), name: 'Namibia' },
  { ...region('SA', 'asia', 24.7, 46.7), name: 'Saudi Arabia' },
]);
export const carriers = new Set(['telecom', 'unicom', 'deutsche-telekom']);

const resource = (kind: string, metadata: string, spec: string): string =>
  `apiVersion: edgeward.dev/v1alpha1\nkind: ${kind}\nmetadata: {${metadata}}\nspec:\n${spec.replace(/^/gmu, '  ')}\n`;

export const site = (name: string, spec: string): string => resource('Site', `name: ${name}`, spec);
export const zone = (name: string, spec: string): string => resource('Zone', `name: ${name}`, spec);
export const override = (name: string, spec: string): string => resource('WeightOverride', `name: ${name}`, spec);
/** In tenant `default`, or as `tenant/name`. */
export function exported(name: string, spec: string): string {
  const [own, tenant] = name.split('/').reverse();
  return resource('DomainExport', tenant === undefined ? `name: ${own}` : `name: ${own}, tenant: ${tenant}`, spec);
}

export const ENDPOINTS = `endpoints:
  - { address: 192.0.2.1, site: canton }
  - { address: 192.0.2.2, site: mainz }`;

/** Two sites, a zone and an export that fit together. */
export const WORLD: Files = {
  'canton.yaml': site('canton', 'region: CN-GD\nisps: [telecom]'),
  'mainz.yaml': site('mainz', 'region: DE\ncoordinates: { latitude: 50, longitude: 8.3 }\ncost: 2'),
  'zone.yaml': zone(
    'example',
    `origin: example.org
records:
  - { name: '@', type: NS, data: ns.example.net. }
  - { name: old, type: CNAME, data: app }
  - { name: host, type: A, data: 192.0.2.9 }
  - { name: six, type: AAAA, data: '2001:db8::9' }
  - { name: away, type: NS, data: ns.example.net. }
  - { name: gone, type: DNAME, data: example.net. }`,
  ),
  'app.yaml': exported('app', `hosts: [app.example.org]\n${ENDPOINTS}`),
};

export const NOW = Date.parse('2026-11-23T12:00:00Z');

export function load(files: Files): Loaded {
  const directory = temporaryDirectory(files);
  const { configuration, problems } = openResources(fileStore(directory), {
    directory,
    regions,
    carriers,
    now: () => NOW,
  }).load();
  const prefix = `${directory}/`;
  const shorter = problems.map((problem) => ({
    ...problem,
    ...(problem.file === undefined ? {} : { file: problem.file.replace(prefix, '') }),
    message: problem.message.replaceAll(prefix, ''),
  }));
  return { configuration, problems: shorter };
}

/** The problems of the world with some files changed or added, as they are printed. */
export function complaints(files: Files): string[] {
  return load({ ...WORLD, ...files }).problems.map(formatProblem);
}
