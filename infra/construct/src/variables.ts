/** A function's own variables `FORWARDER_…`, beside those that the options make. */

import { Token } from 'aws-cdk-lib';
import { didYouMean, nearest } from './nearest';
import type { Problem } from './problems';
import { settingsOf, sinkSchema, valueProblems } from './schema';

/** All environment variables of a function together, in bytes. Lambda quotas. */
export const MAX_VARIABLES_BYTES = 4_096;

const PREFIX = 'FORWARDER_';

/** Variables that are no setting: where settings come from. */
const SOURCES = ['FORWARDER_CONFIG', 'FORWARDER_CONFIG_REFRESH'];

/** The bytes of names and values. A value that is known at deployment only counts as none. */
export function bytesOf(variables: Readonly<Record<string, unknown>>): number {
  return Object.entries(variables).reduce(
    (sum, [name, value]) =>
      sum +
      Buffer.byteLength(name) +
      (typeof value === 'string' && !Token.isUnresolved(value) ? Buffer.byteLength(value) : 0),
    0,
  );
}

/** What is wrong with variables that somebody wrote by hand: the forwarder would refuse them when the function starts. */
export function checkVariables(variables: Readonly<Record<string, unknown>>): Problem[] {
  return Object.entries(variables).flatMap(([name, value]) => {
    if (!name.startsWith(PREFIX) || SOURCES.includes(name) || value === '') {
      return [];
    }
    const levels = name.slice(PREFIX.length).toLowerCase().split('__');
    const known = namesBeside(levels);
    if (!known.includes(name)) {
      const isOthers = levels[0] !== 'sinks' && nearest(name, known) === undefined;
      // What resembles no setting may be another tool's, as it is for the forwarder itself.
      if (isOthers) {
        return [];
      }
      const wrong = `there is no such variable${didYouMean(name, known)}`;
      return [{ option: name, wrong, fix: `there are ${known.join(', ')}` }];
    }
    return typeof value !== 'string' || Token.isUnresolved(value)
      ? []
      : valueProblems(levels, value).map((problem) => ({ ...problem, option: name }));
  });
}

/** The variables that there are on the levels of one that somebody wrote. */
function namesBeside(levels: readonly string[]): string[] {
  const variable = (path: readonly string[]): string => `${PREFIX}${path.join('__').toUpperCase()}`;
  const [group = '', sink = ''] = levels;
  const sinks = sinkSchema();
  if (group === 'sinks' && sinks.name.test(sink)) {
    return sinks.settings.map((setting) => variable([group, sink, setting]));
  }
  return (settingsOf() ?? [])
    .filter((name) => name !== 'sinks')
    .flatMap((name) => settingsOf(name)?.map((setting) => variable([name, setting])) ?? variable([name]));
}
