import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ResolvedExport } from '../../src/model/resolved.ts';
import { createCounters } from '../../src/observe/counters.ts';
import { Answerer, OUT_SIZE } from '../../src/server/answer.ts';
import { compileSnapshot, Compiler } from '../../src/snapshot/compile.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { decodeMessage, encodeQuery } from '../../src/wire/message.ts';
import { nameFromText } from '../../src/wire/name.ts';
import { world } from '../support/world.ts';

const RESOURCES = `
apiVersion: edgeward.dev/v1alpha1
kind: Zone
metadata: { name: example }
spec:
  origin: example.org
  records: [{ name: '@', type: NS, data: ns }, { name: ns, type: A, data: 192.0.2.53 }]
---
apiVersion: edgeward.dev/v1alpha1
kind: Site
metadata: { name: fra }
spec: { region: DE }
---
apiVersion: edgeward.dev/v1alpha1
kind: Site
metadata: { name: sin }
spec: { region: SG }
---
apiVersion: edgeward.dev/v1alpha1
kind: DomainExport
metadata: { name: app }
spec:
  hosts: [app.example.org]
  endpoints:
    - { address: 192.0.2.1, site: fra }
    - { address: 192.0.2.2, site: sin }
`;
/** Some private networks are placed, most are not. */
const NETS = '1.0.0.0/8,DE,\n1.2.0.0/16,SG,\n10.9.0.0/16,SG,\n2001:db8::/32,DE,\n2001:db8:8000::/33,SG,\n';
const { configuration, regions, geo } = await world({ zones: [], resources: RESOURCES, nets: NETS });

interface Wanted {
  readonly nearest: boolean;
  readonly weights: readonly [number, number];
  readonly down: readonly [boolean, boolean];
  readonly maxAnswers: number;
}

function configured({ nearest, weights, down, maxAnswers }: Wanted) {
  const [before] = configuration.exports;
  const endpoints = before!.endpoints.map((endpoint, index) => {
    const weight = weights[index]!;
    return { ...endpoint, weight, ownWeight: weight, up: !down[index]! };
  });
  const objective = nearest ? { latency: 1, cost: 0 } : { latency: 0, cost: 0 };
  const exp: ResolvedExport = { ...before!, endpoints, policy: { ...before!.policy, objective, maxAnswers } };
  return { configuration: { ...configuration, exports: [exp] }, regions, geo, generation: 1 };
}

const name = nameFromText('app.example.org');
if (!name.ok) throw new Error(name.error);
const host = name.value;
const out = new Uint8Array(OUT_SIZE);
let seed = 1;

function ask(snapshot: Snapshot, address: Uint8Array): { addresses: string[]; scope: number } {
  const family = address.length === 4 ? 1 : 2;
  const ecs = { family, source: address.length * 8, address } as const;
  const edns = { udpSize: 1232, do: false, ecs };
  const query = encodeQuery({ id: 1, name: host, type: 1, class: 1, rd: false, edns });
  const answerer = new Answerer({ udpPayloadSize: 1232, nsid: new Uint8Array(0), ecs: true }, createCounters(), seed++);
  // Another resolver each time.
  const source = { family: 4 as const, w0: Math.imul(seed, 0x9e3779b9) >>> 0, w1: 0, w2: 0, w3: 0 };
  const decoded = decodeMessage(out.slice(0, answerer.answer(query, query.length, source, snapshot, out, false)));
  if (!decoded.ok) throw new Error(decoded.error);
  const addresses = decoded.value.answers.map(({ rdata }) => rdata.join('.'));
  return { addresses, scope: decoded.value.edns!.ecs!.scope };
}

const octets = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const PUBLIC: readonly number[][] = [
  [1],
  [1, 2],
  [203],
  [0x20, 1, 0xd, 0xb8],
  [0x20, 1, 0xd, 0xb8, 0x80],
  [0x20, 2, 1, 2],
  [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1],
];
const OTHERS: readonly number[][] = [
  [],
  [10],
  [10, 9],
  [192, 168],
  [127],
  [100, 64],
  [0x20, 2, 10],
  [0x20, 1, 0, 0],
  [0xfd],
  [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1],
];
const addressIn = (heads: readonly number[][]): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(fc.constantFrom(...heads), fc.constantFrom(4, 16), octets(16))
    .map(([head, size, rest]) => rest.slice(0, head.length > 2 ? 16 : size).map((octet, i) => head[i] ?? octet));
const anyAddress = addressIn([...PUBLIC, ...OTHERS]);
const anyWanted = fc.record({
  nearest: fc.boolean(),
  weights: fc.tuple(fc.constantFrom(0, 1, 3), fc.constantFrom(0, 1, 3)),
  down: fc.tuple(fc.boolean(), fc.boolean()),
  maxAnswers: fc.constantFrom(1, 2),
});

/** Those that are answered among: the ones that are up, with a weight if any has one. */
function serving({ weights, down }: Wanted): number {
  const all = [0, 1];
  const up = all.filter((index) => !down[index]!);
  const healthy = up.length === 0 ? all : up;
  const weighted = healthy.filter((index) => weights[index]! > 0);
  return weighted.length === 0 ? healthy.length : weighted.length;
}

test('SCOPE is 0 for every client exactly when all of them have one answer', () => {
  fc.assert(
    fc.property(
      anyWanted,
      fc.array(anyAddress, { minLength: 8, maxLength: 8 }),
      fc.boolean(),
      (wanted, all, widened) => {
        const input = configured(wanted);
        const snapshot = widened ? compileSnapshot(input) : new Compiler().compile(input);
        const answers = all.map((address) => ask(snapshot, address));
        if (serving(wanted) === 1) {
          for (const answer of answers) expect(answer).toEqual({ addresses: answers[0]!.addresses, scope: 0 });
        } else for (const { scope } of answers) expect(scope).toBeGreaterThan(0);
      },
    ),
    { numRuns: 200 },
  );
});

test('all of a scope have one answer and one scope', () => {
  fc.assert(
    fc.property(anyWanted, addressIn(PUBLIC), octets(16), fc.boolean(), (wanted, client, rest, widened) => {
      const input = configured(wanted);
      const snapshot = widened ? compileSnapshot(input) : new Compiler().compile(input);
      const answer = ask(snapshot, client);
      const other = client.map((octet, i) => {
        const mask = (0xff00 >> Math.min(8, Math.max(0, answer.scope - i * 8))) & 0xff;
        return (octet & mask) | (rest[i]! & ~mask & 0xff);
      });
      expect(ask(snapshot, other)).toEqual(answer);
    }),
    { numRuns: 400 },
  );
});

test('SCOPE follows weights that change, also in a snapshot that is in use', () => {
  const compiler = new Compiler();
  const compile = (weights: readonly [number, number]): Snapshot =>
    compiler.compile(configured({ nearest: false, weights, down: [false, false], maxAnswers: 1 }));
  const scopes = (snapshot: Snapshot): number[] =>
    [
      Uint8Array.of(203, 0, 113, 7),
      Uint8Array.of(1, 2, 3, 4),
      Uint8Array.of(0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
      Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 7),
    ].map((address) => ask(snapshot, address).scope);
  const split = compile([1, 2]);
  expect(scopes(split)).toEqual([16, 16, 33, 112]);
  const alone = compile([1, 0]);
  expect(scopes(alone)).toEqual([0, 0, 0, 0]);
  // The weights of the snapshot from before have changed as well.
  expect(scopes(split)).toEqual([0, 0, 0, 0]);
  expect(scopes(compile([1, 2]))).toEqual([16, 16, 33, 112]);
});
