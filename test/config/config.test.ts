import { availableParallelism, homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { loadConfig, type Flags } from '../../src/config/config.ts';
import { formatProblem } from '../../src/lib/problem.ts';
import { temporaryDirectory } from '../support/directory.ts';

function load(text: string, flags: Flags = {}, env: Record<string, string> = {}) {
  const directory = temporaryDirectory({ 'edgeward.yaml': text });
  const { config, problems } = loadConfig({ file: join(directory, 'edgeward.yaml'), flags, env });
  return {
    config,
    directory,
    problems: problems.map((problem) => formatProblem(problem).replace(`${directory}/`, '')),
  };
}

test('defaults, with an empty file, without one and without a name for one', () => {
  const defaults = {
    listen: [
      { host: '0.0.0.0', port: 53 },
      { host: '::', port: 53 },
    ],
    workers: Math.min(4, availableParallelism()),
    metrics: { host: '127.0.0.1', port: 9153 },
    byDefault: { listen: true, metrics: true },
    udp: 'auto',
    udpPayloadSize: 1232,
    nsid: hostname(),
    geo: { overlays: [], mmdb: {}, cacheDirectory: join(homedir(), '.cache', 'edgeward') },
    ecs: { enabled: true },
    tcp: { maxConnections: 1000, maxPerClient: 50, idleSeconds: 10, totalSeconds: 120, maxPipelined: 100 },
    logLevel: 'info',
    dataDirectory: join(homedir(), '.local', 'state', 'edgeward'),
    hub: undefined,
    stream: undefined,
    control: undefined,
  };
  expect(load('').config).toEqual(defaults);
  expect(loadConfig({ file: '/nowhere/edgeward.yaml' })).toEqual({ config: defaults, problems: [] });
  expect(loadConfig({})).toEqual({ config: defaults, problems: [] });
});

test('every field; paths are relative to the file', () => {
  const { config, directory, problems } = load(`
listen: [192.0.2.1:5353, '[2001:db8::1]:53']
workers: 7
metrics: 'off'
udp: portable
udpPayloadSize: 4096
nsid: ''
geo:
  overlays: [a.csv, /srv/b.csv]
  mmdb: { city: c.mmdb, isp: ../d.mmdb }
  cacheDirectory: cache
ecs: { enabled: false }
tcp: { maxConnections: 9, idleSeconds: 0.5 }
logLevel: debug
dataDirectory: state
hub: { kubeconfig: hub.yaml, namespace: edge }
stream: { listen: 127.0.0.1:9, certificate: tls.crt, key: tls.key, clientAuthority: ca.crt, tokenFile: /run/token }
control: { servers: ['https://control.example.org:9443'], authority: ca.crt, certificate: c.crt, key: c.key, tokenFile: t }
`);
  expect(problems).toEqual([]);
  expect(config).toEqual({
    listen: [
      { host: '192.0.2.1', port: 5353 },
      { host: '2001:db8::1', port: 53 },
    ],
    workers: 7,
    metrics: undefined,
    byDefault: { listen: false, metrics: false },
    udp: 'portable',
    udpPayloadSize: 4096,
    nsid: '',
    geo: {
      overlays: [join(directory, 'a.csv'), '/srv/b.csv'],
      mmdb: { city: join(directory, 'c.mmdb'), isp: join(directory, '..', 'd.mmdb') },
      cacheDirectory: join(directory, 'cache'),
    },
    ecs: { enabled: false },
    tcp: { maxConnections: 9, maxPerClient: 50, idleSeconds: 0.5, totalSeconds: 120, maxPipelined: 100 },
    logLevel: 'debug',
    dataDirectory: join(directory, 'state'),
    hub: { kubeconfig: join(directory, 'hub.yaml'), namespace: 'edge' },
    stream: {
      listen: { host: '127.0.0.1', port: 9 },
      certificate: join(directory, 'tls.crt'),
      key: join(directory, 'tls.key'),
      clientAuthority: join(directory, 'ca.crt'),
      tokenFile: '/run/token',
    },
    control: {
      servers: ['https://control.example.org:9443'],
      authority: join(directory, 'ca.crt'),
      certificate: join(directory, 'c.crt'),
      key: join(directory, 'c.key'),
      tokenFile: join(directory, 't'),
    },
  });
});

test.each(['', 'relative/home'])(
  'without a home directory (HOME is %j), what is kept goes where services keep it',
  (home) => {
    vi.stubEnv('HOME', home);
    const { config } = loadConfig({});
    vi.unstubAllEnvs();
    expect(config?.geo.cacheDirectory).toBe('/var/cache/edgeward');
    expect(config?.dataDirectory).toBe('/var/lib/edgeward');
  },
);

test('flags go before the environment, which goes before the file', () => {
  const file = 'listen: [127.0.0.1:1]\nworkers: 1\nmetrics: 127.0.0.1:1\nnsid: file\nlogLevel: warn';
  const env = {
    EDGEWARD_LISTEN: '127.0.0.1:2, [::1]:2',
    EDGEWARD_WORKERS: '2',
    EDGEWARD_METRICS: 'off',
    EDGEWARD_NSID: 'environment',
    EDGEWARD_LOG_LEVEL: 'error',
    XDG_CACHE_HOME: '/var/cache',
  };
  const flags = { listen: ['127.0.0.1:3'], workers: '3', metrics: '[::1]:3', nsid: 'flag', logLevel: 'debug' };
  expect(load(file, {}, env).config).toMatchObject({
    listen: [
      { host: '127.0.0.1', port: 2 },
      { host: '::1', port: 2 },
    ],
    workers: 2,
    metrics: undefined,
    nsid: 'environment',
    logLevel: 'error',
    geo: { cacheDirectory: '/var/cache/edgeward' },
  });
  expect(load(file, flags, env).config).toMatchObject({
    listen: [{ host: '127.0.0.1', port: 3 }],
    workers: 3,
    metrics: { host: '::1', port: 3 },
    nsid: 'flag',
    logLevel: 'debug',
  });
});

test.each<[string, Flags, Record<string, string>, string[]]>([
  ['listne: []', {}, {}, ['edgeward.yaml:1:1: error: listne: unknown field; did you mean `listen`?']],
  [
    'listen: 127.0.0.1:53',
    {},
    {},
    ['edgeward.yaml:1:1: error: listen: the text "127.0.0.1:53", not a list; put it in brackets: [127.0.0.1:53]'],
  ],
  ['listen: []', {}, {}, ['edgeward.yaml:1:1: error: listen: an empty list; give at least one item']],
  [
    'listen: [127.0.0.1, "::1", localhost:53, ":53", "*:53", "[127.0.0.1]:53", "::1:53", 1.2.3.4:65536]',
    {},
    {},
    [
      'edgeward.yaml:1:10: error: listen[0]: `127.0.0.1` has no port; write `127.0.0.1:53`',
      'edgeward.yaml:1:21: error: listen[1]: `::1` has no port; write `[::1]:53`',
      'edgeward.yaml:1:28: error: listen[2]: `localhost` is not an IP address; write an address, not a name',
      'edgeward.yaml:1:42: error: listen[3]: `` is not an IP address; write `0.0.0.0` for all IPv4 addresses and `[::]` for all IPv6 addresses',
      'edgeward.yaml:1:49: error: listen[4]: `*` is not an IP address; write `0.0.0.0` for all IPv4 addresses and `[::]` for all IPv6 addresses',
      'edgeward.yaml:1:57: error: listen[5]: `[127.0.0.1]:53` is ambiguous; write ADDRESS:PORT, as in `127.0.0.1:53` or `[::1]:53`',
      'edgeward.yaml:1:75: error: listen[6]: `::1:53` has no port; write `[::1:53]:53`, or `[::1]:53` if 53 is the port',
      'edgeward.yaml:1:85: error: listen[7]: no port 65536; ports end at 65535',
    ],
  ],
  [
    "listen: ['127.0.0.1:53', '0.0.0.0:53', '127.0.0.1:54', '[::]:53', '[::1]:54', '[0::1]:54', '127.0.0.1:0', '127.0.0.1:0']",
    {},
    {},
    [
      'edgeward.yaml:1:10: error: listen[0]: `127.0.0.1:53` is part of `0.0.0.0:53`; remove one of the two',
      'edgeward.yaml:1:79: error: listen[5]: `[0::1]:54` is part of `[::1]:54`; remove one of the two',
    ],
  ],
  [
    '',
    { listen: ['192.0.2.1:53', '192.0.2.1:53'] },
    {},
    ['error: --listen: `192.0.2.1:53` is part of `192.0.2.1:53`; remove one of the two'],
  ],
  [
    'metrics: on\nudpPayloadSize: 65535\nlogLevel: loud',
    {},
    {},
    [
      'edgeward.yaml:2:1: error: udpPayloadSize: 65535 is above 4096; write a whole number from 512 to 4096',
      'edgeward.yaml:3:1: error: logLevel: "loud" is not known here; write `debug`, `info`, `warn` or `error`',
    ],
  ],
  [
    'geo: { mmdb: { cities: x } }\necs: false',
    {},
    {},
    [
      'edgeward.yaml:1:16: error: geo.mmdb.cities: unknown field; fields here are `city`, `country`, `isp`, `asn`',
      'edgeward.yaml:2:1: error: ecs: `false`, not a map of fields; write a map with fields such as `enabled`',
    ],
  ],
  [
    'listen: [',
    {},
    {},
    [
      'edgeward.yaml:1:10: error: not valid YAML: flow sequence in block collection must be sufficiently indented and end with a ]; close every bracket, and indent the fields of one map alike',
    ],
  ],
  [
    'nsid: a\n---\nnsid: b',
    {},
    {},
    ['edgeward.yaml:3:1: error: a second document; keep one; resources go into other files'],
  ],
  [
    '',
    { workers: 'many', logLevel: 'shout', listen: ['nowhere'], metrics: 'localhost:9153' },
    {},
    [
      'error: --listen: `nowhere` is not an address and port; write ADDRESS:PORT, as in `127.0.0.1:53` or `[::1]:53`',
      'error: --workers: the text "many", not a whole number; write a whole number from 1 to 256',
      'error: --log-level: "shout" is not known here; write `debug`, `info`, `warn` or `error`',
      'error: --metrics: `localhost` is not an IP address; write an address, not a name',
    ],
  ],
  [
    '',
    { workers: 0 },
    { EDGEWARD_LISTEN: 'here:53', EDGEWARD_LOG_LEVEL: 'inof' },
    [
      'error: EDGEWARD_LISTEN: `here` is not an IP address; write an address, not a name',
      'error: --workers: 0 is below 1; write a whole number from 1 to 256',
      'error: EDGEWARD_LOG_LEVEL: "inof" is not known here; did you mean `info`?',
    ],
  ],
])('%s %j %j', (text, flags, env, expected) => {
  const { config, problems } = load(text, flags, env);
  expect(config).toBeUndefined();
  expect(problems).toEqual(expected);
});

test('a stream that lets nobody in, and control planes that are none', () => {
  expect(load('stream: { certificate: a, key: b }').problems).toEqual([
    'edgeward.yaml:1:1: error: stream: no DNS node can authenticate; give it `clientAuthority` or `tokenFile`',
  ]);
  expect(load("control: { servers: ['control:9443'] }").problems).toEqual([
    'edgeward.yaml:1:22: error: control.servers[0]: `control:9443` is not the address of a control plane; write `https://HOST:PORT`',
  ]);
});
