import { hash } from 'node:crypto';
import { Interned } from '../lib/interned.ts';
import { suggest } from '../lib/nearest.ts';
import { hasErrors, type Problem } from '../lib/problem.ts';
import type { RegionTree } from '../model/regions.ts';
import type { MatrixEntry } from '../model/resolved.ts';
import { ispTrouble, regionTrouble, type Places } from './sites.ts';

export interface ParsedMatrix {
  /** The same object for the same text, in whichever file and at whichever time. */
  readonly entries: readonly MatrixEntry[];
  readonly problems: readonly Problem[];
}

interface Checked {
  readonly regions: RegionTree;
  /** The sites there were, and the ISPs that nobody knew. */
  readonly names: string;
  readonly problems: readonly Problem[];
}

/** Of a matrix that is known. */
interface About {
  readonly isps: readonly string[];
  /** By file: what was found the last time, unless there were errors. */
  readonly checked: Map<string, Checked>;
}

const matrices = new Interned<readonly MatrixEntry[]>();
const abouts = new WeakMap<readonly MatrixEntry[], About>();
/** Copies of one matrix may lie in so many files before older checks are forgotten. */
const MAX_FILES = 1000;

/** Parses a matrix, unless its text is known and was checked against the same names. @param octets UTF-8 */
export function readMatrix(octets: Buffer, file: string, sites: readonly string[], places: Places): ParsedMatrix {
  let parsed: { entries: MatrixEntry[]; problems: Problem[] } | undefined;
  const parse = (): { entries: MatrixEntry[]; problems: Problem[] } =>
    (parsed ??= parseMatrix(octets.toString(), file, sites, places));
  const entries = matrices.get(hash('sha256', octets, 'base64'), () => parse().entries);
  let about = abouts.get(entries);
  if (about === undefined) {
    about = { isps: [...new Set(entries.map(({ isp }) => isp))], checked: new Map() };
    abouts.set(entries, about);
  }
  const { isps, checked } = about;
  const { regions } = places;
  const unknown = isps.filter((isp) => isp !== '' && ispTrouble(isp, places) !== undefined);
  const names = JSON.stringify([sites, unknown]);
  const before = checked.get(file);
  if (before?.names === names && before.regions === regions) return { entries, problems: before.problems };
  const { problems } = parse();
  if (checked.size >= MAX_FILES) checked.clear();
  if (hasErrors(problems)) checked.delete(file);
  else checked.set(file, { regions, names, problems });
  return { entries, problems };
}

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
  // Names are few, lines are many: one text of each is kept, and nothing of the file's.
  const names = new Map<string, string>();
  const nameOf = (text: string): string => {
    let name = names.get(text);
    if (name === undefined) names.set(text, (name = structuredClone(text)));
    return name;
  };
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
    entries.push({ region: nameOf(region), isp: nameOf(isp), site: nameOf(site), ms });
  }
  return { entries, problems };
}
