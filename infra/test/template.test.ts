import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { plainTemplate } from '../stack/template';

test('template.yaml is the stack with its defaults; if not, run `npm run template`', () => {
  const checkedIn = readFileSync(path.join(__dirname, '..', 'template.yaml'), 'utf8');
  expect(checkedIn).toBe(plainTemplate());
});

test('template.yaml needs nothing of CDK', () => {
  expect(plainTemplate()).not.toMatch(/cdk-hnb659fds|BootstrapVersion|aws:cdk|cdk_nag/);
});
