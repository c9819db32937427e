import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadRegions } from '../../src/geo/mod.ts';
import type { MatrixEntry } from '../../src/model/resolved.ts';
import { matrixIndex } from '../../src/steering/plan/matrix-index.ts';
import type { ClientLocality } from '../../src/steering/plan/input.ts';

const regions = loadRegions(fileURLToPath(new URL('../../geo-data', import.meta.url)));

/** The most particular entry, looked for in the whole list. */
function search(matrix: readonly MatrixEntry[], site: string, { region, isp, asn }: ClientLocality) {
  for (const code of [...regions.path(region).map((each) => each.code), '']) {
    const here = matrix.filter((entry) => entry.site === site && entry.region === code);
    const own = here.find(
      (entry) => entry.isp !== '' && (entry.isp === isp || (asn !== 0 && entry.isp === `AS${asn}`)),
    );
    const found = own ?? here.find((entry) => entry.isp === '');
    if (found !== undefined) return found;
  }
  return undefined;
}

const ISPS = ['', 'telecom', 'unicom', 'AS4134', 'AS3320'];
const anyEntry = fc.record({
  region: fc.constantFrom('', 'world', 'asia', 'CN', 'CN-GD', 'DE', 'nowhere'),
  isp: fc.constantFrom(...ISPS),
  site: fc.constantFrom('a', 'b', 'c'),
  ms: fc.integer({ min: 1, max: 999 }),
});
const anyClient = fc.record({
  region: fc.constantFrom('', 'CN', 'CN-GD', 'CN-BJ', 'DE', 'nowhere'),
  isp: fc.constantFrom(...ISPS),
  asn: fc.constantFrom(0, 4134, 3320, 64500),
});

test('the index finds what a search of the whole list finds', () => {
  fc.assert(
    fc.property(fc.array(anyEntry, { maxLength: 40 }), fc.array(anyClient, { minLength: 1 }), (matrix, clients) => {
      const index = matrixIndex(matrix);
      for (const client of clients) {
        const rows = index.rowsFor(client, regions);
        for (const site of ['a', 'b', 'c', 'd']) {
          const column = index.columns.get(site);
          const found = column === undefined ? undefined : index.entry(rows, column);
          expect(found).toBe(search(matrix, site, client));
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('a matrix is indexed once', () => {
  const matrix = [{ region: 'DE', isp: '', site: 'a', ms: 1 }];
  expect(matrixIndex(matrix)).toBe(matrixIndex(matrix));
  expect([...matrixIndex([{ ...matrix[0]!, isp: 'telecom' }]).isps]).toEqual(['telecom']);
});
