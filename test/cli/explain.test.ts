import { expect, test } from 'vitest';
import { temporaryDirectory } from '../support/directory.ts';
import { runEdgeward } from '../support/program.ts';

const API = 'apiVersion: edgeward.dev/v1alpha1';
const KUBECONFIG = `apiVersion: v1
kind: Config
clusters: [{ name: a, cluster: { server: 'http://127.0.0.1:1' } }]
contexts: [{ name: c, context: { cluster: a } }]
current-context: c
`;
const SITES = `${API}
kind: Site
metadata: { name: fra }
spec: { region: DE, cluster: { kubeconfig: { file: kubeconfig.conf } } }
---
${API}
kind: Site
metadata: { name: rom }
spec: { region: IT }
`;
const ZONE = `---
${API}
kind: Zone
metadata: { name: example }
spec:
  origin: example.org
  records:
    - { name: '@', type: NS, data: ns1 }
    - { name: ns1, type: A, data: 192.0.2.53 }
    - { name: taken.apps, type: A, data: 192.0.2.54 }
    - { name: alias, type: CNAME, data: web.apps }
    - { name: shop-alias, type: CNAME, data: shop }
  hostnameAnnotations: { hosts: ['*.apps.example.org'] }
`;
const exported = (name: string, hosts: string, more: string): string => `---
${API}
kind: DomainExport
metadata: { name: ${name} }
spec: { hosts: [${hosts}], ${more} }
`;
const BACKENDS = 'backends: [{ serviceRef: { namespace: default, name: web } }]';
const ENDPOINTS = 'endpoints: [{ address: 192.0.2.1, site: rom }]';

function world(edgewardYaml = ''): string {
  const exports = [
    exported('shop', 'shop.example.org', BACKENDS),
    exported('both', 'both.example.org', `${BACKENDS}, ${ENDPOINTS}`),
    exported('plain', 'plain.example.org', ENDPOINTS),
    exported('apps', 'fixed.apps.example.org', ENDPOINTS),
    exported('any', "'*.apps.example.org'", ENDPOINTS),
  ];
  return temporaryDirectory({
    'all.yaml': [SITES, ZONE, ...exports].join(''),
    'kubeconfig.conf': KUBECONFIG,
    'edgeward.yaml': edgewardYaml,
  });
}

const explain = (directory: string, ...words: string[]): ReturnType<typeof runEdgeward> =>
  runEdgeward(['explain', '-c', directory, '--client', '198.51.100.7', ...words]);

const BACKENDS_OF_SHOP = 'the endpoints of export default/shop come from the cluster of site fra';
const claimed = (name: string): string =>
  `${name} may be claimed by a Service, route or Ingress in the cluster of site fra`;

test.each([
  ['shop.example.org', 'A', BACKENDS_OF_SHOP],
  ['SHOP.example.org.', 'AAAA', BACKENDS_OF_SHOP],
  ['shop-alias.example.org', 'A', BACKENDS_OF_SHOP],
  ['both.example.org', 'A', 'the endpoints of export default/both come from the cluster of site fra'],
  ['web.apps.example.org', 'A', claimed('web.apps.example.org')],
  ['web.apps.example.org', 'TXT', claimed('web.apps.example.org')],
  ['alias.example.org', 'A', claimed('web.apps.example.org')],
])('%s %s depends on a cluster: that is said, and how to know', async (name, type, what) => {
  const directory = world('listen: [127.0.0.1:5399]');
  const { code, text } = await explain(directory, name, type);
  expect(code).toBe(1);
  expect(text).toContain(`is answered is not known here`);
  expect(text).toContain(
    `NOT KNOWN\n   ${what}.\n   This command reads files alone, and asks no cluster.\n` +
      `   To know, ask the server: \`edgeward query @127.0.0.1 -p 5399 ${name} ${type} --subnet 198.51.100.7/32\`\n`,
  );
  expect(text).not.toMatch(/ANSWER|SHARES|NXDOMAIN/u);
});

test('what is not known, as JSON', async () => {
  const { code, text } = await explain(world(), 'shop.example.org', '--json');
  expect(code).toBe(1);
  const { client, ...rest } = JSON.parse(text);
  expect(client.address).toBe('198.51.100.7');
  expect(rest).toEqual({
    export: 'default/shop',
    notKnown: {
      sites: ['fra'],
      what: BACKENDS_OF_SHOP,
      remedy: 'ask the server: `edgeward query @127.0.0.1 -p 53 shop.example.org A --subnet 198.51.100.7/32`',
    },
  });
});

test.each([
  ['plain.example.org', 'A', '192.0.2.1'],
  ['fixed.apps.example.org', 'A', '192.0.2.1'],
  ['taken.apps.example.org', 'A', '192.0.2.54'],
  ['ns1.example.org', 'A', '192.0.2.53'],
  ['nothing.example.org', 'A', 'ANSWER NXDOMAIN'],
  ['shop.example.org', 'MX', 'Export default/shop steers A and AAAA alone'],
  ['www.example.net', 'A', 'ANSWER REFUSED'],
])('%s %s depends on no cluster: it is explained', async (name, type, expected) => {
  const { code, text } = await explain(world(), name, type);
  expect(text).toContain(expected);
  expect(code).toBe(0);
});

test('without subnets of resolvers the client itself is the one that asks', async () => {
  const steered = `${SITES}${ZONE}${exported(
    'two',
    'two.example.org',
    'endpoints: [{ address: 192.0.2.1, site: rom }, { address: 192.0.2.2, site: fra }]',
  )}`;
  for (const enabled of [true, false]) {
    const directory = temporaryDirectory({
      'all.yaml': steered,
      'kubeconfig.conf': KUBECONFIG,
      'edgeward.yaml': `ecs: { enabled: ${enabled} }`,
    });
    const args = ['explain', '-c', directory, '--client', '217.80.0.1', 'two.example.org', '--json'];
    const { text, code } = await runEdgeward(args);
    expect(code).toBe(0);
    const { answer, shares, scope } = JSON.parse(text);
    expect(shares).toEqual([{ address: '192.0.2.2', site: 'fra', share: 1 }]);
    expect(answer.records).toEqual([expect.stringMatching(/\t192\.0\.2\.2$/u)]);
    expect(scope === undefined).toBe(!enabled);
  }
});

test('a hub has the resources: files tell nothing', async () => {
  const directory = world('hub: {}');
  const { code, text } = await explain(directory, 'plain.example.org');
  expect(text).toBe(
    `${directory}/edgeward.yaml: error: hub: resources are on the hub, and this command reads files alone; ` +
      'ask the server: `edgeward query @127.0.0.1 -p 53 NAME TYPE --subnet CLIENT/32`\n',
  );
  expect(code).toBe(1);
});

const CONTROL = 'control: { servers: ["https://control.example.org:9443"] }';

test('a DNS node has its answers from a control plane', async () => {
  const directory = temporaryDirectory({ 'edgeward.yaml': CONTROL });
  const { code, text } = await explain(directory, 'plain.example.org');
  expect(text).toContain(
    'control: a DNS node answers by what its control plane sends, and this command reads files alone',
  );
  expect(code).toBe(1);
});

test('check says what it has not looked at, and warns of nothing there', async () => {
  const { code, text } = await runEdgeward(['check', world()]);
  expect(text).toBe('ok: 1 zones, 2 sites, 5 exports\nnot checked: what is in the cluster of site fra\n');
  expect(code).toBe(0);
  const json = await runEdgeward(['check', world(), '--json']);
  expect(JSON.parse(json.text)).toEqual({ ok: true, problems: [], clustersNotSeen: ['fra'] });
});

test('check of an override for a host that a cluster may claim', async () => {
  const override = `---\n${API}\nkind: WeightOverride\nmetadata: { name: o }\nspec: { export: web.apps.example.org, factor: 0 }\n`;
  const directory = temporaryDirectory({ 'all.yaml': `${SITES}${ZONE}${override}`, 'kubeconfig.conf': KUBECONFIG });
  const { code, text } = await runEdgeward(['check', directory]);
  expect(text).toContain(
    'warning: spec.export: no edge cluster is seen to claim `web.apps.example.org`; the override waits for it; or correct the name\n',
  );
  expect(code).toBe(0);
});

test.each([
  ['hub: {}', 'resources are on the hub, and this command reads files alone'],
  [CONTROL, 'a DNS node answers by what its control plane sends, and this command reads files alone'],
])('check of a server that has its resources from elsewhere: %s', async (yaml, message) => {
  const directory = temporaryDirectory({ 'edgeward.yaml': yaml });
  const file = `${directory}/edgeward.yaml`;
  expect(await runEdgeward(['check', directory])).toEqual({ code: 0, text: `ok: ${file}; ${message}\n` });
});

test('check of a hub with resources in files', async () => {
  const directory = world('hub: {}');
  const { code, text } = await runEdgeward(['check', directory]);
  expect(text).toContain(
    'edgeward.yaml: warning: hub: 8 resources in files beside it are not served; apply them to the hub, or remove `hub`\n',
  );
  expect(code).toBe(0);
});
