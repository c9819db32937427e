import { describe } from 'vitest';
import { MemoryCluster } from '../../src/kube/memory-cluster.ts';
import { clusterConformance } from './conformance.ts';

describe('a cluster in memory', () => {
  const cluster = new MemoryCluster();
  clusterConformance(() => ({ cluster, compact: async () => cluster.compact() }));
});
