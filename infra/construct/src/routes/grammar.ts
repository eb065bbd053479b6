/**
 * The forwarder's own grammar of routes, as WebAssembly (`core/grammar`): one parser for the extension and for this
 * construct. `make grammar` builds `grammar.wasm`.
 */

import { readFileSync } from 'node:fs';
import * as path from 'node:path';

/** As much of WebAssembly as is used here: its types are a browser's library, which a construct does not need. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: unknown };
};

interface Grammar {
  readonly memory: { readonly buffer: ArrayBuffer };
  allocate(length: number): number;
  check(question: number, length: number): bigint;
}

/** Ends each name of a list: U+001F, which no name has. */
const END = '\u001f';

let compiled: object | undefined;

/** Mistakes in a table that is one text. */
export function checkText(routes: string, sinks: readonly string[]): string[] {
  return ask([list(sinks), 'text', routes]);
}

/** Mistakes in a table that comes rule by rule: each condition with its targets. */
export function checkRules(
  rules: readonly (readonly [string, readonly string[]])[],
  sinks: readonly string[],
): string[] {
  return ask([list(sinks), 'rules', ...rules.flatMap(([condition, targets]) => [condition, list(targets)])]);
}

function list(names: readonly string[]): string {
  return names.map((name) => name + END).join('');
}

function ask(lines: readonly string[]): string[] {
  compiled ??= new WebAssembly.Module(readFileSync(path.join(__dirname, 'grammar.wasm')));
  // An instance of its own for each question: its memory is freed with it.
  const grammar = new WebAssembly.Instance(compiled).exports as Grammar;
  const question = new TextEncoder().encode(lines.map(escape).join('\n'));
  const at = grammar.allocate(question.length);
  new Uint8Array(grammar.memory.buffer, at, question.length).set(question);
  const answer = BigInt.asUintN(64, grammar.check(at, question.length));
  const [start, length] = [Number(answer & 0xffffffffn), Number(answer >> 32n)];
  const text = new TextDecoder().decode(new Uint8Array(grammar.memory.buffer, start, length));
  return text === '' ? [] : text.split('\n').map(unescape);
}

function escape(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
}
