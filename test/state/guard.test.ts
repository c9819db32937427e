import { expect, test } from 'vitest';
import type { ResolvedEndpoint, ResolvedExport } from '../../src/model/resolved.ts';
import type { Configuration } from '../../src/state/configuration.ts';
import { ChangeGuard, lostShare } from '../../src/state/guard.ts';

const endpoint = (address: string, ownWeight = 1, observed = false): ResolvedEndpoint =>
  ({
    address,
    ownWeight,
    ...(observed ? { observed: { services: [], readyReplicas: 1, ports: [] } } : {}),
  }) as unknown as ResolvedEndpoint;
const exp = (
  name: string,
  endpoints: readonly ResolvedEndpoint[],
  more: Partial<ResolvedExport> = {},
): ResolvedExport =>
  ({ tenant: 'default', name, hosts: [`${name}.example.org.`], endpoints, ...more }) as unknown as ResolvedExport;
const world = (...exports: readonly ResolvedExport[]): Configuration => ({ sites: new Map(), zones: [], exports });

const FOUND = { suspect: true, touched: new Set<string>(), accepts: () => false };
const SEEN = { ...FOUND, suspect: false };
const four = exp(
  'web',
  ['a', 'b', 'c', 'd'].map((name) => endpoint(name)),
);
const two = exp('web', four.endpoints.slice(0, 2));
const three = exp('web', four.endpoints.slice(0, 3));

function guardOf(configuration: Configuration): ChangeGuard {
  const guard = new ChangeGuard();
  guard.pass(configuration, FOUND);
  return guard;
}

test('what is lost: endpoints that are gone, and weights that somebody wrote', () => {
  expect(lostShare(four, two)).toBe(0.5);
  expect(lostShare(four, undefined)).toBe(1);
  expect(lostShare(four, exp('web', four.endpoints, { hosts: [] }))).toBe(1);
  expect(lostShare(exp('web', [endpoint('a', 8)]), exp('web', [endpoint('a', 2)]))).toBe(0.75);
  // Replicas that are not ready are measured, not lost.
  expect(lostShare(exp('web', [endpoint('a', 8, true)]), exp('web', [endpoint('a', 2, true)]))).toBe(0);
});

test('what is found to be gone is held above the limit, and served as before', () => {
  const guard = guardOf(world(four));
  const { configuration, held } = guard.pass(world(two), FOUND);
  expect(configuration.exports).toEqual([four]);
  expect(held).toMatchObject([{ what: 'DomainExport default/web', lost: 0.5, limit: 0.3 }]);
  expect(guardOf(world(four)).pass(world(three), FOUND)).toMatchObject({
    held: [],
    configuration: { exports: [three] },
  });
});

test('what is seen to be changed passes', () => {
  expect(guardOf(world(four)).pass(world(), SEEN)).toMatchObject({ held: [], configuration: { exports: [] } });
});

test('a held change stays held through others, until it is accepted, undone, or made by somebody', () => {
  const other = exp('api', [endpoint('x')]);
  const held = (): { guard: ChangeGuard; id: string } => {
    const guard = guardOf(world(four));
    const [{ id } = { id: '' }] = guard.pass(world(two), FOUND).held;
    const after = guard.pass(world(two, other), SEEN);
    expect(after.configuration.exports).toEqual([four, other]);
    expect(after.held).toMatchObject([{ id }]);
    return { guard, id };
  };
  const accepted = held();
  expect(
    accepted.guard.pass(world(two), {
      ...SEEN,
      accepts: (what: string, id: string) => what === 'DomainExport default/web' && id === accepted.id,
    }),
  ).toMatchObject({
    held: [],
    configuration: { exports: [two] },
  });
  expect(held().guard.pass(world(four), SEEN).held).toEqual([]);
  const touched = { ...SEEN, touched: new Set(['DomainExport default/web']) };
  expect(held().guard.pass(world(two), touched)).toMatchObject({ held: [], configuration: { exports: [two] } });
});

test('an export has a limit of its own, and a host that another has now is not held back', () => {
  expect(guardOf(world(four)).pass(world({ ...two, maxChange: 0.6 }), FOUND).held).toEqual([]);
  const moved = exp('new', [endpoint('n')], { hosts: four.hosts });
  expect(guardOf(world(four)).pass(world(moved), FOUND)).toMatchObject({
    held: [],
    configuration: { exports: [moved] },
  });
});
