/** Options as the forwarder's configuration has them, and as environment variables. */

import type { Duration } from 'aws-cdk-lib';
import { routesAsText } from './routes/check';
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

/** Variables made of the options; what was not given is left to the forwarder's defaults. */
export function toSettings(options: ForwarderOptions, sinks: readonly NamedSink[]): Settings {
  const { flush, buffer, spool, telemetry, routes } = options;
  return {
    sinks: Object.fromEntries(sinks.map((sink) => [sink.name, sinkSettings(sink)])),
    routes: routes === undefined ? undefined : routesAsText(routes),
    envelope: options.envelope,
    attributes: options.attributes && Object.entries(options.attributes).map(([key, value]) => `${key}=${value}`),
    redact: options.redact,
    flush: {
      strategy: flush?.strategy,
      max_age: millis(flush?.maxAge),
      idle: millis(flush?.idle),
      budget: millis(flush?.budget),
    },
    buffer: { max_bytes: buffer?.maxBytes?.toBytes() },
    spool: { mode: spool?.mode, max_bytes: spool?.maxBytes?.toBytes(), dir: spool?.dir },
    telemetry: {
      types: telemetry?.types,
      port: telemetry?.port,
      max_items: telemetry?.maxItems,
      max_bytes: telemetry?.maxBytes?.toBytes(),
      timeout: millis(telemetry?.timeout),
    },
    invocations: options.invocations,
    log: options.log,
    metrics: options.metrics,
    on_error: options.onError,
  };
}

function sinkSettings({ name, type, settings }: NamedSink): Record<string, Value | undefined> {
  // A sink that has the name of its type says so by its name; one without any setting must still say that it is there.
  const isNamed = Object.values(settings).some((value) => value !== undefined);
  return { type: name === type && isNamed ? undefined : type, ...settings };
}

function millis(duration: Duration | undefined): string | undefined {
  return duration === undefined ? undefined : `${duration.toMilliseconds()}ms`;
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
