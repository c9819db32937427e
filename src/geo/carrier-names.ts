import { readFileSync, statSync } from 'node:fs';
import { foldCompany, type CarrierNames } from '../model/isp-names.ts';
import { loadCarriers, type GeoSources } from './mod.ts';

interface Scanned {
  /** Size and time of the file when it was read. */
  readonly stamp: string;
  readonly names: ReadonlySet<string>;
}

/** Carriers that rules may name: those of carriers.csv, and those that the operator's overlays define. */
export function carrierNames(sources: Pick<GeoSources, 'dataDirectory' | 'overlays'>): CarrierNames {
  return new KnownCarriers(sources);
}

class KnownCarriers implements CarrierNames {
  /** The companies of each carrier, folded. */
  readonly #companies = new Map<string, Set<string>>();
  readonly #overlays: readonly string[];
  readonly #scanned = new Map<string, Scanned>();
  /** Files are looked at once in a run of the event loop: a matrix has thousands of lines. */
  #isFresh = false;

  constructor({ dataDirectory, overlays }: Pick<GeoSources, 'dataDirectory' | 'overlays'>) {
    for (const { carrier, name } of loadCarriers(dataDirectory).values()) {
      let companies = this.#companies.get(carrier);
      if (companies === undefined) this.#companies.set(carrier, (companies = new Set([foldCompany(carrier)])));
      companies.add(foldCompany(name));
    }
    this.#overlays = overlays;
  }

  has(name: string): boolean {
    if (this.#companies.has(name)) return true;
    this.#look();
    for (const { names } of this.#scanned.values()) if (names.has(name)) return true;
    return false;
  }

  *[Symbol.iterator](): Generator<string> {
    yield* this.#companies.keys();
    this.#look();
    for (const { names } of this.#scanned.values()) yield* names;
  }

  ofCompany(folded: string): string | undefined {
    const found = [...this.#companies].filter(([, companies]) => companies.has(folded));
    return found.length === 1 ? found[0]![0] : undefined;
  }

  /** Reads overlays that have changed. One that cannot be read is no matter here: loading the geo data says so. */
  #look(): void {
    if (this.#isFresh) return;
    this.#isFresh = true;
    setImmediate(() => (this.#isFresh = false)).unref();
    for (const file of this.#overlays) {
      try {
        const { size, mtimeMs, ino } = statSync(file);
        const stamp = `${size} ${mtimeMs} ${ino}`;
        if (this.#scanned.get(file)?.stamp === stamp) continue;
        this.#scanned.set(file, { stamp, names: ispsIn(readFileSync(file, 'latin1')) });
      } catch {
        this.#scanned.delete(file);
      }
    }
  }
}

/** Names of carriers in the third field of an overlay's lines: much quicker than to read the whole of it. */
function ispsIn(text: string): Set<string> {
  const names = new Set<string>();
  let before = '';
  for (let at = 0; at < text.length;) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    const first = text.indexOf(',', at);
    if (first < 0) break;
    const second = first < end ? text.indexOf(',', first + 1) : -1;
    const isHeader = text.startsWith('prefix,', text.startsWith(BYTE_ORDER_MARK, at) ? at + 3 : at);
    if (second >= 0 && second < end && text.charCodeAt(at) !== HASH && !isHeader) {
      const field = text.slice(second + 1, end);
      // Neighbours are mostly alike.
      if (field !== before) {
        before = field;
        const name = field.trim().replace(/^"(.*)"$/u, '$1');
        if (/^[a-z0-9][a-z0-9-]*$/u.test(name)) names.add(name);
      }
    }
    at = end + 1;
  }
  return names;
}

const HASH = 0x23;
/** Of UTF-8, read as Latin-1. */
const BYTE_ORDER_MARK = '\u{EF}\u{BB}\u{BF}';
