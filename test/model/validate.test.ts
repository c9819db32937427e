import * as fc from 'fast-check';
import { Check } from 'typebox/value';
import { expect, test } from 'vitest';
import { formatProblem } from '../../src/lib/problem.ts';
import { parseYaml } from '../../src/lib/yaml.ts';
import { KINDS, type Kind } from '../../src/model/kinds.ts';
import { plainSchema, type Schema } from '../../src/model/schema.ts';
import { validateResource } from '../../src/model/validate.ts';
import { violations } from '../../src/model/violations.ts';
import { followRemedy } from '../support/follow-remedy.ts';

const HEAD = 'apiVersion: edgeward.dev/v1alpha1\n';
const site = (spec: string, metadata = 'name: a'): string =>
  `${HEAD}kind: Site\nmetadata: { ${metadata} }\nspec: { ${spec} }`;
const exported = (spec: string): string => `${HEAD}kind: DomainExport\nmetadata: { name: a }\nspec: { ${spec} }`;
const zone = (spec: string): string => `${HEAD}kind: Zone\nmetadata: { name: a }\nspec: { origin: a.test, ${spec} }`;
const override = (spec: string): string =>
  `${HEAD}kind: WeightOverride\nmetadata: { name: a }\nspec: { export: a, ${spec} }`;
const policy = (text: string): string => exported(`endpoints: [{ address: 192.0.2.1, site: a }], policy: { ${text} }`);

const CASES: readonly (readonly [string, readonly string[]])[] = [
  [site('region: DE'), []],
  ['just text', ['error: not a resource; write a map with `apiVersion`, `kind`, `metadata` and `spec`']],
  ['[1, 2]', ['error: not a resource; write a map with `apiVersion`, `kind`, `metadata` and `spec`']],
  ['metadata: {}', ['error: kind: missing; write `Site`, `Zone`, `DomainExport` or `WeightOverride`']],
  [
    'apiVersion: v1\nkind: ConfigMap',
    ['error: apiVersion: "v1" is another API; write `edgeward.dev/v1alpha1`, or move the file elsewhere'],
  ],
  [
    'apiVersion: edgeward.dev/v1\nkind: Site\nmetadata: { name: a }\nspec: { region: DE }',
    ['error: apiVersion: "edgeward.dev/v1" is not known here; write `edgeward.dev/v1alpha1`'],
  ],
  [`${HEAD}kind: Sites`, ['error: kind: no kind "Sites"; did you mean `Site`?']],
  [
    `${HEAD}kind: Gadget`,
    ['error: kind: no kind "Gadget"; kinds are `Site`, `Zone`, `DomainExport`, `WeightOverride`'],
  ],
  [
    `${HEAD}kind: [Site]`,
    ['error: kind: not the name of a kind; write `Site`, `Zone`, `DomainExport` or `WeightOverride`'],
  ],
  [
    `${HEAD}kind: Site`,
    ['error: metadata: missing; add `metadata: { name: ... }`', 'error: spec: missing; add `spec: { region: ... }`'],
  ],
  [
    site('region: DE', 'name: Frankfurt_1'),
    [
      'error: metadata.name: "Frankfurt_1" is not allowed here; write a-z, 0-9 and hyphens, at most 63, with no hyphen first or last',
    ],
  ],
  [site('region: DE', 'name: 1'), ['error: metadata.name: the number 1, not text; put it in quotes: "1"']],
  [
    site('region: DE', 'name: a, tenant: b, lables: {}'),
    [
      'error: metadata.lables: unknown field; did you mean `labels`?',
      'error: metadata.tenant: a Site has no tenant; remove the field',
    ],
  ],
  [
    site('region: DE', 'name: a, labels: { tier: 1, a/b: [] }'),
    [
      'error: metadata.labels.tier: the number 1, not text; put it in quotes: "1"',
      'error: metadata.labels["a/b"]: a list, not text; write text',
    ],
  ],
  [
    site('regoin: DE'),
    [
      'error: spec.regoin: unknown field; did you mean `region`?',
      'error: spec.region: missing; add `region:` (a region such as `DE`, `CN-GD` or `europe`)',
    ],
  ],
  [
    site('region: D, isps: telecom, cost: "3"'),
    [
      'error: spec.region: "D" is too short; write a region such as `DE`, `CN-GD` or `europe`',
      'error: spec.isps: the text "telecom", not a list; put it in brackets: [telecom]',
      'error: spec.cost: the text "3", not a number; write it without quotes: 3',
    ],
  ],
  [
    site('region: DE, isps: [China Telecom, AS0]'),
    [
      'error: spec.isps[0]: "China Telecom" is not allowed here; did you mean `telecom`?',
      'error: spec.isps[1]: "AS0" is not allowed here; write a carrier such as `telecom` or an AS number such as `AS3320`',
    ],
  ],
  [
    site('region: DE, coordinates: { latitude: 91, longtitude: 8 }'),
    [
      'error: spec.coordinates.latitude: 91 is above 90; write a number from -90 to 90',
      'error: spec.coordinates.longtitude: unknown field; did you mean `longitude`?',
      'error: spec.coordinates.longitude: missing; add `longitude:` (a number from -180 to 180)',
    ],
  ],
  [
    site('region: , cost: cheap'),
    [
      'error: spec.region: empty; write a region such as `DE`, `CN-GD` or `europe`',
      'error: spec.cost: the text "cheap", not a number; write a number of 0 or more',
    ],
  ],
  [site('region: DE, cost: .nan'), ['error: spec.cost: the number NaN, not a number; write a number of 0 or more']],
  [
    site('region: DE, cost: [1], coordinates: here'),
    [
      'error: spec.cost: a list, not a number; write a number of 0 or more',
      'error: spec.coordinates: the text "here", not a map of fields; write a map with fields such as `latitude`',
    ],
  ],
  [exported('endpoints: []'), ['error: spec.endpoints: an empty list; give at least one item']],
  [
    exported('hosts: a.test, endpoints: [192.0.2.1]'),
    [
      'error: spec.hosts: the text "a.test", not a list; put it in brackets: [a.test]',
      'error: spec.endpoints[0]: the text "192.0.2.1", not a map of fields; write a map with fields such as `address`',
    ],
  ],
  [
    exported('endpoints: [{ address: 1, site: a, weight: -1, health: dwon }, { adress: 192.0.2.1 }]'),
    [
      'error: spec.endpoints[0].address: the number 1, not text; put it in quotes: "1"',
      'error: spec.endpoints[0].weight: -1 is below 0; write a number from 0 to 1000000',
      'error: spec.endpoints[0].health: "dwon" is not known here; did you mean `down`?',
      'error: spec.endpoints[1].adress: unknown field; did you mean `address`?',
      'error: spec.endpoints[1].address: missing; add `address:` (IPv4 or IPv6 address)',
      'error: spec.endpoints[1].site: missing; add `site:` (Name of the site it is at)',
    ],
  ],
  [
    exported('endpoints: [{ address: 192.0.2.1, site: a, health: true, port: 80 }]'),
    [
      'error: spec.endpoints[0].health: `true` is not known here; write `up` or `down`',
      'error: spec.endpoints[0].port: unknown field; fields here are `address`, `site`, `weight`, `health`',
    ],
  ],
  [
    policy('objective: latancy'),
    ['error: spec.policy.objective: "latancy" is not known here; did you mean `latency`?'],
  ],
  [
    policy('objective: speed'),
    [
      'error: spec.policy.objective: "speed" is not known here; write `latency`, `cost` or `none`, or a map with fields such as `latency`',
    ],
  ],
  [
    policy('objective: { latency: 1 }'),
    ['error: spec.policy.objective.cost: missing; add `cost:` (a number of 0 or more)'],
  ],
  [
    policy('maxAnswers: 1.5, ttl: 100000, spread: { ipv4: 33 }, ispPenaltyMs: -1'),
    [
      'error: spec.policy.maxAnswers: the number 1.5, not a whole number; write a whole number from 1 to 32',
      'error: spec.policy.ttl: 100000 is above 86400; write a whole number from 0 to 86400',
      'error: spec.policy.spread.ipv4: 33 is above 32; write a whole number from 0 to 32',
      'error: spec.policy.ispPenaltyMs: -1 is below 0; write a number of 0 or more',
    ],
  ],
  [
    policy('rules: [{ only: [] }], failover: [a, b]'),
    [
      'error: spec.policy.rules[0].only: an empty list; give at least one item',
      'error: spec.policy.rules[0].clients: missing; add `clients: {}`',
      'error: spec.policy.failover[0]: the text "a", not a list; put it in brackets: [a]',
      'error: spec.policy.failover[1]: the text "b", not a list; put it in brackets: [b]',
    ],
  ],
  [
    zone('records: [{ name: a, type: A, data: 1 }, { name: b, type: A, data: [] }, { name: c, type: A, data: [1] }]'),
    [
      'error: spec.records[0].data: the number 1, not text or a list; put it in quotes: "1"',
      'error: spec.records[1].data: an empty list; give at least one item',
      'error: spec.records[2].data[0]: the number 1, not text; put it in quotes: "1"',
    ],
  ],
  [
    zone('nameservers: [ns1], defaultTtl: 1h, targets: "yes"'),
    [
      'error: spec.nameservers: unknown field; fields here are `origin`, `file`, `records`, `defaultTtl`, `allowUnsigned`, `targets`, `tenants`, `hostHold`, `hostnameAnnotations`',
      'error: spec.defaultTtl: the text "1h", not a whole number; write a whole number from 0 to 2147483647',
      'error: spec.targets: the text "yes", not `true` or `false`; write `true` or `false`',
    ],
  ],
  [
    override('weight: 1000001, expires: tomorrow'),
    [
      'error: spec.weight: 1000001 is above 1000000; write a number from 0 to 1000000',
      'error: spec.expires: "tomorrow" is not a date and time; write it by RFC 3339: 2030-01-31T18:00:00Z',
    ],
  ],
];

test.each(CASES.map(([text, expected]) => [text.split('\n').at(-1), text, expected] as const))(
  '%s',
  (_, text, expected) => {
    const { documents } = parseYaml(text, '');
    expect(validateResource(documents[0]?.value).map(formatProblem)).toEqual(expected);
  },
);

const anyValue = fc.jsonValue({ maxDepth: 6 });

test('no value makes it throw', () => {
  const envelope = fc.record({
    apiVersion: fc.constant('edgeward.dev/v1alpha1'),
    kind: fc.oneof(fc.constantFrom(...Object.keys(KINDS)), anyValue),
    metadata: anyValue,
    spec: anyValue,
  });
  const property = fc.property(fc.oneof(anyValue, envelope), (value) => {
    const problems = validateResource(value);
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) expect(formatProblem(problem)).not.toContain('\n');
  });
  fc.assert(property, { seed: 1, numRuns: 5000 });
});

/** Values near to a schema: right mostly, with a wrong value, a missing or an unknown field here and there. */
function near(schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 60, arbitrary: mostlyRight(schema) }, { weight: 1, arbitrary: anyValue });
}

function mostlyRight({
  anyOf,
  properties,
  required,
  items,
  patternProperties,
  ...schema
}: Schema): fc.Arbitrary<unknown> {
  if (anyOf !== undefined) return fc.oneof(...anyOf.map(near));
  if ('const' in schema) return fc.constant(schema.const);
  if (items !== undefined) {
    const long = fc.array(near(items), { minLength: schema.minItems ?? 0, maxLength: 3 });
    return fc.oneof({ weight: 20, arbitrary: long }, fc.array(near(items), { maxLength: 3 }));
  }
  if (patternProperties !== undefined) return fc.dictionary(fc.string(), near(Object.values(patternProperties)[0]!));
  if (properties !== undefined) {
    const keys = Object.keys(properties);
    const model = Object.fromEntries(Object.entries(properties).map(([key, one]) => [key, near(one)]));
    const fields = fc.record(model, { requiredKeys: keys.filter((key) => required?.includes(key)) });
    const fewer = fc.tuple(fields, fc.constantFrom(...keys)).map(([value, key]) => ({ ...value, [key]: undefined }));
    const more = fc.tuple(fields, fc.constantFrom('extra', '__proto__', 'toString'), anyValue);
    return fc.oneof(
      { weight: 40, arbitrary: fields },
      // Through JSON, undefined fields vanish and `__proto__` becomes a field like others, as in YAML.
      { weight: 1, arbitrary: fewer.map((value) => JSON.parse(JSON.stringify(value)) as unknown) },
      {
        weight: 1,
        arbitrary: more.map(([value, key, other]) => Object.fromEntries([...Object.entries(value), [key, other]])),
      },
    );
  }
  if (schema.type === 'integer') return fc.integer({ min: -1, max: 40 });
  if (schema.type === 'number')
    return fc.oneof(
      {
        weight: 20,
        arbitrary: fc.integer({ min: Math.ceil(schema.minimum ?? -1), max: Math.min(80, schema.maximum ?? 80) }),
      },
      fc.integer({ min: -1, max: 80 }),
      fc.double(),
    );
  if (schema.type === 'boolean') return fc.boolean();
  if (schema.format !== undefined) return fc.constantFrom('2030-01-31T18:00:00Z', '2030-02-30T18:00:00Z', '2030');
  return fc.oneof({ weight: 20, arbitrary: fc.constantFrom('ab', 'telecom', 'as12') }, fc.string());
}

test.each(Object.keys(KINDS) as Kind[])('%s: it finds something exactly when TypeBox does', (kind) => {
  const schema = KINDS[kind];
  let valid = 0;
  const property = fc.property(near(plainSchema(schema)), (value) => {
    const right = Check(schema, value);
    if (right) valid++;
    expect(violations(schema, value).length === 0).toBe(right);
  });
  fc.assert(property, { seed: 3, numRuns: 2000 });
  expect(valid).toBeGreaterThan(150);
  expect(valid).toBeLessThan(1800);
});

test.each(Object.keys(KINDS) as Kind[])(
  '%s: remedies mend what they are given for, and lead round in no circle',
  (kind) => {
    const schema = KINDS[kind];
    let followed = 0;
    const property = fc.property(near(plainSchema(schema)), (start) => {
      const seen = new Set<string>();
      let value: unknown = start;
      for (let step = 0; step < 100; step++) {
        const state = JSON.stringify(value);
        expect(seen, `round in a circle at ${state}`).not.toContain(state);
        seen.add(state);
        let next: unknown;
        const violation = violations(schema, value).find((each) => {
          next = followRemedy(value, each);
          return next !== undefined;
        });
        if (violation === undefined) return;
        followed++;
        const { field, message } = violation;
        const left = violations(schema, next).filter((each) => each.field === field && each.message === message);
        expect(left, `not mended: ${field}: ${message}; ${violation.remedy}`).toEqual([]);
        value = next;
      }
    });
    fc.assert(property, { seed: 4, numRuns: 1000 });
    expect(followed).toBeGreaterThan(500);
  },
);
