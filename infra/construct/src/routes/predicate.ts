/** The predicates of a rule: each a name, an operator and a value. */

import { didYouMean, nearest } from '../nearest';
import { closing } from './lex';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'warning', 'error', 'fatal', 'critical'];
const NAMES = ['level', 'sample', 'text', 'record', 'keep'];
/** Longer ones first, so that none is taken for its own beginning. */
const OPERATORS = ['~', '<=', '>=', '!=', '=', '<', '>'];
const THERE_ARE =
  'there are `level>=warn`, `sample=10%`, `text~/regex/`, `record.path=value`, `keep=failed` and `keep=slow>500ms`';

/** What is wrong with the predicates of a rule, and whether one of them is `keep`. */
export function checkPredicates(text: string): { problems: string[]; waits: boolean } {
  const problems: string[] = [];
  let waits = false;
  let rest = text.trimStart();
  while (rest !== '') {
    const { problem, name, after } = next(rest);
    if (problem !== undefined) {
      problems.push(problem);
    }
    waits ||= name === 'keep';
    rest = after.trimStart();
  }
  return { problems, waits };
}

interface Value {
  readonly kind: 'bare' | 'quoted' | 'regex';
  readonly text: string;
}

/** Reads the predicate that `text` begins with. */
function next(text: string): { problem?: string | undefined; name: string; after: string } {
  const name = text.slice(0, nameEnd(text));
  const afterName = text.slice(name.length).trimStart();
  const operator = OPERATORS.find((candidate) => afterName.startsWith(candidate));
  if (operator === undefined) {
    const word = text.slice(0, wordEnd(text));
    return { problem: unknown(word), name, after: text.slice(Math.max(word.length, 1)) };
  }
  const { value, problem, after } = readValue(afterName.slice(operator.length).trimStart(), operator === '~');
  const whole = text.slice(0, text.length - after.length).trimEnd();
  return { problem: value === undefined ? problem : check(name, operator, value, whole), name, after };
}

/** Where a name ends: before white space or an operator; a part in quotes belongs to it. */
function nameEnd(text: string): number {
  let at = 0;
  while (at < text.length) {
    if (text[at] === '"') {
      const end = closing(text, at);
      if (end === undefined) {
        return at;
      }
      at = end + 1;
    } else if (/[~!=<>\s]/.test(text.charAt(at))) {
      return at;
    } else {
      at += 1;
    }
  }
  return at;
}

function wordEnd(text: string): number {
  const end = text.search(/\s/);
  return end < 0 ? text.length : end;
}

/** Reads the value that `text` begins with. */
function readValue(text: string, isRegex: boolean): { value?: Value; problem?: string; after: string } {
  const quote = text[0];
  const wordAfter = text.slice(wordEnd(text));
  const word = text.slice(0, wordEnd(text));
  if (quote !== '"' && !(quote === '/' && isRegex)) {
    if (word === '') {
      return { problem: 'a value is missing at the end of the predicates', after: wordAfter };
    }
    if (word.includes('"')) {
      return { problem: `\`${word}\` has a quote inside; put the whole value in double quotes`, after: wordAfter };
    }
    return { value: { kind: 'bare', text: word }, after: wordAfter };
  }
  const end = closing(text, 0);
  if (end === undefined) {
    return { problem: `the \`${quote}\` before \`${word.slice(1)}\` is never closed`, after: wordAfter };
  }
  const rest = text.slice(end + 1);
  const tail = rest.slice(0, wordEnd(rest));
  if (tail !== '') {
    const hint = quote === '/' ? '; flags stand inside, as in `/(?i)error/`' : '';
    return { problem: `\`${tail}\` follows the closing \`${quote}\`${hint}`, after: rest.slice(tail.length) };
  }
  return { value: { kind: quote === '/' ? 'regex' : 'quoted', text: text.slice(1, end) }, after: rest };
}

function check(name: string, operator: string, value: Value, whole: string): string | undefined {
  switch (name) {
    case 'level':
      return operator === '>='
        ? checkLevel(value.text)
        : `unknown predicate \`${whole}\`; levels compare with \`>=\` only`;
    case 'sample':
      return operator === '=' ? checkShare(value.text) : `unknown predicate \`${whole}\`; write \`sample=10%\``;
    case 'text':
      // Whether the expression is one is for the forwarder to say: its syntax is not JavaScript's.
      return operator === '~' && value.kind === 'regex'
        ? undefined
        : `unknown predicate \`${whole}\`; texts are matched as in \`text~/timed? out/\``;
    case 'keep':
      return operator === '=' ? checkKeep(value.text) : `unknown predicate \`${whole}\`; write \`keep=failed\``;
  }
  if (!name.startsWith('record.')) {
    return unknown(whole);
  }
  if (operator === '~') {
    return `unknown predicate \`${whole}\`; members compare with =, !=, <, >, <=, >=`;
  }
  return PATH.test(name.slice('record.'.length))
    ? undefined
    : `\`${name}\` is no path; names are parted by dots, and other names than words stand in quotes`;
}

/** Segments parted by dots; one with other characters than names have stands in quotes. */
const SEGMENT = String.raw`(?:[\p{L}\p{N}_@$:-]+|"(?:[^"\\]|\\.)*")`;
const PATH = new RegExp(`^${SEGMENT}(?:\\.${SEGMENT})*$`, 'u');

function checkLevel(name: string): string | undefined {
  return LEVELS.includes(name.toLowerCase())
    ? undefined
    : `unknown level \`${name}\`${didYouMean(name, LEVELS)} (allowed: ${LEVELS.join(', ')})`;
}

function checkShare(text: string): string | undefined {
  const share = /^(\d{1,3}(?:\.\d{1,4})?)%$/.exec(text)?.[1];
  const percent = Number(share ?? 0);
  return percent > 0 && percent <= 100
    ? undefined
    : `\`${text}\` is no share; write a percentage above 0% and up to 100%, as in \`sample=10%\``;
}

/** The longest that a function may run, in milliseconds. Lambda quotas. */
const LONGEST = 900_000;

/** Units of a duration, in milliseconds. */
const UNITS: Record<string, number> = {
  ...{ ns: 1e-6, us: 1e-3, ms: 1, msec: 1 },
  ...{ s: 1_000, sec: 1_000, second: 1_000, seconds: 1_000 },
  ...{ m: 60_000, min: 60_000, minute: 60_000, minutes: 60_000 },
};

function checkKeep(text: string): string | undefined {
  if (text === 'failed') {
    return undefined;
  }
  if (!text.startsWith('slow>')) {
    return `unknown \`keep=${text}\`; there is \`keep=failed\`, and \`keep=slow>500ms\``;
  }
  const threshold = text.slice('slow>'.length);
  const parts = /^(?:\d+[a-z]+)+$/.test(threshold) ? [...threshold.matchAll(/(\d+)([a-z]+)/g)] : [];
  const sum = parts.reduce((total, [, number, unit]) => total + Number(number) * (UNITS[unit ?? ''] ?? Infinity), 0);
  return parts.length > 0 && sum <= LONGEST
    ? undefined
    : `\`${threshold}\` is no duration up to 15 minutes; write it as in \`keep=slow>500ms\``;
}

function unknown(text: string): string {
  const name = text.slice(0, nameEnd(text)).split('.')[0] ?? '';
  const near = nearest(name, NAMES);
  return near !== undefined && near !== name
    ? `unknown predicate \`${text}\`; did you mean \`${near}\`? (${THERE_ARE})`
    : `unknown predicate \`${text}\`; ${THERE_ARE}`;
}
