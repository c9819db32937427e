import type { ResolvedExport } from '../../model/resolved.ts';
import type { ClientLocality, SteeringContext } from './input.ts';
import { STAGES, type StageRecord, type Steering } from './stages.ts';

/** The endpoints to answer a client with. */
export interface Plan {
  /** By index in the export; shares are above 0 and add up to 1. */
  readonly entries: readonly { readonly endpoint: number; readonly share: number }[];
  /** All endpoints were down: answered as if all were up. */
  readonly failOpen: boolean;
}

/**
 * The plan for clients of one locality. Empty only when the export has no endpoint of the family.
 * @param down endpoints, by index, that are to be taken as down whatever they are
 */
export function planFor(
  exp: ResolvedExport,
  family: 4 | 6,
  client: ClientLocality,
  context: SteeringContext,
  down?: ReadonlySet<number>,
): Plan {
  return run(exp, family, client, context, undefined, down);
}

/** The same, and what each stage did to each endpoint. */
export function explainPlan(
  exp: ResolvedExport,
  family: 4 | 6,
  client: ClientLocality,
  context: SteeringContext,
): { plan: Plan; stages: readonly StageRecord[] } {
  const records: StageRecord[] = [];
  return { plan: run(exp, family, client, context, records), stages: records };
}

function run(
  exp: ResolvedExport,
  family: 4 | 6,
  client: ClientLocality,
  context: SteeringContext,
  records: StageRecord[] | undefined,
  down?: ReadonlySet<number>,
): Plan {
  const candidates = exp.endpoints
    .map((endpoint, index) => ({ endpoint, index }))
    .filter(({ endpoint }) => endpoint.family === family);
  const steering: Steering = { exp, client, context, candidates, down, failOpen: false, shares: [], records };
  if (candidates.length === 0) return { entries: [], failOpen: false };
  for (const stage of STAGES) stage.run(steering);
  return {
    entries: steering.candidates.map(({ index }, i) => ({ endpoint: index, share: steering.shares[i]! })),
    failOpen: steering.failOpen,
  };
}
