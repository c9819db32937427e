import { readFileSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { err, ok } from '../lib/result.ts';
import type { Include } from './master.ts';

/** Reads included files from inside a directory only: `..` and symbolic links that lead out of it are refused. */
export function includeFrom(directory: string): Include {
  return (path, from) => {
    try {
      const root = realpathSync(directory);
      const real = realpathSync(resolve(dirname(resolve(from)), path));
      const inside = relative(root, real);
      if (inside.startsWith('..') || isAbsolute(inside)) return err(`it is outside of ${directory}`);
      return ok({ text: readFileSync(real, 'utf8'), file: real });
    } catch (error) {
      return err(`cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
    }
  };
}
