import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { ApiError, type Cluster } from '../../src/kube/cluster.ts';
import { MemoryCluster } from '../../src/kube/memory-cluster.ts';
import { GATEWAY_CLASSES, GATEWAYS, HTTP_ROUTES, REFERENCE_GRANTS, ROUTES, SERVICES } from '../../src/kube/objects.ts';
import { commonHost } from '../../src/sources/kubernetes/attachment.ts';
import { externalDns, put, putPods, stopWatching, WatchedCluster } from '../support/edge-cluster.ts';

// Which routes lead to a Service, for which hosts, and how much of the requests (Gateway API: RouteStatus, ParentReference).

afterEach(stopWatching);

const KEY = 'default/web';
const ADDRESS = '203.0.113.10';
const CLASS = 'gateway.example.com/controller';

interface ListenerOptions {
  readonly name?: string;
  readonly port?: number;
  readonly protocol?: string;
  readonly hostname?: string;
  readonly from?: string;
}

const listener = ({
  name = 'https',
  port = 443,
  protocol = 'HTTPS',
  hostname,
  from,
}: ListenerOptions = {}): object => ({
  name,
  port,
  protocol,
  ...(hostname === undefined ? {} : { hostname }),
  ...(from === undefined ? {} : { allowedRoutes: { namespaces: { from } } }),
});

const HTTP = { name: 'http', port: 80, protocol: 'HTTP' };

function gateway(
  listeners: readonly object[] = [listener(HTTP), listener()],
  { status = {}, annotations = {}, name = 'edge', namespace = 'default', address = ADDRESS } = {},
): object {
  return {
    metadata: { name, namespace, annotations: externalDns(annotations) },
    spec: { gatewayClassName: 'any', listeners },
    status: { addresses: [{ type: 'IPAddress', value: address }], ...status },
  };
}

const said = (
  parentRef: object,
  accepted: boolean | undefined,
  { controller = CLASS, resolvedRefs = true } = {},
): object => ({
  parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', ...parentRef },
  controllerName: controller,
  conditions: [
    ...(accepted === undefined ? [] : [{ type: 'Accepted', status: accepted ? 'True' : 'False', reason: 'Because' }]),
    { type: 'ResolvedRefs', status: resolvedRefs ? 'True' : 'False', reason: 'Because' },
  ],
});

interface RouteOptions {
  readonly name?: string;
  readonly namespace?: string;
  readonly parentRefs?: readonly object[];
  readonly hostnames?: readonly string[];
  readonly backendRefs?: readonly object[];
  readonly rules?: readonly object[];
  readonly parents?: readonly object[];
  readonly annotations?: Record<string, string>;
}

function route({
  name = 'r',
  namespace = 'default',
  parentRefs = [{ name: 'edge' }],
  hostnames = ['web.example.org'],
  backendRefs = [{ name: 'web', port: 443 }],
  rules = [{ backendRefs }],
  parents = [],
  annotations = {},
}: RouteOptions = {}): object {
  return {
    metadata: { name, namespace, annotations: externalDns(annotations) },
    spec: { parentRefs, hostnames, rules },
    status: { parents },
  };
}

async function world(gateways: readonly object[], routes: readonly object[], services = ['web']) {
  const cluster = new MemoryCluster();
  for (const name of services) {
    await put(cluster, SERVICES, { metadata: { name }, spec: { type: 'ClusterIP', selector: { app: name } } });
    await putPods(cluster, name, [{}]);
  }
  for (const each of gateways) await put(cluster, GATEWAYS, each);
  for (const each of routes) await put(cluster, HTTP_ROUTES, each);
  return { cluster, watching: new WatchedCluster(cluster) };
}

const CLAIMED = 'HTTPRoute default/r: web.example.org';

describe('a route is attached where a parent has accepted it', () => {
  const [one, two] = [
    { name: 'edge', sectionName: 'http' },
    { name: 'edge', sectionName: 'https' },
  ];

  test.each([
    ['both listeners', [one, two], [said(one, true), said(two, true)], [ADDRESS]],
    ['one of two listeners, by name', [one, two], [said(one, false), said(two, true)], [ADDRESS]],
    [
      'one of two listeners, by port',
      [
        { name: 'edge', port: 80 },
        { name: 'edge', port: 443 },
      ],
      [said({ name: 'edge', port: 80 }, false), said({ name: 'edge', port: 443 }, true)],
      [ADDRESS],
    ],
    ['no listener', [one, two], [said(one, false), said(two, false)], []],
    [
      'by one of two controllers',
      [{ name: 'edge' }],
      [said({ name: 'edge' }, false, { controller: 'other.example.net/x' }), said({ name: 'edge' }, true)],
      [ADDRESS],
    ],
    ['nobody has said anything', [{ name: 'edge' }], [], [ADDRESS]],
    ['a controller that leaves conditions out', [{ name: 'edge' }], [said({ name: 'edge' }, undefined)], [ADDRESS]],
    ['a status that is behind the spec', [two], [said(one, false)], [ADDRESS]],
    ['a listener that is not there', [{ name: 'edge', sectionName: 'none' }], [], []],
    ['a Gateway that is not there', [{ name: 'gone' }], [], []],
    ['a parent in another group', [{ name: 'edge', group: 'example.net' }], [], []],
  ])('%s', async (_what, parentRefs, parents, addresses) => {
    const { watching } = await world([gateway()], [route({ parentRefs, parents })]);
    await watching.seen(() => {
      expect(watching.service(KEY)!.addresses).toEqual(addresses);
      expect(watching.claims(KEY)).toEqual({ [CLAIMED]: addresses });
    });
  });

  test('the controller of the class is right, and its class is watched only where two disagree', async () => {
    const stale = said({ name: 'edge' }, true, { controller: 'gone.example.net/x' });
    const parents = [stale, said({ name: 'edge' }, false)];
    const { cluster, watching } = await world([gateway()], [route({ parents: [said({ name: 'edge' }, true)] })]);
    await put(cluster, GATEWAY_CLASSES, { metadata: { name: 'any' }, spec: { controllerName: CLASS } });
    await watching.seen(() => expect(watching.claims(KEY)).toEqual({ [CLAIMED]: [ADDRESS] }));
    expect([...watching.kinds]).not.toContain('gatewayclasses');
    await put(cluster, HTTP_ROUTES, route({ parents }));
    await watching.seen(() => expect(watching.claims(KEY)).toEqual({ [CLAIMED]: [] }));
    expect(watching.problems(KEY)).toContain('HTTPRoute default/r is refused by Gateway default/edge (Because)');
  });

  test.each([
    ['Same', {}, []],
    ['Selector', {}, []],
    ['All', {}, [ADDRESS]],
    ['Same', { parents: [said({ name: 'edge', namespace: 'infra' }, true)] }, [ADDRESS]],
    ['Selector', { parents: [said({ name: 'edge', namespace: 'infra' }, true)] }, [ADDRESS]],
    ['All', { parents: [said({ name: 'edge', namespace: 'infra' }, false)] }, []],
  ])('of another namespace, listeners from %s, status %j', async (from, status, addresses) => {
    const shared = gateway([listener({ from })], { namespace: 'infra' });
    const { watching } = await world(
      [shared],
      [route({ parentRefs: [{ name: 'edge', namespace: 'infra' }], ...status })],
    );
    await watching.seen(() => expect(watching.claims(KEY)).toEqual({ [CLAIMED]: addresses }));
  });
});

describe('what a Gateway and its listeners say of themselves', () => {
  const bad = (type: string): object => ({ conditions: [{ type, status: 'False', reason: 'Pending' }] });

  test.each(['Accepted', 'Programmed'])('%s False: its addresses are down', async (type) => {
    const { watching } = await world([gateway([listener()], { status: bad(type) })], [route()]);
    await watching.seen(() => expect(watching.claims(KEY)).toEqual({ [CLAIMED]: [`-${ADDRESS}`] }));
    expect(watching.service(KEY)).toMatchObject({ addresses: [ADDRESS], down: [ADDRESS] });
    expect(watching.problems(KEY)).toEqual([`Gateway default/edge does not serve: ${type} is False (Pending)`]);
  });

  test('one listener that is not programmed: only what is attached to it alone is down', async () => {
    const status = { listeners: [{ name: 'https', ...bad('Programmed') }] };
    const gate = gateway(undefined, { status });
    const only = route({ parentRefs: [{ name: 'edge', sectionName: 'https' }] });
    const { cluster, watching } = await world([gate], [only]);
    await watching.seen(() => expect(watching.claims(KEY)).toEqual({ [CLAIMED]: [`-${ADDRESS}`] }));
    expect(watching.problems(KEY)).toEqual([
      'Gateway default/edge does not serve: at its listener https Programmed is False (Pending)',
    ]);
    await put(cluster, HTTP_ROUTES, route());
    await watching.seen(() => expect(watching.claims(KEY)).toEqual({ [CLAIMED]: [ADDRESS] }));
  });

  test('addresses in its spec are a wish; those in its status count', async () => {
    const wished = {
      metadata: { name: 'edge', namespace: 'default' },
      spec: { listeners: [listener()], addresses: [{ value: '203.0.113.77' }] },
      status: {},
    };
    const { watching } = await world([wished], [route()]);
    await watching.seen(() => expect(watching.claims(KEY)).toEqual({ [CLAIMED]: [] }));
    expect(watching.problems(KEY)).toContain('Gateway default/edge has no address yet');
  });

  test('its target annotation goes before its status; another controller has it alone', async () => {
    const { cluster, watching } = await world(
      [gateway([listener()], { annotations: { target: '203.0.113.98' } })],
      [route()],
    );
    await watching.seen(() => expect(watching.claims(KEY)).toEqual({ [CLAIMED]: ['203.0.113.98'] }));
    await put(cluster, GATEWAYS, gateway([listener()], { annotations: { controller: 'none' } }));
    await watching.seen(() => expect(watching.claims(KEY)).toEqual({}));
    // An operator who names the Service has said what is wanted.
    expect(watching.service(KEY)!.addresses).toEqual([ADDRESS]);
  });
});

describe('hosts of a route', () => {
  const hosts = async (listeners: readonly object[], options: RouteOptions): Promise<string[]> => {
    const { watching } = await world([gateway(listeners)], [route(options)]);
    await watching.seen(() => expect(watching.service(KEY)).toBeDefined());
    return (watching.service(KEY)?.claims ?? [])
      .flatMap((claim) => claim.hosts.map((host) => `${host}${claim.addresses.length === 0 ? ' nowhere' : ''}`))
      .sort();
  };
  const wild = [listener({ hostname: '*.example.org' })];

  test.each<[string, readonly object[], RouteOptions, string[]]>([
    ['its own', [listener()], { hostnames: ['A.example.org', 'b.example.org'] }, ['a.example.org', 'b.example.org']],
    [
      'of its listener, where it has none',
      [listener({ hostname: 'l.example.org' })],
      { hostnames: [] },
      ['l.example.org'],
    ],
    ['none at all', [listener()], { hostnames: [] }, []],
    [
      'inside a wildcard of the listener',
      wild,
      { hostnames: ['a.b.example.org', 'a.example.net'] },
      ['a.b.example.org', 'a.example.net nowhere'],
    ],
    [
      'a wildcard around the listener',
      [listener({ hostname: 'a.example.org' })],
      { hostnames: ['*.example.org'] },
      ['a.example.org'],
    ],
    [
      'of the listener that it names',
      [listener({ name: 'a', hostname: 'a.example.org' }), listener({ name: 'b', hostname: 'b.example.org' })],
      { hostnames: [], parentRefs: [{ name: 'edge', sectionName: 'b' }] },
      ['b.example.org'],
    ],
    [
      'not of a listener for another protocol',
      [
        listener({ name: 'a', protocol: 'TLS', hostname: 'a.example.org' }),
        listener({ name: 'b', hostname: 'b.example.org' }),
      ],
      { hostnames: [] },
      ['b.example.org'],
    ],
    [
      'by annotation beside them',
      [listener()],
      { annotations: { hostname: 'c.example.org' } },
      ['c.example.org', 'web.example.org'],
    ],
    [
      'by annotation alone',
      [listener()],
      { annotations: { hostname: 'c.example.org', 'gateway-hostname-source': 'annotation-only' } },
      ['c.example.org'],
    ],
    [
      'in the spec alone',
      [listener()],
      { annotations: { hostname: 'c.example.org', 'gateway-hostname-source': 'defined-hosts-only' } },
      ['web.example.org'],
    ],
    ['of another controller', [listener()], { annotations: { controller: 'none', hostname: 'c.example.org' } }, []],
  ])('%s', async (_what, listeners, options, expected) => {
    expect(await hosts(listeners, options)).toEqual(expected);
  });

  test('a parent that is not followed is named', async () => {
    const parentRefs = [{ name: 'set', kind: 'ListenerSet', group: 'gateway.networking.k8s.io' }];
    const { watching } = await world([gateway()], [route({ parentRefs })]);
    await watching.seen(() =>
      expect(watching.problems(KEY)).toContain(
        'HTTPRoute default/r has ListenerSet default/set as its parent, which is not followed',
      ),
    );
  });

  test('two hosts in common are the more particular one, either way round', () => {
    const label = fc.constantFrom('a', 'b', 'c');
    const host = fc
      .tuple(fc.boolean(), fc.array(label, { minLength: 1, maxLength: 3 }))
      .map(([any, labels]) => (any ? ['*', ...labels] : labels).join('.'));
    /** Whether a name without wildcards is meant by a host. */
    const means = (pattern: string, name: string): boolean =>
      pattern === '' || (pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : name === pattern);
    fc.assert(
      fc.property(host, host, fc.array(label, { minLength: 1, maxLength: 5 }), (a, b, labels) => {
        const name = labels.join('.');
        const common = commonHost(a, b);
        expect(common).toBe(commonHost(b, a));
        expect(common !== undefined && means(common, name)).toBe(means(a, name) && means(b, name));
      }),
    );
    expect(commonHost('', 'a.b')).toBe('a.b');
    expect(commonHost('a.b', '')).toBe('a.b');
  });
});

describe('weights', () => {
  test('a Service with weight 0 is not behind the route', async () => {
    const backendRefs = [{ name: 'web', weight: 0 }, { name: 'new' }];
    const { watching } = await world([gateway()], [route({ backendRefs })], ['web', 'new']);
    await watching.seen(() => {
      expect(watching.service(KEY)).toMatchObject({ addresses: [], claims: [] });
      expect(watching.service('default/new')).toMatchObject({ addresses: [ADDRESS], splits: [] });
    });
  });

  test('Services that share a rule have their parts of it', async () => {
    const backendRefs = [
      { name: 'web', weight: 90 },
      { name: 'new', weight: 10 },
    ];
    const { watching } = await world([gateway()], [route({ backendRefs })], ['web', 'new']);
    await watching.seen(() => {
      const rule = 'HTTPRoute default/r 0';
      expect(watching.service(KEY)!.splits).toEqual([{ rule, share: 0.9 }]);
      expect(watching.service('default/new')!.claims[0]!.splits).toEqual([{ rule, share: 0.1 }]);
    });
  });

  test('of other kinds count as parts, and are told of', async () => {
    const pool = { group: 'inference.networking.k8s.io', kind: 'InferencePool', name: 'llm', weight: 3 };
    const { watching } = await world([gateway()], [route({ backendRefs: [{ name: 'web', weight: 1 }, pool] })]);
    await watching.seen(() => expect(watching.service(KEY)!.splits).toMatchObject([{ share: 0.25 }]));
    expect(watching.problems(KEY)).toEqual([
      'HTTPRoute default/r routes to InferencePool default/llm, whose capacity is not known',
    ]);
  });
});

describe('routes that lead to no Service', () => {
  const self = 'default/HTTPRoute:r';

  test('one that only redirects is served by itself', async () => {
    const rules = [{ filters: [{ type: 'RequestRedirect' }] }];
    const { cluster, watching } = await world([gateway()], [route({ rules })]);
    await watching.seen(() => {
      expect(watching.claims(self)).toEqual({ [CLAIMED]: [ADDRESS] });
      expect(watching.service(self)).toMatchObject({ readyReplicas: 1 });
    });
    await cluster.delete(HTTP_ROUTES, 'r', { namespace: 'default' });
    await watching.seen(() => expect(watching.service(self)).toBeUndefined());
  });

  test.each([
    ['weight 0 alone', [{ backendRefs: [{ name: 'web', weight: 0 }] }]],
    ['no rule', []],
  ])('%s: it is not served', async (_what, rules) => {
    const { watching } = await world([gateway()], [route({ rules })]);
    await watching.seen(() => expect(watching.service(KEY)).toMatchObject({ claims: [] }));
    expect(watching.service(self)).toBeUndefined();
  });
});

describe('a Service in another namespace', () => {
  const foreign = (resolvedRefs: boolean): object =>
    route({
      namespace: 'other',
      parentRefs: [{ name: 'edge', namespace: 'default' }],
      backendRefs: [{ name: 'web', namespace: 'default' }],
      parents: [said({ name: 'edge', namespace: 'default' }, true, { resolvedRefs })],
    });
  /** By a DomainExport that names the Service, and by the host that the route claims. */
  const reached = (watching: WatchedCluster): string[] => {
    const { addresses, claims } = watching.service(KEY)!;
    return [...addresses, ...claims.flatMap((claim) => claim.addresses)];
  };
  const grant = {
    metadata: { name: 'g' },
    spec: {
      from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'other' }],
      to: [{ group: '', kind: 'Service', name: 'web' }],
    },
  };

  test('counts when the controller says that it may', async () => {
    const { watching } = await world([gateway([listener({ from: 'All' })])], [foreign(true)]);
    await watching.seen(() => expect(reached(watching)).toEqual([ADDRESS, ADDRESS]));
    expect([...watching.kinds]).not.toContain('referencegrants');
  });

  test('else when a ReferenceGrant says so', async () => {
    const { cluster, watching } = await world([gateway([listener({ from: 'All' })])], [foreign(false)]);
    await watching.seen(() => expect(reached(watching)).toEqual([]));
    expect(watching.problems(KEY)).toContain(
      'HTTPRoute other/r routes to Service default/web, which its namespace does not allow',
    );
    await put(cluster, REFERENCE_GRANTS[0]!, grant);
    await watching.seen(() => expect(reached(watching)).toEqual([ADDRESS, ADDRESS]));
    await put(cluster, REFERENCE_GRANTS[0]!, {
      ...grant,
      spec: { ...grant.spec, to: [{ kind: 'Service', name: 'x' }] },
    });
    await watching.seen(() => expect(reached(watching)).toEqual([]));
  });
});

describe('other kinds of routes', () => {
  test.each([
    ['GRPCRoute', 'HTTPS', ['web.example.org'], 'web.example.org'],
    ['TLSRoute', 'TLS', ['web.example.org'], 'web.example.org'],
    ['TCPRoute', 'TCP', undefined, 'asked.example.org'],
    ['UDPRoute', 'UDP', undefined, 'asked.example.org'],
  ] as const)('%s', async (kind, protocol, hostnames, host) => {
    const { cluster, watching } = await world([gateway([listener({ protocol })])], []);
    const annotations = hostnames === undefined ? { hostname: host } : {};
    await put(cluster, ROUTES[kind][0]!, route({ hostnames: hostnames ?? [], annotations }));
    await watching.seen(() => expect(watching.claims(KEY)).toEqual({ [`${kind} default/r: ${host}`]: [ADDRESS] }));
  });

  test('are watched only where a Gateway has a listener for them', async () => {
    const { cluster, watching } = await world([], []);
    await watching.seen(() => expect(watching.service(KEY)).toBeDefined());
    const routes = (): string[] => [...watching.kinds].filter((kind) => kind.endsWith('routes')).sort();
    expect(routes()).toEqual([]);
    await put(cluster, GATEWAYS, gateway([listener({ protocol: 'TLS' })]));
    await watching.seen(() => expect(routes()).toEqual(['tcproutes', 'tlsroutes']));
  });

  test('in the older version, where a cluster has no newer one', async () => {
    const cluster = new MemoryCluster();
    const old = new Proxy<Cluster>(cluster, {
      get: (target, key) => {
        if (key === 'watch') {
          return (...args: Parameters<Cluster['watch']>) => {
            const [type] = args;
            if (type.plural === 'tcproutes' && type.version === 'v1') throw new ApiError(404, { reason: 'NotFound' });
            return cluster.watch(...args);
          };
        }
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    await put(cluster, SERVICES, { metadata: { name: 'web' }, spec: { type: 'ClusterIP' } });
    await put(cluster, GATEWAYS, gateway([listener({ protocol: 'TCP' })]));
    await put(cluster, ROUTES.TCPRoute[1]!, route({ hostnames: [], annotations: { hostname: 'asked.example.org' } }));
    const watching = new WatchedCluster(old as MemoryCluster);
    await watching.seen(() =>
      expect(watching.claims(KEY)).toEqual({ 'TCPRoute default/r: asked.example.org': [ADDRESS] }),
    );
  });
});

test('what is wrong with an object is gone when it is mended', async () => {
  const { cluster, watching } = await world([gateway()], [route({ annotations: { ttl: 'abc' } })]);
  const wrong =
    'HTTPRoute default/r has annotation `external-dns.alpha.kubernetes.io/ttl: abc`, which is neither seconds nor a duration: the default TTL holds';
  await watching.seen(() => expect(watching.problems(KEY)).toEqual([wrong]));
  await put(cluster, HTTP_ROUTES, route({ annotations: { ttl: '1m30s' } }));
  await watching.seen(() => expect(watching.problems(KEY)).toEqual([]));
  expect(watching.service(KEY)!.claims[0]).toMatchObject({ ttl: 90 });
});
