import { readFileSync, readdirSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { expect, test } from 'vitest';
import { customResourceDefinitions } from '../../src/model/crd.ts';

type Json = Record<string, unknown>;

/** Every schema below one, with its path. */
function* schemas(schema: Json, path: string): Generator<[string, Json]> {
  yield [path, schema];
  for (const [name, inner] of Object.entries((schema['properties'] ?? {}) as Record<string, Json>))
    yield* schemas(inner, `${path}.${name}`);
  if (schema['items'] !== undefined) yield* schemas(schema['items'] as Json, `${path}[]`);
}

test('schemas are structural: what an API server would refuse is not in them', () => {
  const crds = customResourceDefinitions() as { spec: { versions: { schema: { openAPIV3Schema: Json } }[] } }[];
  expect(crds).toHaveLength(4);
  for (const { spec } of crds) {
    for (const [path, schema] of schemas(spec.versions[0]!.schema.openAPIV3Schema, '')) {
      expect(Object.keys(schema), path).not.toEqual(expect.arrayContaining(['anyOf']));
      const typed = 'type' in schema || schema['x-kubernetes-preserve-unknown-fields'] === true;
      expect(typed, path).toBe(true);
      expect(schema['additionalProperties'] === false, path).toBe(false);
    }
  }
});

test('rules come from the schemas', () => {
  const text = JSON.stringify(customResourceDefinitions());
  expect(text).toContain('[has(self.weight), has(self.factor)].filter(x, x).size() == 1');
  expect(text).toContain('has(self.endpoints) || has(self.backends)');
});

test('manifests are YAML, and name only what the others have', () => {
  const folder = new URL('../../deploy/kubernetes/', import.meta.url);
  const objects = readdirSync(folder).flatMap((name) =>
    parseAllDocuments(readFileSync(new URL(name, folder), 'utf8')).map((document) => document.toJS() as Json),
  );
  const names = objects.map(({ kind, metadata }) => `${String(kind)} ${(metadata as { name: string }).name}`);
  for (const wanted of [
    'Deployment edgeward-control',
    'PodDisruptionBudget edgeward-control',
    'ClusterRole edgeward-reader',
  ])
    expect(names).toContain(wanted);
  const verbs = objects
    .filter(({ kind }) => kind === 'ClusterRole')
    .flatMap(({ rules }) => (rules as { verbs: string[] }[]).flatMap((rule) => rule.verbs));
  expect(verbs).not.toContain('*');
});
