import { expect, test } from 'vitest';
import { complaints, ENDPOINTS, exported, override, site, WORLD, zone } from './world.ts';

const policy = (text: string): string => `hosts: [b.example.org]\n${ENDPOINTS}\npolicy:\n${text.replace(/^/gmu, '  ')}`;

/** What is tried, the files beside or in place of the world's, and all that is said. */
const CASES: readonly (readonly [string, Readonly<Record<string, string>>, readonly string[]])[] = [
  ['nothing wrong', {}, []],
  [
    'two resources of one name',
    { 'b.yaml': WORLD['canton.yaml']! },
    [
      'canton.yaml:3:12: error: metadata.name: there is a Site `canton` already (b.yaml:3); rename or remove one of the two',
    ],
  ],
  ['one name in two tenants', { 'b.yaml': exported('team/app', `hosts: [b.example.org]\n${ENDPOINTS}`) }, []],
  [
    'unknown region',
    { 'canton.yaml': site('canton', 'region: CN-GDD') },
    ['canton.yaml:5:3: error: spec.region: no region `CN-GDD`; subdivisions of `CN` are `CN-GD`'],
  ],
  [
    'region in small letters',
    { 'canton.yaml': site('canton', 'region: de') },
    ['canton.yaml:5:3: error: spec.region: no region `de`; did you mean `DE`?'],
  ],
  [
    'region unlike any',
    { 'canton.yaml': site('canton', 'region: XX') },
    [
      'canton.yaml:5:3: error: spec.region: no region `XX`; regions are ISO 3166 codes such as `DE` or `CN-GD`, as in geo-data/regions.csv',
    ],
  ],
  [
    'unknown carrier',
    { 'canton.yaml': site('canton', 'region: CN-GD\nisps: [telecon, AS4134, zork]') },
    [
      'canton.yaml:6:10: warning: spec.isps[0]: no carrier `telecon`; did you mean `telecom`?',
      'canton.yaml:6:27: warning: spec.isps[2]: no carrier `zork`; use a name of geo-data/carriers.csv, or an AS number as in `AS3320`',
    ],
  ],
  [
    'host in no zone',
    { 'b.yaml': exported('b', `hosts: [b.exmaple.org]\n${ENDPOINTS}`) },
    ['b.yaml:5:11: error: spec.hosts[0]: b.exmaple.org is in no served zone; did you mean `b.example.org`?'],
  ],
  [
    'host far from any zone',
    { 'b.yaml': exported('b', `hosts: [b.test]\n${ENDPOINTS}`) },
    ['b.yaml:5:11: error: spec.hosts[0]: b.test is in no served zone; add a Zone for it; served are `example.org`'],
  ],
  [
    'host in a domain of nobody',
    { 'b.yaml': exported('b', `hosts: ['b c.example.org', 'a.*.example.org', 'x..y']\n${ENDPOINTS}`) },
    [
      'b.yaml:5:11: error: spec.hosts[0]: a blank without an escape in "b c.example.org"; write a host name such as `app.example.org`',
      'b.yaml:5:30: error: spec.hosts[1]: "a.*.example.org" is not a host name; write letters, digits and hyphens, with `*` at most as the whole first label',
      'b.yaml:5:49: error: spec.hosts[2]: an empty label in "x..y"; write a host name such as `app.example.org`',
    ],
  ],
  [
    'host beside a CNAME',
    { 'b.yaml': exported('b', `hosts: [old.example.org]\n${ENDPOINTS}`) },
    [
      'b.yaml:5:11: error: spec.hosts[0]: old.example.org has a CNAME record in the zone (zone.yaml:8); remove that record, or the host here',
    ],
  ],
  [
    'host beside addresses',
    { 'b.yaml': exported('b', `hosts: [Host.example.org., six.example.org]\n${ENDPOINTS}`) },
    [
      'b.yaml:5:11: error: spec.hosts[0]: Host.example.org has an A record in the zone (zone.yaml:9); remove that record, or the host here',
      'b.yaml:5:30: error: spec.hosts[1]: six.example.org has an AAAA record in the zone (zone.yaml:10); remove that record, or the host here',
    ],
  ],
  [
    'host at and below a delegation',
    { 'b.yaml': exported('b', `hosts: [away.example.org, b.away.example.org]\n${ENDPOINTS}`) },
    [
      'b.yaml:5:11: error: spec.hosts[0]: away.example.org is delegated away (zone.yaml:11); choose a name that the zone answers for',
      'b.yaml:5:29: error: spec.hosts[1]: b.away.example.org is below the delegation of away.example.org (zone.yaml:11); choose a name that the zone answers for',
    ],
  ],
  [
    'host below a DNAME, and at it',
    { 'b.yaml': exported('b', `hosts: [b.gone.example.org, gone.example.org]\n${ENDPOINTS}`) },
    [
      'b.yaml:5:11: error: spec.hosts[0]: b.gone.example.org is below the DNAME at gone.example.org, which hides it (zone.yaml:12); remove the DNAME, or choose another name',
    ],
  ],
  ['wildcard and apex', { 'b.yaml': exported('b', `hosts: ['*.b.example.org', example.org]\n${ENDPOINTS}`) }, []],
  [
    'two exports, one host',
    { 'b.yaml': exported('b', `hosts: [APP.example.org]\n${ENDPOINTS}`) },
    [
      'b.yaml:5:11: error: spec.hosts[0]: app.example.org is a host of DomainExport default/app already (app.yaml:5); remove it from one of the two',
    ],
  ],
  [
    'one host twice',
    { 'app.yaml': exported('app', `hosts: [app.example.org, app.example.org.]\n${ENDPOINTS}`) },
    ['app.yaml:5:28: error: spec.hosts[1]: app.example.org stands here twice; remove one of the two'],
  ],
  [
    'export without a host',
    { 'b.yaml': exported('b', ENDPOINTS) },
    ['b.yaml:4:1: warning: spec.hosts: no host answers with this export; give it `hosts`, or a Zone `targets: true`'],
  ],
  [
    'unknown site',
    { 'b.yaml': exported('b', 'hosts: [b.example.org]\nendpoints: [{ address: 192.0.2.1, site: cantno }]') },
    ['b.yaml:6:37: error: spec.endpoints[0].site: no site `cantno`; did you mean `canton`?'],
  ],
  [
    'what are no addresses',
    {
      'b.yaml': exported(
        'b',
        `hosts: [b.example.org]
endpoints:
  - { address: 192.0.2.256, site: canton }
  - { address: 192.0.2.1/32, site: canton }
  - { address: 192.0.2.1:80, site: canton }
  - { address: '[2001:db8::1]:80', site: canton }
  - { address: fe80::1%eth0, site: canton }
  - { address: www.example.org, site: canton }
  - { address: 0.0.0.0, site: canton }
  - { address: ff02::1, site: canton }`,
      ),
    },
    [
      'b.yaml:7:9: error: spec.endpoints[0].address: `192.0.2.256` is not an IP address; write an IPv4 address such as `192.0.2.1` or an IPv6 address such as `2001:db8::1`',
      'b.yaml:8:9: error: spec.endpoints[1].address: `192.0.2.1/32` is not an IP address; write the address alone, without a prefix length',
      'b.yaml:9:9: error: spec.endpoints[2].address: `192.0.2.1:80` is not an IP address; write the address alone, without a port',
      'b.yaml:10:9: error: spec.endpoints[3].address: `[2001:db8::1]:80` is not an IP address; write the address alone, without brackets and port',
      'b.yaml:11:9: error: spec.endpoints[4].address: `fe80::1%eth0` is not an IP address; write the address alone, without a zone index',
      'b.yaml:12:9: error: spec.endpoints[5].address: `www.example.org` is not an IP address; write an address; a host name needs a CNAME record in a zone',
      'b.yaml:13:9: error: spec.endpoints[6].address: 0.0.0.0 is no address of a host; write one that clients can connect to',
      'b.yaml:14:9: error: spec.endpoints[7].address: ff02::1 is no address of a host; write one that clients can connect to',
    ],
  ],
  [
    'one address twice',
    {
      'b.yaml': exported(
        'b',
        "hosts: [b.example.org]\nendpoints: [{ address: '2001:db8::1', site: canton }, { address: '2001:DB8:0::1', site: mainz }]",
      ),
    },
    [
      'b.yaml:6:59: error: spec.endpoints[1].address: 2001:db8::1 is the address of endpoints[0] already; remove one of the two',
    ],
  ],
  [
    'only weights of 0',
    { 'b.yaml': exported('b', 'hosts: [b.example.org]\nendpoints: [{ address: 192.0.2.1, site: canton, weight: 0 }]') },
    [
      'b.yaml:6:3: warning: spec.endpoints: every endpoint has weight 0; clients are shared as if all were 1; give one a weight above 0',
    ],
  ],
  [
    'rule that denies all',
    { 'b.yaml': exported('b', policy('rules: [{ clients: { regions: [DE] }, deny: [mainz, canton] }]')) },
    [
      'b.yaml:10:43: error: spec.policy.rules[0].deny: denies every site that the export has endpoints at; leave at least one site that may serve these clients',
    ],
  ],
  [
    'rule that denies what it allows',
    { 'b.yaml': exported('b', policy('rules: [{ clients: {}, only: [mainz], deny: [mainz] }]')) },
    [
      'b.yaml:10:43: error: spec.policy.rules[0].deny: denies every site that `only` allows; remove them from one of the two',
    ],
  ],
  [
    'rule for a country whose code is a continent elsewhere',
    {
      'riyadh.yaml': site('riyadh', 'region: SA'),
      'b.yaml': exported('b', policy('rules: [{ clients: { regions: [NA, SA, europe] }, only: [mainz] }]')),
    },
    [
      'b.yaml:10:36: warning: spec.policy.rules[0].clients.regions[0]: `NA` is the country Namibia; write `north-america` if the continent is meant',
    ],
  ],
  [
    'rule that does nothing, names nobody',
    { 'b.yaml': exported('b', policy('rules: [{ clients: { regions: [FR], isps: [unicon] } }]')) },
    [
      'b.yaml:10:36: error: spec.policy.rules[0].clients.regions[0]: no region `FR`; regions are ISO 3166 codes such as `DE` or `CN-GD`, as in geo-data/regions.csv',
      'b.yaml:10:48: warning: spec.policy.rules[0].clients.isps[0]: no carrier `unicon`; did you mean `unicom`?',
      'b.yaml:10:13: warning: spec.policy.rules[0]: the rule does nothing; give it `only` or `deny`, or remove it',
    ],
  ],
  [
    'rule with unknown sites',
    { 'b.yaml': exported('b', policy('rules: [{ clients: {}, only: [manz], deny: [cantom] }]')) },
    [
      'b.yaml:10:35: error: spec.policy.rules[0].only[0]: no site `manz`; did you mean `mainz`?',
      'b.yaml:10:49: error: spec.policy.rules[0].deny[0]: no site `cantom`; did you mean `canton`?',
    ],
  ],
  [
    'site without endpoint in rule',
    {
      'rome.yaml': site('rome', 'region: DE'),
      'b.yaml': exported('b', policy('rules: [{ clients: {}, only: [rome] }]\nfailover: [[mainz], [rome]]')),
    },
    [
      'b.yaml:11:26: warning: spec.policy.failover[1][0]: the export has no endpoint at `rome`; add one there, or remove the tier',
      'b.yaml:10:35: warning: spec.policy.rules[0].only[0]: the export has no endpoint at `rome`; add one there, or remove the rule',
    ],
  ],
  [
    'failover names a site twice',
    { 'b.yaml': exported('b', policy('failover: [[mainz, mainz], [canton, mainz], [nowhere]]')) },
    [
      'b.yaml:10:24: error: spec.policy.failover[0][1]: `mainz` is in this tier already; name each site once',
      'b.yaml:10:41: error: spec.policy.failover[1][1]: `mainz` is in failover[0] already; name each site once',
      'b.yaml:10:50: error: spec.policy.failover[2][0]: no site `nowhere`; sites are `canton`, `mainz`',
    ],
  ],
  [
    'bad matrix, named by two exports',
    {
      'b.yaml': exported('b', policy('matrix: m.csv')),
      'c.yaml': exported('c', policy('matrix: m.csv').replace('b.example', 'c.example')),
      'm.csv':
        '# measured\nregion,isp,site,ms\nDE,,mainz,5\nDE,,mainz,6\nDE,mainz,6\nFRA,,manz,fast\n,telecon,canton,1.5\n',
    },
    [
      'm.csv:4: error: says `DE,,mainz` again; keep this line or line 3',
      'm.csv:5: error: 3 fields, not 4; write region,isp,site,ms',
      'm.csv:6: error: ms: `fast` is not a time; write milliseconds, as in `12.5`',
      'm.csv:6: error: site: no site `manz`; did you mean `mainz`?',
      'm.csv:6: error: region: no region `FRA`; regions are ISO 3166 codes such as `DE` or `CN-GD`, as in geo-data/regions.csv',
      'm.csv:7: warning: isp: no carrier `telecon`; did you mean `telecom`?',
      'c.yaml:10:5: error: spec.policy.matrix: m.csv is invalid; mend it',
    ],
  ],
  [
    'override of nothing',
    { 'o.yaml': override('o', 'export: ap\nfactor: 2') },
    ['o.yaml:5:3: error: spec.export: tenant `default` has no DomainExport `ap`; did you mean `app`?'],
  ],
  [
    'override without change, with two',
    { 'o.yaml': override('o', 'export: app'), 'p.yaml': override('p', 'export: app\nweight: 1\nfactor: 1') },
    [
      'o.yaml:4:1: error: spec: changes nothing; give it `weight` or `factor`',
      'p.yaml:7:3: error: spec.factor: an override has either `weight` or `factor`; remove one of the two',
    ],
  ],
  [
    'override elsewhere',
    {
      'o.yaml': override('o', 'export: app\nfactor: 1\nsites: [maintz, rome]\naddresses: [192.0.2.3]'),
      'rome.yaml': site('rome', 'region: DE'),
    },
    [
      'o.yaml:7:11: error: spec.sites[0]: no site `maintz`; did you mean `mainz`?',
      'o.yaml:7:19: warning: spec.sites[1]: the export has no endpoint at `rome`; add one there, or remove the site here',
      'o.yaml:8:15: error: spec.addresses[0]: the export has no endpoint `192.0.2.3`; did you mean `192.0.2.1`?',
    ],
  ],
  [
    'override that ended',
    { 'o.yaml': override('o', 'export: app\nfactor: 0\nexpires: 2026-11-23T12:00:00Z') },
    [
      'o.yaml:7:3: warning: spec.expires: ended at 2026-11-23T12:00:00Z and does nothing; delete it, or give it a later time',
    ],
  ],
  [
    'override to nothing',
    { 'o.yaml': override('o', 'export: app\nweight: 0') },
    [
      'app.yaml:6:3: warning: spec.endpoints: every endpoint has weight 0 after its overrides; clients are shared as if all were 1; give one a weight above 0',
    ],
  ],
  [
    'two zones of one origin',
    { 'b.yaml': zone('b', "origin: EXAMPLE.org.\nrecords: [{ name: '@', type: NS, data: ns.example.net. }]") },
    ['zone.yaml:5:3: error: spec.origin: example.org is served by b.yaml:5 already; keep one of the two zones'],
  ],
  [
    'zone with file and records',
    { 'b.yaml': zone('b', 'origin: b.test\nfile: b.zone\nrecords: []') },
    ['b.yaml:7:3: error: spec.records: a zone has either `file` or `records`; remove one of the two'],
  ],
  [
    'zone with neither',
    { 'b.yaml': zone('b', 'origin: b.test') },
    ['b.yaml:4:1: error: spec.file: missing; name a master file in `file`, or write `records`'],
  ],
  [
    'origin that is no name',
    { 'b.yaml': zone('b', 'origin: b..test\nrecords: []') },
    ['b.yaml:5:3: error: spec.origin: an empty label in "b..test"; write a domain name such as `example.org`'],
  ],
  [
    'target zone',
    {
      'b.yaml': zone('b', "origin: b.test\ntargets: true\nrecords: [{ name: '@', type: NS, data: ns.example.net. }]"),
      'c.yaml': exported('lab/c', ENDPOINTS),
    },
    [],
  ],
  [
    'target names in the way',
    {
      'b.yaml': zone(
        'b',
        "origin: b.test\ntargets: true\nrecords: [{ name: '@', type: NS, data: ns.example.net. }, { name: lab, type: NS, data: ns.example.net. }]",
      ),
      'c.yaml': exported('lab/c', ENDPOINTS),
    },
    [
      'c.yaml:3:12: error: metadata.name: c.lab.b.test is below the delegation of lab.b.test (b.yaml:7); choose a name that the zone answers for',
    ],
  ],
  [
    'target names too long',
    {
      'b.yaml': zone(
        'b',
        `origin: ${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}\ntargets: true\nrecords: [{ name: '@', type: NS, data: ns.example.net. }, { name: '@', type: SOA, data: ns.example.net. root.example.net. 1 60 60 60 60 }]`,
      ),
      'c.yaml': exported('laboratory/c', ENDPOINTS),
    },
    [
      'app.yaml:3:12: error: metadata.name: app.default.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd is longer than 255 octets; shorten a name, or the origin of the target zone',
      'c.yaml:3:12: error: metadata.name: c.laboratory.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd is longer than 255 octets; shorten a name, or the origin of the target zone',
    ],
  ],
];

test.each(CASES)('%s', (_, files, expected) => {
  expect(complaints(files)).toEqual(expected);
});

test('files that cannot be read, or lie outside of the directory', () => {
  const said = complaints({
    'b.yaml': `${zone('b', 'origin: b.test\nfile: b.zone')}---\n${exported('b', `hosts: [x.b.test]\n${ENDPOINTS}`)}`,
    'c.yaml': exported('c', policy('matrix: ../m.csv').replace('b.example', 'c.example')),
    'd.yaml': zone('d', 'origin: d.test\nfile: /etc/hosts'),
  });
  expect(said).toEqual([
    expect.stringMatching(/^b\.yaml:6:3: error: spec\.file: b\.zone: .*; the path is relative to this file$/u),
    expect.stringMatching(/^d\.yaml:6:3: error: spec\.file: \/etc\/hosts: it is outside of .*; the path is relative/u),
    expect.stringMatching(/^c\.yaml:10:5: error: spec\.policy\.matrix: \.\.\/m\.csv: .*; the path is relative/u),
  ]);
});

test('problems of master files have their own file and line', () => {
  const said = complaints({
    'b.yaml': zone('b', 'origin: b.test\nfile: zones/b.zone'),
    'zones/b.zone':
      '@ 60 IN SOA ns.dns.test. root 1 2 3 4 5\n@ 60 IN NS ns.dns.test.\nwww 60 IN A 192.0.2\n$INCLUDE more\n',
    'zones/more': 'mail 60 IN MX mail\n',
    'c.yaml': zone(
      'c',
      "origin: c.test\nrecords:\n  - { name: '@', type: NS, data: ns.dns.test. }\n  - { name: a, type: A, data: x }",
    ),
  });
  expect(said).toEqual([
    expect.stringMatching(/^zones\/b\.zone:3:\d+: error: /u),
    expect.stringMatching(/^zones\/more:1:\d+: error: /u),
    expect.stringMatching(/^c\.yaml:8:\d+: error: spec\.records\[1\]/u),
  ]);
});
