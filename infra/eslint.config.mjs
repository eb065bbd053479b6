import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['cdk.out/', 'node_modules/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts', '**/*.mts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      // Numbers in messages are what messages are for.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `new SomeConstruct(this, …)` without a name is how constructs are made.
      'no-new': 'off',
      eqeqeq: 'error',
    },
  },
  {
    // What runs in Node.js as it is.
    files: ['serverless/**/*.js', '*/example/**/*.mjs'],
    languageOptions: {
      globals: Object.fromEntries(
        ['console', 'exports', 'module', 'require', '__dirname'].map((name) => [name, 'readonly']),
      ),
    },
  },
  {
    files: ['serverless/**/*.js'],
    languageOptions: { sourceType: 'commonjs' },
  },
);
