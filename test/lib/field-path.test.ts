import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatPath, parsePath } from '../../src/lib/field-path.ts';

test('paths as people read them', () => {
  expect(formatPath(['spec', 'endpoints', 2, 'address'])).toBe('spec.endpoints[2].address');
  expect(formatPath(['metadata', 'labels', 'a/b."c'])).toBe('metadata.labels["a/b.\\"c"]');
  expect(formatPath([])).toBe('');
});

test('what was written is read back', () => {
  const step = fc.oneof(fc.string(), fc.nat(), fc.constantFrom('spec', 'a-b', '0', ''));
  const property = fc.property(fc.array(step), (path) => {
    expect(parsePath(formatPath(path))).toEqual(path);
  });
  fc.assert(property, { seed: 1, numRuns: 1000 });
});

test('text that is no path ends it', () => {
  expect(parsePath('www.example.org. A')).toEqual(['www', 'example', 'org']);
  expect(parsePath('spec[')).toEqual(['spec']);
});
