import { opendirSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { readTree } from '../lib/file-tree.ts';
import { zoneFileName } from '../state/zone-file-names.ts';
import { SERVER_FILE } from '../store/files.ts';

/**
 * Why a path cannot be what a command takes it for: a file in place of a directory, or a folder of the other kind.
 * Undefined when it may be right; whether it can be read is for others to say.
 * @param directory a configuration directory
 * @param zones a folder of master files, in place of it
 * @param command for examples
 */
export function misplaced(
  directory: string | undefined,
  zones: string | undefined,
  command: 'serve' | 'check' | 'control' | 'dns' | 'explain',
): string | undefined {
  const path = zones ?? directory!;
  const takesZones = command === 'serve' || command === 'check';
  if (path === '') return 'the path of the directory is empty';
  if (isFile(path)) {
    const isZone = zones !== undefined || (takesZones && zoneFileName(basename(path)).kind === 'zone');
    const option = command === 'explain' ? '-c' : `edgeward ${command}${isZone ? ' --zones' : ''}`;
    return `${path} is a file: name the directory that it is in, as in \`${option} ${dirname(path)}\``;
  }
  if (zones !== undefined) {
    const isOther = holdsYamlAlone(zones);
    const remedy = `use \`edgeward ${command} ${zones}\``;
    return isOther ? `${zones} holds YAML files and no master files: ${remedy}` : undefined;
  }
  if (!takesZones) return undefined;
  const names = namesIn(path);
  const hasZones = names.some((name) => zoneFileName(name).kind === 'zone');
  if (!hasZones || names.includes(SERVER_FILE) || readTree(path).files.some((file) => isYaml(file.path)))
    return undefined;
  return `${path} holds master files and no resources: use \`edgeward ${command} --zones ${path}\``;
}

const isYaml = (name: string): boolean => /\.ya?ml$/u.test(name);

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Whether a folder has YAML files and none that may be a master file; a large folder is not read to its end. */
function holdsYamlAlone(folder: string): boolean {
  let hasYaml = false;
  try {
    const entries = opendirSync(folder);
    try {
      for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
        if (zoneFileName(entry.name).kind !== 'other') return false;
        hasYaml ||= isYaml(entry.name);
      }
    } finally {
      entries.closeSync();
    }
  } catch {
    return false;
  }
  return hasYaml;
}

/** Names of what is directly in a directory; none when it cannot be read. */
function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
