import { shared } from '../../lib/column.ts';
import type { PlanTable } from '../table.ts';
import type { Plan } from './plan.ts';

/**
 * Lays plans out as a `PlanTable` in shared memory.
 * @param plans with the index, among all endpoints, of their export's first one
 * @param endpoints `tenant/export/address` of each endpoint: what its seed is made from, so that picks are the same
 *   in every process and after every restart
 */
export function buildPlanTable(
  plans: readonly { plan: Plan; firstEndpoint: number }[],
  endpoints: readonly string[],
): PlanTable {
  const first: number[] = [];
  const endpoint: number[] = [];
  const share: number[] = [];
  for (const { plan, firstEndpoint } of plans) {
    first.push(endpoint.length);
    for (const entry of plan.entries) {
      endpoint.push(firstEndpoint + entry.endpoint);
      share.push(entry.share);
    }
  }
  first.push(endpoint.length);
  return {
    first: shared(Uint32Array, first),
    endpoint: shared(Uint32Array, endpoint),
    share: shared(Float64Array, share),
    seed: shared(Uint32Array, endpoints.map(seedOf)),
  };
}

/** FNV-1a over UTF-16 units. */
function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
