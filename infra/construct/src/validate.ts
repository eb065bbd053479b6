/** Checks of options: by the JSON Schema of the forwarder's configuration, and what it cannot say. */

import { Token } from 'aws-cdk-lib';
import { didYouMean } from './nearest';
import { remoteProblems } from './remote';
import { checkRoutes, DROP } from './routes/check';
import { bySchema, camelCase, settingsOf } from './schema';
import type { ForwarderOptions } from './options';
import type { Problem } from './problems';
import type { NamedSink, Settings } from './settings';
import { withoutAbsent } from './settings';
import { Compression, RecordFormat, TelemetryType } from './values';

/** Port of the Runtime API. */
const RUNTIME_API_PORT = 9001;

/** All that is wrong, without what is wrong with where the sinks lead. */
export function findProblems(options: ForwarderOptions, sinks: readonly NamedSink[], settings: Settings): Problem[] {
  return [
    ...unknownOptions(options),
    ...bySchema(withoutAbsent(settings)),
    ...sinks.flatMap((sink) => sink.problems.map((problem) => below(sink, problem))),
    ...sinks.flatMap(combinations),
    ...fallbacks(sinks),
    ...deniedLogs(options, sinks),
    ...routes(options, sinks),
    ...telemetry(options, sinks),
    ...attributes(options),
    ...remoteProblems(options),
  ];
}

/** Options of the construct alone. */
const OWN_OPTIONS = ['attributesFromTags', 'cloudWatchLogs', 'configKey', 'configParameter'];

/** Options that nobody knows, and that would be left out in silence: the compiler sees them only where they are written out. */
function unknownOptions(options: object, at: readonly string[] = []): Problem[] {
  const names = [...(settingsOf(at[0]) ?? []).map(camelCase), ...(at.length === 0 ? OWN_OPTIONS : [])];
  return Object.entries(options).flatMap(([name, value]: [string, unknown]) => {
    if (!names.includes(name)) {
      const wrong = `there is no such option${didYouMean(name, names)}`;
      return [{ option: [...at, name].join('.'), wrong, fix: `there are ${names.join(', ')}` }];
    }
    const isGroup = at.length === 0 && settingsOf(name) !== undefined;
    return isGroup && typeof value === 'object' && value !== null ? unknownOptions(value, [name]) : [];
  });
}

function below(sink: NamedSink, problem: Problem): Problem {
  return { ...problem, option: `sinks.${sink.name}.${problem.option}` };
}

/** Settings of one sink that exclude each other. */
function combinations(sink: NamedSink): Problem[] {
  const { format, compression, record_bytes: record, put_bytes: put, external_id: externalId } = sink.settings;
  const problems: Problem[] = [];
  if (sink.name === DROP) {
    problems.push({
      option: `sinks.${DROP}`,
      wrong: 'routes drop events by this name',
      fix: 'name the sink otherwise',
    });
  }
  if (format === RecordFormat.KPL && sink.type === 'firehose') {
    const wrong = 'Firehose takes KPL aggregates apart only where it reads a Kinesis stream';
    problems.push(below(sink, { option: 'format', wrong, fix: 'use `RecordFormat.NDJSON`' }));
  }
  if (format === RecordFormat.KPL && compression !== undefined && compression !== Compression.NONE) {
    const wrong = 'a KPL aggregate cannot be compressed: its readers would not know it';
    problems.push(below(sink, { option: 'compression', wrong, fix: 'leave it out, or use `RecordFormat.NDJSON`' }));
  }
  if (typeof record === 'number' && record > (typeof put === 'number' ? put : 1_048_576)) {
    const wrong = `a record of ${record} bytes does not fit into a call`;
    problems.push(below(sink, { option: 'recordBytes', wrong, fix: 'make `putBytes` larger or this smaller' }));
  }
  if (externalId !== undefined && sink.settings['assume_role'] === undefined) {
    const wrong = 'an external id goes with `assumeRole`, which is not set';
    problems.push(below(sink, { option: 'externalId', wrong, fix: 'give the role, or leave it out' }));
  }
  return problems;
}

function fallbacks(sinks: readonly NamedSink[]): Problem[] {
  const names = sinks.map(({ name }) => name);
  const fallbackOf = (name: string): string | undefined =>
    sinks.find((sink) => sink.name === name)?.settings['fallback']?.toString();
  return sinks.flatMap((sink) => {
    const fallback = fallbackOf(sink.name);
    if (fallback === undefined) {
      return [];
    }
    if (!names.includes(fallback)) {
      const wrong = `unknown sink \`${fallback}\`${didYouMean(fallback, names)}`;
      return [below(sink, { option: 'fallback', wrong, fix: `write one of ${names.join(', ')}` })];
    }
    const chain = [sink.name];
    for (let next: string | undefined = fallback; next !== undefined; next = fallbackOf(next)) {
      if (next === sink.name) {
        const wrong = `this leads back to where it began: ${[...chain, next].join(' -> ')}`;
        return [below(sink, { option: 'fallback', wrong, fix: 'break the circle' })];
      }
      if (chain.includes(next)) {
        // A circle further on is told where it begins.
        break;
      }
      chain.push(next);
    }
    return [];
  });
}

/** Standard output is the log group: denied that, what a sink writes there would be lost without a word. */
function deniedLogs({ cloudWatchLogs }: ForwarderOptions, sinks: readonly NamedSink[]): Problem[] {
  return cloudWatchLogs === false
    ? sinks
        .filter(({ type }) => type === 'stdout')
        .map(({ name }) => ({
          option: `sinks.${name}`,
          wrong: 'standard output goes to CloudWatch Logs, which `cloudWatchLogs: false` denies',
          fix: 'leave this sink out, or allow the logs',
        }))
    : [];
}

function routes(options: ForwarderOptions, sinks: readonly NamedSink[]): Problem[] {
  const names = sinks.map(({ name }) => name);
  if (names.length === 0) {
    const fix = 'give `ForwarderSink.kinesis({ stream })`, here or to the forwarder itself';
    return [{ option: 'sinks', wrong: 'there is no sink', fix }];
  }
  if (options.routes !== undefined) {
    const fix = `see docs/ROUTING.md; as in \`* -> ${names[0] ?? ''}\``;
    return checkRoutes(options.routes, names).map((wrong) => ({ option: 'routes', wrong, fix }));
  }
  const onlyFallbacks = sinks.map(({ settings }) => settings['fallback']);
  const counted = names.filter((name) => !onlyFallbacks.includes(name));
  return counted.length > 1
    ? [
        {
          option: 'routes',
          wrong: `with several sinks (${counted.join(', ')}) there must be routes`,
          fix: `say which events go where, as in \`* -> ${counted[0] ?? ''}\``,
        },
      ]
    : [];
}

/** What `FORWARDER_ATTRIBUTES` takes: docs/CONTRACT.md. */
const MAX_ATTRIBUTES = 32;
const MAX_ATTRIBUTE_BYTES = 256;

/** What is wrong with attributes. */
export function attributes({ attributes = {} }: ForwarderOptions): Problem[] {
  const entries = Object.entries(attributes);
  const problems = entries.flatMap(([key, value]): Problem[] => {
    const option = `attributes.${key}`;
    if (!/^[\w.-]{1,64}$/.test(key)) {
      return [{ option, wrong: 'this is no key', fix: 'write up to 64 letters, digits and `_.-`' }];
    }
    const isRight =
      Token.isUnresolved(value) || (!value.includes(',') && Buffer.byteLength(value) <= MAX_ATTRIBUTE_BYTES);
    const fix = `write up to ${MAX_ATTRIBUTE_BYTES} bytes, without a comma`;
    return isRight ? [] : [{ option, wrong: `${JSON.stringify(value)} is no value`, fix }];
  });
  return entries.length <= MAX_ATTRIBUTES
    ? problems
    : [...problems, { option: 'attributes', wrong: `there are ${entries.length}`, fix: `keep ${MAX_ATTRIBUTES}` }];
}

function telemetry(options: ForwarderOptions, sinks: readonly NamedSink[]): Problem[] {
  const { types, port } = options.telemetry ?? {};
  const problems: Problem[] = [];
  const allowed: string[] = Object.values(TelemetryType);
  for (const type of types ?? []) {
    if (!allowed.includes(type)) {
      const wrong = `unknown type \`${type}\`${didYouMean(type, allowed)}`;
      problems.push({ option: 'telemetry.types', wrong, fix: `write some of ${allowed.join(', ')}` });
    }
  }
  if (
    types?.includes(TelemetryType.EXTENSION) === true &&
    options.routes === undefined &&
    sinks[0]?.type === 'stdout'
  ) {
    const wrong = 'standard output is an extension log: fed with extension logs it would feed itself';
    problems.push({ option: 'telemetry.types', wrong, fix: 'leave `EXTENSION` out, or route it elsewhere' });
  }
  if (port !== undefined && !Token.isUnresolved(port) && !(Number.isInteger(port) && port > 0 && port <= 65_535)) {
    problems.push({ option: 'telemetry.port', wrong: `${port} is no port`, fix: 'write one from 1 to 65535' });
  } else if (port === RUNTIME_API_PORT) {
    const wrong = `${port} is the Runtime API's own`;
    problems.push({ option: 'telemetry.port', wrong, fix: 'choose another, such as 4243' });
  }
  return problems;
}
