import { expect, test } from 'vitest';
import { nearest, nearestName, orList, suggest } from '../../src/lib/nearest.ts';

test.each([
  ['regoin', ['spec', 'region', 'regions'], 'region'],
  ['FRANKFRUT', ['london', 'frankfurt'], 'frankfurt'],
  ['a', ['b', 'c'], 'b'],
  ['ab', ['xy'], undefined],
  ['completely', ['different'], undefined],
  ['site', [], undefined],
  ['ca', ['abc'], undefined],
] as const)('nearest to %s of %j is %s', (word, candidates, expected) => {
  expect(nearest(word, candidates)).toBe(expected);
});

test('lists', () => {
  expect([orList([]), orList(['a']), orList(['a', 'b']), orList(['a', 'b', 'c'])]).toEqual([
    '',
    '`a`',
    '`a` or `b`',
    '`a`, `b` or `c`',
  ]);
  expect(suggest('x', [], 'sites')).toBe('there is none: add it first');
  expect(suggest('london', ['paris', 'rome'], 'sites')).toBe('sites are `paris`, `rome`');
  const many = Array.from({ length: 12 }, (_, i) => `place-${i}`);
  expect(suggest('london', many, 'sites')).toMatch(/^sites are `place-0`, .*, `place-9` and 2 more$/u);
});

test.each([
  ['germny', ['germany', 'guernsey'], 2, 'germany'],
  ['austrlia', ['australia', 'austria'], 2, undefined],
  ['austrlia', ['australia', 'austria'], 1, undefined],
  ['telecon', ['telecom', 'telenor'], 2, undefined],
  ['telecon', ['telecom', 'telenor'], 1, 'telecom'],
  ['irak', ['iran', 'iraq'], 1, undefined],
  ['swizerlnd', ['switzerland', 'swaziland'], 2, 'switzerland'],
  ['other', [], 2, undefined],
] as const)('%s among %j, others %i letters further, is a misspelling of %s', (word, names, margin, expected) => {
  expect(nearestName(word, names, margin)).toBe(expected);
});
