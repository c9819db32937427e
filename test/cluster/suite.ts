import { describe } from 'vitest';
import { findBinaries } from './binaries.ts';

/**
 * Tests beside a real control plane. Without its binaries they are skipped, and one line says how to get them; where
 * EDGEWARD_CLUSTER is `required` (as in .ci/run) they fail instead.
 */
export function describeCluster(name: string, suite: (binaries: string) => void): void {
  const found = findBinaries();
  const absent = 'absent' in found ? found.absent : undefined;
  if (absent !== undefined && process.env['EDGEWARD_CLUSTER'] === 'required') throw new Error(absent);
  if (absent !== undefined) process.stderr.write(`skipped: ${name}: ${absent}\n`);
  const directory = 'directory' in found ? found.directory : '';
  describe.skipIf(absent !== undefined)(name, () => {
    suite(directory);
  });
}
