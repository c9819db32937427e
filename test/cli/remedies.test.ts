import { describe, expect, test } from 'vitest';
import { loadDirectory, loadServerFile } from '../../src/cli/workspace.ts';
import { formatProblem } from '../../src/lib/problem.ts';
import { openZones } from '../../src/state/zone-folder.ts';
import { ENDPOINTS, exported, override, site, WORLD, zone } from '../state/world.ts';
import { temporaryDirectory, type Files } from '../support/directory.ts';

/** What `edgeward check` says of the files, without places: these move with what is edited. */
function complaints(files: Files): string[] {
  const directory = temporaryDirectory(files);
  const isFolder = Object.keys(files).every((name) => name.endsWith('.zone'));
  const problems = isFolder
    ? openZones(directory).load().problems
    : [...loadServerFile(directory).problems, ...loadDirectory(directory).problems];
  return problems.map((problem) =>
    formatProblem(problem)
      .replaceAll(`${directory}/`, '')
      .replaceAll(/:\d+(?::\d+)?(?=[:)])/gu, ''),
  );
}

/** What is edited in a file: a part of it, or all (undefined: the file is removed). */
type Edits = Readonly<Record<string, readonly [from: string, to: string] | string | undefined>>;

function edited(files: Files, edits: Edits): Files {
  const next: Record<string, string> = { ...files };
  for (const [file, edit] of Object.entries(edits)) {
    if (edit === undefined) delete next[file];
    else if (typeof edit === 'string') next[file] = edit;
    else {
      const [from, to] = edit;
      expect(next[file], `${file} has no ${from}`).toContain(from);
      next[file] = next[file]!.replace(from, () => to);
    }
  }
  return next;
}

const policy = (text: string): string => `hosts: [b.example.org]\n${ENDPOINTS}\npolicy:\n${text.replace(/^/gmu, '  ')}`;
const SOA = '$TTL 300\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.53\n';
/** A zone in a resource, with its master file. */
const master = (text: string, before = SOA): Files => ({
  'b.yaml': zone('b', 'origin: b.test\nfile: b.zone'),
  ...folder(text, before, 'b.zone'),
});
/** A folder of master files, with one. */
const folder = (text: string, before = SOA, name = 'b.test.zone'): Files => ({ [name]: `${before}${text}\n` });
const CLUSTER = 'region: DE\ncluster: { kubeconfig: { file: k } }';

interface Case {
  readonly files: Files;
  /** A part of what is said before, and is not said any more after. */
  readonly says: string;
  readonly edits: Edits;
}

const RESOURCES: Readonly<Record<string, Case>> = {
  'two resources of one name: rename': {
    files: { 'b.yaml': WORLD['canton.yaml']! },
    says: 'rename or remove one of the two',
    edits: { 'b.yaml': ['name: canton', 'name: kanton'] },
  },
  'two resources of one name: remove': {
    files: { 'b.yaml': WORLD['canton.yaml']! },
    says: 'rename or remove one of the two',
    edits: { 'b.yaml': undefined },
  },
  'unknown region': {
    files: { 'canton.yaml': site('canton', 'region: CN-GDD') },
    says: 'subdivisions of `CN` are `CN-AH`, `CN-BJ`, `CN-CQ`, `CN-FJ`, `CN-GD`',
    edits: { 'canton.yaml': ['CN-GDD', 'CN-GD'] },
  },
  'region unlike any': {
    files: { 'canton.yaml': site('canton', 'region: XX') },
    says: 'regions are ISO 3166 codes such as `DE`',
    edits: { 'canton.yaml': ['XX', 'DE'] },
  },
  'unknown carrier': {
    files: { 'canton.yaml': site('canton', 'region: CN-GD\nisps: [telecon]') },
    says: 'did you mean `telecom`?',
    edits: { 'canton.yaml': ['telecon', 'telecom'] },
  },
  'carrier unlike any': {
    files: { 'canton.yaml': site('canton', 'region: CN-GD\nisps: [zork]') },
    says: 'an AS number as in `AS3320`',
    edits: { 'canton.yaml': ['zork', 'AS3320'] },
  },
  'host in no zone': {
    files: { 'b.yaml': exported('b', `hosts: [b.exmaple.org]\n${ENDPOINTS}`) },
    says: 'did you mean `b.example.org`?',
    edits: { 'b.yaml': ['b.exmaple.org', 'b.example.org'] },
  },
  'host far from any zone': {
    files: { 'b.yaml': exported('b', `hosts: [b.test]\n${ENDPOINTS}`) },
    says: 'add a Zone for it',
    edits: { 'z.yaml': zone('z', "origin: b.test\nrecords: [{ name: '@', type: NS, data: ns.example.net. }]") },
  },
  'host that is none': {
    files: { 'b.yaml': exported('b', `hosts: ['a.*.example.org']\n${ENDPOINTS}`) },
    says: 'with `*` at most as the whole first label',
    edits: { 'b.yaml': ['a.*.example.org', '*.a.example.org'] },
  },
  'host with an empty label': {
    files: { 'b.yaml': exported('b', `hosts: [x..y]\n${ENDPOINTS}`) },
    says: 'write a host name such as `app.example.org`',
    edits: { 'b.yaml': ['x..y', 'x.example.org'] },
  },
  'host beside a CNAME': {
    files: { 'b.yaml': exported('b', `hosts: [old.example.org]\n${ENDPOINTS}`) },
    says: 'remove that record, or the host here',
    edits: { 'zone.yaml': ['    - { name: old, type: CNAME, data: app }\n', ''] },
  },
  'host beside an address': {
    files: { 'b.yaml': exported('b', `hosts: [host.example.org, b.example.org]\n${ENDPOINTS}`) },
    says: 'remove that record, or the host here',
    edits: { 'b.yaml': ['host.example.org, ', ''] },
  },
  'host at a delegation': {
    files: { 'b.yaml': exported('b', `hosts: [away.example.org]\n${ENDPOINTS}`) },
    says: 'choose a name that the zone answers for',
    edits: { 'b.yaml': ['away.example.org', 'b.example.org'] },
  },
  'host below a DNAME': {
    files: { 'b.yaml': exported('b', `hosts: [b.gone.example.org]\n${ENDPOINTS}`) },
    says: 'remove the DNAME, or choose another name',
    edits: { 'zone.yaml': ['  - { name: gone, type: DNAME, data: example.net. }', ''] },
  },
  'host of two exports': {
    files: { 'b.yaml': exported('b', `hosts: [app.example.org, b.example.org]\n${ENDPOINTS}`) },
    says: 'remove it from one of the two',
    edits: { 'b.yaml': ['app.example.org, ', ''] },
  },
  'host twice': {
    files: { 'app.yaml': exported('app', `hosts: [app.example.org, app.example.org.]\n${ENDPOINTS}`) },
    says: 'remove one of the two',
    edits: { 'app.yaml': [', app.example.org.', ''] },
  },
  'no host: one is given': {
    files: { 'b.yaml': exported('b', ENDPOINTS) },
    says: 'give it `hosts`, or a Zone `targets: true`',
    edits: { 'b.yaml': ['endpoints:', 'hosts: [b.example.org]\n  endpoints:'] },
  },
  'no host: a zone has targets': {
    files: { 'b.yaml': exported('b', ENDPOINTS) },
    says: 'give it `hosts`, or a Zone `targets: true`',
    edits: { 'zone.yaml': ['origin: example.org', 'origin: example.org\n  targets: true'] },
  },
  'a host that its tenant may not have': {
    files: {
      'zone.yaml': WORLD['zone.yaml']!.replace(
        'origin: example.org',
        'origin: example.org\n  tenants: [{ name: default }]',
      ),
      'b.yaml': exported('lab/b', `hosts: [b.example.org]\n${ENDPOINTS}`),
    },
    says: 'have the operator name the tenant in the `tenants` of the Zone',
    edits: { 'zone.yaml': ['[{ name: default }]', '[{ name: default }, { name: lab }]'] },
  },
  'unknown site': {
    files: { 'b.yaml': exported('b', 'hosts: [b.example.org]\nendpoints: [{ address: 192.0.2.1, site: cantno }]') },
    says: 'did you mean `canton`?',
    edits: { 'b.yaml': ['cantno', 'canton'] },
  },
  'unknown site, and none at all': {
    files: {
      'canton.yaml': '',
      'mainz.yaml': '',
      'app.yaml': exported('app', 'hosts: [app.example.org]\nendpoints: [{ address: 192.0.2.1, site: rome }]'),
    },
    says: 'no site `rome`; there is none: add it first',
    edits: { 'rome.yaml': site('rome', 'region: IT') },
  },
  'address with a length': {
    files: { 'b.yaml': exported('b', 'hosts: [b.example.org]\nendpoints: [{ address: 192.0.2.1/32, site: canton }]') },
    says: 'write the address alone, without a prefix length',
    edits: { 'b.yaml': ['/32', ''] },
  },
  'address with a port': {
    files: { 'b.yaml': exported('b', 'hosts: [b.example.org]\nendpoints: [{ address: 192.0.2.1:80, site: canton }]') },
    says: 'write the address alone, without a port',
    edits: { 'b.yaml': [':80', ''] },
  },
  'address that is a name': {
    files: {
      'b.yaml': exported('b', 'hosts: [b.example.org]\nendpoints: [{ address: www.example.net, site: canton }]'),
    },
    says: 'a host name needs a CNAME record in a zone',
    edits: {
      'b.yaml': undefined,
      'zone.yaml': ['- { name: old', '- { name: b, type: CNAME, data: www.example.net. }\n    - { name: old'],
    },
  },
  'address twice': {
    files: {
      'b.yaml': exported(
        'b',
        'hosts: [b.example.org]\nendpoints: [{ address: 192.0.2.1, site: canton }, { address: 192.0.2.1, site: mainz }]',
      ),
    },
    says: 'remove one of the two',
    edits: { 'b.yaml': [', { address: 192.0.2.1, site: mainz }', ''] },
  },
  'only weights of 0': {
    files: {
      'b.yaml': exported('b', 'hosts: [b.example.org]\nendpoints: [{ address: 192.0.2.1, site: canton, weight: 0 }]'),
    },
    says: 'give one a weight above 0',
    edits: { 'b.yaml': ['weight: 0', 'weight: 1'] },
  },
  'neither endpoints nor backends': {
    files: { 'b.yaml': exported('b', 'hosts: [b.example.org]') },
    says: 'add one of the two',
    edits: { 'b.yaml': exported('b', `hosts: [b.example.org]\n${ENDPOINTS}`) },
  },
  'backends, and no cluster': {
    files: {
      'b.yaml': exported('b', 'hosts: [b.example.org]\nbackends: [{ serviceRef: { namespace: default, name: web } }]'),
    },
    says: 'no site has a cluster; give a Site a `cluster`',
    edits: { 'mainz.yaml': site('mainz', CLUSTER) },
  },
  'backends at a site without a cluster': {
    files: {
      'mainz.yaml': site('mainz', CLUSTER),
      'b.yaml': exported(
        'b',
        'hosts: [b.example.org]\nbackends: [{ serviceRef: { namespace: default, name: web }, sites: [canton, mainz] }]',
      ),
    },
    says: 'give the Site a `cluster`, or remove it here',
    edits: { 'b.yaml': ['canton, ', ''] },
  },
  'backends at no other site than one without a cluster': {
    files: {
      'mainz.yaml': site('mainz', CLUSTER),
      'b.yaml': exported(
        'b',
        `hosts: [b.example.org]\n${ENDPOINTS}\nbackends: [{ serviceRef: { namespace: default, name: web }, sites: [canton] }]`,
      ),
    },
    says: 'give the Site a `cluster`, or remove the backend',
    edits: {
      'b.yaml': ['backends: [{ serviceRef: { namespace: default, name: web }, sites: [canton] }]', ''],
    },
  },
  'cluster without a kubeconfig': {
    files: { 'mainz.yaml': site('mainz', 'region: DE\ncluster: { kubeconfig: {} }') },
    says: 'a kubeconfig is in a `file` or in a `secret`; give one of the two',
    edits: { 'mainz.yaml': ['kubeconfig: {}', 'kubeconfig: { file: k }'] },
  },
  'rule that denies all': {
    files: { 'b.yaml': exported('b', policy('rules: [{ clients: { regions: [DE] }, deny: [mainz, canton] }]')) },
    says: 'leave at least one site that may serve these clients',
    edits: { 'b.yaml': ['[mainz, canton]', '[mainz]'] },
  },
  'rule that denies what it allows': {
    files: { 'b.yaml': exported('b', policy('rules: [{ clients: {}, only: [mainz], deny: [mainz] }]')) },
    says: 'remove them from one of the two',
    edits: { 'b.yaml': [', deny: [mainz]', ''] },
  },
  'rule that does nothing: it gets a list': {
    files: { 'b.yaml': exported('b', policy('rules: [{ clients: {} }]')) },
    says: 'give it `only` or `deny`, or remove it',
    edits: { 'b.yaml': ['clients: {}', 'clients: {}, only: [mainz]'] },
  },
  'rule that does nothing: it is removed': {
    files: { 'b.yaml': exported('b', policy('rules: [{ clients: {} }]')) },
    says: 'give it `only` or `deny`, or remove it',
    edits: { 'b.yaml': ['[{ clients: {} }]', '[]'] },
  },
  'rule with a site of no endpoint': {
    files: {
      'rome.yaml': site('rome', 'region: IT'),
      'b.yaml': exported('b', policy('rules: [{ clients: {}, only: [mainz, rome] }]')),
    },
    says: 'add one there, or remove the site here',
    edits: { 'b.yaml': [', rome', ''] },
  },
  'rule with no other site than one of no endpoint': {
    files: {
      'rome.yaml': site('rome', 'region: IT'),
      'b.yaml': exported('b', policy('rules: [{ clients: {}, only: [rome] }]')),
    },
    says: 'add one there, or remove the rule',
    edits: { 'b.yaml': ['[{ clients: {}, only: [rome] }]', '[]'] },
  },
  'rule that denies a site of no endpoint, beside `only`': {
    files: {
      'rome.yaml': site('rome', 'region: IT'),
      'b.yaml': exported('b', policy('rules: [{ clients: {}, only: [mainz], deny: [rome] }]')),
    },
    says: 'add one there, or remove `deny`',
    edits: { 'b.yaml': [', deny: [rome]', ''] },
  },
  'failover to a site of no endpoint: it gets one': {
    files: { 'rome.yaml': site('rome', 'region: IT'), 'b.yaml': exported('b', policy('failover: [[mainz], [rome]]')) },
    says: 'add one there, or remove the tier',
    edits: { 'b.yaml': ['endpoints:', 'endpoints:\n    - { address: 192.0.2.3, site: rome }'] },
  },
  'failover to a site of no endpoint: the tier is removed': {
    files: { 'rome.yaml': site('rome', 'region: IT'), 'b.yaml': exported('b', policy('failover: [[mainz], [rome]]')) },
    says: 'add one there, or remove the tier',
    edits: { 'b.yaml': [', [rome]', ''] },
  },
  'failover that names a site twice': {
    files: { 'b.yaml': exported('b', policy('failover: [[mainz], [canton, mainz]]')) },
    says: 'name each site once',
    edits: { 'b.yaml': ['[canton, mainz]', '[canton]'] },
  },
  'matrix: a line too short': {
    files: { 'b.yaml': exported('b', policy('matrix: m.csv')), 'm.csv': 'DE,mainz,6\n' },
    says: '3 fields, not 4; write region,isp,site,ms',
    edits: { 'm.csv': ['DE,mainz', 'DE,,mainz'] },
  },
  'matrix: no time': {
    files: { 'b.yaml': exported('b', policy('matrix: m.csv')), 'm.csv': 'DE,,mainz,fast\n' },
    says: 'write milliseconds, as in `12.5`',
    edits: { 'm.csv': ['fast', '12.5'] },
  },
  'matrix: a line again': {
    files: { 'b.yaml': exported('b', policy('matrix: m.csv')), 'm.csv': 'DE,,mainz,5\nDE,,mainz,6\n' },
    says: 'keep this line or line 1',
    edits: { 'm.csv': ['DE,,mainz,5\n', ''] },
  },
  'matrix that is not there': {
    files: { 'b.yaml': exported('b', policy('matrix: n.csv')), 'm.csv': 'DE,,mainz,5\n' },
    says: 'n.csv: there is no such file or directory; the path is relative to this file',
    edits: { 'b.yaml': ['n.csv', 'm.csv'] },
  },
  'override of an unknown export': {
    files: { 'o.yaml': override('o', 'export: ap\nfactor: 2') },
    says: 'did you mean `app`?',
    edits: { 'o.yaml': ['ap\n', 'app\n'] },
  },
  'override where there is no export': {
    files: { 'app.yaml': '', 'o.yaml': override('o', 'export: app\nfactor: 2') },
    says: 'there is none: add it first',
    edits: { 'app.yaml': WORLD['app.yaml']! },
  },
  'override without a change': {
    files: { 'o.yaml': override('o', 'export: app') },
    says: 'give it `weight` or `factor`',
    edits: { 'o.yaml': ['app\n', 'app\n  factor: 0.5\n'] },
  },
  'override with two changes': {
    files: { 'o.yaml': override('o', 'export: app\nweight: 1\nfactor: 2') },
    says: 'remove one of the two',
    edits: { 'o.yaml': ['  factor: 2\n', ''] },
  },
  'override at a site of no endpoint': {
    files: {
      'rome.yaml': site('rome', 'region: IT'),
      'o.yaml': override('o', 'export: app\nfactor: 2\nsites: [mainz, rome]'),
    },
    says: 'add one there, or remove the site here',
    edits: { 'o.yaml': [', rome', ''] },
  },
  'override at no other site than one of no endpoint': {
    files: {
      'rome.yaml': site('rome', 'region: IT'),
      'o.yaml': override('o', 'export: app\nfactor: 2\nsites: [rome]'),
    },
    says: 'add one there, or delete the override',
    edits: { 'o.yaml': undefined },
  },
  'override of an unknown address': {
    files: { 'o.yaml': override('o', 'export: app\nfactor: 2\naddresses: [192.0.2.3]') },
    says: 'did you mean `192.0.2.1`?',
    edits: { 'o.yaml': ['192.0.2.3', '192.0.2.1'] },
  },
  'override that ended: deleted': {
    files: { 'o.yaml': override('o', 'export: app\nfactor: 2\nexpires: 2020-01-01T00:00:00Z') },
    says: 'delete it, or give it a later time',
    edits: { 'o.yaml': undefined },
  },
  'override that ended: later': {
    files: { 'o.yaml': override('o', 'export: app\nfactor: 2\nexpires: 2020-01-01T00:00:00Z') },
    says: 'delete it, or give it a later time',
    edits: { 'o.yaml': ['2020', '2999'] },
  },
  'two zones of one origin': {
    files: { 'b.yaml': zone('b', "origin: EXAMPLE.org.\nrecords: [{ name: '@', type: NS, data: ns.example.net. }]") },
    says: 'keep one of the two zones',
    edits: { 'b.yaml': undefined },
  },
  'zone with file and records': {
    files: { ...master(''), 'b.yaml': zone('b', 'origin: b.test\nfile: b.zone\nrecords: []') },
    says: 'remove one of the two',
    edits: { 'b.yaml': ['  records: []\n', ''] },
  },
  'zone with neither': {
    files: { ...master(''), 'b.yaml': zone('b', 'origin: b.test') },
    says: 'name a master file in `file`, or write `records`',
    edits: { 'b.yaml': zone('b', 'origin: b.test\nfile: b.zone') },
  },
  'origin that is no name': {
    files: { ...master(''), 'b.yaml': zone('b', 'origin: b..test\nfile: b.zone') },
    says: 'write a domain name such as `example.org`',
    edits: { 'b.yaml': ['b..test', 'b.test'] },
  },
  'record outside of its zone': {
    files: {
      'b.yaml': zone(
        'b',
        "origin: b.test\nrecords: [{ name: '@', type: NS, data: ns.example.net. }, { name: www.c.test., type: A, data: 192.0.2.1 }]",
      ),
    },
    says: 'end it without a dot to make it relative to the origin',
    edits: { 'b.yaml': ['www.c.test.,', 'www.c.test,'] },
  },
  'record of no type': {
    files: {
      'b.yaml': zone(
        'b',
        "origin: b.test\nrecords: [{ name: '@', type: NS, data: ns.example.net. }, { name: www, type: FOO, data: '\\# 1 00' }]",
      ),
    },
    says: 'types without a name here are written TYPE<number>',
    edits: { 'b.yaml': ['FOO', 'TYPE65280'] },
  },
  'a resource that is none': {
    files: { 'b.yaml': 'just text' },
    says: 'write a map with `apiVersion`, `kind`, `metadata` and `spec`',
    edits: { 'b.yaml': site('rome', 'region: IT') },
  },
  'another API: it is moved elsewhere': {
    files: { 'b.yaml': 'apiVersion: v1\nkind: ConfigMap\n' },
    says: 'or move the file elsewhere',
    edits: { 'b.yaml': undefined },
  },
  'a host in place of a list of hosts': {
    files: { 'b.yaml': exported('b', `hosts: '*.b.example.org'\n${ENDPOINTS}`) },
    says: 'put it in brackets: ["*.b.example.org"]',
    edits: { 'b.yaml': ["'*.b.example.org'", '["*.b.example.org"]'] },
  },
};

const YAML: Readonly<Record<string, Case>> = {
  'a key twice': {
    files: { 'b.yaml': site('rome', 'region: IT\nregion: DE') },
    says: 'keep one of the two',
    edits: { 'b.yaml': ['  region: DE\n', ''] },
  },
  'a tab': {
    files: { 'b.yaml': site('rome', 'region: IT').replace('  region', '\tregion') },
    says: 'indent by spaces',
    edits: { 'b.yaml': ['\t', '  '] },
  },
  'an open bracket': {
    files: { 'b.yaml': site('rome', 'region: IT\nisps: [telecom') },
    says: 'close every bracket',
    edits: { 'b.yaml': ['[telecom', '[telecom]'] },
  },
  'a wildcard without quotes': {
    files: { 'b.yaml': exported('b', `hosts: [*.b.example.org]\n${ENDPOINTS}`) },
    says: 'quote text that begins with `*`',
    edits: { 'b.yaml': ['*.b.example.org', "'*.b.example.org'"] },
  },
  'a tag': {
    files: { 'b.yaml': site('rome', 'region: !foo IT') },
    says: 'remove the tag',
    edits: { 'b.yaml': ['!foo ', ''] },
  },
  'a backslash': {
    files: { 'b.yaml': site('rome', 'region: "I\\T"') },
    says: 'double the backslash, or use single quotes',
    edits: { 'b.yaml': ['"I\\T"', "'IT'"] },
  },
};

const MASTER: Readonly<Record<string, Case>> = {
  'no SOA': {
    files: folder('', '$TTL 300\n@ NS ns1\nns1 A 192.0.2.53\n'),
    says: 'write `@ SOA ns1 hostmaster 1 7200 900 1209600 300`',
    edits: { 'b.test.zone': ['@ NS', '@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS'] },
  },
  'no NS': {
    files: folder('', '$TTL 300\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n'),
    says: 'write `@ NS ns1` and the address of ns1',
    edits: { 'b.test.zone': `${SOA}\n` },
  },
  'a name server without an address': {
    files: folder('@ NS ns2'),
    says: 'add an A or AAAA record for ns2.b.test.',
    edits: { 'b.test.zone': ['@ NS ns2', '@ NS ns2\nns2 A 192.0.2.54'] },
  },
  'a name server that is a CNAME': {
    files: folder('@ NS ns2\nns2 CNAME ns1'),
    says: 'name the host that it leads to',
    edits: { 'b.test.zone': ['@ NS ns2\nns2 CNAME ns1', ''] },
  },
  'a mail server that is an address': {
    files: folder('@ MX 10 192.0.2.9'),
    says: 'name a host, and give that the address',
    edits: { 'b.test.zone': ['@ MX 10 192.0.2.9', '@ MX 10 mail\nmail A 192.0.2.9'] },
  },
  'a mail server that is a CNAME': {
    files: folder('@ MX 10 mail\nmail CNAME ns1'),
    says: 'name the host that it leads to',
    edits: { 'b.test.zone': ['@ MX 10 mail', '@ MX 10 ns1'] },
  },
  'no host names': {
    files: folder('a_b A 192.0.2.9'),
    says: 'host names have letters, digits and hyphens',
    edits: { 'b.test.zone': ['a_b', 'a-b'] },
  },
  'a CNAME beside an address': {
    files: folder('x CNAME ns1\nx A 192.0.2.9'),
    says: 'a name with a CNAME has nothing else (RFC 1034 3.6.2): take one away',
    edits: { 'b.test.zone': ['x A 192.0.2.9', ''] },
  },
  'two CNAMEs': {
    files: folder('x CNAME ns1\nx CNAME ns.example.net.'),
    says: 'keep one; the first is at',
    edits: { 'b.test.zone': ['x CNAME ns1\n', ''] },
  },
  'two TTLs': {
    files: folder('x 60 A 192.0.2.8\nx 61 A 192.0.2.9'),
    says: 'a record set has one TTL (RFC 2181 5.2)',
    edits: { 'b.test.zone': ['x 61', 'x 60'] },
  },
  'data below a delegation': {
    files: folder('sub NS ns.example.net.\nwww.sub TXT x'),
    says: 'take it away',
    edits: { 'b.test.zone': ['www.sub TXT x', ''] },
  },
  'a delegation without glue': {
    files: folder('sub NS ns.sub'),
    says: 'add an A or AAAA record for ns.sub.b.test.',
    edits: { 'b.test.zone': ['sub NS ns.sub', 'sub NS ns.sub\nns.sub A 192.0.2.9'] },
  },
  'an SOA below the apex': {
    files: folder('x SOA ns1 h 2 2 3 4 5'),
    says: 'an SOA belongs to b.test. alone',
    edits: { 'b.test.zone': ['x SOA ns1 h 2 2 3 4 5', ''] },
  },
  'a DS at the apex': {
    files: folder(`@ DS 1 13 2 ${'ab'.repeat(32)}`),
    says: 'a DS belongs to the parent zone',
    edits: { 'b.test.zone': [`@ DS 1 13 2 ${'ab'.repeat(32)}`, ''] },
  },
  'a wildcard delegation': {
    files: folder('* NS ns.example.net.'),
    says: 'delegate each name',
    edits: { 'b.test.zone': ['* NS', 'x NS'] },
  },
  'outside the zone: without a dot': {
    files: folder('www.c.test. A 192.0.2.9'),
    says: 'end the name without a dot to make it relative to b.test.',
    edits: { 'b.test.zone': ['www.c.test. A', 'www.c.test A'] },
  },
  'outside the zone: taken away': {
    files: folder('www.c.test. A 192.0.2.9'),
    says: 'take it away',
    edits: { 'b.test.zone': ['www.c.test. A 192.0.2.9', ''] },
  },
  'no TTL': {
    files: folder('x 300 A 192.0.2.9\ny A 192.0.2.9', SOA.replace('$TTL 300', '').replace('@ SOA', '@ 300 SOA')),
    says: 'put a $TTL at the top',
    edits: { 'b.test.zone': ['\n', '$TTL 300\n'] },
  },
  'a TTL beyond 31 bits': {
    files: folder('x 4294967295 A 192.0.2.9'),
    says: 'write at most 2147483647',
    edits: { 'b.test.zone': ['4294967295', '2147483647'] },
  },
  'a TTL that is none': {
    files: folder('$TTL never\nx A 192.0.2.9'),
    says: 'write seconds, or units as in `1h30m`',
    edits: { 'b.test.zone': ['never', '1h30m'] },
  },
  'no type': {
    files: folder('x FOO \\# 1 00'),
    says: 'types without a name here are written TYPE<number>',
    edits: { 'b.test.zone': ['FOO', 'TYPE65280'] },
  },
  'another class': {
    files: folder('x CH TXT a'),
    says: 'write IN, or leave the class out',
    edits: { 'b.test.zone': ['CH', 'IN'] },
  },
  'an unknown directive': {
    files: folder('$BOGUS 1'),
    says: 'there are $ORIGIN, $TTL, $INCLUDE and $GENERATE',
    edits: { 'b.test.zone': ['$BOGUS', '$TTL'] },
  },
  '$GENERATE that goes down': {
    files: folder('$GENERATE 3-1 h$ A 192.0.2.$'),
    says: 'as in `$GENERATE 1-254 host-$ A 192.0.2.$`',
    edits: { 'b.test.zone': ['$GENERATE 3-1 h$ A 192.0.2.$', '$GENERATE 1-254 host-$ A 192.0.2.$'] },
  },
  'an open parenthesis': {
    files: folder('x TXT ( a'),
    says: 'close it with )',
    edits: { 'b.test.zone': ['( a', '( a )'] },
  },
  'a parenthesis too many': {
    files: folder('x TXT a )'),
    says: 'take it away, or open it before',
    edits: { 'b.test.zone': [' )', ''] },
  },
  'an open quote': {
    files: folder('x TXT "a'),
    says: 'close it with "',
    edits: { 'b.test.zone': ['"a', '"a"'] },
  },
  'a record without an owner': {
    files: { 'b.test.zone': ` A 192.0.2.1\n${SOA}` },
    says: 'begin the line with a name, or with @ for the origin',
    edits: { 'b.test.zone': [' A 192.0.2.1', '@ 300 A 192.0.2.1'] },
  },
};

const SERVER: Readonly<Record<string, Case>> = {
  'an address without a port': {
    files: { 'edgeward.yaml': 'listen: ["::1", 127.0.0.1]' },
    says: 'write `[::1]:53`',
    edits: { 'edgeward.yaml': ['"::1"', '"[::1]:53"'] },
  },
  'an address and port that are ambiguous': {
    files: { 'edgeward.yaml': 'listen: ["2001:db8::1:5353"]' },
    says: 'or `[2001:db8::1]:5353` if 5353 is the port',
    edits: { 'edgeward.yaml': ['2001:db8::1:5353', '[2001:db8::1]:5353'] },
  },
  'all addresses': {
    files: { 'edgeward.yaml': 'listen: ["*:53"]' },
    says: 'write `0.0.0.0` for all IPv4 addresses and `[::]` for all IPv6 addresses',
    edits: { 'edgeward.yaml': ['"*:53"', '"0.0.0.0:53", "[::]:53"'] },
  },
  'one address in place of a list': {
    files: { 'edgeward.yaml': 'listen: "[::1]:53"' },
    says: 'put it in brackets: ["[::1]:53"]',
    edits: { 'edgeward.yaml': ['"[::1]:53"', '["[::1]:53"]'] },
  },
  'an address twice': {
    files: { 'edgeward.yaml': 'listen: [127.0.0.1:53, 0.0.0.0:53]' },
    says: 'remove one of the two',
    edits: { 'edgeward.yaml': ['127.0.0.1:53, ', ''] },
  },
  'a stream that nobody may read': {
    files: { 'edgeward.yaml': 'stream: { certificate: c, key: k }' },
    says: 'no DNS node can authenticate; give it `clientAuthority` or `tokenFile`',
    edits: { 'edgeward.yaml': ['key: k', 'key: k, tokenFile: t'] },
  },
  'a control plane by its name alone': {
    files: { 'edgeward.yaml': 'control: { servers: [control.example.org] }' },
    says: 'write `https://HOST:PORT`',
    edits: { 'edgeward.yaml': ['control.example.org', "'https://control.example.org:9443'"] },
  },
  'a second document': {
    files: { 'edgeward.yaml': `workers: 1\n---\n${site('rome', 'region: IT')}` },
    says: 'keep one; resources go into other files',
    edits: { 'edgeward.yaml': 'workers: 1\n', 'rome.yaml': site('rome', 'region: IT') },
  },
};

describe.each(Object.entries({ RESOURCES, YAML, MASTER, SERVER }))('%s', (group, cases) => {
  test.each(Object.entries(cases))('%s', (__, { files, says, edits }) => {
    const before = group === 'MASTER' ? files : { ...WORLD, ...files };
    const said = complaints(before);
    expect(said.join('\n')).toContain(says);
    const after = complaints(edited(before, edits));
    expect(after.join('\n')).not.toContain(says);
    // Nothing new is wrong.
    expect(after.filter((line) => !said.includes(line))).toEqual([]);
  });
});

test('what every world of these tests has besides is sound', () => {
  expect(complaints(WORLD)).toEqual([]);
});
