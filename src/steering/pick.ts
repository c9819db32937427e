import { NO_PLAN, PLAN_HEADER, type Plans } from './table.ts';

/** Spreads a 32-bit value over all its bits (the finaliser of MurmurHash3); signed. */
function mix(value: number): number {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** -ln(1/2 + i / 4096): `minusLog` looks the high bits of a number up here. */
const LOGARITHMS = Float64Array.from({ length: 2049 }, (_, i) => -Math.log((2048 + i) / 4096));

/**
 * -ln((bits + 1/2) / 2^32) of 32 bits taken as unsigned, to within 10^-7: Math.log takes four times as long, and
 * picking takes one for each endpoint. Never 0.
 */
function minusLog(bits: number): number {
  const zeros = Math.clz32(bits);
  // The logarithm of 0 would win, or lose, whatever the weight.
  if (zeros === 32) return 33 * Math.LN2;
  const mantissa = bits << zeros;
  const high = (mantissa >>> 20) & 2047;
  const low = ((mantissa & 0xfffff) + 0.5) / 1048576;
  const from = LOGARITHMS[high]!;
  return zeros * Math.LN2 + from + (LOGARITHMS[high + 1]! - from) * low;
}

/**
 * A 32-bit key of a prefix; signed.
 * @param w0 the address's words, most significant first, 0 beyond the prefix
 * @param length bits of the prefix
 */
export function prefixKey(w0: number, w1: number, w2: number, w3: number, length: number): number {
  let h = mix(w0 ^ 0x9e3779b9);
  h = mix(h ^ Math.imul(w1, 0x85ebca77) ^ 0x3c6ef372);
  if ((w2 | w3) !== 0) h = mix(mix(h ^ Math.imul(w2, 0xc2b2ae3d)) ^ Math.imul(w3, 0x27d4eb2f));
  return mix((h + Math.imul(length, 0x165667b1)) | 0);
}

/** Plans that stand in for one another when endpoints go down: a few, so that no mistake could make a circle. */
const MAX_PLANS = 8;

/** Chooses endpoints for one answer at a time: `gather`, then one of the picks. One per thread. */
export class Picker {
  /** True if all endpoints of the plan are down: chosen from as if all were up. */
  failOpen = false;
  /** Indices of endpoints in their export, after a pick: best first, or in the order drawn. */
  readonly picked = new Int32Array(32);
  #endpoints = new Int32Array(64);
  #weights = new Float64Array(64);
  #count = 0;
  #total = 0;
  readonly #random = new Int32Array(1);

  /** @param seed of the random picks; different in each thread */
  constructor(seed: number) {
    // Xorshift stands still at 0.
    this.#random[0] = seed === 0 ? 1 : seed;
  }

  /**
   * Finds the endpoints that can serve: the plan's that take clients; else those of the plan that stands in for it;
   * else, when none takes any, the plan's drained ones; else all of it, as if they were up.
   * @param place of the plan
   * @param weights by `liveWeight`; those of the export from `block` on
   * @returns how many there are; 0 only for an empty plan.
   */
  gather(plans: Plans, place: number, weights: Float64Array, block: number): number {
    this.failOpen = false;
    let at = place;
    for (let i = 0; i < MAX_PLANS && at !== NO_PLAN; i++) {
      const found = this.#take(plans, at, weights, block);
      if (found > 0) return found;
      at = plans[at + 1]!;
    }
    return this.#takeUnusable(plans, place, weights, block);
  }

  #take(plans: Plans, at: number, weights: Float64Array, block: number): number {
    const size = plans[at]!;
    if (size > this.#endpoints.length) this.#grow(size);
    let count = 0;
    let total = 0;
    for (let i = at + PLAN_HEADER, end = i + size; i < end; i++) {
      const endpoint = plans[i]!;
      const weight = weights[block + endpoint]!;
      if (weight > 0) {
        this.#endpoints[count] = endpoint;
        this.#weights[count++] = weight;
        total += weight;
      }
    }
    this.#count = count;
    this.#total = total;
    return count;
  }

  #takeUnusable(plans: Plans, place: number, weights: Float64Array, block: number): number {
    for (let at = place, i = 0; i < MAX_PLANS && at !== NO_PLAN; i++, at = plans[at + 1]!) {
      const drained = this.#takeAs(plans, at, weights, block, (weight) => (weight === 0 ? 1 : 0));
      if (drained > 0) return drained;
    }
    this.failOpen = true;
    const down = this.#takeAs(plans, place, weights, block, (weight) =>
      weight < 0 && weight > -Infinity ? -weight : 0,
    );
    return down > 0 ? down : this.#takeAs(plans, place, weights, block, () => 1);
  }

  #takeAs(plans: Plans, at: number, weights: Float64Array, block: number, as: (weight: number) => number): number {
    const size = plans[at]!;
    this.#count = 0;
    this.#total = 0;
    for (let i = 0; i < size; i++) {
      const endpoint = plans[at + PLAN_HEADER + i]!;
      const weight = as(weights[block + endpoint]!);
      if (weight === 0) continue;
      this.#endpoints[this.#count] = endpoint;
      this.#weights[this.#count++] = weight;
      this.#total += weight;
    }
    return this.#count;
  }

  #grow(size: number): void {
    this.#endpoints = new Int32Array(size * 2);
    this.#weights = new Float64Array(size * 2);
  }

  /**
   * Picks from what was gathered by weighted rendezvous hashing: the endpoints with the least -ln(u) / weight, where u
   * is a uniform hash of key and endpoint (Schindelhauer and Schomaker, "Weighted Distributed Hash Tables", SPAA
   * 2005). Each gets its share of keys, and a change of one weight moves only keys to or from that endpoint.
   * @param seeds by endpoint; those of the export from `firstSeed` on
   * @param most at most 32
   * @returns how many are in `picked`: `most`, or as many as were gathered.
   */
  byKey(seeds: Int32Array, firstSeed: number, key: number, most: number): number {
    const endpoints = this.#endpoints;
    const weights = this.#weights;
    if (this.#count === 1) {
      this.picked[0] = endpoints[0]!;
      return 1;
    }
    const count = Math.min(most, this.#count);
    for (let n = 0, left = this.#count; n < count; n++) {
      let best = 0;
      let bestScore = Number.POSITIVE_INFINITY;
      for (let i = 0; i < left; i++) {
        const score = minusLog(mix((mix(key ^ seeds[firstSeed + endpoints[i]!]!) + 0x9e3779b9) | 0)) / weights[i]!;
        if (score < bestScore) {
          bestScore = score;
          best = i;
        }
      }
      this.#pick(n, best, --left);
    }
    return count;
  }

  /**
   * Picks from what was gathered at random by weight, without replacement.
   * @param most at most 32
   * @returns how many are in `picked`: `most`, or as many as were gathered.
   */
  atRandom(most: number): number {
    if (this.#count === 1) {
      this.picked[0] = this.#endpoints[0]!;
      return 1;
    }
    const count = Math.min(most, this.#count);
    let total = this.#total;
    for (let n = 0, left = this.#count; n < count; n++) {
      let draw = this.#next() * total;
      let i = 0;
      // The last one takes what rounding leaves.
      while (i < left - 1 && (draw -= this.#weights[i]!) >= 0) i++;
      total -= this.#weights[i]!;
      this.#pick(n, i, --left);
    }
    return count;
  }

  /** Candidate `i` becomes pick `n`, and the last one takes its place. */
  #pick(n: number, i: number, last: number): void {
    this.picked[n] = this.#endpoints[i]!;
    this.#endpoints[i] = this.#endpoints[last]!;
    this.#weights[i] = this.#weights[last]!;
  }

  /** Xorshift32 (Marsaglia 2003): uniform in (0, 1). */
  #next(): number {
    let x = this.#random[0]!;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random[0] = x;
    return ((x >>> 0) - 0.5) / 4294967295;
  }
}
