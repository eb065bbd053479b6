/** Attributes made of the tags of a stack. */

import { Lazy, TagManager } from 'aws-cdk-lib';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { ForwarderOptions } from './options';
import { ForwarderOptionsError } from './problems';
import type { Problem } from './problems';
import { attributes } from './validate';

/** The variable that attributes are in. */
const VARIABLE = 'FORWARDER_ATTRIBUTES';

/**
 * The variable with the attributes of tags in it, if some are asked for. Tags are set by Aspects, on all resources of a stack:
 * their values are known when the template is made.
 */
export function tagVariables(fn: lambda.Function, options: ForwarderOptions): Record<string, string> {
  const keys = options.attributesFromTags ?? [];
  return keys.length === 0 ? {} : { [VARIABLE]: Lazy.string({ produce: () => textOf(fn, keys, options) }) };
}

function textOf(fn: lambda.Function, keys: readonly string[], options: ForwarderOptions): string {
  const resource = fn.node.defaultChild;
  const own = resource === undefined ? undefined : TagManager.of(resource)?.tagValues();
  const tags: Record<string, string | undefined> = { ...fn.stack.tags.tagValues(), ...own };
  const all: Record<string, string> = {};
  const problems: Problem[] = [];
  for (const key of keys) {
    const value = tags[key];
    if (value === undefined) {
      const wrong = `the stack has no tag \`${key}\``;
      problems.push({ option: 'attributesFromTags', wrong, fix: `add it: Tags.of(stack).add('${key}', …)` });
    } else {
      all[key] = value;
    }
  }
  Object.assign(all, options.attributes);
  problems.push(...attributes({ attributes: all }));
  if (problems.length > 0) {
    throw new ForwarderOptionsError(fn.node.path, problems);
  }
  return Object.entries(all)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
