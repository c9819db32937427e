import { expect, test, vi } from 'vitest';
import { servicesFromStatuses } from '../../src/controllers/status/recall.ts';
import { planStatuses, type Status, type StatusSubject, type StatusWorld } from '../../src/controllers/status/plan.ts';
import { StatusWriter } from '../../src/controllers/status/writer.ts';
import { MemoryCluster } from '../../src/kube/memory-cluster.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import type { Kind } from '../../src/model/kinds.ts';
import type { ResolvedExport } from '../../src/model/resolved.ts';
import { HUB_TYPES } from '../../src/store/kubernetes.ts';

const NOW = new Date('2030-01-01T00:00:00Z');

const subject = (kind: Kind, name: string, object: Partial<KubeObject> = {}): StatusSubject => {
  const namespaced = kind === 'DomainExport';
  return {
    kind,
    file: namespaced ? `${kind} shop/${name}` : `${kind} ${name}`,
    object: { metadata: { name, ...(namespaced ? { namespace: 'shop' } : {}), generation: 3 }, spec: {}, ...object },
  };
};

const exp = (ups: readonly boolean[]): ResolvedExport =>
  ({
    tenant: 'shop',
    name: 'web',
    hosts: ['web.example.org.'],
    endpoints: ups.map((up, index) => ({
      address: `8.8.8.${index}`,
      site: 'a',
      weight: 2,
      up,
      observed: { services: ['d/web'], readyReplicas: up ? 4 : 0, requestsPerReplica: 0.5, ports: [] },
    })),
  }) as unknown as ResolvedExport;

const world = (more: Partial<StatusWorld>): StatusWorld => ({
  subjects: [],
  problems: [],
  exports: new Map(),
  held: new Map(),
  clusters: new Map(),
  reserved: [],
  contested: [],
  ...more,
});

function planned(
  one: StatusSubject,
  more: Partial<StatusWorld> = {},
): { status: Status; said: Record<string, string> } {
  const status = planStatuses(world({ subjects: [one], ...more }), NOW).get(one)!;
  const said = status.conditions.map(({ type, status: value, reason }) => [type, `${value} ${reason}`]);
  return { status, said: Object.fromEntries(said) as Record<string, string> };
}

test('an export that is well', () => {
  const { status, said } = planned(subject('DomainExport', 'web'), {
    exports: new Map([['shop/web', exp([true, false])]]),
  });
  expect(said).toEqual({ Accepted: 'True Valid', Resolved: 'True Complete', Serving: 'True Serving' });
  expect(status.summary).toBe('1/2');
  expect(status.endpoints![0]).toEqual({
    address: '8.8.8.0',
    site: 'a',
    weight: 2,
    up: true,
    readyReplicas: 4,
    requestsPerReplica: 0.5,
    services: ['d/web'],
  });
  expect(status.conditions[0]).toMatchObject({ observedGeneration: 3, lastTransitionTime: '2030-01-01T00:00:00Z' });
});

test('what is wrong says what to do', () => {
  const file = 'DomainExport shop/web';
  const error = { severity: 'error', file, field: 'spec.hosts[0]', message: 'no', remedy: 'write another' } as const;
  const invalid = planned(subject('DomainExport', 'web'), { problems: [error] });
  expect(invalid.said).toEqual({ Accepted: 'False Invalid', Resolved: 'Unknown Invalid', Serving: 'False Invalid' });
  expect(invalid.status.conditions[0]!.message).toBe('spec.hosts[0]: no; write another');
  const exports = new Map([['shop/web', exp([true])]]);
  expect(planned(subject('DomainExport', 'web'), { problems: [error], exports }).said['Serving']).toBe('True LastGood');
  const held = new Map([[file, 'accept it']]);
  expect(planned(subject('DomainExport', 'web'), { exports, held }).said['Serving']).toBe('False ChangeHeld');
  const down = new Map([['shop/web', exp([false])]]);
  expect(planned(subject('DomainExport', 'web'), { exports: down }).said['Serving']).toBe('False AllDown');
  const none = new Map([['shop/web', exp([])]]);
  expect(planned(subject('DomainExport', 'web'), { exports: none }).said['Serving']).toBe('False NoEndpoints');
});

test('a site tells whether its cluster is seen', () => {
  const site = subject('Site', 'a', { spec: { cluster: {} } });
  expect(planned(site).said['Resolved']).toBe('Unknown NotSeenYet');
  expect(planned(site, { clusters: new Map([['a', '']]) }).said['Resolved']).toBe('True Seen');
  expect(planned(site, { clusters: new Map([['a', 'Unauthorized']]) }).said['Resolved']).toBe('False Unreachable');
  expect(planned(subject('Site', 'b')).said['Resolved']).toBe('True NoCluster');
});

test('statuses are written by the one that leads, and not again', async () => {
  const cluster = new MemoryCluster();
  const apply = vi.spyOn(cluster, 'apply');
  const type = HUB_TYPES.Site;
  await cluster.create(type, { metadata: { name: 'a' }, spec: { region: 'DE' } });
  // As the hub shows it.
  const seen: { status?: unknown } = {};
  const onError = vi.fn<(message: string) => void>();
  const writer = new StatusWriter({
    cluster,
    types: HUB_TYPES,
    identity: 'test',
    world: () => world({ subjects: [subject('Site', 'a', seen)] }),
    onError,
  });
  writer.soon();
  expect(apply).not.toHaveBeenCalled();
  writer.lead(true);
  await vi.waitFor(() => expect(apply).toHaveBeenCalledTimes(1));
  seen.status = (await cluster.get(type, 'a'))!.status;
  expect(seen.status).toMatchObject({ conditions: [{ type: 'Accepted', status: 'True' }, { type: 'Resolved' }] });
  writer.soon(0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  writer.lead(false);
  expect(apply).toHaveBeenCalledTimes(1);
  expect(onError).not.toHaveBeenCalled();
});

test('statuses are enough to begin with when a site is away', () => {
  const { status } = planned(subject('DomainExport', 'web'), { exports: new Map([['shop/web', exp([true, false])]]) });
  const { services, at } = servicesFromStatuses('a', [{ object: { metadata: { name: 'web' }, status } }])!;
  expect(at).toBe(NOW.getTime());
  expect(services.get('d/web')).toMatchObject({ addresses: ['8.8.8.0', '8.8.8.1'], requestsPerReplica: 0.5 });
  expect(servicesFromStatuses('b', [{ object: { metadata: { name: 'web' }, status } }])).toBeUndefined();
});
