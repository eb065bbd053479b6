/** Options as the forwarder's configuration has them, and as environment variables. */

import type { Duration, Size } from 'aws-cdk-lib';
import { routesAsText } from './routes/check';
import { camelCase, settingsOf } from './schema';
import type { ForwarderOptions } from './options';
import type { BoundSink } from './bound-sink';

type Value = string | number | Value[] | { readonly [key: string]: Value | undefined };

/** The configuration as a file would have it: snake case, sizes in bytes, durations in milliseconds. */
export type Settings = Readonly<Record<string, Value | undefined>>;

/** A sink of a function: its type and its settings. */
export interface NamedSink extends BoundSink {
  readonly name: string;
  readonly type: string;
}

/** The options as settings, as the schema names them; what was not given is left to the forwarder's defaults. */
export function toSettings(options: ForwarderOptions, sinks: readonly NamedSink[]): Settings {
  const { routes, attributes } = options;
  return {
    ...bySchema(options),
    sinks: Object.fromEntries(sinks.map((sink) => [sink.name, sinkSettings(sink)])),
    routes: routes === undefined ? undefined : routesAsText(routes),
    attributes: attributes && Object.entries(attributes).map(([key, value]) => `${key}=${value}`),
  };
}

/** Options of one name with a setting, group by group: `flush.maxAge` is `flush.max_age`. */
function bySchema(options: object): Settings {
  const given = new Map<string, unknown>(Object.entries(options));
  const settings = (settingsOf() ?? []).map((name): [string, Value | undefined] => {
    const option = given.get(camelCase(name));
    const group = settingsOf(name);
    if (group === undefined || typeof option !== 'object' || option === null) {
      return [name, plain(option)];
    }
    const below = new Map<string, unknown>(Object.entries(option));
    return [name, Object.fromEntries(group.map((key) => [key, plain(below.get(camelCase(key)))]))];
  });
  return Object.fromEntries(settings);
}

/** Sizes in bytes, durations in milliseconds, all else as it is. */
function plain(value: unknown): Value | undefined {
  if (typeof value === 'object' && value !== null) {
    // Not by class: an app may have another copy of the CDK.
    if ('toMilliseconds' in value) {
      return `${(value as Duration).toMilliseconds()}ms`;
    }
    if ('toBytes' in value) {
      return (value as Size).toBytes();
    }
  }
  return value as Value | undefined;
}

function sinkSettings({ name, type, settings }: NamedSink): Record<string, Value | undefined> {
  // A sink that has the name of its type says so by its name; one without any setting must still say that it is there.
  const isNamed = Object.values(settings).some((value) => value !== undefined);
  return { type: name === type && isNamed ? undefined : type, ...settings };
}

/** Without what has no value, so that it can be checked against the schema. */
export function withoutAbsent(settings: Settings): Record<string, unknown> {
  const present: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(settings)) {
    if (typeof value !== 'object' || Array.isArray(value)) {
      if (value !== undefined) {
        present[key] = value;
      }
      continue;
    }
    const below = withoutAbsent(value);
    if (Object.keys(below).length > 0) {
      present[key] = below;
    }
  }
  return present;
}

/** Names and values of the variables: `FORWARDER_SINKS__KINESIS__STREAM`. */
export function toVariables(settings: Settings): Record<string, string> {
  const variables: Record<string, string> = {};
  const walk = (value: Value | undefined, levels: readonly string[]): void => {
    if (value === undefined) {
      return;
    }
    if (typeof value === 'object' && !Array.isArray(value)) {
      Object.entries(value).forEach(([key, below]) => {
        walk(below, [...levels, key]);
      });
      return;
    }
    const name = `FORWARDER_${levels.join('__').toUpperCase()}`;
    variables[name] = Array.isArray(value) ? value.map(String).join(',') : String(value);
  };
  walk(settings, []);
  return variables;
}
