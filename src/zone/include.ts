import { readFileSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { readReason } from '../lib/read-failure.ts';
import { err, ok } from '../lib/result.ts';
import type { Include } from './master.ts';

/**
 * Reads included files from inside a directory only: `..` and symbolic links that lead out of it are refused. Paths are
 * relative to the including file, and are told as that one's path is: relative where it is relative.
 */
export function includeFrom(directory: string): Include {
  return (path, from) => {
    try {
      const root = realpathSync(directory);
      const real = realpathSync(resolve(dirname(from), path));
      const inside = relative(root, real);
      if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside))
        return err(`it is outside of ${directory}`);
      const file = isAbsolute(path) ? path : join(dirname(from), path);
      return ok({ octets: readFileSync(real), file });
    } catch (error) {
      return err(readReason(error));
    }
  };
}
