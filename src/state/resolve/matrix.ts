import type { Problem } from '../../lib/problem.ts';
import { suggest } from '../../lib/nearest.ts';
import type { MatrixEntry } from '../../model/resolved.ts';
import { ispTrouble, regionTrouble, type Places } from './sites.ts';

/**
 * Reads `region,isp,site,ms`: measured round trips. A header line and `#` comments may be there; an empty region or
 * ISP means any. Fields are trimmed; none has a comma in it.
 */
export function parseMatrix(
  text: string,
  file: string,
  sites: readonly string[],
  places: Places,
): { entries: MatrixEntry[]; problems: Problem[] } {
  const entries: MatrixEntry[] = [];
  const problems: Problem[] = [];
  const known = new Set(sites);
  const lineOf = new Map<string, number>();
  for (const [index, row] of text
    .replace(/^\uFEFF/u, '')
    .split(/\r?\n/u)
    .entries()) {
    const line = index + 1;
    if (row.trim() === '' || row.startsWith('#') || /^region\s*,/u.test(row)) continue;
    const add = (severity: Problem['severity'], field: string | undefined, message: string, remedy: string): void => {
      problems.push({ severity, file, line, ...(field === undefined ? {} : { field }), message, remedy });
    };
    const fields = row.split(',').map((field) => field.trim());
    const [region = '', isp = '', site = '', written = ''] = fields;
    if (fields.length !== 4) {
      add('error', undefined, `${fields.length} fields, not 4`, 'write region,isp,site,ms');
      continue;
    }
    const ms = /^[0-9]+(?:\.[0-9]+)?$/u.test(written) ? Number(written) : -1;
    if (ms < 0) add('error', 'ms', `\`${written}\` is not a time`, 'write milliseconds, as in `12.5`');
    if (!known.has(site)) add('error', 'site', `no site \`${site}\``, suggest(site, sites, 'sites'));
    const noRegion = region === '' ? undefined : regionTrouble(region, places);
    if (noRegion !== undefined) add('error', 'region', noRegion.message, noRegion.remedy);
    const noIsp = isp === '' ? undefined : ispTrouble(isp, places);
    if (noIsp !== undefined) add('warning', 'isp', noIsp.message, noIsp.remedy);
    const key = `${region},${isp},${site}`;
    const before = lineOf.get(key);
    if (before !== undefined) add('error', undefined, `says \`${key}\` again`, `keep this line or line ${before}`);
    lineOf.set(key, line);
    entries.push({ region, isp, site, ms });
  }
  return { entries, problems };
}
