/**
 * What is wrong with a route table, as far as can be told before the forwarder reads it: the grammar of
 * docs/CONTRACT.md. Regular expressions are left to the forwarder.
 */

import { didYouMean, nearest } from '../nearest';
import { splitArrow, splitRules, splitSelectors } from './lex';
import { checkPredicates } from './predicate';

/** The target that is no sink. */
export const DROP = 'drop';

const SHAPE = 'a rule is `selector[, selector] [predicate…] -> sink[, sink]`';

/** The event types that Lambda is known to send. */
const KNOWN_TYPES = [
  ...['platform.initStart', 'platform.initRuntimeDone', 'platform.initReport'],
  ...['platform.restoreStart', 'platform.restoreRuntimeDone', 'platform.restoreReport'],
  ...['platform.telemetrySubscription', 'platform.extension', 'platform.start', 'function', 'extension'],
  ...['platform.runtimeDone', 'platform.report', 'platform.logsDropped'],
];

/** How many rules may have `keep`. */
const MAX_WAITING_RULES = 64;

/** A rule in two parts. */
interface RuleParts {
  readonly match: string;
  readonly to: string | readonly string[];
}

/** What is wrong with a table, rule by rule. `sinks` are the names that targets may have. */
export function checkRoutes(routes: string | readonly RuleParts[], sinks: readonly string[]): string[] {
  const rules: Checked[] =
    typeof routes === 'string'
      ? splitRules(routes).map((rule) => checkText(rule, sinks))
      : routes.map((rule) => checkTable(rule, sinks));
  const problems = rules.flatMap(({ text, problems }, index) =>
    problems.map((problem) => `rule ${index + 1} \`${text}\`: ${problem}`),
  );
  const waiting = rules.filter(({ waits }) => waits).length;
  if (waiting > MAX_WAITING_RULES) {
    problems.push(`${waiting} rules have \`keep\`; there may be ${MAX_WAITING_RULES}`);
  }
  if (rules.length === 0) {
    problems.push(`there is no rule; ${SHAPE}`);
  }
  return problems;
}

/** A table as one text. */
export function routesAsText(routes: string | readonly RuleParts[]): string {
  return typeof routes === 'string' ? routes : routes.map(ruleAsText).join('; ');
}

function ruleAsText({ match, to }: RuleParts): string {
  return `${match.trim()} -> ${(typeof to === 'string' ? [to] : to).map((target) => target.trim()).join(', ')}`;
}

interface Checked {
  readonly text: string;
  readonly problems: readonly string[];
  readonly waits: boolean;
}

function checkText(text: string, sinks: readonly string[]): Checked {
  const sides = splitArrow(text);
  if (sides === undefined) {
    return { text, problems: [`there is no \`->\`; ${SHAPE}`], waits: false };
  }
  const targets = sides[1].split(',').map((target) => target.trim());
  return { text, ...checkParts(sides[0], targets, sinks) };
}

function checkTable(rule: RuleParts, sinks: readonly string[]): Checked {
  const text = ruleAsText(rule);
  if (splitRules(rule.match).length > 1 || splitArrow(rule.match) !== undefined) {
    const problem = '`match` holds the selectors and predicates of one rule, without `->` and `;`';
    return { text, problems: [problem], waits: false };
  }
  const targets = typeof rule.to === 'string' ? [rule.to] : rule.to;
  return {
    text,
    ...checkParts(
      rule.match,
      targets.map((target) => target.trim()),
      sinks,
    ),
  };
}

function checkParts(condition: string, targets: readonly string[], sinks: readonly string[]): Omit<Checked, 'text'> {
  const [selectors, predicates] = splitSelectors(condition.trim());
  const checked = checkPredicates(predicates);
  const problems = [
    ...selectors.split(',').flatMap((selector) => checkSelector(selector.trim()) ?? []),
    ...checked.problems,
    ...checkTargets(targets, sinks),
  ];
  if (problems.length === 0 && checked.waits && targets[0] === DROP) {
    problems.push('what `keep` waits for cannot go to `drop`: name a sink, or leave `keep` out');
  }
  return { problems, waits: checked.waits };
}

function checkSelector(text: string): string | undefined {
  if (text === '') {
    return 'a selector is missing; write `*` for every event';
  }
  if (text === 'platform') {
    return 'unknown selector `platform`; did you mean `platform.*`?';
  }
  if (text === '*' || text === 'platform.*' || KNOWN_TYPES.includes(text)) {
    return undefined;
  }
  if (text.endsWith('*')) {
    return `unknown selector \`${text}\`; with a star there are \`*\` and \`platform.*\``;
  }
  const known = nearest(text, KNOWN_TYPES);
  if (known !== undefined) {
    return `unknown selector \`${text}\`; did you mean \`${known}\`?`;
  }
  // Lambda adds types; one that is not like any known one may be such.
  return /^platform\.\w+$/.test(text)
    ? undefined
    : `unknown selector \`${text}\`; allowed are \`*\`, \`platform.*\`, ${KNOWN_TYPES.map((type) => `\`${type}\``).join(', ')}`;
}

function checkTargets(names: readonly string[], sinks: readonly string[]): string[] {
  if (names.length === 1 && names[0] === DROP) {
    return [];
  }
  if (names.length === 0) {
    return ["a target is missing; write a sink's name or `drop`"];
  }
  return names.flatMap((name, index) => {
    if (name === '') {
      return ["a target is missing after `->`; write a sink's name or `drop`"];
    }
    if (name === DROP) {
      return ['`drop` stands alone or not at all'];
    }
    if (!sinks.includes(name)) {
      const known = [...sinks, DROP];
      return [`unknown target \`${name}\`${didYouMean(name, known)} (configured: ${known.join(', ')})`];
    }
    return names.indexOf(name) < index ? [`the sink \`${name}\` stands twice`] : [];
  });
}
