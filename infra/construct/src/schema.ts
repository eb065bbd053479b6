/** The JSON Schema of the forwarder's configuration, as `forwarderctl schema` prints it: which settings there are, and their values. */

import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import type { ErrorObject, ValidateFunction } from 'ajv';
import Ajv2020 from 'ajv/dist/2020';
import { didYouMean } from './nearest';
import type { Problem } from './problems';

interface Setting {
  readonly properties?: Readonly<Record<string, Setting>>;
  readonly patternProperties?: Readonly<Record<string, Setting>>;
}

const FILE = path.join(__dirname, '..', 'schema', 'telemetry-forwarder.schema.json');

let parsed: Setting | undefined;
let compiled: ValidateFunction | undefined;

function schema(): Setting {
  return (parsed ??= JSON.parse(readFileSync(FILE, 'utf8')) as Setting);
}

/** Validates a configuration. Compiled when it is first asked for: many programs that load the construct never do. */
function validator(): ValidateFunction {
  return (compiled ??= new Ajv2020({ allErrors: true, allowUnionTypes: true, verbose: true }).compile(schema()));
}

/** Names of the settings of a group; of all groups and single settings where none is named; `undefined` for a single setting. */
export function settingsOf(group?: string): string[] | undefined {
  const properties = group === undefined ? schema().properties : schema().properties?.[group]?.properties;
  return properties === undefined ? undefined : Object.keys(properties);
}

/** How sinks may be named, and their settings. */
export function sinkSchema(): { readonly name: RegExp; readonly settings: readonly string[] } {
  const [pattern, sink] = Object.entries(schema().properties?.['sinks']?.patternProperties ?? {})[0] ?? ['', undefined];
  return { name: new RegExp(pattern), settings: Object.keys(sink?.properties ?? {}) };
}

/** What is wrong with a configuration, in the words of the options. */
export function bySchema(configuration: object): Problem[] {
  const validate = validator();
  validate(configuration);
  return (validate.errors ?? []).filter(({ keyword }) => keyword !== 'anyOf').map(asProblem);
}

/** What is wrong with one value, by its place in the configuration. */
export function valueProblems(levels: readonly string[], value: string): Problem[] {
  return bySchema(levels.reduceRight<unknown>((below, level) => ({ [level]: below }), value) as object);
}

/** `record_bytes` as the options have it: `recordBytes`. */
export function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

function asProblem(error: ErrorObject): Problem {
  const path = error.instancePath.split('/').slice(1);
  const option = path.map((level, index) => (index === 1 && path[0] === 'sinks' ? level : camelCase(level))).join('.');
  const value = JSON.stringify(error.data);
  switch (error.keyword) {
    case 'additionalProperties': {
      const { additionalProperty: name } = error.params as { additionalProperty: string };
      return path[0] === 'sinks' && path.length === 1
        ? {
            option: `sinks.${name}`,
            wrong: `\`${name}\` cannot be the name of a sink`,
            fix: 'use lower-case letters, digits and single `_` between them, a letter first',
          }
        : { option: [option, camelCase(name)].join('.'), wrong: 'there is no such option', fix: 'leave it out' };
    }
    case 'enum': {
      const { allowedValues } = error.params as { allowedValues: string[] };
      const hint = didYouMean(String(error.data), allowedValues);
      return { option, wrong: `${value} is not allowed${hint}`, fix: `write one of ${allowedValues.join(', ')}` };
    }
    default:
      return { option, wrong: `${value} ${error.message ?? 'is not allowed'}`, fix: 'see docs/CONTRACT.md' };
  }
}
