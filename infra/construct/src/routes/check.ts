/** Mistakes in a route table, by the forwarder's own grammar: docs/CONTRACT.md. */

import { checkRules, checkText } from './grammar';

/** The target that is no sink. */
export const DROP = 'drop';

/** A rule in two parts. */
interface RuleParts {
  readonly match: string;
  readonly to: string | readonly string[];
}

/** Mistakes in a table, rule by rule. `sinks` are the names that targets may have. */
export function checkRoutes(routes: string | readonly RuleParts[], sinks: readonly string[]): string[] {
  return typeof routes === 'string'
    ? checkText(routes, sinks)
    : checkRules(
        routes.map(({ match, to }) => [match, targets(to)]),
        sinks,
      );
}

/** A table as one text. */
export function routesAsText(routes: string | readonly RuleParts[]): string {
  return typeof routes === 'string' ? routes : routes.map(ruleAsText).join('; ');
}

function ruleAsText({ match, to }: RuleParts): string {
  return `${match.trim()} -> ${targets(to).join(', ')}`;
}

function targets(to: string | readonly string[]): string[] {
  return (typeof to === 'string' ? [to] : to).map((target) => target.trim());
}
