import { readdirSync } from 'node:fs';

/** The master files of a folder by its naming rule: `NAME.zone` is zone NAME. */
export function zoneFiles(folder: string): { name: string; file: string }[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.zone'))
    .sort()
    .map((file) => ({ name: file.slice(0, -'.zone'.length), file }));
}
