import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadRegions } from '../../src/geo/mod.ts';
import type { ResolvedEndpoint, ResolvedExport, ResolvedPolicy, ResolvedSite } from '../../src/model/resolved.ts';
import { classifyLocalities } from '../../src/steering/plan/locality-classes.ts';
import { explainPlan, planFor } from '../../src/steering/plan/plan.ts';
import { type ClientLocality, type SteeringContext } from '../../src/steering/plan/input.ts';
import { shapeOf } from '../../src/steering/plan/shape.ts';

const regions = loadRegions(fileURLToPath(new URL('../../geo-data', import.meta.url)));
const site = (name: string, region: string, isps: string[], cost = 0): ResolvedSite => {
  const { latitude, longitude } = regions.get(region)!;
  return { name, region, isps, latitude, longitude, cost };
};
const SITES = [
  site('gz-ct', 'CN-GD', ['telecom']),
  site('gz-cm', 'CN-GD', ['mobile']),
  site('bj-cu', 'CN-BJ', ['unicom', 'AS4808'], 2),
  site('fra', 'DE', ['deutsche-telekom'], 4),
  site('sin', 'SG', [], 1),
];
const context: SteeringContext = { sites: new Map(SITES.map((each) => [each.name, each])), regions };

const POLICY: ResolvedPolicy = {
  rules: [],
  failover: [],
  objective: { latency: 1, cost: 0 },
  ispPenaltyMs: 30,
  toleranceMs: 5,
  matrix: [],
  maxAnswers: 1,
  ttl: 20,
  spread: { ipv4: 16, ipv6: 32 },
};

function endpoint(where: string, change: Partial<ResolvedEndpoint> = {}): ResolvedEndpoint {
  const weight = change.weight ?? 1;
  const address = `192.0.2.${SITES.findIndex(({ name }) => name === where) + 1}`;
  return {
    address,
    family: 4,
    bytes: new Uint8Array(4),
    site: where,
    weight,
    ownWeight: weight,
    overrides: [],
    up: true,
    ...change,
  };
}

function exportOf(endpoints: readonly ResolvedEndpoint[], policy: Partial<ResolvedPolicy> = {}): ResolvedExport {
  return { tenant: 't', name: 'e', hosts: [], endpoints, policy: { ...POLICY, ...policy } };
}

const client = (region: string, isp = '', asn = 0): ClientLocality => ({ region, isp, asn });

/** Shares by site, such as `gz-ct 50 %, gz-cm 50 %`. */
function shares(exp: ResolvedExport, who: ClientLocality): string {
  const { entries, failOpen } = planFor(exp, 4, who, context);
  const list = entries.map(
    ({ endpoint: index, share }) => `${exp.endpoints[index]!.site} ${Math.round(share * 100)} %`,
  );
  return list.join(', ') + (failOpen ? ' (fail open)' : '');
}

const ALL = SITES.map(({ name }) => endpoint(name));
const rule = (only: string[] | undefined, deny: string[], who: { regions?: string[]; isps?: string[] }) => ({
  name: 'r',
  regions: [],
  isps: [],
  ...who,
  only,
  deny,
});

test.each<[string, ResolvedExport, ClientLocality, string]>([
  ['nearest, on the own ISP', exportOf(ALL), client('CN-GD', 'telecom', 4134), 'gz-ct 100 %'],
  ['the other ISP at the same place', exportOf(ALL), client('CN-GD', 'mobile', 9808), 'gz-cm 100 %'],
  ['ISP not known: both', exportOf(ALL), client('CN-GD'), 'gz-ct 50 %, gz-cm 50 %'],
  ['an ISP named by its AS number', exportOf(ALL), client('CN-BJ', 'AS4808', 4808), 'bj-cu 100 %'],
  ['Frankfurt', exportOf(ALL), client('DE', 'deutsche-telekom', 3320), 'fra 100 %'],
  [
    'a neutral site costs half the penalty',
    exportOf([endpoint('gz-ct'), endpoint('sin')], { toleranceMs: 0 }),
    client('SG', 'singtel', 7473),
    'sin 100 %',
  ],
  ['region not known: by ISP alone', exportOf(ALL), client('', 'telecom', 4134), 'gz-ct 100 %'],
  [
    'nothing known: by weight alone',
    exportOf([endpoint('gz-ct'), endpoint('fra', { weight: 3 })]),
    client(''),
    'gz-ct 25 %, fra 75 %',
  ],
  [
    'down: the next best',
    exportOf([endpoint('gz-ct', { up: false }), endpoint('gz-cm'), endpoint('fra')]),
    client('CN-GD', 'telecom', 4134),
    'gz-cm 100 %',
  ],
  [
    'all down: as if all were up',
    exportOf([endpoint('gz-ct', { up: false }), endpoint('fra', { up: false })]),
    client('DE'),
    'fra 100 % (fail open)',
  ],
  ['weight 0 drains', exportOf([endpoint('fra', { weight: 0 }), endpoint('sin')]), client('DE'), 'sin 100 %'],
  [
    'all weights 0: equally',
    exportOf([endpoint('gz-ct', { weight: 0 }), endpoint('gz-cm', { weight: 0 })]),
    client('CN-GD'),
    'gz-ct 50 %, gz-cm 50 %',
  ],
  [
    'only',
    exportOf(ALL, { rules: [rule(['sin'], [], { regions: ['CN'] })] }),
    client('CN-GD', 'telecom', 4134),
    'sin 100 %',
  ],
  [
    'only is for those it names',
    exportOf(ALL, { rules: [rule(['sin'], [], { regions: ['CN'], isps: ['mobile'] })] }),
    client('CN-GD', 'telecom', 4134),
    'gz-ct 100 %',
  ],
  [
    'only gives way when its sites are down',
    exportOf([endpoint('sin', { up: false }), endpoint('fra')], { rules: [rule(['sin'], [], {})] }),
    client('SG'),
    'fra 100 %',
  ],
  [
    'deny',
    exportOf(ALL, { rules: [rule(undefined, ['gz-ct'], { regions: ['asia'] })] }),
    client('CN-GD', 'telecom', 4134),
    'gz-cm 100 %',
  ],
  [
    'deny holds over health',
    exportOf([endpoint('fra'), endpoint('sin', { up: false })], { rules: [rule(undefined, ['fra'], {})] }),
    client('DE'),
    'sin 100 % (fail open)',
  ],
  [
    'deny of all is ignored',
    exportOf([endpoint('fra')], { rules: [rule(undefined, ['fra'], {})] }),
    client('DE'),
    'fra 100 %',
  ],
  ['failover: the first tier', exportOf(ALL, { failover: [['sin'], ['fra']] }), client('DE'), 'sin 100 %'],
  [
    'failover: the next, when it is down',
    exportOf([endpoint('sin', { up: false }), endpoint('fra'), endpoint('gz-ct')], { failover: [['sin'], ['fra']] }),
    client('CN-GD'),
    'fra 100 %',
  ],
  [
    'a measured round trip goes before distance',
    exportOf(ALL, { matrix: [{ region: 'CN', isp: '', site: 'fra', ms: 1 }] }),
    client('CN-GD', 'telecom', 4134),
    'gz-ct 100 %',
  ],
  [
    'the most particular measurement',
    exportOf([endpoint('fra'), endpoint('sin')], {
      matrix: [
        { region: 'CN', isp: '', site: 'fra', ms: 500 },
        { region: 'CN-GD', isp: 'telecom', site: 'fra', ms: 1 },
      ],
    }),
    client('CN-GD', 'telecom', 4134),
    'fra 100 %',
  ],
  [
    'cost',
    exportOf([endpoint('fra'), endpoint('sin')], { objective: { latency: 0, cost: 1 } }),
    client('DE'),
    'sin 100 %',
  ],
  [
    'no objective: weights',
    exportOf([endpoint('fra'), endpoint('sin', { weight: 3 })], { objective: { latency: 0, cost: 0 } }),
    client('DE'),
    'fra 25 %, sin 75 %',
  ],
])('%s', (_, exp, who, expected) => {
  expect(shares(exp, who)).toBe(expected);
});

const anyEndpoints = fc.uniqueArray(
  fc.record({
    where: fc.constantFrom(...SITES.map(({ name }) => name)),
    weight: fc.constantFrom(0, 1, 2, 5),
    up: fc.boolean(),
    family: fc.constantFrom<4 | 6>(4, 6),
  }),
  { minLength: 1, maxLength: 5, selector: ({ where }) => where },
);
const names = fc.subarray(
  SITES.map(({ name }) => name),
  { minLength: 1 },
);
const anyRule = fc.record({
  name: fc.constant('r'),
  regions: fc.subarray(['CN', 'CN-GD', 'asia', 'DE', 'world']),
  isps: fc.subarray(['telecom', 'mobile', 'AS4808']),
  only: fc.option(names, { nil: undefined }),
  deny: fc.oneof(fc.constant([]), names),
});
const anyMatrix = fc.record({
  region: fc.constantFrom('', 'CN', 'CN-BJ', 'europe'),
  isp: fc.constantFrom('', 'unicom', 'AS3320', 'AS4808', 'telecom'),
  site: fc.constantFrom('fra', 'sin', 'bj-cu'),
  ms: fc.integer({ min: 1, max: 300 }),
});
const anyExport = fc
  .record({
    endpoints: anyEndpoints,
    rules: fc.oneof(fc.array(anyRule, { maxLength: 3 }), fc.array(anyRule, { minLength: 33, maxLength: 40 })),
    failover: fc.array(names, { maxLength: 2 }),
    matrix: fc.oneof(fc.array(anyMatrix, { maxLength: 3 }), fc.array(anyMatrix, { maxLength: 60 })),
    objective: fc.constantFrom({ latency: 1, cost: 0 }, { latency: 1, cost: 3 }, { latency: 0, cost: 1 }),
    toleranceMs: fc.constantFrom(0, 5, 100),
  })
  .map(({ endpoints, ...policy }) =>
    exportOf(
      endpoints.map(({ where, ...rest }) => endpoint(where, rest)),
      policy,
    ),
  );
const LOCALITIES: readonly ClientLocality[] = ['', 'CN', 'CN-GD', 'CN-BJ', 'DE', 'SG', 'US', 'BR'].flatMap((region) =>
  [
    ['', 0],
    ['telecom', 4134],
    ['mobile', 9808],
    ['AS4808', 4808],
    ['unicom', 4808],
    ['AS64500', 64500],
    ['deutsche-telekom', 3320],
  ].map(([isp, asn]) => client(region, String(isp), Number(asn))),
);

/** Localities with coordinates: a place is in one region. */
const PLACED: readonly ClientLocality[] = (
  [
    ['CN', 43.8, 87.6],
    ['CN-GD', 23.1, 113.3],
    ['CN-GD', 21.2, 110.4],
    ['RU', 43.1, 131.9],
    ['RU', 55.75, 37.6],
    ['', 51.5, -0.1],
  ] as const
).flatMap(([region, latitude, longitude]) => {
  const coordinates = { latitude, longitude };
  return (
    [
      ['', 0],
      ['telecom', 4134],
      ['AS64500', 64500],
    ] as const
  ).map(([isp, asn]) => ({
    region,
    isp,
    asn,
    coordinates,
  }));
});

test('coordinates of a client count, not the centre of its region', () => {
  const exp = exportOf([endpoint('gz-ct'), endpoint('bj-cu'), endpoint('fra')], { ispPenaltyMs: 0 });
  const at = (region: string, latitude: number, longitude: number): ClientLocality => ({
    ...client(region),
    coordinates: { latitude, longitude },
  });
  // Vladivostok and Moscow; Russia's centre is near Moscow.
  expect(shares(exp, at('RU', 43.1, 131.9))).toBe('bj-cu 100 %');
  expect(shares(exp, at('RU', 55.75, 37.6))).toBe('fra 100 %');
  expect(shares(exp, client('RU'))).toBe('fra 100 %');
  // They are enough where the region is not known.
  expect(shares(exp, at('', 22.5, 114.1))).toBe('gz-ct 100 %');
  expect(shares(exp, client(''))).toBe('gz-ct 33 %, bj-cu 33 %, fra 33 %');
  const [nearest] = explainPlan(exp, 4, at('RU', 43.1, 131.9), context).stages.filter(
    ({ stage }) => stage === 'nearness',
  );
  expect(nearest!.effects.map(({ note }) => note)[1]).toMatch(/^13\d\d km, 2\d(?:\.\d)? ms estimated/u);
  // A matrix and rules go on by region.
  const matrix = [{ region: 'RU', isp: '', site: 'fra', ms: 1 }];
  expect(shares(exportOf(exp.endpoints, { matrix, ispPenaltyMs: 0 }), at('RU', 43.1, 131.9))).toBe('fra 100 %');
});

test('localities at two places of one region are two classes, at one place one', () => {
  const [a, b] = [
    { latitude: 43.1, longitude: 131.9 },
    { latitude: 55.75, longitude: 37.6 },
  ];
  const at = (isp: string, coordinates?: { latitude: number; longitude: number }): ClientLocality =>
    coordinates === undefined ? client('RU', isp) : { ...client('RU', isp), coordinates };
  const all = [client(''), at('x', a), at('y', a), at('x', b), at('x'), at('telecom', a), at('y')];
  const { of, representatives } = classifyLocalities(all, new Set(['telecom']));
  expect([...of]).toEqual([0, 1, 1, 2, 3, 4, 3]);
  expect(representatives.map((each) => all.indexOf(each))).toEqual([0, 1, 3, 4, 5]);
});

test('a plan is never empty or outside of its export, adds up to 1, and keeps to health and deny', () => {
  fc.assert(
    fc.property(
      anyExport,
      fc.constantFrom(...LOCALITIES, ...PLACED),
      fc.constantFrom<4 | 6>(4, 6),
      (exp, who, family) => {
        const { plan, stages } = explainPlan(exp, family, who, context);
        expect(plan).toEqual(planFor(exp, family, who, context));
        const own = exp.endpoints.filter((each) => each.family === family);
        expect(plan.entries.length > 0).toBe(own.length > 0);
        if (own.length === 0) return;
        expect(plan.entries.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
        for (const { endpoint: index, share } of plan.entries) {
          const chosen = exp.endpoints[index]!;
          expect(chosen.family).toBe(family);
          expect(share).toBeGreaterThan(0);
          if (!plan.failOpen) expect(chosen.up).toBe(true);
          // What the last record shows is what the plan has.
          expect(stages.at(-1)!.effects.some(({ address, kept }) => kept && address === chosen.address)).toBe(true);
          for (const { kept } of stages
            .flatMap(({ effects }) => effects)
            .filter(({ address }) => address === chosen.address))
            expect(kept).toBe(true);
        }
        if (plan.failOpen) expect(plan.entries.some(({ endpoint: index }) => exp.endpoints[index]!.up)).toBe(false);
      },
    ),
    { numRuns: 1000 },
  );
});

test('a shape has the plan of each locality, and what stands in is the plan without what is down', () => {
  fc.assert(
    fc.property(anyExport, fc.constantFrom<4 | 6>(4, 6), (exp, family) => {
      if (!exp.endpoints.some((each) => each.family === family)) return;
      const localities = [...LOCALITIES, ...PLACED];
      const { plans, planOf, parts } = shapeOf(exp, family, localities, context);
      const firstOf = new Map<number, ClientLocality>();
      for (const [index, who] of localities.entries()) {
        const { endpoints } = plans[planOf[index]!]!;
        expect(endpoints).toEqual(planFor(exp, family, who, context).entries.map((entry) => entry.endpoint));
        if (!firstOf.has(planOf[index]!)) firstOf.set(planOf[index]!, who);
      }
      // Numbered by first appearance: equal arrays are equal divisions.
      expect([...firstOf.keys()]).toEqual(Array.from({ length: parts }, (_, index) => index));
      for (const [index, who] of firstOf) {
        const down = new Set<number>();
        let plan = plans[index]!;
        if (planFor(exp, family, who, context).failOpen) expect(plan.standIn).toBeUndefined();
        for (let depth = 0; depth < 2; depth++) {
          for (const each of plan.endpoints) down.add(each);
          const without = planFor(exp, family, who, context, down);
          if (plan.standIn === undefined) {
            expect(without.failOpen).toBe(true);
            break;
          }
          plan = plans[plan.standIn]!;
          expect(plan.endpoints).toEqual(without.entries.map((entry) => entry.endpoint));
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('a shape does not depend on what was planned for the same localities before', () => {
  fc.assert(
    fc.property(fc.array(anyExport, { minLength: 2, maxLength: 5 }), (exports) => {
      const localities = [...LOCALITIES, ...PLACED];
      for (const exp of exports) {
        if (!exp.endpoints.some((each) => each.family === 4)) continue;
        expect(shapeOf(exp, 4, localities, context)).toEqual(shapeOf(exp, 4, [...localities], context));
      }
    }),
    { numRuns: 200 },
  );
});

test('what stands in is the plan without what is down', () => {
  const exp = exportOf(ALL);
  const { plans, planOf } = shapeOf(exp, 4, [client('CN-GD', 'telecom', 4134)], context);
  const sites = (index: number | undefined): string[] =>
    plans[index!]!.endpoints.map((each) => exp.endpoints[each]!.site);
  const first = plans[planOf[0]!]!;
  expect(sites(planOf[0])).toEqual(['gz-ct']);
  expect(sites(first.standIn)).toEqual(['gz-cm']);
  expect(sites(plans[first.standIn!]!.standIn)).toEqual(['bj-cu', 'sin']);
});

test('localities differ by region and by the ISPs that are named, and nothing else', () => {
  const { of, representatives } = classifyLocalities([...LOCALITIES], new Set(['telecom', 'AS4808']));
  const key = ({ region, isp, asn }: ClientLocality): string =>
    [region, isp === '' ? '' : isp === 'telecom' || isp === 'AS4808' ? isp : 'other', asn === 4808].join(' ');
  for (const [index, locality] of LOCALITIES.entries()) expect(key(representatives[of[index]!]!)).toBe(key(locality));
  expect(new Set(representatives.map(key)).size).toBe(representatives.length);
  expect(of[0]).toBe(0);
});
