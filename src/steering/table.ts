/** No plan. */
export const NO_PLAN = -1;

/**
 * What picking reads: plans as flat arrays, in shared memory, and the weights of endpoints beside them. A plan is
 * known by its place in `plans`, where it has: how many endpoints; the place of the plan that serves when none of
 * these can, or NO_PLAN; then the endpoints, by their index in the export. Exports that differ in their endpoints'
 * addresses and weights alone share plans.
 */
export type Plans = Int32Array;

/** Of a plan's header. */
export const PLAN_HEADER = 2;

/**
 * The live table: endpoints' weights by export, written by the control thread while answering threads read. A block of
 * weights is never changed once it can be seen: a new one is written elsewhere, then `current` is switched, so that an
 * answer comes from one state of all of an export's endpoints.
 */
export interface LiveTable {
  /** Per row of exports: where its block begins in `weights`. */
  readonly current: Int32Array;
  /** Per endpoint of a block what `liveWeight` makes. */
  readonly weights: Float64Array;
}

/**
 * Weight and state in one number: above 0 takes clients by it; 0 is up and drained; below 0 is down, and its weight
 * if all are; -Infinity is down and drained.
 */
export function liveWeight({ weight, up }: { readonly weight: number; readonly up: boolean }): number {
  if (up) return weight;
  return weight > 0 ? -weight : Number.NEGATIVE_INFINITY;
}
