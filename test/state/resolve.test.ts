import { expect, test } from 'vitest';
import { collectGarbage } from '../../src/lib/collect-garbage.ts';
import type { Files } from '../support/directory.ts';
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

test('rules, objective and the matrix', () => {
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
    matrix: [
      { region: 'DE', isp: 'deutsche-telekom', site: 'mainz', ms: 7.5 },
      { region: '', isp: '', site: 'rome', ms: 9 },
    ],
    rules: [
      { name: 'rules[0]', regions: ['CN'], isps: [], only: ['canton'], deny: [] },
      { name: 'no Mainz', regions: [], isps: ['AS4134'], only: undefined, deny: ['mainz'] },
    ],
  });
});

test('equal sites, policies and matrices are one object each, in all exports and at the next reading', () => {
  const rules = 'rules: [{ clients: { regions: [CN] }, only: [canton] }]';
  const of = (name: string, policy: string): string =>
    exported(name, `hosts: [${name}.example.org]\n${ENDPOINTS}\npolicy: { matrix: m.csv, ${policy} }`);
  const files = {
    ...WORLD,
    'm.csv': 'DE,,mainz,5\n',
    'other/m.csv': 'DE,,mainz,5\n',
    'app.yaml': of('app', rules),
    'b.yaml': of('b', rules).replace('policy: { matrix: m.csv, ', 'policy: { toleranceMs: 5, matrix: m.csv, '),
    'other/c.yaml': of('c', rules),
    'd.yaml': of('d', 'ttl: 60'),
  };
  const { configuration: first } = load(files);
  const policies = first!.exports.map(({ policy }) => policy);
  const [app, b, d, c] = policies;
  expect(new Set([app, b, c]).size).toBe(1);
  expect(d).not.toBe(app);
  expect(d!.matrix).toBe(app!.matrix);
  const { configuration: second } = load({ ...files, 'canton.yaml': `# a comment\n${WORLD['canton.yaml']}` });
  expect(second!.exports.map(({ policy }) => policy).every((policy, index) => policy === policies[index])).toBe(true);
  expect(second!.sites.get('canton')).toBe(first!.sites.get('canton'));
  const { configuration: third } = load({ ...files, 'm.csv': 'DE,,mainz,6\n' });
  expect(third!.exports[0]!.policy.matrix[0]!.ms).toBe(6);
  expect(third!.exports[3]!.policy).toBe(c);
});

test('sites, policies and matrices that are kept do not keep the text of their files', () => {
  const MIB = 1024 * 1024;
  const name = 'a-site-with-quite-a-long-name';
  const kept: unknown[] = [];
  const read = (number: number): void => {
    const comment = `# ${String(number).repeat(MIB / 2)}\n`;
    const exp = `hosts: [b.example.org]
endpoints: [{ address: 192.0.2.3, site: ${name} }]
policy: { ttl: ${number}, matrix: m.csv, failover: [[${name}]] }`;
    const { configuration } = load({
      ...WORLD,
      'b.yaml': `${site(name, 'region: DE')}${comment}---\n${exported('b', exp)}`,
      'm.csv': `,,${name},${number}\n${comment}`,
    });
    const policy = configuration!.exports.find((exp) => exp.name === 'b')!.policy;
    kept.push(policy, configuration!.sites.get(name));
  };
  for (let i = 0; i < 5; i++) read(i + 10);
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 40; i++) read(i + 20);
  collectGarbage();
  expect((process.memoryUsage().heapUsed - before) / MIB).toBeLessThan(20);
  expect(kept).toHaveLength(90);
});

test('a matrix that is known is checked against the sites of today', () => {
  const files = {
    ...WORLD,
    'm.csv': 'DE,,mainz,5\nDE,,rome,7\n',
    'app.yaml': exported('app', `hosts: [app.example.org]\n${ENDPOINTS}\npolicy: { matrix: m.csv }`),
  };
  const said = (more: Files): string[] => load({ ...files, ...more }).problems.map(({ message }) => message);
  expect(said({})).toEqual(['no site `rome`']);
  expect(said({ 'rome.yaml': site('rome', 'region: DE') })).toEqual([]);
  expect(said({})).toEqual(['no site `rome`']);
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
