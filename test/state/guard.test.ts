import { expect, test } from 'vitest';
import type { ResolvedEndpoint, ResolvedExport } from '../../src/model/resolved.ts';
import type { Configuration } from '../../src/resolve/configuration.ts';
import { ChangeGuard, lostShare, releases } from '../../src/state/guard.ts';
import { nameFromText } from '../../src/wire/name.ts';
import { unavailable, type ZoneData } from '../../src/zone/mod.ts';

const endpoint = (address: string, ownWeight = 1, observed = false): ResolvedEndpoint =>
  ({
    address,
    ownWeight,
    weight: ownWeight,
    up: true,
    overrides: [],
    ...(observed ? { observed: { services: [], readyReplicas: 1, ports: [] } } : {}),
  }) as unknown as ResolvedEndpoint;
const exp = (
  name: string,
  endpoints: readonly ResolvedEndpoint[],
  more: Partial<ResolvedExport> = {},
): ResolvedExport =>
  ({
    tenant: 'default',
    name,
    hosts: [`${name}.example.org.`],
    endpoints,
    policy: { rules: [] },
    ...more,
  }) as unknown as ResolvedExport;
const zoneOf = (name: string): ZoneData => {
  const origin = nameFromText(name);
  if (!origin.ok) throw new Error(origin.error);
  return unavailable(origin.value);
};
const zone = zoneOf('example.org');
const world = (...exports: readonly ResolvedExport[]): Configuration => ({ sites: new Map(), zones: [zone], exports });

const FOUND = { cause: 'found' as const, touched: new Set<string>(), accepts: () => false };
const SEEN = { ...FOUND, cause: 'seen' as const };
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

test('an override, a drain, a state or a rule that is found to be gone is held, however little it takes away', () => {
  const drained = (name: string): ResolvedEndpoint => ({ ...endpoint(name, 0), weight: 0 });
  const override = { name: 'drain', reason: '', weight: 0 };
  const overridden = { ...endpoint('a'), weight: 0, overrides: [override] };
  const lighter = { ...endpoint('a'), weight: 0.5, overrides: [{ ...override, weight: 0.5 }] };
  const rule = { name: 'r', regions: ['DE'], isps: [], only: undefined, deny: ['mainz'] };
  const policy = (...rules: (typeof rule)[]) => ({ policy: { rules } }) as unknown as Partial<ResolvedExport>;
  const others = ['b', 'c', 'd'].map((name) => endpoint(name));
  for (const before of [
    exp('web', [overridden, ...others]),
    exp('web', [lighter, ...others]),
    exp('web', [drained('a'), ...others]),
    exp('web', [{ ...endpoint('a'), up: false }, ...others]),
    exp('web', four.endpoints, policy(rule)),
  ]) {
    expect(releases(before, four)).toBe(true);
    expect(releases(four, before)).toBe(false);
    const held = guardOf(world(before)).pass(world(four), FOUND);
    expect(held.configuration.exports).toEqual([before]);
    expect(held.held).toMatchObject([{ what: 'DomainExport default/web', released: true }]);
    expect(guardOf(world(before)).pass(world(four), SEEN).held).toEqual([]);
  }
  const byOverride = { ...FOUND, touched: new Set(['WeightOverride default/drain']) };
  expect(guardOf(world(exp('web', [overridden, ...others]))).pass(world(four), byOverride).held).toEqual([]);
});

test('in files one zone or export may go, many or all may not, whoever did it', () => {
  const names = ['a', 'b', 'c', 'd'];
  const zones = names.map((name) => zoneOf(`${name}.test`));
  const exports = names.map((name) => exp(name, [endpoint(name)]));
  const whole = { sites: new Map(), zones: [zone, ...zones], exports };
  const left = (configuration: Configuration) => {
    const guard = new ChangeGuard(true);
    guard.pass(whole, SEEN);
    // What is held stays held through changes of another kind.
    guard.pass(configuration, SEEN);
    const { held, configuration: served } = guard.pass(configuration, SEEN);
    return [held.map(({ what }) => what), served.zones.length, served.exports.length];
  };
  expect(left({ ...whole, zones: whole.zones.slice(0, 4) })).toEqual([[], 4, 4]);
  expect(left({ ...whole, zones: whole.zones.slice(0, 3) })).toEqual([['the zones'], 5, 4]);
  expect(left({ ...whole, exports: exports.slice(1) })).toEqual([[], 5, 3]);
  expect(left({ ...whole, exports: exports.slice(2) })).toEqual([['the exports'], 5, 4]);
  expect(left({ ...whole, zones: [], exports: [] })).toEqual([['the zones', 'the exports'], 5, 4]);
  // An export that was renamed is not gone: another has its host.
  const renamed = exports.map((each) => exp(`new-${each.name}`, each.endpoints, { hosts: each.hosts }));
  expect(left({ ...whole, exports: renamed })).toEqual([[], 5, 4]);
});
