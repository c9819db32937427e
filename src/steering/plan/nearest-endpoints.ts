import { ObjectNumbers } from '../../lib/object-numbers.ts';
import type { MatrixEntry, ResolvedExport } from '../../model/resolved.ts';
import type { ClientTable, MatrixRows, NearestSites } from './client-table.ts';
import { matrixIndex, type MatrixIndex } from './matrix-index.ts';
import { placeOf } from './nearness.ts';
import type { SteeringContext } from './input.ts';

/** Numbers for places and matrices, in keys of results. */
const numbers = new ObjectNumbers();

/** The stage `nearness` for many clients of one export: of some endpoints it finds those that cost least. */
export class NearestEndpoints {
  readonly #exp: ResolvedExport;
  readonly #table: ClientTable;
  readonly #matrix: readonly MatrixEntry[] | undefined;
  readonly #index: MatrixIndex | undefined;
  readonly #rows: MatrixRows | undefined;
  /** Per endpoint: the matrix's column, or undefined. */
  readonly #columns: readonly (number | undefined)[];
  /** Per endpoint, then by area: estimated milliseconds. */
  readonly #distances: readonly Float64Array[];
  /** Per endpoint, then by ISP: share of the penalty. */
  readonly #penalties: readonly Float64Array[];
  readonly #prices: Float64Array;
  readonly #places: readonly number[];
  readonly #milliseconds: Float64Array;
  readonly #leaving: Float64Array;

  constructor(exp: ResolvedExport, table: ClientTable, context: SteeringContext) {
    this.#exp = exp;
    this.#table = table;
    const { matrix } = exp.policy;
    const places = exp.endpoints.map((endpoint) => placeOf(endpoint, context));
    if (matrix.length > 0) {
      this.#matrix = matrix;
      this.#index = matrixIndex(matrix);
      this.#rows = table.matrixRows(matrix);
    }
    this.#columns = places.map(({ name }) => this.#index?.columns.get(name));
    this.#distances = places.map((place) => table.distancesTo(place));
    this.#penalties = places.map((place) => table.penaltiesAt(place));
    this.#prices = Float64Array.from(places, ({ cost }) => cost);
    this.#places = places.map((place) => numbers.of(place));
    this.#milliseconds = new Float64Array(places.length);
    this.#leaving = new Float64Array(places.length);
  }

  /**
   * @param client index in the table
   * @param eligible endpoints by index in the export
   * @returns positions in `eligible`, ascending
   */
  find(client: number, eligible: readonly number[]): number[] {
    const { objective, ispPenaltyMs, toleranceMs } = this.#exp.policy;
    const region = this.#table.areaOf[client]!;
    const isp = this.#table.ispOf[client]!;
    const rows = this.#rows?.rows[this.#rows.of[client]!];
    const count = eligible.length;
    // Where a region is not known its distance is the same to all; a site with a measured figure cannot be compared.
    let comparable = true;
    for (let i = 0; i < count; i++) {
      const endpoint = eligible[i]!;
      const column = rows === undefined ? undefined : this.#columns[endpoint];
      const entry = column === undefined ? undefined : this.#index!.entry(rows!, column);
      // A measured figure that names the ISP has the ISP's cost in it.
      const penalty = entry !== undefined && entry.isp !== '' ? 0 : this.#penalties[endpoint]![isp]! * ispPenaltyMs;
      const ms = (entry === undefined ? this.#distances[endpoint]![region]! : entry.ms) + penalty;
      if (Number.isNaN(ms)) comparable = false;
      this.#milliseconds[i] = ms;
      this.#leaving[i] = penalty;
    }
    const latencies = comparable ? this.#milliseconds : this.#leaving;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const total = objective.latency * latencies[i]! + objective.cost * this.#prices[eligible[i]!]!;
      latencies[i] = total;
      if (total < least) least = total;
    }
    const limit = least + toleranceMs * objective.latency;
    const found: number[] = [];
    for (let i = 0; i < count; i++) if (latencies[i]! <= limit) found.push(i);
    return found;
  }

  /** Results for these endpoints, shared by all exports with endpoints at the same places and the same costs. */
  shared(eligible: readonly number[]): NearestSites {
    const { objective, ispPenaltyMs, toleranceMs } = this.#exp.policy;
    const matrix = this.#matrix === undefined ? 0 : numbers.of(this.#matrix);
    const places = eligible.map((endpoint) => this.#places[endpoint]);
    const key = [objective.latency, objective.cost, ispPenaltyMs, toleranceMs, matrix, ...places].join(' ');
    let known = this.#table.nearest.get(key);
    if (known === undefined) {
      known = { of: new Uint32Array(this.#table.clients.length), sets: [], numbers: new Map() };
      this.#table.nearest.set(key, known);
    }
    return known;
  }

  /** The same result as `find`, as an index into the shared `sets`. */
  findShared(client: number, eligible: readonly number[], shared: NearestSites): number {
    const known = shared.of[client]!;
    if (known > 0) return known - 1;
    const positions = this.find(client, eligible);
    const key = positions.join(' ');
    let number = shared.numbers.get(key);
    if (number === undefined) shared.numbers.set(key, (number = shared.sets.push(positions) - 1));
    shared.of[client] = number + 1;
    return number;
  }
}
