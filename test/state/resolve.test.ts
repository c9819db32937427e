import { expect, test } from 'vitest';
import { ENDPOINTS, exported, load, override, site, WORLD, zone } from './world.ts';

test('every default is filled in', () => {
  const { configuration } = load(WORLD);
  expect(configuration?.sites.get('canton')).toEqual({
    name: 'canton',
    region: 'CN-GD',
    isps: ['telecom'],
    latitude: 23.1,
    longitude: 113.3,
    cost: 0,
  });
  expect(configuration?.sites.get('mainz')).toMatchObject({ isps: [], latitude: 50, longitude: 8.3, cost: 2 });
  const [app] = configuration!.exports;
  expect(app).toMatchObject({ tenant: 'default', name: 'app', hosts: ['app.example.org.'] });
  expect(app?.endpoints[0]).toEqual({
    address: '192.0.2.1',
    family: 4,
    bytes: Uint8Array.of(192, 0, 2, 1),
    site: 'canton',
    weight: 1,
    ownWeight: 1,
    overrides: [],
    up: true,
  });
  expect(app?.policy).toEqual({
    rules: [],
    failover: [],
    objective: { latency: 1, cost: 0 },
    ispPenaltyMs: 30,
    toleranceMs: 5,
    matrix: [],
    maxAnswers: 1,
    ttl: 20,
    spread: { ipv4: 16, ipv6: 32 },
  });
});

test('hosts are lower case and absolute, those in target zones among them', () => {
  const targets = (origin: string): string =>
    zone(
      origin.replace('.', '-'),
      `origin: ${origin}\ntargets: true\nrecords: [{ name: '@', type: NS, data: ns.example.net. }]`,
    );
  const { configuration } = load({
    ...WORLD,
    'b.yaml': targets('Edge.test').replace('Edge-test', 'edge-test'),
    'c.yaml': targets('cdn.test'),
    'app.yaml': exported(
      'lab/app',
      `hosts: [APP.Example.org, '*.x.example.org', cdn.test, app.lab.cdn.test]\n${ENDPOINTS}`,
    ),
  });
  expect(configuration?.exports[0]?.hosts).toEqual([
    'app.example.org.',
    '*.x.example.org.',
    'cdn.test.',
    'app.lab.cdn.test.',
    'app.lab.edge.test.',
  ]);
});

test('rules, objective and the matrix lines of its sites', () => {
  const { configuration } = load({
    ...WORLD,
    'rome.yaml': site('rome', 'region: DE'),
    'm.csv': '\uFEFFregion,isp,site,ms\r\n\r\nDE , deutsche-telekom, mainz, 7.5\r\n,,rome,9\r\n',
    'app.yaml': exported(
      'app',
      `hosts: [app.example.org]
${ENDPOINTS}
policy:
  objective: { latency: 1, cost: 4 }
  matrix: m.csv
  rules:
    - { clients: { regions: [CN] }, only: [canton] }
    - { name: no Mainz, clients: { isps: [AS4134] }, deny: [mainz] }`,
    ),
  });
  expect(configuration?.exports[0]?.policy).toMatchObject({
    objective: { latency: 1, cost: 4 },
    matrix: [{ region: 'DE', isp: 'deutsche-telekom', site: 'mainz', ms: 7.5 }],
    rules: [
      { name: 'rules[0]', regions: ['CN'], isps: [], only: ['canton'], deny: [] },
      { name: 'no Mainz', regions: [], isps: ['AS4134'], only: undefined, deny: ['mainz'] },
    ],
  });
});

test('overrides apply in the order of their names: weight replaces, factor multiplies', () => {
  const { configuration } = load({
    ...WORLD,
    'a.yaml': override('z-late', 'export: app\nfactor: 0.5\nsites: [mainz]\nreason: half'),
    'b.yaml': override('a-early', 'export: app\nweight: 8'),
    'c.yaml': override('m-middle', 'export: app\nfactor: 3\naddresses: [192.0.2.2]\nexpires: 2026-11-23T12:00:01Z'),
    'd.yaml': override('over', 'export: app\nweight: 0\nexpires: 2026-11-23T11:59:59Z'),
  });
  const [canton, mainz] = configuration!.exports[0]!.endpoints;
  expect(canton).toMatchObject({ weight: 8, ownWeight: 1, overrides: [{ name: 'a-early', reason: '', weight: 8 }] });
  expect(mainz).toMatchObject({
    weight: 12,
    overrides: [
      { name: 'a-early', reason: '', weight: 8 },
      { name: 'm-middle', reason: '', weight: 24 },
      { name: 'z-late', reason: 'half', weight: 12 },
    ],
  });
});
