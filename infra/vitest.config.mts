import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Loading aws-cdk-lib takes seconds on a slow machine, whatever a test then does.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
