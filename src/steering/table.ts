/**
 * What picking reads: plans as flat arrays, in shared memory, never written after they were compiled (weights will
 * move to the live table). Plan p owns entries first[p] .. first[p+1].
 */
export interface PlanTable {
  /** One more than there are plans. */
  readonly first: Uint32Array;
  /** Per entry: index of the endpoint. */
  readonly endpoint: Uint32Array;
  /** Per entry: share of the plan's clients, > 0; a plan's shares add up to 1. */
  readonly share: Float64Array;
  /** Per endpoint: a hash of export and address, the same in every process and across restarts. */
  readonly seed: Uint32Array;
}
