import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'construct/test/**/*.test.ts'],
    // What CDK's own validation says is heard once, when the whole app is synthesized: it takes longer than the tests.
    env: { CDK_VALIDATION: 'false' },
    silent: 'passed-only',
    // Loading aws-cdk-lib takes seconds on a slow machine, whatever a test then does.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
