import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.slow.test.ts'],
          testTimeout: 30_000,
          // Many wait for servers that they start; by default there would be one on two cores.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'slow',
          // The real cluster's part of the conformance suite has to run where slow tests do.
          include: ['test/**/*.slow.test.ts', 'test/kube/http-cluster.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          // Real servers and fixed CPU budgets: one file at a time on a two-core machine.
          fileParallelism: false,
        },
      },
    ],
  },
});
