import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';

test('package-lock.json leaves the registry to who installs', () => {
  const lock = readFileSync(path.join(__dirname, '..', 'package-lock.json'), 'utf8');
  expect(lock).not.toContain('"resolved"');
  expect(lock).toContain('"integrity"');
});
