import { KINDS, TENANT_KINDS, type Kind } from './kinds.ts';
import { API_VERSION } from './resource.ts';
import { plainSchema, type Schema } from './schema.ts';

type Json = Readonly<Record<string, unknown>>;

const PLURALS: Readonly<Record<Kind, string>> = {
  Site: 'sites',
  Zone: 'zones',
  DomainExport: 'domainexports',
  WeightOverride: 'weightoverrides',
};

const SHORT_NAMES: Readonly<Record<Kind, readonly string[]>> = {
  Site: [],
  Zone: [],
  DomainExport: ['dex'],
  WeightOverride: ['wov'],
};

const column = (name: string, type: string, jsonPath: string, description?: string, priority = 0): Json => ({
  name,
  type,
  jsonPath,
  ...(description === undefined ? {} : { description }),
  ...(priority === 0 ? {} : { priority }),
});
const condition = (type: string): string => `.status.conditions[?(@.type=="${type}")].status`;
const ACCEPTED = column('Accepted', 'string', condition('Accepted'));
const AGE = column('Age', 'date', '.metadata.creationTimestamp');

const COLUMNS: Readonly<Record<Kind, readonly Json[]>> = {
  Site: [
    column('Region', 'string', '.spec.region'),
    column('ISPs', 'string', '.spec.isps'),
    ACCEPTED,
    column('Seen', 'string', condition('Resolved'), 'Whether its cluster is seen as it is now.'),
    AGE,
  ],
  Zone: [column('Origin', 'string', '.spec.origin'), ACCEPTED, column('Serving', 'string', condition('Serving')), AGE],
  DomainExport: [
    column('Hosts', 'string', '.spec.hosts'),
    ACCEPTED,
    column('Resolved', 'string', condition('Resolved')),
    column('Serving', 'string', condition('Serving')),
    column('Endpoints', 'string', '.status.summary', 'Endpoints that are up, of all.'),
    AGE,
  ],
  WeightOverride: [
    column('Export', 'string', '.spec.export'),
    column('Weight', 'number', '.spec.weight'),
    column('Factor', 'number', '.spec.factor'),
    column('Expires', 'string', '.spec.expires'),
    ACCEPTED,
    AGE,
  ],
};

/** The CustomResourceDefinitions of all kinds, from their schemas. */
export function customResourceDefinitions(): Json[] {
  const [group = '', version = ''] = API_VERSION.split('/');
  return (Object.keys(KINDS) as Kind[]).map((kind) => {
    const schema = plainSchema(KINDS[kind]);
    const plural = PLURALS[kind];
    return {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        scope: TENANT_KINDS.has(kind) ? 'Namespaced' : 'Cluster',
        names: {
          plural,
          singular: kind.toLowerCase(),
          kind,
          listKind: `${kind}List`,
          shortNames: SHORT_NAMES[kind],
          categories: ['edgeward'],
        },
        versions: [
          {
            name: version,
            served: true,
            storage: true,
            subresources: { status: {} },
            additionalPrinterColumns: COLUMNS[kind],
            schema: {
              openAPIV3Schema: {
                type: 'object',
                description: schema.description,
                required: ['spec'],
                properties: {
                  apiVersion: { type: 'string' },
                  kind: { type: 'string' },
                  metadata: { type: 'object' },
                  spec: structural(schema.properties!['spec']!),
                  status: kind === 'DomainExport' ? EXPORT_STATUS : kind === 'Zone' ? ZONE_STATUS : STATUS,
                },
              },
            },
          },
        ],
      },
    };
  });
}

/** Longest list and text that rules are priced by: the API server refuses rules that may cost too much. */
const MAX_ITEMS = 4096;

/**
 * A schema as CustomResourceDefinitions have it (structural): no unions but of literals, no patterns of keys, and what
 * our own keywords ask for as CEL rules. What it cannot say is checked when the resource is read, and told in
 * its `Accepted` condition.
 */
export function structural(schema: Schema): Json {
  const { description, anyOf } = schema;
  const about = description === undefined ? {} : { description };
  if (anyOf !== undefined) {
    const literals = anyOf.filter((branch) => typeof branch.const === 'string');
    if (literals.length === anyOf.length)
      return { ...about, type: 'string', enum: anyOf.map((branch) => branch.const) };
    return { ...about, 'x-kubernetes-preserve-unknown-fields': true };
  }
  if (schema.const !== undefined) return { ...about, type: typeof schema.const, enum: [schema.const] };
  switch (schema.type) {
    case 'object':
      return { ...about, ...structuralMap(schema) };
    case 'array': {
      const { minItems, items = {} } = schema;
      const least = minItems === undefined ? {} : { minItems };
      return { ...about, type: 'array', ...least, maxItems: MAX_ITEMS, items: structural(items) };
    }
    default: {
      const { type, pattern, format, minLength, minimum, maximum } = schema;
      const bounds = { pattern, format, minLength, minimum, maximum };
      const given = Object.fromEntries(Object.entries(bounds).filter(([, value]) => value !== undefined));
      return { ...about, type, ...given };
    }
  }
}

function structuralMap(schema: Schema): Json {
  const { properties, required, patternProperties, exactlyOneOf, atLeastOneOf } = schema;
  if (patternProperties !== undefined) {
    return { type: 'object', additionalProperties: structural(Object.values(patternProperties)[0]!) };
  }
  const fields = Object.entries(properties ?? {}).map(([name, inner]) => [name, structural(inner)] as const);
  const rules: Json[] = [];
  const has = (field: string): string => `has(self.${field})`;
  const named = (names: readonly string[], word: string): string =>
    names.map((name) => `\`${name}\``).join(` ${word} `);
  if (exactlyOneOf !== undefined) {
    const rule = `[${exactlyOneOf.map(has).join(', ')}].filter(x, x).size() == 1`;
    rules.push({ rule, message: `exactly one of ${named(exactlyOneOf, 'and')} is needed` });
  }
  if (atLeastOneOf !== undefined) {
    const rule = atLeastOneOf.map(has).join(' || ');
    rules.push({ rule, message: `at least one of ${named(atLeastOneOf, 'and')} is needed` });
  }
  return {
    type: 'object',
    ...(required === undefined || required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(fields),
    ...(rules.length === 0 ? {} : { 'x-kubernetes-validations': rules }),
  };
}

const text = (description: string): Json => ({ type: 'string', description });

const CONDITIONS: Json = {
  type: 'array',
  description:
    'What is to be said of it: `Accepted`, `Resolved` and `Serving`, each with what to do where it is False.',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  items: {
    type: 'object',
    required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'],
    properties: {
      type: text('`Accepted`: it is sound. `Resolved`: what it refers to is there. `Serving`: it is answered with.'),
      status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
      reason: text('One word for programs.'),
      message: text('For people: what is wrong, and what to do.'),
      observedGeneration: { type: 'integer', format: 'int64', description: 'Generation that this was said of.' },
      lastTransitionTime: { type: 'string', format: 'date-time', description: 'When `status` last changed.' },
    },
  },
};

const STATUS: Json = {
  type: 'object',
  description: 'What the control plane makes of it.',
  properties: { conditions: CONDITIONS },
};

const ZONE_STATUS: Json = {
  ...STATUS,
  properties: {
    conditions: CONDITIONS,
    reservedHosts: {
      type: 'array',
      description: 'Hosts that their tenants gave up, and that nobody else may have before `until`.',
      items: {
        type: 'object',
        properties: {
          host: text('The host.'),
          tenant: text('The tenant that may have it.'),
          until: { type: 'string', format: 'date-time', description: 'When it is reserved no longer.' },
        },
      },
    },
    contestedHosts: {
      type: 'array',
      description: 'Hosts that several namespaces of edge clusters claim.',
      items: {
        type: 'object',
        properties: { host: text('The host.'), namespace: text('The namespace that has it.') },
      },
    },
  },
};

const EXPORT_STATUS: Json = {
  ...STATUS,
  properties: {
    conditions: CONDITIONS,
    summary: text('Endpoints that are up, of all: `5/6`.'),
    hosts: { type: 'array', items: { type: 'string' }, description: 'Hosts that it answers.' },
    endpoints: {
      type: 'array',
      description: 'Addresses that clients are answered with, at intervals of some seconds.',
      items: {
        type: 'object',
        properties: {
          address: text('IPv4 or IPv6 address.'),
          site: text('Site it is at.'),
          region: text('Region the address is in.'),
          isps: { type: 'array', items: { type: 'string' }, description: 'ISPs the address is of.' },
          weight: { type: 'number', description: 'What it weighs, overrides applied.' },
          up: { type: 'boolean', description: 'Whether it takes clients.' },
          readyReplicas: { type: 'integer', description: 'Ready replicas behind it, where it is of an edge cluster.' },
          requestsPerReplica: { type: 'number', description: 'What one of them serves, where its cluster says so.' },
          services: { type: 'array', items: { type: 'string' }, description: 'Services behind it, `namespace/name`.' },
        },
      },
    },
  },
};
