import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { basename, join } from 'node:path';

/**
 * Where one configuration keeps its state. Two configurations of one user, such as staging and production, have sites of
 * the same names: each has a folder of its own.
 * @param configuration directory with edgeward.yaml, or the folder of zones
 */
export function stateDirectory(dataDirectory: string, configuration: string): string {
  let real = configuration;
  try {
    real = realpathSync(configuration);
  } catch {
    // It is not there, which is told of where it is read.
  }
  const digest = createHash('sha256').update(real).digest('hex').slice(0, 12);
  return join(dataDirectory, `${basename(real).replaceAll(/[^\w.-]/gu, '_')}-${digest}`);
}
