import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';

test.each(['.', 'construct'])('package-lock.json in %s leaves the registry to who installs', (folder) => {
  const lock = readFileSync(path.join(__dirname, '..', folder, 'package-lock.json'), 'utf8');
  expect(lock).not.toContain('"resolved"');
  expect(lock).toContain('"integrity"');
});
