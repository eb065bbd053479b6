import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { version } from '../construct/package.json';

const DOCS = path.join(__dirname, '..', '..', 'docs');

test('no guide names a layer by a text that stays the same when the layer changes', () => {
  const snippets = readdirSync(DOCS)
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => [...readFileSync(path.join(DOCS, file), 'utf8').matchAll(/resolve:ssm:[^}]*layer-arn[^}]*/g)])
    .map(([snippet]) => snippet);
  expect(snippets.length).toBeGreaterThan(0);
  for (const snippet of snippets) {
    expect(snippet).toMatch(new RegExp(`/layer-arn/(x86_64|arm64)/${version.replaceAll('.', '\\.')}$`));
  }
});

test('the package has the version of the workspace', () => {
  const manifest = readFileSync(path.join(__dirname, '..', '..', 'Cargo.toml'), 'utf8');
  expect(/^version = "(.*)"$/m.exec(manifest)?.[1]).toBe(version);
});
