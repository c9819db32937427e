import type { PlanTable } from './table.ts';

/** Spreads a 32-bit value over all its bits (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * A 32-bit key of a prefix.
 * @param w0 the address's words, most significant first, 0 beyond the prefix
 * @param length bits of the prefix
 */
export function prefixKey(w0: number, w1: number, w2: number, w3: number, length: number): number {
  let h = mix(w0 ^ 0x9e3779b9);
  h = mix(h ^ Math.imul(w1, 0x85ebca77) ^ 0x3c6ef372);
  if ((w2 | w3) !== 0) h = mix(mix(h ^ Math.imul(w2, 0xc2b2ae3d)) ^ Math.imul(w3, 0x27d4eb2f));
  return mix(h + Math.imul(length, 0x165667b1));
}

/** Entries that have been chosen already are marked by their place here; more than `maxAnswers` can be. */
const chosen = new Uint8Array(65536);

/**
 * Picks endpoints for a key by weighted rendezvous hashing: the entries with the least -ln(u) / share, where u is a
 * uniform hash of key and endpoint (Schindelhauer and Schomaker, "Weighted Distributed Hash Tables", SPAA 2005). Each
 * endpoint gets its share of keys, and a change of one share moves only keys to or from that endpoint.
 * @param out receives indices of endpoints, best first
 * @returns how many: `count`, or as many as the plan has
 */
export function pickByKey(table: PlanTable, plan: number, key: number, count: number, out: Uint32Array): number {
  const from = table.first[plan]!;
  const to = table.first[plan + 1]!;
  if (to - from === 1) {
    out[0] = table.endpoint[from]!;
    return 1;
  }
  const most = Math.min(count, to - from);
  for (let n = 0; n < most; n++) {
    let best = -1;
    let bestScore = Number.POSITIVE_INFINITY;
    for (let i = from; i < to; i++) {
      if (chosen[i - from] === 1) continue;
      const endpoint = table.endpoint[i]!;
      const hash = mix(mix(key ^ table.seed[endpoint]!) + 0x9e3779b9);
      // From (0, 1): the logarithm of 0 would win whatever the share.
      const score = -Math.log((hash + 0.5) / 4294967296) / table.share[i]!;
      // A share so small that its score is infinite must still be a choice of this plan, and of no other.
      if (best < 0 || score < bestScore) {
        bestScore = score;
        best = i;
      }
    }
    chosen[best - from] = 1;
    out[n] = best;
  }
  return finish(table, from, most, out);
}

/** Xorshift32 (Marsaglia 2003): uniform in (0, 1). */
function random(state: Uint32Array): number {
  let x = state[0] ?? 1;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  state[0] = x;
  return ((x >>> 0) - 0.5) / 4294967295;
}

/**
 * Picks endpoints at random by their shares, without replacement.
 * @param state one word, not 0: the generator's state, moved on
 * @param out receives indices of endpoints, in the order drawn
 * @returns how many: `count`, or as many as the plan has
 */
export function pickRandom(
  table: PlanTable,
  plan: number,
  state: Uint32Array,
  count: number,
  out: Uint32Array,
): number {
  const from = table.first[plan]!;
  const to = table.first[plan + 1]!;
  if (to - from === 1) {
    out[0] = table.endpoint[from]!;
    return 1;
  }
  const most = Math.min(count, to - from);
  let left = 1;
  for (let n = 0; n < most; n++) {
    let draw = random(state) * left;
    let best = -1;
    for (let i = from; i < to; i++) {
      if (chosen[i - from] === 1) continue;
      best = i;
      draw -= table.share[i]!;
      if (draw < 0) break;
    }
    chosen[best - from] = 1;
    left -= table.share[best]!;
    out[n] = best;
  }
  return finish(table, from, most, out);
}

/** Turns places in the table into endpoints, and takes the marks away. */
function finish(table: PlanTable, from: number, count: number, out: Uint32Array): number {
  for (let n = 0; n < count; n++) {
    const place = out[n]!;
    chosen[place - from] = 0;
    out[n] = table.endpoint[place]!;
  }
  return count;
}
