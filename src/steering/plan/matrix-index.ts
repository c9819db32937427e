import type { RegionTree } from '../../model/regions.ts';
import type { MatrixEntry } from '../../model/resolved.ts';
import type { ClientLocality } from './input.ts';

/** Of a row in a list of rows, the sign: this row and the one behind it rank alike. */
const PAIR = 1 << 31;

/** A matrix as a table: a row for each region and ISP, a column for each site. */
export class MatrixIndex {
  /** Columns by site. */
  readonly columns: ReadonlyMap<string, number>;
  /** All ISPs that entries name. */
  readonly isps: ReadonlySet<string>;
  readonly #entries: readonly MatrixEntry[];
  /** Rows by region, then by ISP. */
  readonly #rows = new Map<string, Map<string, number>>();
  /** By row and column: the number of an entry from 1 on, or 0 for none. */
  readonly #cells: Int32Array;

  constructor(matrix: readonly MatrixEntry[]) {
    this.#entries = matrix;
    const columns = new Map<string, number>();
    const isps = new Set<string>();
    let count = 0;
    for (const { region, isp, site } of matrix) {
      if (!columns.has(site)) columns.set(site, columns.size);
      if (isp !== '') isps.add(isp);
      let rows = this.#rows.get(region);
      if (rows === undefined) this.#rows.set(region, (rows = new Map()));
      if (!rows.has(isp)) rows.set(isp, count++);
    }
    this.columns = columns;
    this.isps = isps;
    this.#cells = new Int32Array(count * columns.size);
    for (const [index, { region, isp, site }] of matrix.entries()) {
      const at = this.#rows.get(region)!.get(isp)! * columns.size + columns.get(site)!;
      // Of two entries alike the first counts.
      if (this.#cells[at] === 0) this.#cells[at] = index + 1;
    }
  }

  /** Rows for a client, the most particular first: the innermost region, and there the client's ISP before any. */
  rowsFor({ region, isp, asn }: ClientLocality, regions: RegionTree): number[] {
    const found: number[] = [];
    for (const code of [...regions.path(region).map((each) => each.code), '']) {
      const rows = this.#rows.get(code);
      if (rows === undefined) continue;
      const number = asn === 0 ? undefined : `AS${asn}`;
      const byName = isp === '' ? undefined : rows.get(isp);
      const byNumber = number === undefined || number === isp ? undefined : rows.get(number);
      if (byName !== undefined) found.push(byNumber === undefined ? byName : byName | PAIR);
      if (byNumber !== undefined) found.push(byNumber);
      const any = rows.get('');
      if (any !== undefined) found.push(any);
    }
    return found;
  }

  /** The entry for a site in the first of these rows that has one. */
  entry(rows: ArrayLike<number>, column: number): MatrixEntry | undefined {
    const width = this.columns.size;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      let cell = this.#cells[(row & ~PAIR) * width + column]!;
      if ((row & PAIR) !== 0) {
        // A carrier and its AS number may both have an entry: the first in the file counts.
        const other = this.#cells[rows[++i]! * width + column]!;
        if (other !== 0 && (cell === 0 || other < cell)) cell = other;
      }
      if (cell !== 0) return this.#entries[cell - 1]!;
    }
    return undefined;
  }
}

const indexes = new WeakMap<readonly MatrixEntry[], MatrixIndex>();

/** The index of a matrix, made once. */
export function matrixIndex(matrix: readonly MatrixEntry[]): MatrixIndex {
  let index = indexes.get(matrix);
  if (index === undefined) indexes.set(matrix, (index = new MatrixIndex(matrix)));
  return index;
}
