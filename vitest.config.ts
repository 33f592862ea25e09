import { defineConfig } from 'vitest/config';

export default defineConfig({
  ssr: { resolve: { conditions: ['bascule-source', 'module', 'node', 'development|production'] } },
  test: {
    include: ['libs/**/*.spec.ts', 'apps/**/*.spec.ts', 'scripts/**/*.spec.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The integration tests start real servers; two cores carry a few files at a time.
    maxWorkers: 3,
  },
});
