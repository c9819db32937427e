import { leafLength, leafValue, lookup4, lookup6, type PrefixTable } from '../geo/lookup.ts';
import { embeddedIpv4, embeddedLength, NOT_EMBEDDED } from '../geo/lookup.ts';
import { COUNTER } from '../observe/counters.ts';
import { Row, ROW_FAMILY, ROW_SIZE, type SteeringTables } from '../snapshot/snapshot.ts';
import { Picker, prefixKey } from '../steering/pick.ts';
import { Type } from '../wire/codes.ts';
import { Ecs, type Query } from '../wire/query.ts';
import type { SourceAddress } from './client-address.ts';
import type { Writer } from './writer.ts';

/** Answers A and AAAA of exports: client's address, to class, to plan, to addresses. One per thread. */
export class Steering {
  readonly #counters: Float64Array;
  readonly #picker: Picker;

  // The address that decides, after IPv4 was taken out of IPv6 forms.
  #w0 = 0;
  #w1 = 0;
  #w2 = 0;
  #w3 = 0;
  #is4 = false;
  /** Octets of an IPv6 form before the IPv4 address in it: what to add to lengths, as bits. */
  #offset = 0;

  constructor(counters: Float64Array, random: number) {
    this.#counters = counters;
    this.#picker = new Picker(random);
  }

  /**
   * Writes the answer's records.
   * @param row of the export, where it begins in `rows`
   * @param query undefined when client subnets are not to be used
   * @returns SCOPE for the answer, 0 when no client subnet was used; -1 when not all records fit.
   */
  write(
    s: SteeringTables,
    row: number,
    type: number,
    query: Query | undefined,
    source: SourceAddress,
    w: Writer,
    owner: number,
  ): number {
    const { rows, live } = s;
    const picker = this.#picker;
    const own = type === Type.A ? row : row + ROW_FAMILY;
    const table = s.maps[rows[own + Row.MAP]!]!;
    const bySubnet = query !== undefined && query.ecs === Ecs.USABLE;
    let scope = 0;
    let leaf: number;
    let stable = bySubnet;
    if (bySubnet) {
      leaf = this.#locate(table, query.ecsFamily === 1, query.ecsW0, query.ecsW1, query.ecsW2, query.ecsW3);
      scope = leafLength(leaf) + this.#offset;
    } else leaf = this.#locate(table, source.family === 4, source.w0, source.w1, source.w2, source.w3);
    if (bySubnet && leafValue(leaf) === s.privateClass) {
      // A private network's place is its resolver's; the answer holds for the whole private block (RFC 7871 11.2).
      stable = false;
      leaf = this.#locate(table, source.family === 4, source.w0, source.w1, source.w2, source.w3);
    }
    const value = leafValue(leaf);
    const plan = value === s.privateClass ? rows[own + Row.UNKNOWN]! : s.classes[rows[own + Row.CLASSES]! + value]!;
    // One look at where the weights are: all of them are of one moment.
    const block = Atomics.load(live.current, row / ROW_SIZE);
    const found = picker.gather(s.plans, plan, live.weights, block);
    const most = rows[row + Row.MAX_ANSWERS]!;
    const first = rows[row + Row.FIRST_ENDPOINT]!;
    let count: number;
    if (stable) {
      let length = leafLength(leaf);
      if (found > 1) {
        const spread = rows[row + (this.#is4 ? Row.SPREAD4 : Row.SPREAD6)]!;
        if (spread > length) {
          length = spread;
          scope = length + this.#offset;
        }
        count = picker.byKey(s.seeds, first, this.#key(length), most);
      } else {
        // One plan for all clients, and one endpoint to pick: one answer for the whole world (RFC 7871 7.2.1).
        scope &= ~rows[own + Row.ONE_PLAN]!;
        count = picker.byKey(s.seeds, first, 0, most);
      }
    } else {
      if (found === 1) scope &= ~rows[own + Row.ONE_PLAN]!;
      this.#counters[COUNTER.randomPicks]!++;
      count = picker.atRandom(most);
    }
    this.#counters[COUNTER.steered]!++;
    if (picker.failOpen) this.#counters[COUNTER.failOpen]!++;
    const ttl = rows[row + Row.TTL]!;
    for (let i = 0; i < count; i++) {
      if (!w.address(owner, type, ttl, s.addresses, (first + picker.picked[i]!) * 16)) return -1;
    }
    return scope;
  }

  /** The leaf for an address; keeps the address for `#key`. */
  #locate(table: PrefixTable, is4: boolean, w0: number, w1: number, w2: number, w3: number): number {
    this.#offset = 0;
    this.#is4 = is4;
    this.#w0 = w0;
    this.#w1 = 0;
    this.#w2 = 0;
    this.#w3 = 0;
    if (is4) return lookup4(table, w0);
    const form = embeddedLength(w0, w1, w2);
    if (form !== NOT_EMBEDDED) {
      this.#offset = form;
      this.#is4 = true;
      this.#w0 = embeddedIpv4(w0, w1, w2, w3);
      return lookup4(table, this.#w0);
    }
    this.#w1 = w1;
    this.#w2 = w2;
    this.#w3 = w3;
    return lookup6(table, w0, w1, w2, w3);
  }

  /** The same for all addresses of a prefix of so many bits. */
  #key(length: number): number {
    return prefixKey(
      mask(this.#w0, length),
      mask(this.#w1, length - 32),
      mask(this.#w2, length - 64),
      mask(this.#w3, length - 96),
      length,
    );
  }
}

/** The high `bits` bits of a word; all for 32 and more, none for 0 and less. */
function mask(word: number, bits: number): number {
  if (bits >= 32) return word;
  return bits <= 0 ? 0 : (word & (-1 << (32 - bits))) >>> 0;
}
